"""What networks answered, image by image, and which images to show: pure functions of the readings.

An image is known by its number in the probe sample (`image`) and by its position in the validation split
(`position`). `sample` is `StudyTables.sample`: images (N 32 32 3), labels (N) and positions (N).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis import measured
from skipscope.analysis.memoize import memoize_per_table
from skipscope.analysis.trained_readings import of_trained
from skipscope.analysis.training_readings import named, right_since

Sample = Mapping[str, NDArray[Any]]
MAPS = "maps/"


@memoize_per_table
def answers(readings: pl.DataFrame, sample: Sample, classes: Sequence[str]) -> pl.DataFrame:
    """Tabulates what trained networks predict: arm, seed, image, position, label, answer, confidence, right.

    `label` and `answer` are classes by name; `confidence` is the probability given to the answer.
    """
    rows = of_trained(readings, "answers").drop_nulls("image").cast({"image": pl.Int64})
    table = measured.wide(rows, "answer", "confidence", by=("image",))
    answer, confidence = named(pl.col("answer").cast(pl.Int64), classes), pl.col("confidence").round(4)
    table = table.join(_labels(sample, classes), on="image", maintain_order="left")
    table = table.select(*measured.RUN, "image", "position", "label", answer, confidence)
    return table.with_columns(right=pl.col("label") == pl.col("answer"))


def confusion(answered: pl.DataFrame, arm: str, classes: Sequence[str]) -> pl.DataFrame:
    """Counts how often each class is taken for which, over all seeds: label, answer, images, share.

    Every pair of classes has a row, in the classes' order; the share is that of the label's images.
    """
    pair = {"label": pl.String, "answer": pl.String}
    counts = answered.filter(pl.col("arm") == arm).group_by(*pair).agg(images=pl.len())
    table = pl.DataFrame(list(product(classes, repeat=2)), schema=pair, orient="row")
    table = table.join(counts, on=list(pair), how="left", maintain_order="left")
    images = pl.col("images").fill_null(0)
    share = (images / images.sum().over("label").clip(1)).round(4)
    return table.with_columns(images=images, share=share)


def right_when_said(readings: pl.DataFrame, labels: NDArray[Any]) -> dict[int, tuple[int, int]]:
    """Counts for each class that one trained network answers: on how many images, and how many are right.

    `readings` are those of its run, `labels` the sample's; empty where its answers were not measured.
    """
    rows = readings.filter(probe="answers", quantity="answer").drop_nulls("image")
    last = rows.filter(pl.col("step") == pl.col("step").max(), pl.col("image") < len(labels))
    counts: dict[int, tuple[int, int]] = {}
    for image, value in last.select(pl.col("image").cast(pl.Int64), "value").drop_nans().iter_rows():
        said, right = counts.get(int(value), (0, 0))
        counts[int(value)] = said + 1, right + int(labels[image] == value)
    return counts


def confident_errors(answered: pl.DataFrame, arm: str, number: int) -> pl.DataFrame:
    """Selects what the arm's first run got wrong with the highest confidence: rows of `answers`."""
    wrong = measured.first_runs(answered.filter(pl.col("arm") == arm)).filter(~pl.col("right"))
    return wrong.sort("confidence", descending=True, maintain_order=True).head(number)


def agreement(answered: pl.DataFrame) -> pl.DataFrame:
    """Counts the networks' first runs that got each image right: image, position, label, right, of."""
    images = measured.first_runs(answered).group_by("image", "position", "label", maintain_order=True)
    counts = images.agg(pl.col("right").sum(), of=pl.len())
    return counts.filter(pl.col("of") == answered["arm"].n_unique())


def common_errors(answered: pl.DataFrame, number: int) -> pl.DataFrame:
    """Selects images that every network's first run got wrong, the surest first: their rows of `answers`."""
    none = agreement(answered).filter(pl.col("right") == 0).select("image")
    shared = measured.first_runs(answered).join(none, on="image", how="semi", maintain_order="left")
    images = shared.group_by("image", maintain_order=True).agg(pl.col("confidence").mean())
    surest = images.sort("confidence", descending=True, maintain_order=True).head(number)
    return surest.select("image").join(shared, on="image", maintain_order="left")


def order(readings: pl.DataFrame, sample: Sample, classes: Sequence[str]) -> pl.DataFrame:
    """Tells when all runs had learnt each image of the sample: image, position, label, learnt, epoch.

    `learnt` is the share of the runs in whose end it is right, `epoch` the mean over those of the first from
    which on it was. The first learnt come first, those never learnt last; among equals, classes alternate.
    """
    seen = right_since(readings).join(_labels(sample, classes), on="position", maintain_order="left")
    known = pl.col("epoch") > 0
    table = seen.group_by("image", "position", "label", maintain_order=True).agg(
        learnt=known.mean(), epoch=pl.col("epoch").filter(known).mean()
    )
    key = [-pl.col("learnt"), pl.col("epoch"), pl.col("image")]
    turn = pl.int_range(pl.len()).over("label", "learnt", "epoch")
    table = table.sort(key, nulls_last=True).with_columns(turn=turn)
    return table.sort(*key[:2], "turn", "image", nulls_last=True).drop("turn")


@dataclass(frozen=True, kw_only=True)
class FirstStep:
    """One kernel of a network's first convolution, where it answers an image most strongly, and its map."""

    kernel: int
    """Its number, from 0."""
    weights: NDArray[Any]
    """I K K."""
    answer: NDArray[Any]
    """h w: its map of the image."""
    row: int
    column: int
    """Position of the map's largest value."""
    top: int
    left: int
    """Position of the window in the image that it was computed from; negative beyond the edge."""


def first_step(pictures: Mapping[str, NDArray[Any]]) -> FirstStep | None:
    """Chooses the kernel whose map of the image varies most, or None if the pictures do not tell.

    Stride and padding follow from the sides: a map of side o from an image of side n through a window of side
    k has stride n // o and as much padding as its last window needs.
    """
    name, filters = next((key for key in pictures if key.startswith(MAPS)), None), pictures.get("filters")
    if name is None or filters is None or "image" not in pictures:
        return None
    maps = pictures[name]
    if maps.shape[0] > filters.shape[0]:
        return None
    numbers = np.where(np.isfinite(maps), maps, 0).astype(np.float64)
    kernel = int(numbers.reshape(len(maps), -1).std(axis=1).argmax())
    side, size, image = maps.shape[-1], filters.shape[-1], pictures["image"].shape[0]
    stride = max(1, image // side)
    padding = max(0, ceil(((side - 1) * stride + size - image) / 2))
    row, column = (int(index) for index in np.unravel_index(maps[kernel].argmax(), maps[kernel].shape))
    return FirstStep(
        kernel=kernel,
        weights=filters[kernel],
        answer=maps[kernel],
        row=row,
        column=column,
        top=row * stride - padding,
        left=column * stride - padding,
    )


def _labels(sample: Sample, classes: Sequence[str]) -> pl.DataFrame:
    """Lists the sample's images: image, position, label."""
    labels = sample.get("labels", np.zeros(0, dtype=np.int64))
    positions = sample.get("positions", np.zeros(0))
    table = pl.DataFrame({"image": np.arange(len(labels)), "position": positions, "label": labels})
    return table.cast(pl.Int64).with_columns(named(pl.col("label"), classes))
