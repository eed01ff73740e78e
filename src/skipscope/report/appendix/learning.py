"""Shows what is learnt when: shares of validation images by epoch, hard and easy classes, examples."""

from collections.abc import Mapping

import polars as pl

from skipscope.analysis import pictures
from skipscope.analysis import training_readings as measured
from skipscope.figures import training
from skipscope.report.appendix.overlay import arm_values
from skipscope.report.appendix.readings import EXAMPLES, image_tile, paragraph, question
from skipscope.report.context import Context
from skipscope.report.document import Block, Gallery, Note
from skipscope.report.words import Inline, count, percent


def learning(context: Context) -> list[Block]:
    """The share that stays correct, and examples of what is learnt first and never."""
    words, readings = context.words, context.tables.readings
    table = measured.learnt(readings).drop_nulls("share")
    if table.is_empty():
        return [Note(text=words("training_readings.no_end"))]
    last = table.filter(pl.col("epoch") == pl.col("epoch").max().over("arm"))
    first = table.filter(pl.col("epoch") == 1)
    values = {arm: percent(share) for arm, share in measured.medians(last, "share").items()}
    figure = context.figure(
        "learnt",
        training.learnt(table, arms=context.tables.arms, labels=context.labels),
        caption=words(
            "training_readings.learnt_caption",
            images=count(table["images"][0]),
            mean=context.if_several("training_readings.seeds"),
        ),
        spoken=words("training_readings.learnt_spoken", values=arm_values(context, values)),
    )
    return [
        paragraph(
            context,
            words(
                "training_readings.learnt_text",
                first=arm_values(
                    context, {arm: percent(share) for arm, share in measured.medians(first, "share").items()}
                ),
                last=arm_values(context, values),
            ),
            *extremes(context),
        ),
        question(context, "training_readings.learnt_question"),
        figure,
        *examples(context),
    ]


def extremes(context: Context) -> list[Inline]:
    """Names the hardest and the easiest class of each network after its last epoch."""
    table = measured.class_accuracy(context.tables.readings, context.tables.record.data.classes)
    last = table.filter(pl.col("epoch") == pl.col("epoch").max().over("arm"))
    ordered = last.sort("accuracy", maintain_order=True).group_by("arm", maintain_order=True)
    said = []
    for key, row in (("hardest", ordered.first()), ("easiest", ordered.last())):
        found = {
            arm: (name, value) for arm, name, value in row.select("arm", "class", "accuracy").iter_rows()
        }
        arms = [arm for arm in context.tables.arms if arm in found]
        said.append(
            context.words(f"training_readings.{key}", values=by_class(context, {a: found[a] for a in arms}))
        )
    return said


def by_class(context: Context, found: Mapping[str, tuple[str, float]]) -> Inline:
    """Groups networks by class: cat (cnn 45.0 %, resnet 60.2 %), bird (densenet 58.1 %)."""
    words = context.words
    shared: dict[str, dict[str, str]] = {}
    for arm, (name, value) in found.items():
        shared.setdefault(name, {})[arm] = percent(value)
    return words.listed(
        [
            words(
                "training_readings.of_class",
                name=context.class_name(name),
                values=arm_values(context, values),
            )
            for name, values in shared.items()
        ]
    )


def examples(context: Context) -> list[Block]:
    """Shows images of the sample that all runs learn first, and some that none learns."""
    words, tables = context.words, context.tables
    if not tables.sample:
        return [
            Note(text=words("training_readings.no_sample", command=context.command("skipscope probe RUN")))
        ]
    table = pictures.order(tables.readings, tables.sample, tables.record.data.classes)
    always, never = table.filter(pl.col("learnt") == 1), table.filter(pl.col("learnt") == 0)
    counted = words(
        "training_readings.examples",
        images=count(len(table)),
        always=count(len(always)),
        always_share=percent(len(always) / max(1, len(table))),
        never=count(len(never)),
        never_share=percent(len(never) / max(1, len(table))),
    )
    shown = [
        gallery(context, name, part.head(EXAMPLES))
        for name, part in (("first", always), ("never", never))
        if len(part)
    ]
    return [paragraph(context, counted), *shown]


def gallery(context: Context, name: str, table: pl.DataFrame) -> Gallery:
    """Shows images with their classes and the epoch in which they were learnt, if they were."""
    words = context.words
    tiles = [
        image_tile(
            context,
            image,
            context.class_name(label)
            if epoch is None
            else words(
                "training_readings.tile",
                name=context.class_name(label),
                epoch=f"{epoch:.1f}".removesuffix(".0"),
            ),
        )
        for image, label, epoch in table.select("image", "label", "epoch").iter_rows()
    ]
    names = words.listed([context.class_name(label) for label in table["label"].unique(maintain_order=True)])
    return context.gallery(
        f"learnt-{name}",
        tiles,
        table,
        caption=words(f"training_readings.{name}_caption"),
        spoken=words(f"training_readings.{name}_spoken", number=len(tiles), names=names),
    )
