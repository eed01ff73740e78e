"""Networks of every kind to take apart: residual, plain, gated, dense; three steps, two snapshots each."""

from pathlib import Path

import zoo

from skipscope.data.dataset import load
from skipscope.records.schema import Member, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import Snapshots, parse_study
from skipscope.training.trainer import train

TABLE = zoo.TABLE | {
    "name": "apart",
    "seeds": 1,
    "recipe": {"epochs": 3, "batch_size": 60},
    "arm": [{"model": name} for name in ("resnet8", "plain8", "se_resnet8", "densenet10_k4")],
}


def train_apart(path: Path) -> None:
    """Trains the runs into a workspace at `path`; it takes a few seconds."""
    workspace, data = Workspace(path), load("shapes", train_limit=zoo.IMAGES)
    study = parse_study(TABLE, where="the test")
    members = []
    for arm in study.arm:
        spec = zoo.run_spec(study, arm, 0, data)
        members.append(Member(arm=arm.label, seed=0, run=spec.id))
        folder, kept = workspace.run_folder(spec.id), Snapshots(losses=(), epochs=True)
        train(spec, data, folder, on_event=lambda _: None, stop=lambda: False, snapshots=kept, watched=False)
    record = StudyRecord(
        study=study,
        data=zoo._card(data),
        members=tuple(members),
        planned="2026-11-24T09:00:00Z",
        command="skipscope run apart.toml",
    )
    workspace.write_study(record)
