"""At which training loss arms are compared, so that having learnt more is no difference between them.

Runs keep their weights where the smoothed training loss first falls below the levels of a ladder
(`spec.snapshots`). Arms are compared at the lowest level that all of them have reached: the engine measures
them there, and claims judge by what it read. Everything here is a pure function of the records.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from skipscope.records.schema import RunRecord, Snapshot
from skipscope.spec import Snapshots
from skipscope.spec.comparison import Comparison

Runs = Mapping[str, Mapping[int, RunRecord]]
"""Runs by arm and seed, in whatever state."""


def common_level(runs: Runs, arms: Iterable[str], ladder: Collection[float]) -> float | None:
    """Returns the lowest level that each of the arms has reached in every seed; None if there is none.

    Seeds count in which all of these arms finished and kept their weights (see `lacks`).
    """
    together = _together(runs, arms, ladder)
    for level in sorted(ladder):
        if together and all(snapshot_at(run, level) for seed in together for run in seed):
            return level
    return None


def were_comparable(runs: Runs, arms: Iterable[str], ladder: Collection[float]) -> bool:
    """Tells whether the arms have finished runs of one seed that kept all weights that were asked for."""
    return bool(_together(runs, arms, ladder))


def levels(
    comparisons: Iterable[Comparison], runs: Runs, ladder: Collection[float]
) -> dict[Comparison, float | None]:
    """Returns the level common to all arms of each comparison, as far as these were trained."""
    return {each: common_level(runs, _trained(each, runs), ladder) for each in comparisons}


def moments(
    comparisons: Iterable[Comparison], runs: Runs, ladder: Collection[float]
) -> dict[str, tuple[int, ...]]:
    """Returns by the run's id the steps at which pairs of arms need it: one for each level, ascending."""
    found: dict[str, set[int]] = {}
    # arms that are there for their learning rate are compared at their ends
    compared = (each for each in comparisons if each.control and not each.at_other_rates)
    pairs = (pair for each in compared for pair in each.pairs)
    for comparison, level in levels(pairs, runs, ladder).items():
        here = () if level is None else chain(*_together(runs, _trained(comparison, runs), ladder))
        for run in here:
            if level is not None and (kept := snapshot_at(run, level)):
                found.setdefault(run.id, set()).add(kept.step)
    return {run: tuple(sorted(steps)) for run, steps in found.items()}


def snapshot_at(run: RunRecord, level: float) -> Snapshot | None:
    """Returns what a finished run kept where its loss first fell below this level."""
    kept = run.snapshots if run.state == "done" else ()
    return next((each for each in kept if level in each.losses), None)


def lacks(run: RunRecord, asked: Snapshots) -> bool:
    """Tells whether a finished run was trained without weights that are asked for, and that it had."""
    lowest = None if run.result is None else run.result.lowest_loss
    if any(snapshot_at(run, level) is None for level in asked.losses if lowest is None or lowest < level):
        return True
    ends = sum(each.epoch_end for each in run.snapshots)
    return asked.epochs and ends < run.spec.recipe.epochs - 1


def _trained(comparison: Comparison, runs: Runs) -> tuple[str, ...]:
    """Lists the arms of those pairs of the comparison in which both were trained."""
    done = [arm for arm, seeds in runs.items() if any(run.state == "done" for run in seeds.values())]
    only = comparison.only(done)
    return () if only is None else only.arms


def _together(runs: Runs, arms: Iterable[str], ladder: Collection[float]) -> list[tuple[RunRecord, ...]]:
    """Lists, seed by seed, the runs of all these arms that can be compared."""
    asked = Snapshots(losses=tuple(sorted(ladder, reverse=True)))
    done = ({s: run for s, run in runs.get(arm, {}).items() if run.state == "done"} for arm in arms)
    sound = [{s: run for s, run in by_seed.items() if not lacks(run, asked)} for by_seed in done]
    shared = set[int].intersection(*map(set, sound)) if sound else set()
    return [tuple(by_seed[seed] for by_seed in sound) for seed in sorted(shared)]
