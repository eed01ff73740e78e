"""Curves of training, as a notebook shows them."""

from collections.abc import Iterable

import polars as pl

from skipscope.analysis.tables import StudyTables
from skipscope.api.shown import Shown
from skipscope.figures.rendering import vega
from skipscope.language import language_of
from skipscope.report.appendix.overlay import accuracy_figures, loss_figure
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Note, Panels, figures_of
from skipscope.report.words import Words


def context_of(tables: StudyTables, lang: str) -> Context:
    """Returns what the report's parts are built from; charts are in English where no font has Chinese.

    Raises:
        UnknownName: the report is not written in this language.
    """
    words = Words(language_of(lang))
    return Context(tables=tables, words=words, charts=words if vega.has_chinese() else Words("en"))


class Curves(Shown):
    """Loss by step and accuracies by epoch, one line a run and a bold one an arm."""

    def __init__(self, tables: StudyTables, lang: str) -> None:
        self.context = context_of(tables, lang)

    @property
    def steps(self) -> pl.DataFrame:
        """Loss a step, thinned: arm, seed, step, epoch, loss, smoothed, counted, stopped."""
        return self.context.tables.steps

    @property
    def epochs(self) -> pl.DataFrame:
        """Losses and accuracies an epoch: arm, seed, epoch, seconds, four measures, counted."""
        return self.context.tables.epochs

    def blocks(self) -> Iterable[Block]:
        """Builds the report's figures: loss, both accuracies, and accuracy over time."""
        if self.steps.is_empty():
            return [Note(text=self.context.words("overlay.nothing"))]
        accuracies = [] if self.epochs.is_empty() else accuracy_figures(self.context)
        return [loss_figure(self.context), *accuracies]

    def overview(self) -> Iterable[Block]:
        """Builds the loss and the validation accuracy, side by side."""
        loss, *others = self.blocks()
        accuracies = [figure for each in others for figure in figures_of(each)]
        if isinstance(loss, Figure) and accuracies:
            return [Panels(figures=(loss, accuracies[0]))]
        return [loss]
