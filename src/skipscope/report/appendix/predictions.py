"""Shows what trained networks predict: class by class, their surest errors, and their common errors."""

import polars as pl

from skipscope.analysis import pictures as seen
from skipscope.analysis.training_readings import class_accuracy
from skipscope.figures import network
from skipscope.report.appendix.readings import EXAMPLES, image_tile, paragraph
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Pair
from skipscope.report.words import Inline, code, count, percent

SURE = 0.9
"""A confidence above this is called sure."""


def predictions_of(context: Context, arm: str) -> list[Block]:
    """A network's confusions, its accuracy by class, and its surest errors."""
    answered = all_predictions(context).filter(pl.col("arm") == arm)
    learnt = classes_figure(context, arm)
    if answered.is_empty():
        return list(learnt)
    words = context.words
    table = seen.confusion(answered, arm, context.tables.record.data.classes)
    worst = (
        table.filter(pl.col("label") != pl.col("answer"))
        .sort("share", maintain_order=True)
        .row(-1, named=True)
    )
    share = answered["right"].mean()
    text = words(
        "pictures.answers_text",
        images=count(answered["image"].n_unique()),
        share=percent(share) if isinstance(share, float) else "—",
        label=context.class_name(worst["label"]),
        answer=context.class_name(worst["answer"]),
        worst=percent(worst["share"]),
    )
    confused = context.figure(
        f"confusion-{context.file_of(arm)}",
        network.confusion(table, names=names(context), labels=context.labels),
        caption=words("pictures.confusion_caption", arm=code(arm)),
        spoken=text,
    )
    side_by_side: list[Block] = [Pair(figures=(learnt[0], confused))] if learnt else [confused]
    return [paragraph(context, text), *side_by_side, *errors_of(context, arm, answered)]


def classes_figure(context: Context, arm: str) -> list[Figure]:
    """Draws the accuracy of each class after each epoch, if it was measured."""
    words, tables = context.words, context.tables
    table = class_accuracy(tables.readings, tables.record.data.classes).filter(pl.col("arm") == arm)
    if table.is_empty():
        return []
    last = table.filter(pl.col("epoch") == pl.col("epoch").max()).sort("accuracy", maintain_order=True)
    ends = [
        words(
            "overlay.item", arm=context.class_name(last["class"][end]), value=percent(last["accuracy"][end])
        )
        for end in (-1, 0)
    ]
    return [
        context.figure(
            f"classes-{context.file_of(arm)}",
            network.classes(table, arm=arm, names=names(context), labels=context.labels),
            caption=words("pictures.classes_caption", arm=code(arm)),
            spoken=words("pictures.classes_spoken", arm=code(arm), best=ends[0], worst=ends[1]),
        )
    ]


def errors_of(context: Context, arm: str, answered: pl.DataFrame) -> list[Block]:
    """Shows the images that the network got wrong with the highest confidence."""
    words = context.words
    table = seen.confident_errors(answered, arm, EXAMPLES)
    if table.is_empty():
        return []
    wrong = answered.filter(~pl.col("right"), pl.col("seed") == table["seed"][0])
    sure = wrong.filter(pl.col("confidence") > SURE)
    text = words(
        "pictures.errors_text",
        errors=count(len(wrong)),
        sure=count(len(sure)),
        limit=percent(SURE),
        label=context.class_name(table["label"][0]),
        answer=context.class_name(table["answer"][0]),
        confidence=percent(table["confidence"][0]),
    )
    tiles = [
        image_tile(
            context,
            row["image"],
            words(
                "pictures.error_tile",
                label=context.class_name(row["label"]),
                answer=context.class_name(row["answer"]),
                confidence=percent(row["confidence"]),
            ),
        )
        for row in table.iter_rows(named=True)
    ]
    gallery = context.gallery(
        f"errors-{context.file_of(arm)}",
        tiles,
        table.select("image", "position", "label", "answer", "confidence"),
        caption=words("pictures.errors_caption", arm=code(arm), seed=table["seed"][0]),
        spoken=text,
    )
    return [paragraph(context, text), gallery]


def shared_errors(context: Context) -> list[Block]:
    """Says how far the networks agree, and shows images that none of them gets right."""
    answered, words = all_predictions(context), context.words
    if answered["arm"].n_unique() < 2:
        return []
    together = seen.agreement(answered)
    counts = {
        "all": len(together.filter(pl.col("right") == pl.col("of"))),
        "one": len(together.filter(pl.col("right") == 1)),
        "none": len(together.filter(pl.col("right") == 0)),
    }
    images = max(1, len(together))
    told = {key: count(number) for key, number in counts.items()}
    shares = {f"{key}_share": percent(number / images) for key, number in counts.items()}
    text = words("pictures.shared_text", images=count(len(together)), **told, **shares)
    table = seen.common_errors(answered, EXAMPLES)
    if table.is_empty():
        return [paragraph(context, text)]
    tiles = [
        image_tile(context, image, shared_caption(context, rows))
        for (image,), rows in table.group_by("image", maintain_order=True)
    ]
    gallery = context.gallery(
        "shared-errors",
        tiles,
        table.select("image", "position", "label", "arm", "answer", "confidence"),
        caption=words("pictures.shared_caption"),
        spoken=text,
    )
    return [paragraph(context, text), gallery]


def shared_caption(context: Context, rows: pl.DataFrame) -> Inline:
    """Names an image's class, and what the networks took it for."""
    words = context.words
    by_answer = rows.group_by("answer", maintain_order=True).agg("arm")
    answers = [
        words(
            "pictures.shared_answer",
            answer=context.class_name(answer),
            arms=words("pictures.all")
            if len(arms) == len(rows)
            else words.listed([code(arm) for arm in arms]),
        )
        for answer, arms in by_answer.iter_rows()
    ]
    return words(
        "pictures.shared_tile", label=context.class_name(rows["label"][0]), answers=words.listed(answers)
    )


def all_predictions(context: Context) -> pl.DataFrame:
    """The predictions of every network."""
    tables = context.tables
    return seen.answers(tables.readings, tables.sample, tables.record.data.classes)


def names(context: Context) -> dict[str, str]:
    """The names of the classes in charts."""
    return {name: context.chart_classes.get(name, name) for name in context.tables.record.data.classes}
