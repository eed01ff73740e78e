"""A worker's overhead outside forward, backward and step; its memory; and the gain of parallel runs.

`python benchmarks/worker.py [NETWORK[=IMAGES_PER_EPOCH] ...]` on CIFAR-10, which must be imported.
Validation, the test and probes of the trained network count neither as a step nor as overhead.
"""

import multiprocessing as mp
import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from skipscope.bench import ours
from skipscope.bench.contest import WARM_UP, _process, _train, _turn
from skipscope.data.dataset import load
from skipscope.engine.autotune import Autotuner
from skipscope.engine.local import environment_of_workers
from skipscope.records.store import RunFolder
from skipscope.spec import Backend, DataRef, Recipe, RunSpec
from skipscope.training import loop
from skipscope.training import trainer as run
from skipscope.training.memory import KEEP_MEMORY
from skipscope.training.threads import WAIT_IDLY, try_more_threads

NETWORKS = {"cnn": 45_000, "resnet": 9_000, "densenet": 4_500, "se_resnet": 2_500}
"""Networks with their training images per epoch: `cnn` as many as in the lab study, the others fewer."""
EPOCHS = 5
ROUNDS, SECONDS = 5, 3.0


def shares(name: str, images: int, way: Backend, answer: Any) -> None:
    """Train as a worker does, without probes, timing the parts of a step."""
    spent = {"forward": 0.0, "update": 0.0, "evaluate": 0.0, "keep_pictures": 0.0}
    timed = ((loop, "forward"), (loop, "update"), (loop, "evaluate"))
    timed += ((run, "evaluate"), (run, "keep_pictures"))

    def clocked(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start = perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent[part] += perf_counter() - start

        return call

    for module, part in timed:
        setattr(module, part, clocked(part, getattr(module, part)))
    torch.set_num_threads(way.threads)
    torch.set_flush_denormal(True)
    data = load("cifar10", train_limit=None if images == 45_000 else images)
    spec = RunSpec(
        model=name,
        seed=0,
        recipe=Recipe(epochs=EPOCHS, learning_rate=0.05, clip_norm=0.5, augmentation="flip").resolved(way),
        data=DataRef(name="cifar10", sha256=data.sha256, train_limit=images),
    )
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        run.train(
            spec, data, RunFolder(Path(folder)), on_event=lambda _: None, stop=lambda: False, watched=False
        )
        whole = perf_counter() - start
    # initialisation and files count as overhead
    measured = spent["evaluate"] + spent["keep_pictures"]
    answer.send((whole, spent["forward"] + spent["update"], measured, peak()))


def peak() -> float:
    """Peak memory of this process in GB; without /proc, at least what its parent had at the fork."""
    with suppress(OSError, IndexError):  # some systems leave it out
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def widened(name: str, way: Backend, answer: Any) -> None:
    """Speed-up of a run given all cores; 1 if that would change its weights."""
    torch.set_num_threads(way.threads)
    torch.set_flush_denormal(True)
    data = load("cifar10")
    steps = ours.steps(name, data, way)
    rates = []
    for turn in range(2):
        if turn:
            ref = DataRef(name="cifar10", sha256=data.sha256)
            spec = RunSpec(model=name, seed=0, recipe=ours.RECIPE.resolved(way), data=ref)
            try_more_threads(spec, data, os.cpu_count() or 1)
        for _ in range(WARM_UP):
            next(steps)
        images, seconds = _train(steps, SECONDS)
        rates.append(images / seconds)
    answer.send(rates[1] / rates[0])


def apart(function: Callable[..., None], *arguments: Any) -> Any:
    """Run `function` in a fresh process, started like a worker, and return its answer."""
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with environment_of_workers(KEEP_MEMORY | WAIT_IDLY):
        process = context.Process(target=function, args=(*arguments, theirs))
        process.start()
    answer = ours.recv()
    process.join()
    return answer


def side_by_side(name: str, way: Backend) -> list[float]:
    """Throughput of one run per core over that of one run on all cores, by round."""
    cores = os.cpu_count() or 1
    alone = way.model_copy(update={"threads": cores})
    with _process("ours", name, alone, "cifar10", None) as one:
        many = [_process("ours", name, way, "cifar10", None) for _ in range(cores)]
        pipes = [each.__enter__() for each in many]
        for pipe in (one, *pipes):
            pipe.recv()
        ratios = []
        for _ in range(ROUNDS):
            single = _turn([one], SECONDS)
            ratios.append(_turn(pipes, SECONDS) / single)
        for each in many:
            each.__exit__(None, None, None)
    return ratios


def main() -> None:
    """Print a line per network."""
    way = Autotuner(load("cifar10")).choose([(name, Recipe()) for name in NETWORKS], threads=1).backend
    print(f"{way}; outside: share of the time without validation, test and probes")
    for asked in sys.argv[1:] or NETWORKS:
        name, _, number = asked.partition("=")
        images = int(number or NETWORKS[name])
        outside = []
        for _ in range(2):
            whole, inside, measured, memory = apart(shares, name, images, way)
            outside.append(1 - inside / (whole - measured))
        ratios = side_by_side(name, way)
        share = f"{statistics.median(outside):.2%} ({min(outside):.2%} to {max(outside):.2%})"
        gain = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        alone = apart(widened, name, way)
        print(
            f"{name:10} outside {share}  memory {memory:.2f} GB  side by side {gain}  widened {alone:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
