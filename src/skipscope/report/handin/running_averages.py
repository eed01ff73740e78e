"""Says how far validation lags behind the weights, because BatchNorm then uses running averages."""

from dataclasses import dataclass

import polars as pl

from skipscope.analysis.tables import StudyTables
from skipscope.probes.schedule import CHECKED
from skipscope.records.printed import anatomy_of
from skipscope.report.handin.course import Course
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import code, count, literal, percent, rounded

BEHIND = 0.05
"""By how much running averages lower an accuracy if it is worth a word."""


@dataclass(frozen=True, kw_only=True)
class Lag:
    """The check at which running averages cost most."""

    arm: str
    step: int
    running: float
    """Accuracy with running averages."""
    batch: float
    """Accuracy with the mean and variance of the batch."""
    left: float
    """The largest difference of an arm at the last check."""


@dataclass(frozen=True, kw_only=True)
class Bump:
    """A check at which the validation loss rises, but would not by the statistics of the batch."""

    step: int
    running: float
    batch: float


def understated(prose: Prose) -> list[Statement]:
    """Says how far running averages lag behind, whether to the end, and whether a loss rises by that."""
    tables = prose.context.tables
    found = furthest(tables)
    if found is None:
        return []
    source = own(prose)
    told = {"arm": code(found.arm), "step": found.step, "left": literal(f"{100 * found.left:.1f}")}
    told["checked"] = count(min(CHECKED, tables.record.data.validation))
    told |= {"running": percent(found.running), "batch": percent(found.batch)}
    shrunk = 2 * found.left < found.batch - found.running
    said = [prose.say(f"course.averages.{'early' if shrunk else 'always'}", source, **told)]
    if bump := risen(tables, found.arm):
        losses = {"running": literal(f"{bump.running:.2f}"), "batch": literal(f"{bump.batch:.2f}")}
        said.append(prose.say("course.averages.bump", source, arm=code(found.arm), step=bump.step, **losses))
    return said


def furthest(tables: StudyTables) -> Lag | None:
    """Finds the check at which running averages cost most; None where they never cost much."""
    rows = tables.checks.filter("counted").drop_nulls(["val_accuracy", "batch_accuracy"])
    means = rows.group_by("arm", "step", maintain_order=True).agg(
        running=pl.col("val_accuracy").mean(), batch=pl.col("batch_accuracy").mean()
    )
    lost = means.with_columns(lost=pl.col("batch") - pl.col("running"))
    if lost.filter(pl.col("lost") > BEHIND).is_empty():
        return None
    most = lost.sort("lost", descending=True, maintain_order=True).row(0, named=True)
    last = lost.filter(pl.col("step") == pl.col("step").max().over("arm"))["lost"].abs()
    told = {name: most[name] for name in ("arm", "step", "running", "batch")}
    return Lag(**told, left=float(max(last)))


def risen(tables: StudyTables, arm: str) -> Bump | None:
    """Finds the largest rise of the arm's validation loss that is none by the statistics of the batch."""
    names = ("val_loss", "batch_loss")
    checks = tables.checks.filter(pl.col("arm") == arm, "counted")
    ends = tables.epochs.filter(pl.col("arm") == arm, "counted")
    rows = pl.concat([checks, ends], how="diagonal_relaxed").group_by("epoch")
    means = rows.agg(pl.col("step").first(), pl.col(names).mean()).sort("epoch")
    before = pl.col("batch_loss").forward_fill().shift(1)
    rises = means.with_columns(rise=pl.col("val_loss").diff(), falls=pl.col("batch_loss") < before)
    found = rises.filter(pl.col("rise") > 0, "falls").sort("rise", descending=True)
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    return Bump(step=row["step"], running=row["val_loss"], batch=row["batch_loss"])


def lag(prose: Prose, found: Course) -> Statement:
    """Says that a first validation loss stands out, and what may be the cause where there is BatchNorm."""
    card = next(each.network for each in prose.context.tables.summaries if each.arm == found.arm)
    key = "lag_normalised" if card and "BatchNorm2d" in anatomy_of(card).normalisation else "lag"
    losses = {"trained": rounded(found.train_loss[0]), "validated": rounded(found.val_loss[0])}
    return prose.say(f"course.{key}", own(prose), arm=code(found.arm), **losses)


def own(prose: Prose) -> Source:
    """What this workspace's runs recorded."""
    return Source(basis="own", key="epochs", study=prose.evidence.study)
