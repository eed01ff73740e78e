"""docs/findings: records of real runs, and a text whose verdicts are those of the records."""

import runpy
from pathlib import Path

import pytest
from made_up_pictures import Undrawn

from skipscope.analysis.tables import gather
from skipscope.records.store import Workspace
from skipscope.report import build_report

DOCS = Path(__file__).parents[2] / "docs"
WORKSPACE = Workspace(DOCS / "findings")
STUDIES = [record.study.name for record in WORKSPACE.studies()]
WRITER = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "findings.py"), run_name="findings")
KEPT = {"run.json", "metrics.jsonl", "readings.parquet", "test.npz"}


def test_there_are_records_of_the_real_data_set():
    assert STUDIES
    assert {record.data.name for record in WORKSPACE.studies()} == {"cifar10"}
    assert {run.state for run in WORKSPACE.runs()} == {"done"}


@pytest.mark.parametrize(("language", "text"), WRITER["TEXTS"].items())
def test_the_verdicts_in_the_text_are_those_of_the_records(language, text):
    said = (DOCS / text).read_text(encoding="utf-8")
    assert WRITER["VERDICTS"].search(said)
    assert WRITER["filled"](said, language) == said, "write it again: python tools/findings.py"


@pytest.mark.parametrize("text", WRITER["TEXTS"].values())
def test_every_figure_of_the_text_is_there_and_none_is_left_over(text):
    said = (DOCS / text).read_text(encoding="utf-8")
    language = "zh" if "zh" in text else "en"
    there = {f"findings/figures/{path.name}" for path in (DOCS / "findings" / "figures").iterdir()}
    named = {part.partition(")")[0] for part in said.split("](")[1:] if part.startswith("findings/figures/")}
    assert named == {name for name in there if name.endswith(f".{language}.svg")}


def test_they_hold_no_image_of_the_data_set_no_weights_and_few_megabytes():
    files = [path for path in WORKSPACE.path.rglob("*.*") if path.is_file() and "figures" not in path.parts]
    files.remove(WORKSPACE.path / ".gitignore")
    runs = {path.name for path in files if "runs" in path.parts}
    others = {path.parent.name for path in files if "runs" not in path.parts}
    assert runs <= KEPT
    assert others <= {"studies", "start"}
    assert sum(path.stat().st_size for path in files) < 10_000_000


@pytest.mark.parametrize(
    "study", [pytest.param(study, marks=[] if study == "lab" else pytest.mark.slow) for study in STUDIES]
)
def test_anyone_draws_their_report_again(study, tmp_path, monkeypatch):
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    monkeypatch.setattr(Workspace, "report_folder", lambda self, name: tmp_path / name)
    *_, english, chinese = build_report(WORKSPACE, study, formats={"md"}, language=None)
    tables = gather(WORKSPACE, study)
    for arm in tables.arms:
        assert f"`{arm}`" in english.read_text(encoding="utf-8")
        assert f"`{arm}`" in chinese.read_text(encoding="utf-8")
