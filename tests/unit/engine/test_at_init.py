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
        "arm": [
            {"model": "plain8"},
            {"model": "resnet8"},
            {"model": "resnet8", "name": "again", "recipe": {"epochs": 2}},
        ],
    }
)


def test_networks_are_measured_before_they_are_trained(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In spawned processes first, then in this one: what is read is the same."""
    workspace, told = Workspace(tmp_path), []
    record = plan(STUDY, workspace, command="x").record
    workspace.write_study(record)
    measure_starts(record, workspace, jobs=1, on_event=told.append)
    assert len(told) == 2  # a network that two arms have is measured once
    found = gather(workspace, "depths").readings.filter(probe="gradient_flow", quantity="output_l2")
    assert found["step"].unique().to_list() == [0]
    by_arm = {arm: rows for (arm,), rows in found.group_by("arm")}
    assert set(by_arm) == {"plain8", "resnet8", "again"}
    assert all(set(rows["seed"]) == {0, 1} for rows in by_arm.values())
    assert by_arm["again"].drop("arm").equals(by_arm["resnet8"].drop("arm"))

    path = workspace.start_file(start_name("plain8", record.data.sha256))
    before = path.read_bytes()
    measure_starts(record, workspace, jobs=1, on_event=told.append)
    assert len(told) == 2  # nothing is measured twice
    request.getfixturevalue("workers_in_process")
    one_more = record.model_copy(update={"study": STUDY.model_copy(update={"initial_seeds": 3})})
    measure_starts(one_more, workspace, jobs=1)
    assert set(workspace.start_readings(path.stem)["seed"]) == {0, 1, 2}
    # what a seed reads does not depend on who else is measured
    assert workspace.start_readings(path.stem).filter(seed=0).equals(_read(tmp_path, before).filter(seed=0))


@pytest.mark.usefixtures("workers_in_process")
def test_networks_that_are_not_trained_are_measured_and_described(tmp_path: Path) -> None:
    study = STUDY.model_copy(update={"initial": ("plain8_nobn",), "initial_seeds": 1, "arm": STUDY.arm[:1]})
    workspace = Workspace(tmp_path)
    record = plan(study, workspace, command="x").record
    assert {member.arm for member in record.members} == {"plain8"}  # it is not trained
    assert [card.name for card in record.networks] == ["plain8", "plain8_nobn"]
    assert ["BatchNorm2d" in card.structure for card in record.networks] == [True, False]
    measure_starts(record, workspace, jobs=1)
    tables = gather(workspace, "depths")  # before any run
    assert tables.record == record
    assert set(tables.start["arm"]) == {"plain8", "plain8_nobn"}
    assert set(tables.readings["arm"]) == {"plain8"}  # figures are of arms


def _read(folder: Path, content: bytes) -> object:
    other = Workspace(folder / "other")
    other.start_file("x").parent.mkdir(parents=True)
    other.start_file("x").write_bytes(content)
    return other.start_readings("x")


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
    rows, failed, _ = start._measure("plain8", [0, 1])
    assert "shattering (ZeroDivisionError: no)" in failed
    assert set(rows["seed"]) == {0, 1}
    assert "gradient_flow" in set(rows["probe"])
    assert "shattering" not in set(rows["probe"])
    for name, each in PROBES.items():
        monkeypatch.setitem(PROBES, name, replace(each, measure=broken))
    with pytest.raises(ZeroDivisionError):
        start._measure("plain8", [0])
