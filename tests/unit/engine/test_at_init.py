"""Untrained networks of many seeds: measured once, kept a network a file, told of with the study."""

from dataclasses import replace
from pathlib import Path

import pytest

from skipscope.analysis.tables import gather
from skipscope.data.dataset import load
from skipscope.engine import at_init as start
from skipscope.engine.at_init import measure_starts
from skipscope.engine.plan import plan
from skipscope.errors import WorkspaceError
from skipscope.probes import gradient_confusion
from skipscope.probes.registry import PROBES
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, start_name

STUDY = StudySpec.model_validate(
    {
        "name": "depths",
        "data": "shapes",
        "train_limit": 60,
        "initial_seeds": 2,
        "recipe": {
            "epochs": 1,
            "precision": "fp32",
            "memory_format": "contiguous",
            "kernels": "stock",
            "threads": 1,
        },
        "arm": [{"model": "cnn"}, {"model": "cnn", "name": "again", "recipe": {"epochs": 2}}],
    }
)


@pytest.fixture
def few_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the slowest probe compare 2 gradients instead of 32: what it reads is tested beside it."""
    monkeypatch.setattr(gradient_confusion, "MINI_BATCHES", 2)


@pytest.mark.usefixtures("workers_in_process", "few_gradients")
def test_networks_are_measured_before_they_are_trained(tmp_path: Path) -> None:
    workspace, told = Workspace(tmp_path), []
    record = plan(STUDY, workspace, command="x").record
    workspace.write_study(record)
    measure_starts(record, workspace, jobs=1, on_event=told.append)
    assert len(told) == 1  # a network that two arms have is measured once
    found = gather(workspace, "depths").readings.filter(probe="gradient_flow", quantity="output_l2")
    assert found["step"].unique().to_list() == [0]
    by_arm = {arm: rows for (arm,), rows in found.group_by("arm")}
    assert set(by_arm) == {"cnn", "again"}
    assert all(set(rows["seed"]) == {0, 1} for rows in by_arm.values())
    assert by_arm["again"].drop("arm").equals(by_arm["cnn"].drop("arm"))
    measure_starts(record, workspace, jobs=1, on_event=told.append)
    assert len(told) == 1  # nothing is measured twice


def test_a_process_reads_what_this_one_does_for_any_number_of_seeds(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In a spawned process first, then one seed more in this one, beside the first in a file of its own."""
    spawned, here = Workspace(tmp_path / "spawned"), Workspace(tmp_path / "here")
    study = STUDY.model_copy(update={"initial_seeds": 1, "arm": STUDY.arm[:1]})
    record = plan(study, spawned, command="x").record
    name = start_name("cnn", record.data.sha256)
    measure_starts(record, spawned, jobs=1)
    before = spawned.start_readings(name)
    assert set(before["seed"]) == {0}
    request.getfixturevalue("workers_in_process")
    two = record.model_copy(update={"study": study.model_copy(update={"initial_seeds": 2})})
    measure_starts(two, spawned, jobs=1)
    measure_starts(two, here, jobs=1)
    assert set(spawned.start_readings(name)["seed"]) == {0, 1}
    assert spawned.start_readings(name).filter(seed=0).equals(before)
    assert spawned.start_readings(name).equals(here.start_readings(name))


@pytest.mark.usefixtures("workers_in_process", "few_gradients")
def test_networks_that_are_not_trained_are_measured_and_described(tmp_path: Path) -> None:
    study = STUDY.model_copy(update={"initial": ("plain8_nobn",), "initial_seeds": 1, "arm": STUDY.arm[:1]})
    workspace = Workspace(tmp_path)
    record = plan(study, workspace, command="x").record
    assert {member.arm for member in record.members} == {"cnn"}  # it is not trained
    assert [card.name for card in record.networks] == ["cnn", "plain8_nobn"]
    assert ["Conv2d" in card.structure for card in record.networks] == [True, True]
    measure_starts(record, workspace, jobs=1)
    tables = gather(workspace, "depths")  # before any run
    assert tables.record == record
    assert set(tables.start["arm"]) == {"cnn", "plain8_nobn"}
    assert set(tables.readings["arm"]) == {"cnn"}  # figures are of arms


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.start_file("x").parent.mkdir(parents=True)
    workspace.start_file("x").write_bytes(b"PAR1 half a file")
    with pytest.raises(WorkspaceError, match="run the study again"):
        workspace.start_readings("x")


def test_what_one_probe_fails_on_the_others_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_view: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(start, "_data", [load("shapes", train_limit=20)])
    monkeypatch.setitem(PROBES, "shattering", replace(PROBES["shattering"], measure=broken))
    rows, failed, _ = start._measure("cnn", [0, 1])
    assert "shattering (ZeroDivisionError: no)" in failed
    assert set(rows["seed"]) == {0, 1}
    assert "gradient_flow" in set(rows["probe"])
    assert "shattering" not in set(rows["probe"])
    for name, each in PROBES.items():
        monkeypatch.setitem(PROBES, name, replace(each, measure=broken))
    with pytest.raises(ZeroDivisionError):
        start._measure("cnn", [0])
