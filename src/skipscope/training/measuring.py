"""Probes on the network that a run left: trained, or as it was at a step whose weights were kept."""

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from torch import nn

from skipscope.data.dataset import Dataset
from skipscope.probes.base import Reading, several
from skipscope.probes.measure import Tried, view_of
from skipscope.probes.pictures import pictures
from skipscope.probes.registry import PROBES
from skipscope.records.readings import READINGS
from skipscope.records.store import RunFolder
from skipscope.spec import Recipe
from skipscope.torch_threads import torch_threads
from skipscope.training.backend import computing
from skipscope.training.batches import BatchMaker
from skipscope.training.determinism import deterministic
from skipscope.training.evaluate import evaluate
from skipscope.training.instruments import SAMPLE, sample
from skipscope.training.memory import keep_less

GENERALISATION = "generalisation"
"""Stands with the probes in readings at equal loss: loss and accuracy on `SEEN` training images without
augmentation, and on validation, computed as the run validates. It needs a data set; probes have a view."""
SEEN = 2_000
"""Training images, stratified; as many as CIFAR-10 has for validation."""


@deterministic()
def measure_at(
    folder: RunFolder,
    model: nn.Module,
    data: Dataset,
    batches: BatchMaker,
    *,
    recipe: Recipe,
    step: int,
    probes: Iterable[str],
    go_on: Callable[[str], bool],
    start: Callable[[], nn.Module],
    holding: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(True),  # noqa: FBT003 - a value
) -> bool:
    """Measures a network as it was after `step` of its run, and writes each probe's readings when it ends.

    Whoever stops this loses one probe's work; readings of other probes and steps are kept. Probes compute in
    fp32, with the recipe's operators and threads, so that the readings have the same bits in any process.

    Args:
        folder: of the run.
        model: the network; probes measure a copy.
        data: what the run was trained on.
        batches: makes its batches.
        recipe: how the run computed.
        step: training steps made before.
        probes: names of probes that apply to the network, or `GENERALISATION`.
        go_on: asked before each probe with its name.
        start: builds the network as before its first step.
        holding: holds the folder for this process while readings are written, or says that it does not: by
            default the caller holds it.

    Returns:
        Whether all were measured: False if `go_on` or `holding` said no.

    Raises:
        ProbeError: some probes failed; the readings of the others are written.
    """
    view = view_of(model, *sample(data, batches))
    tried = Tried()
    threads = int(recipe.threads)
    fp32 = recipe.model_copy(update={"precision": "fp32"})
    for name in probes:
        if not go_on(name):
            return False
        keep_less()
        # a worker may have been given more threads meanwhile: they take sums in another order
        with torch_threads(threads):
            if name == GENERALISATION:
                found = generalisation(model, data, batches, recipe)
                rows = [{"probe": name, "step": step, **reading.row()} for reading in found]
            else:
                probe = PROBES[name]
                with computing(fp32, batches.device):
                    seen = replace(view, start=start().state_dict()) if probe.needs_start else view
                    rows = tried.add(probe, seen, step)
        with holding() as held:
            if not held:
                return False
            add_readings(folder, rows, step)
    if tried.failed:
        raise tried.error()
    return True


def generalisation(model: nn.Module, data: Dataset, batches: BatchMaker, recipe: Recipe) -> Iterable[Reading]:
    """Evaluates the network on training images as they are, and on validation, as the recipe computes."""
    seen = evaluate(model, data.train.stratified(SEEN), batches, recipe)
    unseen = evaluate(model, data.validation, batches, recipe)
    return several(
        {
            "train_loss": seen.loss,
            "train_accuracy": seen.accuracy,
            "val_loss": unseen.loss,
            "val_accuracy": unseen.accuracy,
        }
    )


def keep_pictures(folder: RunFolder, model: nn.Module, data: Dataset, batches: BatchMaker) -> None:
    """Writes the arrays for pictures of the trained network: its filters, and its maps of one image."""
    (image,), (label,) = data.validation.stratified(SAMPLE).take(np.arange(1))
    shown = pictures(view_of(model, *sample(data, batches)))
    folder.write_pictures(shown | {"image": image, "image_label": label})


def unmeasured(folder: RunFolder, step: int, probes: Collection[str]) -> list[str]:
    """Returns which of these probes have left no readings at this step."""
    have = set(folder.readings().filter(pl.col("step") == step)["probe"])
    return [name for name in probes if name not in have]


def add_readings(folder: RunFolder, rows: list[dict[str, Any]], step: int) -> None:
    """Writes readings instead of what the same probes read at this step before.

    What the file is at last does not depend on the order in which probes end: readings of the training come
    first, then those of networks by step and probe.
    """
    read = pl.DataFrame(rows, schema={key: READINGS[key] for key in READINGS if key != "run"})
    measured = read.with_columns(run=pl.lit(folder.path.name)).select(list(READINGS))
    kept = folder.readings()
    again = kept["probe"].is_in(read["probe"].unique().implode()) & (kept["step"] == step)
    folder.write_readings(_in_order(pl.concat([kept.filter(~again), measured])))


def _in_order(readings: pl.DataFrame) -> pl.DataFrame:
    """Sorts readings of networks after their first step behind all others."""
    looked = [name for name, probe in PROBES.items() if not probe.when & {"step", "epoch"}]
    order = {name: rank for rank, name in enumerate([*looked, GENERALISATION])}
    of_networks = pl.col("probe").is_in([*order]) & (pl.col("step") > 0)
    rank = pl.col("probe").replace_strict(order, return_dtype=pl.Int32)
    last = readings.filter(of_networks).sort("step", rank, maintain_order=True)
    return pl.concat([readings.filter(~of_networks), last])
