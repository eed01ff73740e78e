"""Says in sentences what a plan is, before its first step."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from skipscope.api.wording import counted, duration
from skipscope.engine.autotune import MIN_COSINE
from skipscope.engine.plan import Plan
from skipscope.engine.side_by_side import SideBySide
from skipscope.engine.snapshots import Kept
from skipscope.records.schema import Budget, StudyRecord
from skipscope.reference.shipped import cards, settled
from skipscope.spec import StudySpec

SHOWN = 4
"""Runs that are named in a sentence, at most."""


def summary(plan: Plan) -> Iterator[str]:
    """Yields how the study is computed, what was cut, what comes first, and how long it takes."""
    yield _backend(plan)
    if plan.record.budget:
        yield _cut(plan.record, plan.record.budget)
    if plan.starts:
        networks = len({start.model for start in plan.starts})
        what = f"{counted(networks, 'network')} x {counted(plan.record.study.initial_seeds, 'seed')}"
        yield f"before that, {what} {'is' if networks == 1 else 'are'} measured untrained"
    yield from _snapshots(plan)
    if plan.waiting and not plan.memory.fits:
        yield short_of_memory(plan.memory)
    if plan.waiting:
        time = until(plan.seconds)
        yield f"{plan.jobs} side by side, {time}" if plan.jobs > 1 else time
    else:
        yield "Every run of this study exists already: nothing to train."


def own_run(study: StudySpec) -> Iterator[str]:
    """Says how many claims our own run of a shipped study settled, and on how many images."""
    card = cards().get(study.name)
    if card is None or not any(arm.seeds for arm in card.arms):
        return
    found, asked = settled(card)
    seeds = max(len(arm.seeds) for arm in card.arms)
    names = f": {', '.join(found)}" if found else ""
    yield (
        f"our own run of {card.study} ({card.dates[1]}, {counted(seeds, 'seed')}, {card.images:,} images)"
        f" settled {len(found)} of {asked} claims{names}"
    )


def short_of_memory(memory: SideBySide) -> str:
    """Says why fewer runs go side by side than there are cores, or warns of as many as were asked for."""
    needed, free = (f"{size / 2**30:.1f} GiB" for size in (memory.needed, memory.free or 0))
    told = f"{counted(memory.wanted, 'run')} side by side would need about {needed} of memory"
    if memory.jobs == memory.wanted:
        return f"{told}; only {free} is free, so the system may end some of them: fewer --jobs are safe"
    return f"{memory.jobs} at a time, not {memory.wanted}: {told}, and {free} is free"


def until(seconds: float) -> str:
    """Formats how long training takes, and when it ends in local time."""
    end = datetime.now() + timedelta(seconds=seconds)  # noqa: DTZ005
    day = "" if seconds < 86_400 else f"{end:%Y-%m-%d} "
    return f"about {duration(seconds)} in all, until {day}{end:%H:%M}"


def _backend(plan: Plan) -> str:
    """Describes how the study is computed, and why so."""
    if plan.choice is None:
        return f"computed in {plan.backend}, as this study was begun"
    faster = f"{plan.choice.speedup:.1f} times as fast as torch's own operators in fp32"
    failures = plan.choice.failed.items()
    failed = "".join(f"\nnot {name}, which failed here: {error}" for name, error in failures)
    agree = f"lowest gradient cosine with fp32: {plan.choice.agreement:.2f} (accepted above {MIN_COSINE})"
    unfit = f"\nin contiguous memory, all of it, since {plan.choice.unfit}" if plan.choice.unfit else ""
    return f"computed in {plan.backend}: {faster}, measured here; {agree}{failed}{unfit}"


def _snapshots(plan: Plan) -> Iterator[str]:
    """Says what weights are kept while runs train, and which finished runs lack them."""
    kept = Kept.together(run.kept for run in plan.runs)
    if kept.files:
        size = f"{kept.bytes / 1e6:,.0f} MB" if kept.bytes < 1e9 else f"{kept.bytes / 1e9:,.1f} GB"
        yield f"weights are kept at up to {counted(kept.files, 'moment')} of training: at most {size} of disk"
    if lacking := [run.spec.id for run in plan.runs if run.lacks_snapshots]:
        have, their = ("has", "its folder") if len(lacking) == 1 else ("have", "their folders")
        yield (
            f"{counted(len(lacking), 'finished run')} {have} no snapshots that this study asks for:"
            f" comparisons at equal loss leave a run out that has none. To train again, delete {their}: "
            f"{', '.join(lacking[:SHOWN])}{', ...' if len(lacking) > SHOWN else ''}"
        )


def _cut(record: StudyRecord, before: Budget) -> str:
    """Describes how the study was cut to its budget."""
    study = record.study
    return (
        f"to fit into {before.asked}: {study.seeds} of {counted(before.seeds, 'seed')}, "
        f"{study.recipe.epochs} of {counted(before.epochs, 'epoch')}, "
        f"{record.data.train:,} of {counted(before.images, 'training image')}"
    )
