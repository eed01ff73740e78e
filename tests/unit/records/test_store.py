"""Records come back as they were written, or say what is wrong with them."""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_up_record import RECORD, SPEC

from skipscope.cli.options import DEFAULT_WORKSPACE
from skipscope.errors import UnknownName, WorkspaceError
from skipscope.records.arrays import packed_arrays
from skipscope.records.files import write_whole
from skipscope.records.frames import METRICS
from skipscope.records.readings import READINGS
from skipscope.records.schema import DataCard, Member, Row, StudyRecord
from skipscope.records.store import USUAL, RunFolder, Workspace
from skipscope.spec import load_study


def study_record(name: str, planned: str) -> StudyRecord:
    return StudyRecord(
        study=load_study("lab").model_copy(update={"name": name}),
        data=DataCard(name="shapes", sha256="0" * 64, classes=(), train=1, validation=1, test=1, source=""),
        members=(Member(arm="cnn", seed=0, run=SPEC.id),),
        planned=planned,
        command="skipscope run lab",
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path)
    place.run_folder(SPEC.id).make()
    place.run_folder(SPEC.id).write(RECORD)
    return place


def test_a_run_comes_back_as_it_was_written(workspace: Workspace) -> None:
    assert workspace.run(SPEC.id) == RECORD
    assert workspace.runs() == [RECORD]
    with pytest.raises(UnknownName, match="no run"):
        workspace.run("cnn-s0-00000000")


def test_the_study_planned_last_is_the_one_meant(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="no study"):
        workspace.study()
    workspace.write_study(study_record("b", "2026-01-01T00:00:00+00:00"))
    workspace.write_study(study_record("a", "2026-01-02T00:00:00+00:00"))
    workspace.write_study(study_record("c", "2025-01-02T00:00:00+00:00"))
    assert workspace.study().study.name == "a"
    assert workspace.study("b").study.name == "b"
    with pytest.raises(UnknownName, match="no study in this workspace 'd'"):
        workspace.study("d")


def test_metrics_are_one_frame(workspace: Workspace) -> None:
    assert workspace.metrics().schema == METRICS
    folder = workspace.run_folder(SPEC.id)
    folder.metrics.append([{"kind": "step", "step": 1, "epoch": 1, "loss": 2.3, "learning_rate": 0.1}])
    folder.metrics.append([{"kind": "epoch", "step": 1, "epoch": 1, "val_accuracy": 0.5, "seconds": 3.0}])
    frame = workspace.metrics()
    assert frame.schema == METRICS
    assert frame["run"].unique().to_list() == [SPEC.id]
    assert frame["loss"].to_list() == [2.3, None]
    assert frame["val_accuracy"].to_list() == [None, 0.5]
    assert workspace.metrics([]).is_empty()
    assert folder.last_step() == 1
    assert folder.last_epoch() == Row(step=1, epoch=1, val_accuracy=0.5, seconds=3.0)


@pytest.mark.parametrize("line", ["{", "[]", '{"step": "many"}', '{"step": 1.5}', "\\x00"])
def test_a_damaged_last_row_says_so(line: str, workspace: Workspace) -> None:
    folder = workspace.run_folder(SPEC.id)
    folder.metrics.append([{"kind": "step", "step": 1, "epoch": 1}])
    with folder.metrics_file.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(WorkspaceError, match=r"damaged.*metrics.jsonl"):
        folder.last_step()


def test_a_line_that_was_being_written_does_not_count(workspace: Workspace) -> None:
    folder = workspace.run_folder(SPEC.id)
    folder.metrics.append([{"kind": "step", "step": step, "epoch": 1} for step in (1, 2, 3)])
    with folder.metrics_file.open("a", encoding="utf-8") as file:
        file.write('{"kind": "st')
    assert folder.last_step() == 3
    assert workspace.metrics()["step"].to_list() == [1, 2, 3]
    folder.rewind(None, 2)
    assert folder.metrics_file.read_text(encoding="utf-8").count("\n") == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not JSON"),
        ("[]", "damaged"),
        (json.dumps({"schema": 1}), "Field required"),
        (json.dumps({"schema": 99}), "newer skipscope"),
    ],
)
def test_damaged_and_newer_records_say_so(workspace: Workspace, content: str, says: str) -> None:
    path = workspace.run_folder(SPEC.id).record_file
    (path.parent / "SHA256SUMS").unlink()  # it was not damaged on the disk: somebody wrote it so
    path.write_text(content, encoding="utf-8")
    with pytest.raises(WorkspaceError, match=says) as caught:
        workspace.run(SPEC.id)
    assert caught.value.where == str(path)


