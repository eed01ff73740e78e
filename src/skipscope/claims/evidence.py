"""Gives what a study's records say, arm by arm and seed by seed: what claims are judged by.

Only finished runs count. `Series` is a quantity of every arm, by seed: a number, which is None
where it could not be measured, or what a contrast makes numbers of (a curve, an order).
"""

import re
from collections.abc import Callable, Mapping
from copy import copy
from functools import cached_property
from statistics import fmean
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis import measured
from skipscope.analysis.members import with_members
from skipscope.analysis.moments import after, at_start
from skipscope.analysis.quantities import FinishedRuns, Series
from skipscope.analysis.tables import StudyTables
from skipscope.claims import structure
from skipscope.claims.confounds import Facts, Runs, facts_of
from skipscope.records.network_card import NetworkCard
from skipscope.records.schema import Result, RunRecord
from skipscope.spec import StudySpec, UserNetwork, network_name
from skipscope.spec.comparison import Comparison

_GATED = re.compile(r"se_(?!.*_(static|half))")
"""Names of networks with gates; the controls of a gate's contrast have none."""


class Evidence:
    """A study's records, as claims ask for them."""

    def __init__(
        self, tables: StudyTables, quantities: Mapping[str, Callable[[FinishedRuns], Series]]
    ) -> None:
        """`quantities` compute the series by name."""
        self.tables, self.quantities = tables, quantities
        self.study, self.command = tables.record.study, tables.record.command
        self.data, self.test_images = tables.record.data.name, tables.record.data.test
        self._found: dict[str, Series] = {}
        self._begun: dict[str, Series] = {}
        self._after: dict[tuple[object, ...], Series] = {}
        self._facts: dict[str, Facts] = {}

    def series(self, quantity: str) -> Series:
        """A quantity by its name, for every arm on which it was measured."""
        if quantity not in self._found:
            self._found[quantity] = self.quantities[quantity](self)
        return self._found[quantity]

    def series_at_start(self, quantity: str) -> Series:
        """The quantity of the same networks before their first step."""
        if quantity not in self._begun:
            self._begun[quantity] = self.quantities[quantity](at_start(self))
        return self._begun[quantity]

    def series_after(self, quantity: str, steps: Mapping[tuple[str, int], int]) -> Series:
        """The quantity after these training steps, by arm and seed."""
        key = (quantity, *sorted(steps.items()))
        if key not in self._after:
            self._after[key] = self.quantities[quantity](after(self, steps))
        return self._after[key]

    def replaced(self, quantity: str, series: Series) -> Self:
        """The same evidence with another series of this name, such as one on another scale."""
        found = copy(self)
        vars(found)["_found"] = {**self._found, quantity: series}
        return found

    @cached_property
    def seconds_per_seed(self) -> float | None:
        """What one more seed of all arms takes on the machine of these runs, by their own times.

        None if an arm has no finished run.
        """
        total = 0.0
        for arm in self.trained_arms:
            seconds = [_seconds(run, run.result) for run in self.done.get(arm, {}).values() if run.result]
            if not seconds:
                return None
            total += fmean(seconds)
        return total

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The study's comparisons, declared or derived."""
        return self.study.comparisons

    @cached_property
    def runs(self) -> Runs:
        """Runs that finished or failed, by arm and seed."""
        found: dict[str, dict[int, RunRecord]] = {}
        for entry in self.tables.entries:
            if entry.record is not None and entry.record.state in ("done", "failed"):
                found.setdefault(entry.arm, {})[entry.seed] = entry.record
        return found

    @cached_property
    def done(self) -> Runs:
        """Runs that have a result."""
        return {
            arm: {seed: run for seed, run in runs.items() if run.result is not None}
            for arm, runs in self.runs.items()
        }

    def facts(self, run: RunRecord) -> Facts:
        """Every property in which a run could differ from another, read off its record once."""
        if run.id not in self._facts:
            self._facts[run.id] = facts_of(run)
        return self._facts[run.id]

    @cached_property
    def cards(self) -> Mapping[str, NetworkCard]:
        """The networks, trained or not, by arm; of an older study those of its runs."""
        planned = dict(zip(self.models, self.tables.record.networks, strict=False))
        return planned | {each.arm: each.record.network for each in self.tables.entries if each.record}

    @cached_property
    def trained_arms(self) -> tuple[str, ...]:
        """Arms that are trained, or will be."""
        return tuple(arm.label for arm in self.study.arm)

    @cached_property
    def asked_for(self) -> Mapping[str, str]:
        """What the study asks for as the network of each arm, and of those that are never trained."""
        arms = {arm.label: arm.model for arm in self.study.arm}
        return arms | {
            name: model for model in self.study.initial if (name := network_name(model)) not in arms
        }

    @cached_property
    def models(self) -> Mapping[str, str]:
        """The names of the networks of ours, by arm; those of users' networks say nothing, and are empty."""
        return {arm: "" if UserNetwork.parse(model) else model for arm, model in self.asked_for.items()}

    def is_residual(self, arm: str) -> bool:
        """Whether its network has shortcuts that add."""
        return self._has(structure.shortcut, arm, lambda name: "resnet" in name)

    def is_dense(self, arm: str) -> bool:
        """Whether it appends maps to those they were computed from; if no record says, by measurement."""
        declared = self._has(structure.concatenation, arm, lambda name: name.startswith("densenet"))
        return declared or (arm in self.series("reuse by weight") and not self._is_followed(arm))

    def is_gated(self, arm: str) -> bool:
        """Whether it has gates; if no record says, by measurement."""
        declared = self._has(structure.gates, arm, lambda name: bool(_GATED.match(name)))
        return declared or (arm in self.series("class share") and not self._is_followed(arm))

    def is_plain(self, arm: str) -> bool:
        """Whether it has neither additions nor concatenations, as far as that is known."""
        if self.is_residual(arm) or self.is_dense(arm):
            return False
        if self.models.get(arm, "").startswith("chain"):  # a dense network's control, of another width
            return False
        card = self.cards.get(arm)
        return bool(self.models.get(arm)) if card is None else not structure.may_join(card)

    def _is_followed(self, arm: str) -> bool:
        """Whether its record says what it is made of."""
        card = self.cards.get(arm)
        return card is not None and card.anatomy is not None

    def is_normalised(self, arm: str) -> bool:
        """Whether it has a BatchNorm or the like."""
        return self._has(structure.normalisation, arm, lambda name: "nobn" not in name)

    def _has(self, of: Callable[[NetworkCard], str], arm: str, named: Callable[[str], bool]) -> bool:
        """Whether its structure is not `none`; a network of ours without a record is judged by its name."""
        card = self.cards.get(arm)
        return named(self.models.get(arm, "")) if card is None else of(card) != "none"

    def learning_rates(self, arms: tuple[str, ...]) -> list[float]:
        """The learning rates of these arms' recipes."""
        by_label = {arm.label: arm for arm in self.study.arm}
        return [self.study.recipe_of(by_label[arm]).learning_rate for arm in arms]

    def depths(self, arms: tuple[str, ...]) -> list[float]:
        """The depths of these arms' networks, in layers."""
        return [float(structure.depth(self.cards[arm])) for arm in arms]

    @cached_property
    def readings(self) -> pl.DataFrame:
        """Readings of finished runs: arm, seed and `READINGS` from probe on; null values are not finite."""
        return self.tables.by_member.filter("done").drop("counted", "done")

    @cached_property
    def start(self) -> pl.DataFrame:
        """Readings before the first step, whether or not training finished: the same columns."""
        of_runs = self.tables.by_member.filter(pl.col("step") == 0).drop("counted", "done")
        start = self.tables.start.drop("run")
        further = start.join(of_runs, on=["arm", "seed"], how="anti", maintain_order="left")
        return pl.concat([of_runs, further.select(of_runs.columns)])

    def frozen(self, probe: str) -> pl.DataFrame:
        """A probe's readings of the trained networks."""
        return measured.of_trained(self.readings, probe)

    @cached_property
    def metrics(self) -> pl.DataFrame:
        """Metrics of finished runs: arm, seed and the columns of `metrics.jsonl`."""
        return with_members(self.tables.metrics, self.tables.entries).filter("done").drop("counted", "done")

    def right(self, arm: str) -> dict[int, NDArray[np.bool_]]:
        """Which test images each of its runs classifies correctly, where that was recorded."""
        runs = self.done.get(arm, {})
        return {seed: self.tables.right[run.id] for seed, run in runs.items() if run.id in self.tables.right}


def _seconds(run: RunRecord, result: Result) -> float:
    """What a run's training takes of its machine, which has as many side by side as cores for their threads.

    What measures a run is not in its record.
    """
    side_by_side = max(1, int(run.environment.machine.get("cores", 1)) // max(1, run.environment.threads))
    return result.seconds / side_by_side


class Planned(Evidence):
    """A study of which only the file is known."""

    def __init__(self, study: StudySpec) -> None:
        """The study may be shipped or not."""
        self.study, self.command, self.data, self.test_images = study, "", "", 0
        self.cards: Mapping[str, NetworkCard] = {}
        self.runs: Runs = {}

    def series(self, quantity: str) -> Series:  # noqa: ARG002 - nothing was measured
        """Empty: nothing was measured."""
        return {}
