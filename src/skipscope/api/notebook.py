"""Shows the progress of runs in a notebook: one table, replaced as they go on.

What Jupyter, VS Code and Colab have in common is a display that can be replaced; it needs no widgets, and
what is saved with the notebook is how the runs ended.
"""

import sys
from collections.abc import Iterable
from html import escape
from importlib import import_module
from time import monotonic
from typing import Any

from skipscope.api.progress import Display, ending, left, name_of, standing
from skipscope.engine.plan import Plan
from skipscope.training.events import Event

SECONDS = 0.5
"""Between two looks at runs of which none began or ended."""
MOST_DONE = 12
"""Rows of runs that are done; of more, only their number is shown."""
ROW = "<tr><td>{}</td><td><progress max='{}' value='{}'></progress></td><td>{}</td></tr>"


def in_notebook() -> bool:
    """Returns whether this is a kernel of Jupyter's; a terminal's IPython is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class Page(Display):
    """A display of the cell that trains."""

    def __init__(self) -> None:
        self.text = ""
        self.planned: tuple[str, ...] = ()
        self.events: dict[str, Event] = {}
        self.done: dict[str, Event] = {}
        """How runs ended that were trained here."""
        self.trained = 0
        """How many are."""
        self.when = monotonic()
        self.handle = import_module("IPython.display").display(self, display_id=True)

    def announce(self, sentences: Iterable[str]) -> None:
        """Keeps what is planned below the table."""
        self.planned = tuple(sentences)

    def begin(self, plan: Plan) -> None:
        """Shows how many runs are trained."""
        super().begin(plan)
        self.trained = len(plan.training)
        self.say("")

    def say(self, text: str) -> None:
        """Replaces the sentence above the table."""
        self.text = text
        self._show()

    def on_event(self, event: Event) -> None:
        """Replaces the row of the run; a warning leaves it as it is."""
        if event.state == "warned":  # Python's own warning follows
            return
        before = self.events.get(event.run)
        if event.state == "done":
            self.done[event.run] = event
        if event.state != "measured":
            self.events[event.run] = event
        elif event.run in self.done:
            self.events[event.run] = self.done[event.run]
        else:
            self.events.pop(event.run, None)
        if before is None or before.state != event.state or monotonic() - self.when > SECONDS:
            self._show()

    def _show(self) -> None:
        self.when = monotonic()
        self.handle.update(self)

    def _repr_mimebundle_(self, **_asked: Any) -> dict[str, str]:
        """The table, and the same as text."""
        done = [run for run, event in self.events.items() if event.state == "done"]
        hidden = set(done) if len(done) > MOST_DONE else set()
        shown = {run: event for run, event in self.events.items() if run not in hidden}
        counts = f"{len(self.done)} of {self.trained} runs done" if self.trained else "measuring"
        head = self.text or counts
        named = {run: (name_of(self.runs[run]), self._status(event)) for run, event in shown.items()}
        rows = [
            ROW.format(escape(named[run][0]), max(1, event.steps), event.step, escape(named[run][1]))
            for run, event in shown.items()
        ]
        lines = [head, *(f"{name}: {status}" for name, status in named.values()), *self.planned]
        table = f"<table>{''.join(rows)}</table>" if rows else ""
        below = "".join(f"<div><small>{escape(each)}</small></div>" for each in self.planned)
        return {"text/plain": "\n".join(lines), "text/html": f"<div>{escape(head)}</div>{table}{below}"}

    def _status(self, event: Event) -> str:
        if event.state not in ("training", "measuring"):
            return ending(event)
        status = standing(event, self.runs[event.run])
        return f"{status}, {left(event)} left" if event.steps_per_second else status
