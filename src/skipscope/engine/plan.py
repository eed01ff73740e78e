"""What to run, in which order, at what cost. No processes here."""

import heapq
import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.models.registry import build
from skipscope.records.schema import DataCard, Member, State, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import DataName, DataRef, Recipe, RunSpec, StudySpec, parse_study
from skipscope.training.evaluate import Inputs
from skipscope.training.loop import forward, optimizer_for, steps_per_epoch, update
from skipscope.training.precision import device, place, resolve
from skipscope.training.run import now

TIMED_BATCH, TIMED_STEPS = 32, 2


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of a plan and what is known of it before it starts."""

    arm: str
    spec: RunSpec
    state: State | None
    """What the workspace has of it: None if nothing."""
    steps: int
    """Updates in all."""
    seconds: float
    """Estimated for what is left of it, on `Plan.threads` threads."""

    @property
    def waits(self) -> bool:
        """Whether it is still to be trained, wholly or in part."""
        return self.state not in ("done", "failed")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study's runs on this machine, longest first, and how many go side by side."""

    record: StudyRecord
    runs: tuple[PlannedRun, ...]
    jobs: int
    threads: int

    @property
    def waiting(self) -> tuple[PlannedRun, ...]:
        """What is left to train, longest first."""
        return tuple(sorted((run for run in self.runs if run.waits), key=lambda run: -run.seconds))

    @property
    def seconds(self) -> float:
        """Estimated until the last run ends."""
        return makespan([run.seconds for run in self.waiting], self.jobs)


def makespan(seconds: list[float], jobs: int) -> float:
    """When the last of these ends if each, in this order, takes the first of `jobs` places that is free."""
    ends = [0.0] * jobs
    for cost in seconds:
        heapq.heapreplace(ends, ends[0] + cost)
    return max(ends)


def adapt(
    study: StudySpec,
    *,
    data: DataName | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    train_limit: int | None = None,
) -> StudySpec:
    """The study with what the command line says in place of what its file says.

    Raises:
        SpecError: a value is impossible.
    """
    table = study.model_dump(exclude_unset=True, mode="json")
    said = {"data": data, "seeds": seeds, "train_limit": train_limit}
    table |= {key: value for key, value in said.items() if value is not None}
    if epochs is not None:
        table["recipe"] = table.get("recipe", {}) | {"epochs": epochs}
        for arm in table["arm"]:
            arm.get("recipe", {}).pop("epochs", None)
    return parse_study(table, where="the command line")


def plan(
    study: StudySpec,
    workspace: Workspace,
    *,
    command: str,
    data_dir: Path | None = None,
    jobs: int | None = None,
) -> Plan:
    """The study's runs, resolved for this machine, with their cost from a few timed steps.

    By default as many runs go side by side as there are cores (one thread each beats threads in one run),
    or as there are runs; the cores are shared out among them.

    Raises:
        UnknownName: an arm's network is not registered.
        DataError: the data set is not there or damaged.
    """
    data = load_data(study.data, data_dir=data_dir, train_limit=study.train_limit)
    specs = list(_specs(study, data))
    cores = _cores()
    states = {spec.id: _state(workspace, spec) for _, spec in specs}
    waiting = sum(state not in ("done", "failed") for state in states.values())
    jobs = jobs or max(1, min(cores, waiting))
    threads = max(1, cores // jobs)
    costs: dict[tuple[str, Recipe], float] = {}
    runs = []
    for arm, spec in specs:
        state, seconds = states[spec.id], 0.0
        steps = spec.recipe.epochs * steps_per_epoch(spec.recipe, len(data.train))
        if state not in ("done", "failed"):
            key = (spec.model, spec.recipe)
            if key not in costs:
                costs[key] = _seconds_per_image(spec, data, threads)
            left = 1 - workspace.run_folder(spec.id).last_step() / steps
            seconds = costs[key] * _images(spec, data) * left
        runs.append(PlannedRun(arm=arm, spec=spec, state=state, steps=steps, seconds=seconds))
    members = tuple(Member(arm=run.arm, seed=run.spec.seed, run=run.spec.id) for run in runs)
    record = StudyRecord(study=study, data=_card(data), members=members, planned=now(), command=command)
    return Plan(record=record, runs=tuple(runs), jobs=jobs, threads=threads)


def _specs(study: StudySpec, data: Dataset) -> Iterator[tuple[str, RunSpec]]:
    """Arm label and run, seed by seed, so that a study cut short has whole comparisons."""
    ref = DataRef(name=study.data, sha256=data.sha256, train_limit=study.train_limit)
    for seed in range(study.seeds):
        for arm in study.arm:
            yield (
                arm.label,
                RunSpec(model=arm.model, seed=seed, recipe=resolve(study.recipe_of(arm)), data=ref),
            )


def _state(workspace: Workspace, spec: RunSpec) -> State | None:
    """What the workspace has of the run; one that ended in an error is tried again."""
    record = workspace.run_folder(spec.id).read()
    if record is None:
        return None
    if record.failure is not None and record.failure.kind == "error":
        return "unfinished"
    return record.state


def _images(spec: RunSpec, data: Dataset) -> float:
    """Images of a run, those of forward passes alone as a third."""
    epochs = spec.recipe.epochs
    return len(data.train) * epochs + (len(data.validation) * epochs + data.test_size) / 3


def _seconds_per_image(spec: RunSpec, data: Dataset, threads: int) -> float:
    """Of a training step on `threads` threads, from a few small ones."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        recipe, on = spec.recipe, device()
        model = place(build(spec.model), recipe, on)
        optimizer = optimizer_for(model, recipe)
        images, labels = (
            torch.from_numpy(part) for part in data.train.take(np.arange(min(TIMED_BATCH, len(data.train))))
        )
        inputs = Inputs(data, recipe, on)
        fastest: float = inf
        for _ in range(1 + TIMED_STEPS):
            start = perf_counter()
            loss, _ = forward(model, inputs(images), labels.to(on), recipe)
            update(loss, model, optimizer, recipe, rate=0.0)
            fastest = min(fastest, perf_counter() - start)
        return fastest / len(labels)
    finally:
        torch.set_num_threads(before)


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _card(data: Dataset) -> DataCard:
    return DataCard(
        name=data.name,
        sha256=data.sha256,
        classes=data.classes,
        train=len(data.train),
        validation=len(data.validation),
        test=data.test_size,
        source=data.source,
    )
