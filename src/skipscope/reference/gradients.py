"""The gradient at every convolution along training, and the loss, of plain and residual networks of depths.

It is what the diagram of gradients shows. Values are hundredths of the decimal logarithm, which is as much as
a colour can tell; the ratios that are written beside it keep four digits, losses three decimals.
"""

import re
from collections.abc import Sequence
from math import inf, isfinite, log10

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.tables import StudyTables
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import anatomy_of
from skipscope.records.printed_calls import calls_of
from skipscope.reference.losses import LossCurve, loss_curves
from skipscope.spec.values import Frozen

KINDS = ("plain", "resnet")
STEPS = 20
"""Steps that are kept, at most."""
DRAWN = (20, 56)
"""Depths of the networks whose loss is kept."""
_NAME = re.compile(r"(plain|resnet)(\d+)")


class GradientCurve(Frozen):
    """The gradients of one network, geometric means over its runs, as claims and the hand-in tell them."""

    steps: tuple[int, ...]
    """Training steps, from 1; 0 is before the first."""
    hundredths: tuple[tuple[int | None, ...], ...]
    """A row a step: 100 log10 of the gradient's norm by convolution; null where that is 0 or not finite."""
    ratios: tuple[float | None, ...]
    """The norm at the first convolution over that at the last, by step."""

    @property
    def least(self) -> float:
        """The smallest norm at any convolution and step, over that at the last convolution."""
        rows = ([each for each in row if each is not None] for row in self.hundredths)
        return float(10 ** (min(min(row) - row[-1] for row in rows if row) / 100))


class Gradients(Frozen):
    """The gradients of a study's plain and residual networks."""

    study: str
    seeds: int
    """Runs of each network."""
    initial_seeds: int
    """Networks that were measured before their first step."""
    curves: dict[str, GradientCurve]
    """By the network's name: plain56, resnet56."""
    cards: dict[int, NetworkCard]
    """The residual networks by depth, without their print."""
    losses: dict[str, LossCurve]
    """Loss curves by network, for the depths in `DRAWN`."""

    @property
    def depths(self) -> tuple[int, ...]:
        """The depths of which there is both a plain and a residual network."""
        return tuple(sorted(self.cards))


def gradients_of(tables: StudyTables) -> Gradients | None:
    """Makes the table from a study's records; None if no depth has a plain and a residual network."""
    cards = _cards(tables)
    names = [f"{kind}{depth}" for depth in cards for kind in KINDS]
    rows = tables.readings.filter("counted", pl.col("arm").is_in(names), pl.col("probe") == "gradient_flow")
    if not cards or rows.is_empty():
        return None
    steps = _chosen(rows)
    return Gradients(
        study=tables.record.study.name,
        seeds=rows.filter(pl.col("step") > 0)["seed"].n_unique(),
        initial_seeds=rows.filter(pl.col("step") == 0)["seed"].n_unique(),
        curves={name: curve_of(rows.filter(arm=name), cards[_depth(name)], steps) for name in names},
        cards={depth: _trimmed(card) for depth, card in cards.items()},
        losses=loss_curves(tables, [name for name in names if _depth(name) in DRAWN]),
    )


def _cards(tables: StudyTables) -> dict[int, NetworkCard]:
    """Finds the residual networks that have a plain one beside them, by depth."""
    networks = {
        each.arm: each.network for each in tables.summaries if each.network and _NAME.fullmatch(each.arm)
    }
    depths = sorted({_depth(name) for name in networks})
    whole = [depth for depth in depths if all(f"{kind}{depth}" in networks for kind in KINDS)]
    return {depth: networks[f"resnet{depth}"] for depth in whole}


def _depth(name: str) -> int:
    return int(_NAME.sub(r"\2", name))


def _trimmed(card: NetworkCard) -> NetworkCard:
    """Keeps what a drawing needs."""
    anatomy = anatomy_of(card).model_copy(update={"calls": calls_of(card)})
    return card.model_copy(update={"structure": "", "anatomy": anatomy})


def _chosen(rows: pl.DataFrame) -> list[int]:
    """Chooses steps that all networks were measured at, the start among them, dense at first."""
    by_arm = rows.group_by("arm").agg(pl.col("step").unique())["step"].to_list()
    steps = sorted(set.intersection(*map(set, by_arm)))
    if len(steps) <= STEPS:
        return steps
    last = len(steps) - 1
    ratio = last ** (1 / (STEPS - 2))
    wanted = {0, *(round(ratio**power) for power in range(STEPS - 1))}
    return [steps[index] for index in sorted(wanted)]


def curve_of(rows: pl.DataFrame, card: NetworkCard, steps: Sequence[int]) -> GradientCurve:
    """Makes the curve of one network at these steps from its readings of the probe `gradient_flow`."""
    modules = [call.module for call in calls_of(card) if call.kind == "conv"]
    norms = measured.series(rows, "gradient norm").filter(pl.col("module").is_in(modules))
    typical = norms.group_by("step", "module").agg(pl.col("value").log10().mean())
    found = {(step, module): 10**value for step, module, value in typical.iter_rows()}
    ratios = measured.series(rows, "gradient ratio").group_by("step").agg(pl.col("value").log10().mean())
    first_over_last = {step: 10**mean for step, mean in ratios.iter_rows()}
    return GradientCurve(
        steps=tuple(steps),
        hundredths=tuple(tuple(_hundredths(found[step, module]) for module in modules) for step in steps),
        ratios=tuple(_kept(first_over_last[step]) for step in steps),
    )


def _hundredths(norm: float) -> int | None:
    return round(100 * log10(norm)) if 0 < norm < inf else None


def _kept(ratio: float) -> float | None:
    return float(f"{ratio:.4g}") if isfinite(ratio) else None