def test_a_record_that_cannot_be_read(workspace: Workspace) -> None:
    path = workspace.run_folder(SPEC.id).record_file
    path.unlink()
    path.mkdir()
    with pytest.raises(WorkspaceError, match="cannot be read"):
        workspace.runs()


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "file"
    write_whole(path, b"before")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "fsync", interrupt)
        write_whole(path, b"half")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_whole(path / "below a file", b"")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        RunFolder(path).metrics.append([])


def test_no_metrics_yet(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.rewind(None, 0)
    assert folder.last_step() == 0
    assert folder.last_epoch() is None
    assert not folder.metrics_file.exists()


READING = {"probe": "gradient_flow", "step": 1, "module": "conv1", "quantity": "output_l2", "value": 0.5}


def test_readings_of_a_run_that_trains_are_read_as_far_as_they_were_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "cnn-s0-abc")
    folder.path.mkdir(parents=True)
    folder.append_readings([READING, READING | {"step": 3, "value": None}])
    with folder.readings_draft.open("a") as file:
        file.write('{"probe": "gradient_fl')  # the process was stopped here
    readings = folder.readings()
    assert readings.columns == list(READINGS)
    assert readings["step"].to_list() == [1, 3]
    assert readings["value"].to_list() == [0.5, None]
    assert readings["run"].unique().to_list() == ["cnn-s0-abc"]
    folder.rewind(None, 2)
    assert folder.readings()["step"].to_list() == [1]


@pytest.mark.parametrize("state", ["unfinished", "failed", "done"])
def test_a_run_folder_that_was_deleted_is_not_made_again(tmp_path: Path, state: str) -> None:
    """Its worker reads why, and does not leave a record or weights of a run that is gone."""
    folder = RunFolder(tmp_path / "runs" / "cnn-s0-abc")
    writes = [
        lambda: folder.write(RECORD.model_copy(update={"state": state})),
        lambda: folder.write_readings(pl.DataFrame(schema=READINGS)),
        lambda: folder.write_pictures({}),
        lambda: folder.write_right(np.array([True])),
        lambda: folder.write_model(b"weights"),
        lambda: folder.metrics.append([{"step": 1}]),
        lambda: folder.append_readings([READING]),
    ]
    for write in writes:
        with pytest.raises(WorkspaceError, match="cannot be written: No such file"):
            write()
    assert list(tmp_path.iterdir()) == []


def test_readings_of_a_finished_run_and_of_chosen_probes(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "cnn-s0-abc")
    folder.make()
    rows = [READING, READING | {"probe": "curvature"}]
    folder.write_readings(pl.DataFrame([{"run": "cnn-s0-abc"} | row for row in rows], schema=READINGS))
    workspace = Workspace(tmp_path)
    assert workspace.readings(["cnn-s0-abc"]).height == 2
    assert workspace.readings(["cnn-s0-abc"], probes=["curvature"])["probe"].to_list() == ["curvature"]
    assert workspace.readings([]).columns == [*READINGS, "place"]
    assert workspace.readings([], with_place=False).columns == list(READINGS)


IDS = ["cnn-s0-abc", "cnn-s1-abc", "cnn-s2-abc"]


@pytest.fixture
def three(tmp_path: Path) -> Workspace:
    """Three runs with one, two and three rows of each kind: they are read together."""
    workspace = Workspace(tmp_path)
    for number, id in enumerate(IDS, start=1):
        folder = workspace.run_folder(id)
        folder.make()
        folder.metrics.append(
            [{"kind": "step", "step": step, "loss": 1.0 * number} for step in range(number)]
        )
        rows = [{"run": id} | READING | {"step": step} for step in range(number)]
        folder.write_readings(pl.DataFrame(rows, schema=READINGS))
    return workspace


