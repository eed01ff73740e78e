"""Draws the course of each network: its losses above its accuracies, all with the same axes and one key."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Any

from skipscope.diagrams.strokes import draw_strokes
from skipscope.figures import accuracies
from skipscope.figures.layered import Layered
from skipscope.figures.losses import PANEL_HEIGHT, losses_of
from skipscope.figures.style import TRAINED, VALIDATED
from skipscope.report.appendix.results import gaps
from skipscope.report.document import NOTHING, Diagram, Panels
from skipscope.report.handin.prose import Prose
from skipscope.report.words import Inline, code, unmarked

IN_A_ROW = 4
"""The most networks beside each other: their letters are printed at 7 points, and a plot is 37 mm wide."""


def panels(prose: Prose, arms: Sequence[str]) -> Panels:
    """Draws each arm's losses above its accuracies, all with the same axes and one key."""
    context = prose.context
    tables, labels = context.tables, context.labels
    charts, spoken, final = dict[str, Layered](), list[Inline](), finals(prose, arms)
    options: dict[str, Any] = {"arms": tables.arms, "labels": labels}
    for arm in arms:
        loss = losses_of(tables.losses, arm=arm, **options)
        accuracy = accuracies.accuracy_of(
            tables.epochs, arm=arm, checks=tables.checks, in_grid=True, final=final, **options
        )
        name = f"course-{context.file_of(arm)}"
        charts |= {f"{name}-a": loss, f"{name}-b": replace(accuracy, height=PANEL_HEIGHT)}
        spoken += [context.words(f"course.spoken_{each}", arm=code(arm)) for each in ("loss", "accuracy")]
    caption = context.words(f"course.panels.{'one' if len(arms) == 1 else 'several'}")
    if not tables.checks.is_empty():
        caption = context.words.joined([caption, context.words("course.panels.checks")])
    layout: dict[str, Any] = {
        "rows": 2,
        "columns": columns_of(len(arms)),
        "key": strokes(prose, final=bool(final)),
    }
    return context.panels(charts, caption=caption, spoken=spoken, **layout)


def columns_of(number: int) -> int:
    """Returns how many networks stand beside each other: four at most, in rows as even as can be."""
    return ceil(number / ceil(number / IN_A_ROW))


def finals(prose: Prose, arms: Sequence[str]) -> dict[str, float]:
    """Returns the accuracy of each network's final weights on training images as they are, where recorded."""
    return {arm: trained for arm, (trained, _) in gaps(prose.context).items() if arm in arms}


def strokes(prose: Prose, *, final: bool) -> Diagram:
    """Draws the key to the panels: what their lines are of, and their last marker."""
    drawn = {
        prose.context.charts.raw(f"course.{name}"): look
        for name, look in (("validated", VALIDATED), ("trained", TRAINED))
    }
    spoken = unmarked(prose.context.words("course.spoken_key"))
    ring = prose.context.charts.raw("course.final") if final else ""
    return Diagram(
        name="course-key", number="", caption=NOTHING, spoken=spoken, svg=draw_strokes(drawn, ring=ring)
    )
