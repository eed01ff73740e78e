"""Shows the progress of probes on one network: how long they will about take, then a bar or lines."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from skipscope.api.wording import counted, duration
from skipscope.language import spoken

ProbeHandler = Callable[[str, Mapping[str, float]], object]
"""Called before each probe with its name, and with the estimated seconds of all, in their order."""
WORTH_SECONDS = 10.0
"""What takes less is not announced to a script."""
LEAST = 1e-3
"""The least share of its estimate that anything is taken to last."""


class Clock:
    """Knows how far the probes are; what the first ones took corrects the estimate of the rest."""

    def __init__(self, estimates: Mapping[str, float]) -> None:
        self.estimates = estimates
        self.start = self.since = perf_counter()
        self.name = ""

    def begin(self, name: str) -> None:
        """Notes that a probe begins now."""
        self.name, self.since = name, perf_counter()

    @property
    def total(self) -> float:
        """The estimated seconds of all probes."""
        return sum(self.estimates.values())

    @property
    def number(self) -> int:
        """The number of the probe that runs, from 1."""
        return [*self.estimates].index(self.name) + 1 if self.name else 0

    @property
    def done(self) -> float:
        """The estimated seconds of what is done; of the probe that runs, at most its estimate."""
        before = [*self.estimates.values()][: max(0, self.number - 1)]
        running = self.estimates.get(self.name, 0.0)
        return sum(before) + min(running, (perf_counter() - self.since) / self._slowness)

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return (self.total - self.done) * self._slowness

    @property
    def _slowness(self) -> float:
        """How many times as long as estimated the probes took that are done."""
        before = sum([*self.estimates.values()][: max(0, self.number - 1)])
        return max((self.since - self.start) / before, LEAST) if before else 1.0

    def __str__(self) -> str:
        """Names the probe that runs."""
        return f"measuring {self.number} of {len(self.estimates)}: {self.name}"


@contextmanager
def measuring(console: Console, *, worth: float = 0.0) -> Iterator[ProbeHandler]:
    """Opens a bar on a terminal, else lines; silent where all of it takes less than `worth` seconds."""
    columns = _Bar(bar_width=24), TextColumn("{task.description}"), _Left()
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(spoken("loading the network and its data"), total=None, clock=None)
    clocks: list[Clock] = []
    if console.is_terminal and not worth:
        bar.start()

    def on_probe(name: str, estimates: Mapping[str, float]) -> None:
        if not clocks:
            clocks.append(Clock(estimates))
        (clock,) = clocks
        clock.begin(name)
        if clock.total < worth:
            return
        if clock.number == 1:
            probes = counted(len(estimates), "probe")
            said = f"{probes}: about {duration(clock.total)} in all, by the time of a forward pass"
            console.print(spoken(said), markup=False, highlight=False, soft_wrap=True)
        if console.is_terminal:
            bar.start()
            bar.update(task, description=spoken(str(clock)), clock=clock)
        else:
            told = f"{clock}, about {duration(clock.left)} left"
            console.print(spoken(told), markup=False, soft_wrap=True)

    try:
        yield on_probe
    finally:
        if bar.live.is_started:
            bar.stop()


class _Bar(BarColumn):
    """Moves while a probe runs."""

    def render(self, task: Task) -> ProgressBar:
        """Draws the bar; before the first probe it only shows that something is going on."""
        clock: Clock | None = task.fields["clock"]
        if clock is not None:
            task.total, task.completed = clock.total, clock.done
        return super().render(task)


class _Left(ProgressColumn):
    """Shows how long it still takes."""

    def render(self, task: Task) -> Text:
        """Formats the time that is left."""
        clock: Clock | None = task.fields["clock"]
        return Text("" if clock is None else spoken(f"about {duration(clock.left)} left"), style="cyan")