def test_rows_of_several_runs_are_each_runs_own(three: Workspace) -> None:
    expected = [id for number, id in enumerate(IDS, start=1) for _ in range(number)]
    assert three.metrics(IDS)["run"].to_list() == expected
    assert three.metrics(IDS)["loss"].to_list() == [1, 2, 2, 3, 3, 3]
    assert three.readings(IDS)["run"].to_list() == expected
    assert three.readings(IDS)["step"].to_list() == [0, 0, 1, 0, 1, 2]
    assert three.readings(reversed(IDS))["run"].to_list() == expected[::-1]


def test_a_blank_line_gives_no_run_the_rows_of_another(three: Workspace) -> None:
    with three.run_folder(IDS[0]).metrics_file.open("a", encoding="utf-8") as file:
        file.write("\n\n")
    assert three.metrics(IDS)["run"].value_counts().sort("run")["count"].to_list() == [1, 2, 3]


def test_a_run_that_still_trains_is_read_beside_those_that_are_done(three: Workspace) -> None:
    folder = three.run_folder("cnn-s3-abc")
    folder.make()
    folder.append_readings([READING])
    assert three.readings([*IDS, "cnn-s3-abc"])["run"].to_list()[-2:] == [IDS[2], "cnn-s3-abc"]


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("metrics.jsonl", b'{"step": 1\n', Workspace.metrics),
        ("metrics.jsonl", b'{"step": "x"}\n', Workspace.metrics),
        ("readings.parquet", b"PAR1 or not", Workspace.readings),
    ],
)
def test_of_several_runs_the_damaged_file_is_named(three: Workspace, name: str, content: bytes, read) -> None:
    folder = three.run_folder(IDS[1]).path
    (folder / name).write_bytes(content)
    (folder / "SHA256SUMS").unlink(missing_ok=True)
    with pytest.raises(WorkspaceError, match="damaged") as caught:
        read(three, IDS)
    assert str(folder / name) in str(caught.value)


def test_readings_of_another_kind_are_named(three: Workspace) -> None:
    path = three.run_folder(IDS[2]).readings_file
    pl.DataFrame({"run": ["x"], "probe": ["y"], "step": ["no number"]}).write_parquet(path)
    (path.parent / "SHA256SUMS").unlink()
    with pytest.raises(WorkspaceError, match="damaged") as caught:
        three.readings(IDS)
    assert str(path) in str(caught.value)


def test_damaged_readings_and_pictures_say_what_to_do(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "cnn-s0-abc")
    folder.path.mkdir(parents=True)
    assert folder.pictures() == {}
    write_whole(folder.pictures_file, packed_arrays({"filters": np.ones((2, 3))}))
    assert folder.pictures()["filters"].shape == (2, 3)
    for path, read, hint in (
        (folder.readings_file, folder.readings, "trained again"),
        (folder.pictures_file, folder.pictures, "skipscope probe cnn-s0-abc"),
    ):
        path.write_bytes(b"PK\x03\x04 half a file")
        with pytest.raises(WorkspaceError, match=hint):
            read()


def test_a_damaged_study_is_one_file_and_not_the_folder_of_all(workspace: Workspace) -> None:
    path = workspace.path / "studies" / "mine.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{")
    with pytest.raises(WorkspaceError, match="damaged") as caught:
        workspace.studies()
    assert "delete this file" in caught.value.hint
    assert "folder" not in caught.value.hint


def test_a_command_names_the_workspace_unless_it_is_the_usual_one() -> None:
    assert DEFAULT_WORKSPACE == USUAL
    assert Workspace(USUAL).typed("skipscope run lab") == "skipscope run lab"
    assert Workspace("my runs").typed("skipscope run lab") == "skipscope run lab -w 'my runs'"
    assert Workspace("my runs").typed("skipscope.run(x)") == "skipscope.run(x)"
