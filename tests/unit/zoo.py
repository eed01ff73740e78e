"""A zoo of trained networks: one study of small networks, trained once per test run for all workers.

For tests that need a finished, an unfinished, a failed or a missing run and do not care how it came about:
take the fixture `trained` (a copy that the test may change) or `zoo` (the original, to read only).

| arm   | network         | seed 0                                       | seed 1   |
|-------|-----------------|----------------------------------------------|----------|
| cnn   | cnn             | unfinished: stopped at step 1, `state.pt`    | finished |
| skips | resnet8         | finished                                     | finished |
| plain8| plain8          | not begun                                    | not begun|

The study `small` is three steps (one epoch) on 60 of the embedded images, in fp32 on one thread, and it is
the most recently planned. An earlier study, `wild`, has one run that diverged: `se_resnet8_nobn`, seed 0.
All have the readings that are taken while a run trains, and none those of trained networks.
To plan a study that finds these runs, take `TABLE` with `recipe` resolved by `BACKEND`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from skipscope.data.dataset import Dataset, load
from skipscope.records.schema import DataCard, Member, RunRecord, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import Arm, Backend, DataRef, RunSpec, StudySpec, parse_study
from skipscope.training.trainer import train

IMAGES = 60
TABLE: dict[str, Any] = {
    "name": "small",
    "data": "shapes",
    "train_limit": IMAGES,
    "seeds": 2,
    "recipe": {"epochs": 1, "batch_size": 20},
    "arm": [{"model": "cnn"}, {"model": "resnet8", "name": "skips"}, {"model": "plain8"}],
}
WILD: dict[str, Any] = TABLE | {
    "name": "wild",
    "seeds": 1,
    "arm": [{"model": "se_resnet8_nobn", "recipe": {"learning_rate": 1e20, "epochs": 4}}],
}
BACKEND = Backend(precision="fp32", memory_format="channels_last", kernels="fast", threads=1)
FINISHED = {("cnn", 1), ("skips", 0), ("skips", 1), ("se_resnet8_nobn", 0)}
STOPPED = {("cnn", 0)}


def run_spec(study: StudySpec, arm: Arm, seed: int, data: Dataset) -> RunSpec:
    """The run of this arm and seed as `plan` would resolve it on the zoo's backend."""
    return RunSpec(
        model=arm.model,
        seed=seed,
        recipe=study.recipe_of(arm).resolved(BACKEND),
        data=DataRef(name=data.name, sha256=data.sha256, train_limit=IMAGES),
    )


def train_zoo(path: Path) -> None:
    """Trains the zoo's runs into a workspace at `path`; it takes a second or two."""
    workspace, data = Workspace(path), load("shapes", train_limit=IMAGES)
    for planned, table in (("2026-11-24T08:00:00Z", WILD), ("2026-11-24T09:00:00Z", TABLE)):
        study = parse_study(table, where="the zoo")
        members = []
        for seed in range(study.seeds):
            for arm in study.arm:
                spec = run_spec(study, arm, seed, data)
                members.append(Member(arm=arm.label, seed=seed, run=spec.id))
                if (arm.label, seed) in FINISHED:
                    _train(spec, data, workspace, stop=lambda: False)
                elif (arm.label, seed) in STOPPED:
                    _train(spec, data, workspace, stop=lambda: True)
        workspace.write_study(
            StudyRecord(
                study=study,
                data=_card(data),
                members=tuple(members),
                planned=planned,
                command=f"skipscope run {study.name}.toml",
            )
        )


def _train(spec: RunSpec, data: Dataset, workspace: Workspace, *, stop: Callable[[], bool]) -> RunRecord:
    folder = workspace.run_folder(spec.id)
    return train(spec, data, folder, on_event=lambda _: None, stop=stop)


def _card(data: Dataset) -> DataCard:
    return DataCard(
        name=data.name,
        sha256=data.sha256,
        classes=data.classes,
        train=len(data.train),
        validation=len(data.validation),
        test=data.test_size,
        source=data.source,
        mean=data.mean,
        std=data.std,
    )
