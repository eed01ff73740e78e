"""What is still to be measured of a study's runs, as tasks: at their ends, and at equal losses."""

from collections.abc import Collection, Iterable, Iterator
from functools import cache

import torch

from skipscope.analysis.equal_loss import moments
from skipscope.anatomy.calls import Anatomy
from skipscope.anatomy.capture import anatomy
from skipscope.engine.estimate import START_SECONDS
from skipscope.engine.tasks import Measuring, grouped
from skipscope.models.registry import build
from skipscope.probes.base import When
from skipscope.probes.registry import PROBES
from skipscope.records.schema import Member, RunRecord
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import RunSpec, StudySpec
from skipscope.training.instruments import SAMPLE
from skipscope.training.measuring import GENERALISATION, SEEN, unmeasured


def applying(model: str, probes: Collection[str] | None, when: When) -> list[str]:
    """Lists those of the probes (all, if None) that measure this network at such a moment."""
    moment = [name for name, probe in PROBES.items() if when in probe.when]
    chosen = [name for name in moment if probes is None or name in probes]
    return [name for name in chosen if PROBES[name].applies_to(inside(model))]


def missing_probes(folder: RunFolder, model: str, step: int, probes: Collection[str] | None) -> list[str]:
    """Lists the probes (of all, if None) of trained networks that a run has no readings of at its end.

    Studies share runs, and this one may have been measured for a study with fewer probes.
    """
    have = {name for name, probe in PROBES.items() if "frozen" in probe.when}
    asked = unmeasured(folder, step, have if probes is None else have & {*probes})
    return applying(model, asked, "frozen") if asked else []


def at_equal_loss(
    study: StudySpec, members: Iterable[Member], workspace: Workspace
) -> dict[str, list[tuple[int, list[str]]]]:
    """Maps ids of runs to the steps at which they are to be measured since others have the same loss there.

    Each comes with the probes that have left no readings there. Empty where the study keeps no weights.
    """
    if study.snapshots is None:
        return {}
    runs: dict[str, dict[int, RunRecord]] = {}
    for member in members:
        if (record := workspace.run_folder(member.run).read_if_sound()) is not None:
            runs.setdefault(member.arm, {})[member.seed] = record
    records = {run.id: (arm, run) for arm, by_seed in runs.items() for run in by_seed.values()}
    found: dict[str, list[tuple[int, list[str]]]] = {}
    for run, steps in moments(study.comparisons, runs, study.snapshots.losses).items():
        folder, (arm, record) = workspace.run_folder(run), records[run]
        probes = probes_at_equal_loss(study, arm, record.spec.model)
        kept = [step for step in steps if folder.snapshot_file(step).exists()]
        missing = [(step, unmeasured(folder, step, probes)) for step in kept]
        if any(names for _, names in missing):
            found[run] = [(step, names) for step, names in missing if names]
    return found


def probes_at_equal_loss(study: StudySpec, arm: str, model: str) -> list[str]:
    """Lists what measures an arm where others have its loss: the gap always, and the probes asked for."""
    able, asked = (
        applying(model, study.probes_of(arm), "equal_loss"),
        study.snapshots and study.snapshots.probes,
    )
    return [*(name for name in able if asked is None or name in asked), GENERALISATION]


def grouped_seconds(probes: Iterable[str], a_pass: float) -> list[tuple[tuple[str, ...], float]]:
    """Groups probes into tasks, each with its estimated seconds; `a_pass` is an image's forward pass."""
    costs = {name: fixed_seconds(name) + a_pass * passes(name) for name in probes}
    return [(names, START_SECONDS + sum(costs[name] for name in names)) for names in grouped(costs)]


def tasks_of(
    spec: RunSpec, steps: int, step: int, probes: Iterable[str], a_pass: float
) -> Iterator[Measuring]:
    """Yields the tasks that measure a run after a step; `steps` are all, `a_pass` as above."""
    for names, seconds in grouped_seconds(probes, a_pass):
        yield Measuring(spec=spec, steps=steps, step=step, probes=names, seconds=seconds)


def passes(probe: str) -> float:
    """Counts the forward passes of an image that a probe of a network takes about as long as."""
    return float(SEEN + SAMPLE) if probe == GENERALISATION else PROBES[probe].passes(SAMPLE)


def start_passes(model: str) -> float:
    """Counts the forward passes of an image that the probes of an untrained network take about as long as."""
    return sum(passes(name) for name in applying(model, None, "initial"))


def fixed_seconds(probe: str) -> float:
    """Returns the seconds that a probe takes besides, whatever the network is."""
    return 0.0 if probe == GENERALISATION else PROBES[probe].seconds


@cache
def inside(model: str) -> Anatomy:
    """Inspects a network by its name, whatever its weights."""
    return anatomy(build(model, seed=0).eval(), torch.zeros(2, 3, 32, 32))
