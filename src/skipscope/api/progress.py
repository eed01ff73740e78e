"""Shows the progress of runs: a bar for each on a terminal, lines where output is piped."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from time import perf_counter
from types import MappingProxyType

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from skipscope.api.wording import duration
from skipscope.engine.plan import Plan
from skipscope.engine.planned_run import PlannedRun
from skipscope.language import spoken
from skipscope.training.events import Event

LINE_SECONDS = 30.0
"""Between two plain lines of one run."""
BAR_WIDTH = 12
"""Columns: with the longest of what is beside it, a line has eighty."""


def now_and_then(say: Callable[[str], object], seconds: float = LINE_SECONDS) -> Callable[[str], None]:
    """Passes sentences on to `say`: the first, then one of those that come within so many seconds."""
    said = -inf

    def on_event(text: str) -> None:
        nonlocal said
        if perf_counter() - said >= seconds:
            said = perf_counter()
            say(text)

    return on_event


class Display(ABC):
    """Shows the events of a plan's runs."""

    runs: Mapping[str, PlannedRun] = MappingProxyType({})

    def begin(self, plan: Plan) -> None:
        """Takes the plan whose runs begin now."""
        self.runs = {run.spec.id: run for run in plan.runs}

    def announce(self, sentences: Iterable[str]) -> None:
        """Says what is planned."""
        for each in sentences:
            self.say(each)

    @abstractmethod
    def on_event(self, event: Event) -> None:
        """Shows an event of one run."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Says a sentence about all of them."""


@contextmanager
def opened(console: Console) -> Iterator[Display]:
    """Opens bars on a terminal, else lines."""
    if console.is_terminal:
        with _bars(console) as progress:
            yield Bars(progress, console)
    else:
        yield Lines(console)


@contextmanager
def display(plan: Plan, console: Console) -> Iterator[Display]:
    """Opens what shows the runs of a plan."""
    with opened(console) as shown:
        shown.begin(plan)
        yield shown


def _bars(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=BAR_WIDTH),
        TextColumn("{task.fields[status]}"),
        TimeColumn(compact=True),
    )
    return Progress(*columns, console=console, speed_estimate_period=120)


class TimeColumn(TimeRemainingColumn):
    """Shows the time that training still takes; while a run is measured, the time of this probe so far."""

    def render(self, task: Task) -> Text:
        """Formats the time of one run."""
        since = task.fields["measuring_since"]
        return (
            super().render(task)
            if since is None
            else Text(spoken(duration(perf_counter() - since)), style="cyan")
        )


def name_of(run: PlannedRun) -> str:
    """Names a run in a line about it."""
    return f"{run.arm} s{run.spec.seed}"


def ending(event: Event) -> str:
    """Describes the end of a run."""
    if event.state == "done":
        return f"done, sealed test accuracy {event.accuracy:.1%}"
    if event.state == "stopped":
        return event.message or f"saved at step {event.step} of {event.steps}"
    if event.state == "measured":
        return f"measured {event.message.replace('_', ' ')}".rstrip()
    if event.state in ("restarted", "warned", "waiting"):
        return event.message
    return f"failed: {event.message}"


class Bars(Display):
    """Shows a bar for each run, from when it begins."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self.progress, self.console = progress, console
        self.tasks: dict[tuple[str, str], TaskID] = {}
        """Bars by run and part of its work."""

    def on_event(self, event: Event) -> None:
        """Moves the bar of a run, or of a task that measures it; a run that ends leaves a line."""
        run, part = self.runs[event.run], (event.run, event.part)
        if event.state in ("training", "measuring"):
            if part not in self.tasks:
                self.tasks[part] = self.progress.add_task(
                    name_of(run), total=event.steps, status="", measuring_since=None
                )
            since = perf_counter() if event.state == "measuring" else None
            task, status = self.tasks[part], spoken(standing(event, run))
            self.progress.update(
                task, completed=event.step, status=status, measuring_since=since, refresh=True
            )
            return
        if event.state == "waiting":
            if part in self.tasks:
                self.progress.update(self.tasks[part], status=spoken(event.message))
            return
        if part in self.tasks and (event.state != "warned" or event.part):
            self.progress.remove_task(self.tasks.pop(part))
        if event.state == "measured":
            return
        style = "red" if event.state == "failed" else ""
        self.console.print(Text(f"{name_of(run)}: {spoken(ending(event))}", style=style))

    def say(self, text: str) -> None:
        """Prints a line above the bars."""
        self.console.print(spoken(text), markup=False)


def standing(event: Event, run: PlannedRun) -> str:
    """Describes how far a run is, and its loss, accuracy and speed."""
    if event.state == "measuring":
        where = f" at step {event.step}" if event.step < event.steps else ""
        return f"measuring {event.message.replace('_', ' ')}{where}"
    if event.loss is None:
        return "starting"
    accuracy = "" if event.accuracy is None else f"validation {event.accuracy:.1%}, "
    epoch = f"epoch {event.epoch}/{run.spec.recipe.epochs}"
    return f"{epoch}, loss {digits(event.loss)}, {accuracy}{event.images_per_second:,.0f} img/s"


def left(event: Event) -> str:
    """Estimates the time of the steps that are left."""
    return duration((event.steps - event.step) / event.steps_per_second)


def digits(loss: float) -> str:
    """Formats a loss: 2.303, but 1.0e+30 and 1.0e-09."""
    return f"{loss:.3f}" if loss == 0 or 0.001 <= abs(loss) < 1e5 else f"{loss:.1e}"


class Lines(Display):
    """Prints a line when a run begins, when an epoch or the run ends, and every half minute between."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.last: dict[str, tuple[int, float]] = {}

    def on_event(self, event: Event) -> None:
        """Prints a line if there is news."""
        if event.state in ("training", "waiting") and not self._is_news(event):
            return
        run = self.runs[event.run]
        text = standing(event, run) if event.state in ("training", "measuring") else ending(event)
        if event.steps_per_second:
            text = f"step {event.step}/{event.steps}, {text}, {left(event)} left"
        self.say(f"{name_of(run)}: {spoken(text)}")

    def say(self, text: str) -> None:
        """Prints a line, unwrapped: a log is searched by lines."""
        self.console.print(spoken(text), markup=False, soft_wrap=True)

    def _is_news(self, event: Event) -> bool:
        epoch, when = self.last.get(event.run, (-1, 0.0))
        if event.epoch_ended or epoch < 0 or perf_counter() - when > LINE_SECONDS:
            self.last[event.run] = (event.epoch, perf_counter())
            return True
        return False
