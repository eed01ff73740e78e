"""Times the usual loop and ours in turns, on the same networks, images and machine.

Each contestant is one or several processes that hold everything ready and train only in their turn. A turn's
rate is the sum of its processes' images per second.
"""

import multiprocessing as mp
import signal
import statistics
import timeit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

import torch

from skipscope.bench import ours, quiet, usual
from skipscope.data.dataset import load as load_data
from skipscope.engine.executor import ending
from skipscope.engine.local import environment_of_workers
from skipscope.errors import MachineError
from skipscope.interrupts import ignore, signals_blocked
from skipscope.machine import cores
from skipscope.models.registry import build
from skipscope.spec import Backend, DataName
from skipscope.torch_threads import torch_threads
from skipscope.training.backend import device
from skipscope.training.determinism import ONE_ORDER
from skipscope.training.memory import KEEP_MEMORY
from skipscope.training.threads import WAIT_IDLY

WARM_UP = 2
"""Steps before a process is ready: the first ones choose algorithms and fill caches."""


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Holds one network's images per second in each round."""

    usual: tuple[float, ...]
    ours: tuple[float, ...]
    others: float | None = None
    """The share of the cores' time that other programs took meanwhile; None where it is not known."""

    @property
    def ratios(self) -> list[float]:
        """Divides ours by the usual, round by round: what slows the machine for a minute slows both."""
        return [mine / theirs for mine, theirs in zip(self.ours, self.usual, strict=True)]

    @property
    def ratio(self) -> float:
        """Returns the median of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        """Returns the range of the rounds' ratios."""
        return max(self.ratios) - min(self.ratios)


def contest(
    name: str,
    backend: Backend,
    *,
    data: DataName,
    data_dir: Path | None,
    rounds: int,
    seconds: float,
    runs: int,
) -> Turns:
    """Takes `rounds` turns of each, of ours with `runs` runs side by side."""
    with ExitStack() as stack:
        theirs = stack.enter_context(_process("usual", name, backend, data, data_dir))
        mine = [stack.enter_context(_process("ours", name, backend, data, data_dir)) for _ in range(runs)]
        for pipe in (theirs, *mine):
            pipe.recv()  # ready
        before = quiet.clock()
        turns = [(_turn([theirs], seconds), _turn(mine, seconds)) for _ in range(rounds)]
        taken = quiet.others(before, quiet.clock())
    return Turns(usual=tuple(turn[0] for turn in turns), ours=tuple(turn[1] for turn in turns), others=taken)


def _turn(pipes: list[Connection], seconds: float) -> float:
    """Lets these processes train for so many seconds; returns their images per second together."""
    for pipe in pipes:
        pipe.send(seconds)
    trained: list[tuple[int, float]] = [pipe.recv() for pipe in pipes]
    return sum(images / taken for images, taken in trained)


@contextmanager
def _process(
    kind: str, name: str, backend: Backend, data: DataName, data_dir: Path | None
) -> Iterator[Connection]:
    context = mp.get_context("spawn")
    pipe, theirs = context.Pipe()
    # not a daemon, since the usual loop starts processes of its own; closing the pipe ends it
    process = context.Process(target=_contestant, args=(kind, name, backend, data, data_dir, theirs))
    environment = KEEP_MEMORY | WAIT_IDLY | ONE_ORDER if kind == "ours" else {}
    with environment_of_workers(environment), signals_blocked(signal.SIGINT):
        process.start()
    theirs.close()
    try:
        yield pipe
    except BaseException as error:  # Ctrl-C, or one of them is gone
        process.join(timeout=0.5 if isinstance(error, EOFError) else 0)
        code = process.exitcode
        process.kill()
        if isinstance(error, EOFError) and code:
            raise MachineError(
                f"A process of {name} {ending(code)}.", hint="end other programs, then try again"
            ) from None
        raise
    finally:
        pipe.close()
        process.join(timeout=20)
        process.kill()


def _contestant(
    kind: str, name: str, backend: Backend, data: DataName, data_dir: Path | None, pipe: Connection
) -> None:
    """Runs in a process of the usual loop or of ours."""
    ignore(signal.SIGINT)  # not every system can block it
    loaded = load_data(data, data_dir=data_dir)
    if kind == "ours":
        torch.set_num_threads(backend.threads)
        torch.set_flush_denormal(True)
        steps = ours.steps(name, loaded, backend)
    else:
        torch.set_num_threads(cores())
        steps = usual.steps(build(name).to(device()), loaded)
    in_turn(steps, pipe)


def in_turn(steps: Iterator[int], pipe: Connection) -> None:
    """Sends None when ready, then trains for as many seconds as it receives, until the pipe is closed."""
    for _ in range(WARM_UP):
        next(steps)
    with suppress(EOFError, ConnectionError):  # closed; the latter if something had not been read
        pipe.send(None)
        while True:
            pipe.send(_train(steps, pipe.recv()))


def _train(steps: Iterator[int], seconds: float) -> tuple[int, float]:
    """Returns the number of images and the seconds they took."""
    images, start = 0, perf_counter()
    while perf_counter() - start < seconds:
        images += next(steps)
    return images, perf_counter() - start


def convolution_peak(dtype: torch.dtype) -> float:
    """Measures the highest rate of 3x3 convolutions on all cores, in 1e9 multiply-adds per second."""
    return max(_rate(channels, side, dtype) for channels, side in ((64, 32), (128, 16), (256, 16)))


def _rate(channels: int, side: int, dtype: torch.dtype) -> float:
    images = 64
    x, weight = (
        torch.randn(shape).to(device(), dtype, memory_format=torch.channels_last)
        for shape in ((images, channels, side, side), (channels, channels, 3, 3))
    )

    def convolve() -> None:
        torch.conv2d(x, weight, padding=1)
        if x.device.type != "cpu":
            torch.accelerator.synchronize()

    with torch_threads(cores()), torch.inference_mode():
        seconds = min(timeit.repeat(convolve, number=1, repeat=5))
    return images * side**2 * channels**2 * 9 / seconds / 1e9
