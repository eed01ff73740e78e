"""Shows all networks in the same figures: loss by step, accuracy by epoch and by time."""

import polars as pl

from skipscope.analysis.curves import accuracy_by_epoch, epoch_ends, half_life, last_step
from skipscope.figures import accuracies, curves
from skipscope.figures.layered import Layered
from skipscope.report.appendix.papers import papers
from skipscope.report.context import Context
from skipscope.report.document import Block, Column, Figure, Note, Panels, Paragraph, Section, Table
from skipscope.report.words import Inline, code, percent, signed


def overlay(context: Context) -> Section:
    """Builds the section with all networks in the same figures."""
    words, tables = context.words, context.tables
    blocks: list[Block] = [
        Note(text=words("overlay.nothing")) if tables.steps.is_empty() else loss_figure(context)
    ]
    if not tables.epochs.is_empty():
        said = [*course(context), *gap(context)]
        blocks += [Paragraph(text=words.joined(said))] if said else []
        blocks += accuracy_figures(context)
        blocks += [Note(text=words("overlay.gap_note"), kind="quiet"), epoch_table(context)]
    return context.section("overlay", "overlay", blocks, papers(context))


def loss_figure(context: Context) -> Figure:
    """Draws the training loss of every arm."""
    words, tables = context.words, context.tables
    final = last_values(tables.steps, "smoothed", by="step")
    mean, half = context.if_several("overlay.mean"), half_life(last_step(tables.metrics))
    epochs = epoch_ends(tables.steps)
    chart = curves.loss(tables.steps, arms=tables.arms, labels=context.labels, epochs=epochs)
    caption = words("overlay.loss", faint=context.faint, half=half, mean=mean)
    if epochs:
        caption = words.joined([caption, words("overlay.loss_epochs")])
    if tables.steps["stopped"].any():
        caption = words.joined([caption, words("overlay.loss_failed")])
    values = words.by_arm(final, "{:.3g}".format)
    spoken = words("overlay.alt_loss", arms=words.listed(list(final)), values=values)
    return context.figure("loss", chart, caption=caption, spoken=spoken)


def accuracy_figures(context: Context) -> list[Block]:
    """Draws validation and training accuracy, then validation against time, if times can be compared."""
    tables, labels = context.tables, context.labels
    epochs, checks, arms = tables.epochs, tables.checks, tables.arms

    def figure(name: str, chart: Layered, quantity: str, *, text: str) -> Figure:
        caption = context.caption(f"overlay.{text}", beside=context.beside)
        spoken = described(context, quantity)
        return context.figure(name, chart, caption=caption, spoken=spoken)

    validated = accuracies.accuracy(epochs, checks=checks, arms=arms, labels=labels)
    trained = accuracies.accuracy(epochs, checks=checks, arms=arms, quantity="train_accuracy", labels=labels)
    validation = figure("validation-accuracy", validated, "val_accuracy", text="validation")
    training = figure("training-accuracy", trained, "train_accuracy", text="training")
    pair = Panels(figures=(validation, training))
    if not context.times_compare:
        return [pair]
    timed = accuracies.accuracy_in_time(epochs, arms=arms, labels=labels)
    return [pair, figure("accuracy-in-time", timed, "val_accuracy", text="time")]


def described(context: Context, quantity: str) -> Inline:
    """Describes an accuracy figure in one sentence."""
    words, final = context.words, last_values(context.tables.epochs, quantity, by="epoch")
    what, arms = words(f"chart.{quantity}"), words.listed(list(final))
    return words("overlay.alt_accuracy", what=what, arms=arms, values=words.by_arm(final, percent))


def course(context: Context) -> list[Inline]:
    """Says who leads after the first and the last epoch."""
    words, epochs = context.words, context.tables.epochs
    ended = epochs.filter(pl.col("epoch") == pl.col("epoch").max())  # runs that stopped early do not count
    end = last_values(ended, "val_accuracy", by="epoch")
    first = last_values(epochs.filter(pl.col("epoch") == 1), "val_accuracy", by="epoch")
    sentences = []
    if len(end) > 1 and len(first) > 1 and epochs["epoch"].n_unique() > 1:
        early, late = max(first, key=first.__getitem__), max(end, key=end.__getitem__)
        told = {"first_value": percent(first[early]), "last_value": percent(end[late])}
        sentences.append(words("overlay.course", first=code(early), last=code(late), **told))
    return sentences


def gap(context: Context) -> list[Inline]:
    """Tells the generalisation gap of the final weights, mean over seeds; older records lack it."""
    found = {}
    for summary in context.tables.summaries:
        results = [record.result for record in summary.records if record.result is not None]
        gaps = [100 * (r.val_accuracy - r.train_accuracy) for r in results if r.train_accuracy is not None]
        if gaps:
            found[summary.arm] = sum(gaps) / len(gaps)
    return [context.words("overlay.gap", gaps=context.words.by_arm(found, signed))] if found else []


def epoch_table(context: Context) -> Table:
    """Tabulates validation accuracy by epoch."""
    words, tables = context.words, context.tables
    values = accuracy_by_epoch(tables.epochs, tables.arms)
    titles = [Inline(f"{words('chart.epoch')} {epoch}") for epoch in values.columns[1:]]
    columns = (Column(title=words("key.arm")), *(Column(title=title, align="right") for title in titles))
    rows = tuple(
        (code(arm), *("—" if value is None else percent(value) for value in row))
        for arm, *row in values.iter_rows()
    )
    return Table(columns=columns, rows=rows, caption=words("overlay.table"), arms=tuple(tables.arms))


def last_values(table: pl.DataFrame, column: str, *, by: str) -> dict[str, float]:
    """Returns each arm's mean over seeds in its last row, of the runs that count."""
    counted = table.filter("counted").drop_nulls(column)
    ends = counted.filter(pl.col(by) == pl.col(by).max().over("arm"))
    means = ends.group_by("arm", maintain_order=True).agg(pl.col(column).mean())
    return dict(means.iter_rows())
