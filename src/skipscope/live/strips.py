"""Makes a strip of one run's readings: a quantity of each layer at each measured step. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from skipscope.live.buckets import rounded

MOST = 240
"""Columns of a strip: of more steps every second, third ... is shown, and always the last."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a strip shows."""

    probe: str
    quantity: str
    log: bool
    """Whether decimal logarithms are sent: a gradient's norm spans several powers of ten."""


KINDS = {
    "gradient": Kind(probe="gradient_flow", quantity="output_l2", log=True),
    "update": Kind(probe="update_ratio", quantity="ratio", log=True),
    "dead": Kind(probe="activations", quantity="dead", log=False),
}


def strip(readings: pl.DataFrame, kind: Kind) -> dict[str, Any]:
    """Returns modules in their order, steps, and a row of values a module; null: not measured."""
    rows = readings.filter(
        pl.col("probe") == kind.probe, pl.col("quantity") == kind.quantity, pl.col("module").is_not_null()
    )
    modules = rows["module"].unique(maintain_order=True).to_list()
    steps = thinned(rows["step"].unique().sort().to_list())
    columns = {step: number for number, step in enumerate(steps)}
    lines = {module: number for number, module in enumerate(modules)}
    values = np.full((len(modules), len(steps)), np.nan)
    for module, step, value in rows.select("module", "step", "value").iter_rows():
        if step in columns and value is not None:
            values[lines[module], columns[step]] = value
    if kind.log:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(values)  # of nothing there is none: not finite, so null
    return {"modules": modules, "steps": steps, "values": [rounded(line) for line in values], "log": kind.log}


def thinned(steps: list[int], most: int = MOST) -> list[int]:
    """Leaves at most so many steps, evenly spread, the last among them."""
    every = -(-len(steps) // most) or 1
    return steps[::-1][::every][::-1]


def rectified(readings: pl.DataFrame, main: Sequence[str]) -> dict[str, str]:
    """Returns which layer on the main path each ReLU follows, through a sum or not, where it follows one.

    What follows what is seen in the order of the readings, which is that of the calls.
    """
    rows = readings.filter(
        pl.col("probe") == "activations",
        pl.col("quantity").is_in(["mean", "branch_ratio", "dead"]),
        pl.col("module").is_not_null(),
    )
    on_main, found, last, before = set(main), dict[str, str](), None, None
    for module, quantity in rows.select("module", "quantity").unique(maintain_order=True).iter_rows():
        if quantity == "dead":
            if before is not None:  # what computes a gate comes before the ReLU after the sum
                found[before] = module
            before = None  # another one follows something else
        elif quantity == "branch_ratio":  # a sum continues its branch
            before = last
        else:
            last = module if module in on_main else last
            before = last if module in on_main else None
    return {relu: layer for layer, relu in found.items()}
