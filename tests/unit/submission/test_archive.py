"""Report, records and code as one archive."""

import json
from zipfile import ZipFile

import numpy as np
import polars as pl
import pytest
from made_up_pictures import Undrawn

from skipscope.analysis.tables import gather
from skipscope.errors import FontError, UnknownName, UsageError, WorkspaceError
from skipscope.records.files import writing
from skipscope.records.frames import write_readings
from skipscope.records.readings import START
from skipscope.records.store import Workspace
from skipscope.report import build_report
from skipscope.spec import start_name
from skipscope.spec.author import Author
from skipscope.submission import archive as handin
from skipscope.submission.archive import file_stem, pack

ONE = Author(student_id="1", name="a")
UTF8 = 0x800
"""The flag of a zip entry whose name is UTF-8 (APPNOTE 4.4.4, bit 11)."""


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch):
    """Pictures and Vega take the time of a report: nothing here looks at them."""
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    monkeypatch.setattr("skipscope.figures.rendering.vega.library", lambda: "window.vegaEmbed = () => {};")


@pytest.mark.parametrize("name", ["姓名", "José Müller-Ñandú", "O'Neill", "陈🙂"])
def test_names_of_every_language_are_names_of_files(name):
    assert file_stem(Author(student_id="2012345", name=name), "lab") == f"2012345+{name}"


def test_a_name_is_written_composed():
    assert file_stem(Author(student_id="1", name="Jose\u0301"), "lab") == "1+José"


@pytest.mark.parametrize(
    ("known", "stem"), [({}, "lab"), ({"name": "张三"}, "张三"), ({"student_id": "7", "course": "x"}, "7")]
)
def test_what_is_not_known_is_left_out(known, stem):
    assert file_stem(Author(**known), "lab") == stem


@pytest.mark.parametrize(
    ("student_id", "name", "why"),
    [
        ("1", "a/b", "'/'"),
        ("..\\1", "a", r"'\\\\'"),
        ("1", "a:b", "':'"),
        ("1", "con", "device"),
        ("LPT1.x", "a", "device"),
        ("1", "..", "full stop"),
        ("1+2", "a", "'\\+'"),
        ("1", "字" * 84, "too long.*258 bytes"),
        ("1" * 100, "字" * 60, "too long"),
    ],
)
def test_what_cannot_be_a_file_is_refused_before_anything_is_made(made_up, tmp_path, student_id, name, why):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(UsageError, match=why) as caught:
        pack(workspace, None, author=Author(student_id=student_id, name=name), output=tmp_path / "out")
    assert caught.value.exit_code == 2
    str(caught.value).encode()  # it can be printed
    assert not (tmp_path / "out").exists()
    assert not workspace.report_folder("lab").exists()


def test_the_longest_name_is_one():
    stem = file_stem(Author(student_id="1", name="字" * 82 + "abc"), "lab")
    assert len(f"{stem}.zip".encode()) == 255


def test_the_archive_has_report_records_and_code_and_no_weights(made_up, with_readings, tmp_path):
    workspace = with_readings(made_up(arms=("cnn", "resnet"), epochs=1, steps=4, unfinished=("resnet",)))
    for run in workspace.runs():
        (workspace.run_folder(run.id).path / "model.safetensors").write_bytes(b"weights")
    author = Author(student_id="2012345", name="姓名")
    path = pack(workspace, None, author=author, output=tmp_path / "out")
    assert path == tmp_path / "out" / "2012345+姓名.zip"
    assert [each.name for each in path.parent.iterdir()] == ["2012345+姓名.zip"]
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        assert all(entry.flag_bits & UTF8 for entry in archive.infolist())
        names = {entry.filename.removeprefix("2012345+姓名/") for entry in archive.infolist()}
        assert all(entry.filename.startswith("2012345+姓名/") for entry in archive.infolist())
        contents = [archive.read(entry) for entry in archive.infolist()]
        archive.extractall(tmp_path / "unpacked")
    assert len(set(contents)) == len(contents)  # nothing is packed twice
    assert {name for name in names if not name.startswith("records/runs/")} == {
        "report.html",
        "appendix.en.pdf",
        "handin.en.docx",
        "handin.en.pdf",
        "appendix.zh.pdf",
        "handin.zh.docx",
        "handin.zh.pdf",
        "records/studies/lab.json",
        "code.py",
        "code.ipynb",
    }
    kept = {name.rpartition("/")[2] for name in names if name.startswith("records/runs/")}
    assert kept == {"run.json", "metrics.jsonl", "readings.parquet"}
    folder = tmp_path / "unpacked" / "2012345+姓名"
    code = (folder / "code.py").read_text(encoding="utf-8")
    assert 'ARMS = {\n    "cnn": ("cnn", RECIPE),\n    "resnet": ("resnet", RECIPE),\n}\n' in code
    assert json.loads((folder / "code.ipynb").read_text(encoding="utf-8"))["nbformat"] == 4
    # the records are a workspace: the report can be drawn from them again
    again = Workspace(folder / "records")
    assert [run.id for run in again.runs()] == [run.id for run in workspace.runs()]
    assert again.readings().equals(workspace.readings())
    (page,) = build_report(again, None, formats={"html"})
    assert "resnet" in page.read_text(encoding="utf-8")


def test_the_records_have_all_that_claims_are_read_from(made_up, tmp_path):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    [run] = workspace.runs()
    workspace.run_folder(run.id).write_right(np.array([True, False]))
    record = workspace.studies()[0]
    study = record.study.model_copy(update={"initial": ("plain8_nobn",), "initial_seeds": 1})
    workspace.write_study(record.model_copy(update={"study": study}))
    start = workspace.start_file(start_name("plain8_nobn", record.data.sha256))
    start.parent.mkdir()
    write_readings(start, pl.DataFrame(schema=START))
    paths = {path for path, _ in handin.records(workspace, gather(workspace, None))}
    assert {f"runs/{run.id}/test.npz", f"start/{start.name}"} <= paths


def test_one_language_is_enough_if_it_is_asked_for(made_up, tmp_path):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    path = pack(workspace, "lab", author=ONE, output=tmp_path, language="en")
    with ZipFile(path) as archive:
        reports = sorted(n for n in archive.namelist() if n.endswith((".pdf", ".docx", ".html")))
    names = ("appendix.en.pdf", "handin.en.docx", "handin.en.pdf", "report.html")
    assert reports == [f"1+a/{name}" for name in names]


def test_without_glyphs_nothing_is_packed(made_up, tmp_path, monkeypatch, fonts_forgotten):
    monkeypatch.setattr("skipscope.figures.rendering.fonts.missing", lambda text, family: "中")
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(FontError):
        pack(workspace, None, author=ONE, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_that_cannot_be_finished_leaves_the_one_before(made_up, tmp_path, monkeypatch):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    (tmp_path / "1+a.zip").write_bytes(b"the one before")

    def full(path, content):
        with writing(path, needed=len(content)):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(handin, "write_whole", full)
    monkeypatch.setattr(handin, "build_report", lambda *_, **__: [])
    with pytest.raises(WorkspaceError, match="The disk is full") as caught:
        pack(workspace, None, author=ONE, output=tmp_path, language="en")
    assert "--output" in caught.value.hint
    assert (tmp_path / "1+a.zip").read_bytes() == b"the one before"
    assert not list(tmp_path.glob(".*"))


def test_a_study_nobody_planned(made_up, tmp_path):
    with pytest.raises(UnknownName):
        pack(made_up(arms=("cnn",), epochs=1, steps=4), "absent", author=ONE, output=tmp_path)
