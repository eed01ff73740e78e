"""Shows what trained networks predict: class by class, their surest errors, and their common errors."""

import polars as pl

from skipscope.analysis import pictures as seen
from skipscope.analysis.training_readings import class_accuracy
from skipscope.figures import network
from skipscope.report.appendix.readings import EXAMPLES, image_tile, in_pairs, paragraph
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure
from skipscope.report.words import Inline, code, count, percent

SURE = 0.9
"""A confidence above this is called sure."""


def predictions_of(context: Context, arm: str) -> list[Block]:
    """Shows a network's confusions, its accuracy by class, and its surest errors."""
    predicted = all_predictions(context).filter(pl.col("arm") == arm)
    shown = classes_figure(context, arm)
    if predicted.is_empty():
        return list(shown)
    words = context.words
    table = seen.confusion(predicted, arm, context.tables.record.data.classes)
    wrong = table.filter(pl.col("label") != pl.col("answer"))
    worst = wrong.sort("share", maintain_order=True).row(-1, named=True)
    text = words(
        "pictures.answers_text",
        images=count(predicted["image"].n_unique()),
        share=percent(predicted.select(pl.col("right").mean()).item()),
        label=context.class_name(worst["label"]),
        answer=context.class_name(worst["answer"]),
        worst=percent(worst["share"]),
    )
    caption = "pictures.confusion_caption"
    chart = network.confusion(table, names=context.chart_names, labels=context.labels)
    shown.append(context.figure_of(arm, "confusion", chart, caption=caption, spoken=text))
    return [paragraph(context, text), *in_pairs(shown), *errors_of(context, arm, predicted)]


def classes_figure(context: Context, arm: str) -> list[Figure]:
    """Draws the accuracy of each class after each epoch, if it was measured."""
    words, tables = context.words, context.tables
    table = class_accuracy(tables.readings, tables.record.data.classes).filter(pl.col("arm") == arm)
    if table.is_empty():
        return []
    last = table.filter(pl.col("epoch") == pl.col("epoch").max()).sort("accuracy", maintain_order=True)
    worst, best = (
        words("overlay.item", arm=context.class_name(row["class"]), value=percent(row["accuracy"]))
        for row in (last.row(0, named=True), last.row(-1, named=True))
    )
    chart = network.classes(table, arm=arm, names=context.chart_names, labels=context.labels)
    spoken = words("pictures.classes_spoken", arm=code(arm), best=best, worst=worst)
    return [context.figure_of(arm, "classes", chart, caption="pictures.classes_caption", spoken=spoken)]


def errors_of(context: Context, arm: str, predicted: pl.DataFrame) -> list[Block]:
    """Shows the images that the network got wrong with the highest confidence."""
    words, table = context.words, seen.confident_errors(predicted, arm, EXAMPLES)
    if table.is_empty():
        return []
    wrong = predicted.filter(~pl.col("right"), pl.col("seed") == table["seed"][0])
    sure = wrong.filter(pl.col("confidence") > SURE)
    errors = [
        {
            "label": context.class_name(label),
            "answer": context.class_name(answer),
            "confidence": percent(confidence),
        }
        for label, answer, confidence in table.select("label", "answer", "confidence").iter_rows()
    ]
    counts = {"errors": count(len(wrong)), "sure": count(len(sure)), "limit": percent(SURE)}
    text = words("pictures.errors_text", **counts, **errors[0])
    tiles = [
        image_tile(context, image, words("pictures.error_tile", **error))
        for image, error in zip(table["image"], errors, strict=True)
    ]
    shown = table.select("image", "position", "label", "answer", "confidence")
    name = f"errors-{context.file_of(arm)}"
    caption = words("pictures.errors_caption", arm=code(arm), seed=table["seed"][0])
    gallery = context.gallery(name, tiles, shown, caption=caption, spoken=text)
    return [paragraph(context, text), gallery]


def shared_errors(context: Context) -> list[Block]:
    """Says how far the networks agree, and shows images that none of them gets right."""
    predicted, words = all_predictions(context), context.words
    if predicted["arm"].n_unique() < 2:
        return []
    together = seen.agreement(predicted)
    told = {"images": count(len(together))}
    for key, right in (("all", pl.col("of")), ("one", 1), ("none", 0)):
        number = len(together.filter(pl.col("right") == right))
        told |= {key: count(number), f"{key}_share": percent(number / max(1, len(together)))}
    text = words("pictures.shared_text", **told)
    table = seen.common_errors(predicted, EXAMPLES)
    if table.is_empty():
        return [paragraph(context, text)]
    tiles = [
        image_tile(context, image, shared_caption(context, rows))
        for (image,), rows in table.group_by("image", maintain_order=True)
    ]
    shown = table.select("image", "position", "label", "arm", "answer", "confidence")
    caption = words("pictures.shared_caption")
    gallery = context.gallery("shared-errors", tiles, shown, caption=caption, spoken=text)
    return [paragraph(context, text), gallery]


def shared_caption(context: Context, rows: pl.DataFrame) -> Inline:
    """Names an image's class, and what the networks took it for."""
    words, answers = context.words, []
    for answer, arms in rows.group_by("answer", maintain_order=True).agg("arm").iter_rows():
        who = words("pictures.all") if len(arms) == len(rows) else words.listed(list(map(code, arms)))
        answers.append(words("pictures.shared_answer", answer=context.class_name(answer), arms=who))
    label = context.class_name(rows["label"][0])
    return words("pictures.shared_tile", label=label, answers=words.listed(answers))


def all_predictions(context: Context) -> pl.DataFrame:
    """Returns the predictions of every network."""
    tables = context.tables
    return seen.answers(tables.readings, tables.sample, tables.record.data.classes)
