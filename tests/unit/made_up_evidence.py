"""A study's tables from a few rows: true networks, invented numbers."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from skipscope.analysis.members import Entry
from skipscope.analysis.quantities import QUANTITIES
from skipscope.analysis.tables import StudyTables
from skipscope.anatomy.describe import describe
from skipscope.claims.evidence import Evidence
from skipscope.records.frames import METRICS
from skipscope.records.network_card import NetworkCard
from skipscope.records.readings import READINGS, SCHEMA_1, migrate
from skipscope.records.schema import DataCard, Environment, Failure, Member, Result, RunRecord, StudyRecord
from skipscope.spec import DataRef, Recipe, RunSpec, StudySpec

RECIPE = Recipe(precision="fp32", memory_format="contiguous", kernels="stock", threads=1)
Row = tuple[str, int, str, int, str, str, float | None]
"""Arm, seed, probe, step, place, quantity, value."""


@cache
def card(model: str) -> NetworkCard:
    return describe(model)


def result(**numbers: Any) -> Result:
    usual = {
        "val_loss": 1.0,
        "val_accuracy": 0.6,
        "test_loss": 1.0,
        "test_accuracy": 0.6,
        "seconds": 10.0,
        "train_seconds": 9.0,
        "images_per_second": 100.0,
        "train_accuracy": 0.7,
    }
    return Result.model_validate(usual | numbers)


def run(model: str, seed: int, recipe: Recipe = RECIPE, **numbers: Any) -> RunRecord:
    spec = RunSpec(model=model, seed=seed, recipe=recipe, data=DataRef(name="shapes", sha256="ab" * 32))
    return RunRecord(
        id=spec.id,
        spec=spec,
        state="done",
        started="",
        environment=Environment(versions={"torch": "2"}, machine={"processor": "P"}, threads=1, git=None),
        network=card(model),
        result=result(**numbers),
    )


def tables(
    *models: str,
    seeds: int = 1,
    rows: Iterable[Row] = (),
    measured: Iterable[tuple[str, int, pl.DataFrame]] = (),
    start: Iterable[Row] = (),
    metrics: Iterable[Mapping[str, Any]] = (),
    numbers: Mapping[tuple[str, int], Mapping[str, Any]] | None = None,
    right: Mapping[tuple[str, int], Any] | None = None,
    missing: Iterable[tuple[str, int]] = (),
    failed: Mapping[tuple[str, int], str] | None = None,
    planned: bool = True,
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
    **study: Any,
) -> StudyTables:
    """The study of these networks, with what was measured; `numbers` are of results, `recipes` of arms.

    `measured` are readings as probes give them.

    Runs that `failed` say how: `diverged` or `error`.
    """
    missing, recipes = set(missing), recipes or {}
    spec = StudySpec.model_validate(
        {
            "name": "made",
            "data": "shapes",
            "seeds": seeds,
            "recipe": RECIPE,
            "arm": [{"model": m, "recipe": recipes.get(m, {})} for m in models],
        }
        | study
    )
    entries = []
    for seed in range(seeds):
        for arm in spec.arm:
            record = run(arm.model, seed, spec.recipe_of(arm), **(numbers or {}).get((arm.label, seed), {}))
            if kind := (failed or {}).get((arm.label, seed)):
                failure = Failure.model_validate({"kind": kind, "message": "the loss is nan"})
                ended = {"state": "failed", "result": None, "failure": failure}
                record = record.model_copy(update=ended)
            known = None if (arm.label, seed) in missing else record
            entries.append(Entry(arm=arm.label, seed=seed, run=record.id, record=known))
    ids = {(entry.arm, entry.seed): entry.run for entry in entries}
    return StudyTables(
        record=StudyRecord(
            study=spec,
            data=DataCard(
                name="shapes",
                sha256="ab" * 32,
                classes=("a", "b"),
                train=90,
                validation=10,
                test=40,
                source="drawn",
            ),
            members=tuple(Member(arm=e.arm, seed=e.seed, run=e.run) for e in entries),
            planned="",
            command="skipscope run made",
            networks=tuple(card(model) for model in (*models, *spec.initial)) if planned else (),
        ),
        entries=tuple(entries),
        metrics=pl.DataFrame(
            [{"run": ids[each["arm"], each["seed"]], **_without(each)} for each in metrics], schema=METRICS
        ),
        raw_readings=pl.concat(
            [
                readings([(ids[arm, seed], *rest) for arm, seed, *rest in rows]),
                *(
                    table.with_columns(run=pl.lit(ids[arm, seed])).select(list(READINGS))
                    for arm, seed, table in measured
                ),
            ]
        ),
        start=readings(
            [(arm, seed, arm, *rest) for arm, seed, *rest in start], {"arm": pl.String, "seed": pl.Int64}
        ),
        right={ids[key]: np.asarray(value, dtype=bool) for key, value in (right or {}).items()},
    )


def readings(rows: list[tuple[Any, ...]], also: Mapping[str, Any] = MappingProxyType({})) -> pl.DataFrame:
    """Rows with the columns of schema 1, which is short to write, in schema 2."""
    texts = {name: READINGS.get(name, pl.String) for name in SCHEMA_1}
    return migrate(pl.DataFrame(rows, schema={**also, **texts}, orient="row"))


def evidence(*models: str, **more: Any) -> Evidence:
    return Evidence(tables(*models, **more), QUANTITIES)


def _without(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("arm", "seed")}


def of(name: str, *models: str, **more: Any) -> dict[str, dict[int, object]]:
    """A quantity of a made-up study, by arm and seed."""
    return {arm: dict(seeds) for arm, seeds in evidence(*models, **more).series(name).items()}


def read(
    arm: str, seed: int, probe: str, quantity: str, values: Mapping[str | None, float], step: int = 9
) -> tuple[str, int, pl.DataFrame]:
    """What a probe read of a run: a value by module, or of the whole network."""
    rows = [
        {"run": "", "probe": probe, "step": step, "module": module, "quantity": quantity, "value": value}
        for module, value in values.items()
    ]
    return arm, seed, pl.DataFrame(rows, schema=READINGS)
