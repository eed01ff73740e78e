"""What a study's records say, arm by arm and seed by seed: what claims are judged by.

Only runs that came to their end count. `Series` is a quantity of every arm, by seed: a number, which is None
where it could not be measured, or what a contrast makes numbers of (a curve, an order).
"""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis import measured
from skipscope.analysis.members import with_members
from skipscope.analysis.quantities import Series
from skipscope.analysis.tables import StudyTables
from skipscope.claims import structure
from skipscope.claims.confounds import Facts, Runs, facts_of
from skipscope.records.schema import NetworkCard, RunRecord, StudyRecord
from skipscope.spec import StudySpec, network_name
from skipscope.spec.comparison import Comparison


class Evidence:
    """A study's records, as claims ask for them."""

    def __init__(self, tables: StudyTables, quantities: Mapping[str, Callable[["Evidence"], Series]]) -> None:
        """`quantities` are what can be asked of it, by name."""
        self.tables, self.quantities = tables, quantities
        self._found: dict[str, Series] = {}
        self._facts: dict[str, Facts] = {}
        self._known: dict[Facts, Facts] = {}

    def series(self, quantity: str) -> Series:
        """A quantity by its name, of every arm that it was measured of."""
        if quantity not in self._found:
            self._found[quantity] = self.quantities[quantity](self)
        return self._found[quantity]

    @property
    def record(self) -> StudyRecord:
        """The study as it was planned."""
        return self.tables.record

    @property
    def data(self) -> str:
        """The data set's name."""
        return self.record.data.name

    @property
    def test_images(self) -> int:
        """How many images accuracies are of."""
        return self.record.data.test

    @property
    def command(self) -> str:
        """What makes the study again."""
        return self.record.command

    @property
    def study(self) -> StudySpec:
        """The study as it was asked for."""
        return self.record.study

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The study's."""
        return self.study.comparisons

    @cached_property
    def runs(self) -> Runs:
        """Those that came to an end, well or not, by arm and seed."""
        found: dict[str, dict[int, RunRecord]] = {}
        for entry in self.tables.entries:
            if entry.record is not None and entry.record.state in ("done", "failed"):
                found.setdefault(entry.arm, {})[entry.seed] = entry.record
        return found

    @cached_property
    def done(self) -> Runs:
        """Those that have a result."""
        return {
            arm: {seed: run for seed, run in runs.items() if run.result is not None}
            for arm, runs in self.runs.items()
        }

    def facts(self, run: RunRecord) -> Facts:
        """What one of them could differ from another in: of runs that do not, one object."""
        if run.id not in self._facts:
            found = facts_of(run)
            self._facts[run.id] = self._known.setdefault(found, found)
        return self._facts[run.id]

    @cached_property
    def cards(self) -> Mapping[str, NetworkCard]:
        """The networks, trained or not, by arm; of an older study those of its runs."""
        planned = dict(zip(self.models, self.record.networks, strict=False))
        trained = {
            entry.arm: entry.record.network for entry in self.tables.entries if entry.record is not None
        }
        return planned | trained

    @cached_property
    def trained_arms(self) -> tuple[str, ...]:
        """Arms that are trained, or are to be."""
        return tuple(arm.label for arm in self.study.arm)

    @cached_property
    def models(self) -> Mapping[str, str]:
        """The networks' names, by arm."""
        arms = {arm.label: network_name(arm.model) for arm in self.study.arm}
        initial = (network_name(model) for model in self.study.initial)
        return arms | {name: name for name in initial if name not in arms}

    def is_residual(self, arm: str) -> bool:
        """Whether its network has shortcuts that add."""
        return self._has(structure.shortcut, arm, lambda name: "resnet" in name)

    def is_dense(self, arm: str) -> bool:
        """Whether its layers read the concatenation of earlier ones, by its structure or as was measured."""
        declared = self._has(structure.concatenation, arm, lambda name: name.startswith("densenet"))
        return declared or arm in self.series("reuse by weight")

    def is_gated(self, arm: str) -> bool:
        """Whether it has gates, by its structure or as was measured."""
        declared = self._has(structure.gate, arm, lambda name: name.startswith("se_"))
        return declared or arm in self.series("class share")

    def is_plain(self, arm: str) -> bool:
        """Whether it has neither additions nor concatenations."""
        return not self.is_residual(arm) and not self.is_dense(arm)

    def is_normalised(self, arm: str) -> bool:
        """Whether it has a BatchNorm or the like."""
        return self._has(structure.normalisation, arm, lambda name: "nobn" not in name)

    def _has(self, of: Callable[[NetworkCard], str], arm: str, named: Callable[[str], bool]) -> bool:
        """As its record says; of a network that has none yet, as its name does."""
        card = self.cards.get(arm)
        return named(self.models.get(arm, arm)) if card is None else of(card) != "none"

    def depths(self, arms: tuple[str, ...]) -> list[float]:
        """Their layers."""
        return [float(structure.depth(self.cards[arm])) for arm in arms]

    @cached_property
    def readings(self) -> pl.DataFrame:
        """Readings of finished runs: arm, seed and `READINGS` from probe on; null values are not finite."""
        return self.tables.by_member.filter("done").drop("counted", "done")

    @cached_property
    def start(self) -> pl.DataFrame:
        """Of networks before their first step, trained to an end later or not: the same columns."""
        of_runs = self.tables.by_member.filter(pl.col("step") == 0).drop("counted", "done")
        further = self.tables.start.drop("run").join(
            of_runs, on=["arm", "seed"], how="anti", maintain_order="left"
        )
        return pl.concat([of_runs, further.select(of_runs.columns)])

    def frozen(self, probe: str) -> pl.DataFrame:
        """A probe's readings of the trained networks."""
        return measured.of_trained(self.readings, probe)

    @cached_property
    def metrics(self) -> pl.DataFrame:
        """Of finished runs: arm, seed and the columns of `metrics.jsonl`."""
        return with_members(self.tables.metrics, self.tables.entries).filter("done").drop("counted", "done")

    def right(self, arm: str) -> dict[int, NDArray[np.bool_]]:
        """Which test images each of its runs classifies rightly, where that was kept."""
        runs = self.done.get(arm, {})
        return {seed: self.tables.right[run.id] for seed, run in runs.items() if run.id in self.tables.right}


class Planned(Evidence):
    """A study that nothing is known of but what its file says."""

    def __init__(self, study: StudySpec) -> None:
        """A study, shipped or not."""
        self._study = study
        self.cards: Mapping[str, NetworkCard] = {}
        self.runs: Runs = {}

    def series(self, quantity: str) -> Series:  # noqa: ARG002 - nothing was measured
        """Of no arm."""
        return {}

    @property
    def study(self) -> StudySpec:
        """The study."""
        return self._study
