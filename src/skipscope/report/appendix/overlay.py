"""Shows all networks in the same figures: loss by step, accuracy by epoch and by time."""

import polars as pl

from skipscope.analysis.curves import accuracy_by_epoch
from skipscope.figures import curves
from skipscope.report.appendix.papers import papers
from skipscope.report.context import Context
from skipscope.report.document import Block, Column, Figure, Note, Pair, Paragraph, Section, Table
from skipscope.report.words import Inline, code, percent


def overlay(context: Context, number: str) -> Section:
    """The section with all networks in the same figures."""
    words, tables = context.words, context.tables
    blocks: list[Block] = []
    if tables.steps.is_empty():
        blocks.append(Note(text=words("overlay.nothing")))
    else:
        blocks.append(loss_figure(context))
    if not tables.epochs.is_empty():
        blocks += [Paragraph(text=words.joined(course(context))), *accuracy_figures(context)]
        blocks += [Note(text=words("overlay.gap_note"), kind="quiet"), epoch_table(context)]
    compared = papers(context, f"{number}.1")
    return Section(
        id="overlay",
        number=number,
        title=words("overlay.title"),
        blocks=tuple(blocks),
        sections=() if compared is None else (compared,),
    )


def loss_figure(context: Context) -> Figure:
    """Draws the training loss of every arm."""
    words, tables = context.words, context.tables
    final = last_values(tables.steps, "smoothed", by="step")
    return context.figure(
        "loss",
        curves.loss(tables.steps, arms=tables.arms, labels=context.labels),
        caption=words(
            "overlay.loss", faint=context.faint, half=context.half, mean=context.if_several("overlay.mean")
        ),
        spoken=words(
            "overlay.alt_loss",
            arms=words.listed(list(final)),
            values=arm_values(context, {arm: f"{value:.3g}" for arm, value in final.items()}),
        ),
    )


def accuracy_figures(context: Context) -> list[Block]:
    """Draws validation and training accuracy side by side, then validation accuracy against time."""
    words, tables = context.words, context.tables
    epochs, arms = tables.epochs, tables.arms
    mean = context.if_several("overlay.seeds")  # with one seed there is nothing faint to explain
    validation = context.figure(
        "validation-accuracy",
        curves.accuracy(epochs, arms=arms, labels=context.labels),
        caption=words("overlay.validation", mean=mean),
        spoken=described(context, "val_accuracy"),
    )
    training = context.figure(
        "training-accuracy",
        curves.accuracy(epochs, arms=arms, quantity="train_accuracy", labels=context.labels),
        caption=words("overlay.training", mean=mean),
        spoken=described(context, "train_accuracy"),
    )
    time = context.figure(
        "accuracy-in-time",
        curves.accuracy_in_time(epochs, arms=arms, labels=context.labels),
        caption=words("overlay.time", mean=mean),
        spoken=described(context, "val_accuracy"),
    )
    return [Pair(figures=(validation, training)), time]


def described(context: Context, quantity: str) -> Inline:
    """Describes an accuracy figure in one sentence."""
    final = last_values(context.tables.epochs, quantity, by="epoch")
    return context.words(
        "overlay.alt_accuracy",
        what=context.words(f"chart.{quantity}"),
        arms=context.words.listed(list(final)),
        values=arm_values(context, {arm: percent(value) for arm, value in final.items()}),
    )


def course(context: Context) -> list[Inline]:
    """Says who leads after the first and the last epoch, and how large the generalisation gap is."""
    words, epochs = context.words, context.tables.epochs
    ended = epochs.filter(pl.col("epoch") == pl.col("epoch").max())  # runs that stopped early do not count
    end = last_values(ended, "val_accuracy", by="epoch")
    first = last_values(epochs.filter(pl.col("epoch") == 1), "val_accuracy", by="epoch")
    sentences = []
    if len(end) > 1 and len(first) > 1 and epochs["epoch"].n_unique() > 1:
        early, late = max(first, key=first.__getitem__), max(end, key=end.__getitem__)
        sentences.append(
            words(
                "overlay.course",
                first=code(early),
                first_value=percent(first[early]),
                last=code(late),
                last_value=percent(end[late]),
            )
        )
    trained = last_values(ended, "train_accuracy", by="epoch")
    gaps = {arm: f"{100 * (trained[arm] - end[arm]):+.1f}".replace("-", "−") for arm in end if arm in trained}
    return [*sentences, words("overlay.gap", gaps=arm_values(context, gaps))]


def epoch_table(context: Context) -> Table:
    """Tabulates validation accuracy by epoch."""
    words, tables = context.words, context.tables
    values = accuracy_by_epoch(tables.epochs, tables.arms)
    epochs = values.columns[1:]
    return Table(
        columns=(
            Column(title=words("key.arm")),
            *(Column(title=Inline(f"{words('chart.epoch')} {epoch}"), align="right") for epoch in epochs),
        ),
        rows=tuple(
            (code(arm), *("—" if value is None else percent(value) for value in row))
            for arm, *row in values.iter_rows()
        ),
        caption=words("overlay.table"),
        arms=tuple(tables.arms),
    )


def last_values(table: pl.DataFrame, column: str, *, by: str) -> dict[str, float]:
    """Each arm's mean over seeds in its last row, of the runs that count."""
    counted = table.filter("counted").drop_nulls(column)
    ends = counted.filter(pl.col(by) == pl.col(by).max().over("arm"))
    means = ends.group_by("arm", maintain_order=True).agg(pl.col(column).mean())
    return dict(means.iter_rows())


def arm_values(context: Context, values: dict[str, str]) -> Inline:
    """Lists arms with their values."""
    words = context.words
    return words.listed([words("overlay.item", arm=code(arm), value=value) for arm, value in values.items()])
