"""Shows what is learnt when: shares of validation images by epoch, hard and easy classes, examples."""

from collections.abc import Mapping

import polars as pl

from skipscope.analysis import pictures, training_readings
from skipscope.figures import training
from skipscope.report.appendix.readings import EXAMPLES, image_tile, with_question
from skipscope.report.context import Context
from skipscope.report.document import Block, Note
from skipscope.report.galleries import Gallery
from skipscope.report.words import Inline, count, percent


def learning(context: Context) -> list[Block]:
    """Shows the share that stays correct, and examples of what is learnt first and never."""
    words, readings = context.words, context.tables.readings
    table = training_readings.learnt(readings).drop_nulls("share")
    if table.is_empty():
        return [Note(text=words("training.no_end"))]
    first = training_readings.medians(table.filter(pl.col("epoch") == 1), "share")
    last = words.by_arm(training_readings.medians(last_epoch(table), "share"), percent)
    chart = training.learnt(table, arms=context.tables.arms, labels=context.labels)
    caption = context.caption("training.learnt_caption", images=count(table["images"][0]))
    spoken = words("training.learnt_spoken", values=last)
    figure = context.figure("learnt", chart, caption=caption, spoken=spoken)
    text = words("training.learnt_text", first=words.by_arm(first, percent), last=last)
    blocks = with_question(context, "training.learnt_question", [text, *extremes(context)], [figure])
    return [*blocks, *examples(context)]


def last_epoch(table: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of each network's last epoch."""
    return table.filter(pl.col("epoch") == pl.col("epoch").max().over("arm"))


def extremes(context: Context) -> list[Inline]:
    """Names the hardest and the easiest class of each network after its last epoch."""
    table = training_readings.class_accuracy(context.tables.readings, context.tables.record.data.classes)
    ordered = last_epoch(table).sort("accuracy", maintain_order=True).group_by("arm", maintain_order=True)
    said = []
    for key, row in (("hardest", ordered.first()), ("easiest", ordered.last())):
        found = row.select("arm", "class", "accuracy").rows_by_key("arm", unique=True)
        values = by_class(context, {arm: found[arm] for arm in context.tables.arms if arm in found})
        said.append(context.words(f"training.{key}", values=values))
    return said


def by_class(context: Context, found: Mapping[str, tuple[str, float]]) -> Inline:
    """Groups networks by class: cat (cnn 45.0%, resnet 60.2%), bird (densenet 58.1%)."""
    words = context.words
    shared: dict[str, dict[str, float]] = {}
    for arm, (name, value) in found.items():
        shared.setdefault(name, {})[arm] = value
    told = {context.class_name(name): words.by_arm(values, percent) for name, values in shared.items()}
    return words.listed([words("training.of_class", name=name, values=told[name]) for name in told])


def examples(context: Context) -> list[Block]:
    """Shows images of the sample that all runs learn first, and some that none learns."""
    words, tables = context.words, context.tables
    if not tables.sample:
        return [Note(text=words("training.no_sample", command=context.command("skipscope probe RUN")))]
    table = pictures.order(tables.readings, tables.sample, tables.record.data.classes)
    # how many there are is counted once, from the final answers: see `predictions.shared_errors`
    parts = {"first": table.filter(pl.col("learnt") == 1), "never": table.filter(pl.col("learnt") == 0)}
    return [gallery(context, name, part) for name, part in parts.items() if len(part)]


def gallery(context: Context, name: str, images: pl.DataFrame) -> Gallery:
    """Shows some images with their classes and the epoch in which they were learnt, if they were."""
    words, table = context.words, images.head(EXAMPLES)
    tiles = []
    for image, label, epoch in table.select("image", "label", "epoch").iter_rows():
        caption = context.class_name(label)
        if epoch is not None:
            caption = words("training.tile", name=caption, epoch=f"{epoch:.1f}".removesuffix(".0"))
        tiles.append(image_tile(context, image, caption))
    names = words.listed([context.class_name(label) for label in table["label"].unique(maintain_order=True)])
    caption = words(f"training.{name}_caption")
    spoken = words(f"training.{name}_spoken", number=len(tiles), names=names)
    return context.gallery(f"learnt-{name}", tiles, table, caption=caption, spoken=spoken)
