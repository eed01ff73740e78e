"""Makes a study's compact table and card: what claims and hand-in need, and what was run, when and where.

A pure function of the records, so that anyone who has them makes the same table.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from skipscope.analysis.alignment_quantities import ALIGNMENT_QUANTITIES
from skipscope.analysis.quantities import QUANTITIES, Series
from skipscope.analysis.step_quantities import TOLD_QUANTITIES
from skipscope.analysis.tables import StudyTables
from skipscope.claims.asked import moments_of
from skipscope.claims.catalogue import Part, catalogue
from skipscope.claims.evaluate import judged
from skipscope.claims.evidence import Evidence
from skipscope.claims.model import rounded
from skipscope.records.schema import RunRecord
from skipscope.reference.card import ArmCard, ReferenceCard

COLUMNS = {
    "study": pl.String,
    "arm": pl.String,
    "seed": pl.Int64,
    "quantity": pl.String,  # a name of `analysis.quantities.QUANTITIES`
    "moment": pl.String,  # start, end, or the training loss at which arms are compared
    "value": pl.String,  # JSON: a number, or what a contrast makes numbers of; null could not be measured
}


def table_of(tables: StudyTables) -> pl.DataFrame:
    """Lists the quantities of runs that claims and statements rest on, with the columns `COLUMNS`."""
    evidence = Evidence(tables, QUANTITIES)
    rows = (
        (tables.record.study.name, arm, seed, quantity, moment, _written(value))
        for quantity, moment, series in _asked(evidence)
        for arm, runs in series.items()
        for seed, value in runs.items()
    )
    frame = pl.DataFrame(list(dict.fromkeys(rows)), COLUMNS, orient="row")
    return frame.sort("study", "quantity", "moment", "arm", "seed")


def card_of(tables: StudyTables, *, claims: bool = True) -> ReferenceCard:
    """Says what was run, from which code, on which machines and data, and what became of the claims."""
    record = tables.record
    runs = [entry.record for entry in tables.entries if entry.record and entry.record.state == "done"]
    arms = [
        ArmCard(
            arm=arm.label,
            model=arm.model,
            parameters=next((r.network.params for r in _runs(tables, arm.label)), None),
            epochs=record.study.recipe_of(arm).epochs,
            learning_rate=record.study.recipe_of(arm).learning_rate,
            clip_norm=record.study.recipe_of(arm).clip_norm,
            seeds=sorted(entry.seed for entry in tables.entries if entry.arm == arm.label and _done(entry)),
        )
        for arm in record.study.arm
    ]
    return ReferenceCard(
        study=record.study.name,
        command=record.command,
        data=record.data.source,
        fidelity=record.data.fidelity,
        sha256=record.data.sha256,
        images=record.study.train_limit or record.data.train,
        initial_seeds=record.study.initial_seeds,
        dates=_span(run.finished or "" for run in runs),
        commits=sorted({run.environment.git or "unknown" for run in runs}),
        machines=sorted({_machine(run) for run in runs}),
        core_seconds=round(sum(run.result.seconds for run in runs if run.result)),
        arms=arms,
        claims=[result.row() for result in judged(Evidence(tables, QUANTITIES))] if claims else [],
    )


def _asked(evidence: Evidence) -> Iterator[tuple[str, str, Series]]:
    """Yields each quantity at each moment at which a part of a claim takes it, or the hand-in tells it."""
    for part in _parts():
        recorded = evidence.series_at_start if part.moment == "start" else evidence.series
        if part.moment != "equal_loss":
            yield part.quantity, "start" if part.at_init else part.moment, recorded(part.quantity)
        else:
            for level, steps in moments_of(part, evidence):
                yield part.quantity, f"loss {level:g}", evidence.series_after(part.quantity, steps)
        if part.minus_start:
            yield part.quantity, "start", evidence.series_at_start(part.quantity)
    for quantity in ALIGNMENT_QUANTITIES:
        yield quantity, "start", evidence.series_at_start(quantity)
        yield quantity, "end", evidence.series(quantity)
    for quantity in TOLD_QUANTITIES:
        yield quantity, "end", evidence.series(quantity)


def _parts() -> Iterator[Part]:
    for claim in catalogue().values():
        yield from (part for part in claim.parts.values() if part.quantity)


def _runs(tables: StudyTables, arm: str) -> Iterator[RunRecord]:
    return (entry.record for entry in tables.entries if entry.arm == arm and entry.record is not None)


def _done(entry: Any) -> bool:
    return entry.record is not None and entry.record.state == "done"


def _machine(run: RunRecord) -> str:
    """Names the processor, the number format and the kernels of a run, and torch."""
    said, recipe = run.environment, run.spec.recipe
    processor = said.machine.get("processor", "unknown")
    return f"{processor}, torch {said.versions['torch']}, {recipe.precision}, {recipe.kernels} kernels"


def _span(dates: Iterable[str]) -> tuple[str, str]:
    """Returns the first and the last day."""
    days = sorted(date[:10] for date in dates if date)
    return (days[0], days[-1]) if days else ("", "")


def _written(value: Any) -> str:
    return json.dumps(rounded(value), separators=(",", ":"))
