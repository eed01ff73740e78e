"""A study on a few of the embedded images, some of its runs finished."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from skipscope.data.dataset import load
from skipscope.records.schema import DataCard, Member, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import Backend, DataRef, RunSpec, parse_study
from skipscope.training.trainer import train

TABLE = {
    "name": "small",
    "data": "shapes",
    "train_limit": 60,
    "seeds": 2,
    "recipe": {"epochs": 1, "batch_size": 20},
    "arm": [{"model": "cnn"}, {"model": "resnet8", "name": "skips"}, {"model": "plain8"}],
}
DONE = {("cnn", 1), ("skips", 0), ("skips", 1)}
STOPPED = {("cnn", 0)}
"""Nothing of the others is there."""


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained with the in-step probes; no probe has looked at the trained networks."""
    place = Workspace(tmp_path_factory.mktemp("trained") / "my 实验")
    study, data = parse_study(TABLE, where="a test"), load("shapes", train_limit=60)
    way = Backend(precision="fp32", memory_format="channels_last", kernels="fast", threads=1)
    members = []
    for seed in range(study.seeds):
        for arm in study.arm:
            spec = RunSpec(
                model=arm.model,
                seed=seed,
                recipe=study.recipe_of(arm).resolved(way),
                data=DataRef(name="shapes", sha256=data.sha256, train_limit=60),
            )
            members.append(Member(arm=arm.label, seed=seed, run=spec.id))
            if (this := (arm.label, seed)) in DONE | STOPPED:
                stop = partial(bool, this in STOPPED)
                train(spec, data, place.run_folder(spec.id), on_event=lambda _: None, stop=stop, probes=())
    card = DataCard(
        name="shapes",
        sha256=data.sha256,
        classes=data.classes,
        train=60,
        validation=len(data.validation),
        test=data.test_size,
        source=data.source,
        mean=data.mean,
        std=data.std,
    )
    place.write_study(
        StudyRecord(
            study=study,
            data=card,
            members=tuple(members),
            planned="2026-11-24T09:00:00Z",
            command="skipscope run small.toml",
        )
    )
    return place.path


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Workspace:
    """A copy that a test may change."""
    return Workspace(shutil.copytree(trained_once, tmp_path / "my 实验"))
