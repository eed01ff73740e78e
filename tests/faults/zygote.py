"""The program, imported once and forked for every call: what is killed a hundred times need not start anew.

Reads commands as lines of JSON on its standard input and answers each with a line. This process computes
nothing but the embedded data set, so that a fork of it is as good as a fresh process: no thread, no lock.
The workers of a study are forked of it as well (`quick.py`), unless a test is about how they are spawned.
"""

import contextlib
import importlib
import io
import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import deaths
import quick
import torch
from safetensors.torch import load_file

import skipscope
from skipscope import cli
from skipscope.data.dataset import Dataset, load
from skipscope.models.registry import build
from skipscope.records.store import RunFolder
from skipscope.spec import DataRef, Recipe, RunSpec
from skipscope.training import trainer as running
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.loop import all_steps
from skipscope.training.measuring import measure_at, unmeasured

LATER = (
    "skipscope.api.train",
    "skipscope.api.workspace",
    "skipscope.cli.run",
    "skipscope.cli.report",
    "skipscope.records.frames",
)
"""What the program imports only when it is needed: a fork would import it anew each time, for seconds."""

PROBE = "redundancy"
"""A cheap one, so that there are frozen readings, too."""


def spec(epochs: int) -> RunSpec:
    """A run of `epochs` epochs of three steps."""
    way = {"precision": "fp32", "memory_format": "channels_last", "kernels": "fast", "threads": 1}
    return RunSpec(
        model="cnn",
        seed=0,
        recipe=Recipe.model_validate({"epochs": epochs, "batch_size": 20} | way),
        data=DataRef(name="shapes", sha256=load("shapes").sha256, train_limit=60, subset="by_seed"),
    )


def measure(folder: RunFolder, run: RunSpec, data: Dataset) -> None:
    """What a worker does with the trained network."""
    steps = all_steps(run.recipe, len(data.train))
    model = build(run.model)
    model.load_state_dict(load_file(folder.model_file))
    batches, probes = BatchMaker(data, run.recipe, device()), unmeasured(folder, steps, [PROBE])
    how = {"recipe": run.recipe, "step": steps, "probes": probes, "start": lambda: build(run.model)}
    measure_at(folder, to_device(model, run.recipe, device()), data, batches, **how, go_on=lambda _: True)


def train(folder: str, epochs: int, die_at: int | None = None, stop_after: int = -1) -> int:
    """What a worker does with the run, its checkpoints close together; dies at the n-th write, if asked."""
    running.CHECKPOINT_SECONDS, running.REPORT_SECONDS = 0.05, 0.02
    if die_at is not None:
        running.CHECKPOINT_SECONDS, running.REPORT_SECONDS = 0.0, 1e9  # the same writes every time
        deaths.at(die_at, Path(folder))
    data, steps = load("shapes", train_limit=60, seed=0), itertools.count(1)
    record = running.train(
        spec(epochs),
        data,
        RunFolder(Path(folder)),
        on_event=lambda event: sys.stdout.write(f"{event.message}\n"),
        stop=lambda: next(steps) == stop_after,
    )
    if record.state == "done":
        measure(RunFolder(Path(folder)), record.spec, data)
    if die_at is not None:
        sys.stdout.write(f"{deaths.count()}\n")
    return 0 if record.state == "done" else 3


def command(argv: list[str]) -> int:
    """The command line, as the installed script calls it."""
    sys.argv = ["skipscope", *argv]
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def study(study: str, workspace: str) -> int:
    """A study without a report, its runs in workers."""
    trained = skipscope.run(skipscope.load_study(study), workspace)
    return 0 if all(run.state == "done" for run in trained.runs()) else 3


def start(*, out: str, cwd: str, env: dict[str, str], do: str, spawned: bool, **arguments: Any) -> int:
    """A fork that does something and leaves what it says in `out`; gives its process id."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.setpgid(0, 0)  # as a terminal's job: a signal to the group reaches its workers, and nobody else
        os.chdir(cwd)
        os.environ.update(env)
        said = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream in ("stdout", "stderr"):  # as an interpreter opens them in this environment
            raw = io.FileIO(1, "w", closefd=False)
            encoding = env.get("PYTHONIOENCODING", "utf-8")
            setattr(sys, stream, io.TextIOWrapper(io.BufferedWriter(raw), encoding, line_buffering=True))
        time.tzset()
        if not spawned:
            quick.fork_workers(out)
        code = {"train": train, "command": command, "study": study}[do](**arguments)
    except BaseException:  # noqa: BLE001 - said, as an interpreter says it
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Until the input ends."""
    torch.set_num_threads(1)
    load("shapes")
    for name in LATER:
        importlib.import_module(name)
    del globals()["__file__"]  # what is spawned would import it; the installed script imports next to nothing
    quick.serve()
    for line in sys.stdin:
        asked = json.loads(line)
        if (child := asked.pop("wait", None)) is not None:
            _, status = os.waitpid(child, 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = start(**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
