"""`skipscope calibrate`."""

import json

import pytest
import typer
from typer.testing import CliRunner

from skipscope.claims.calibration import against_itself
from skipscope.cli.calibrate import calibrate
from skipscope.engine import local
from skipscope.spec import parse_study

TINY = {
    "name": "calibration",
    "data": "shapes",
    "train_limit": 60,
    "seeds": 2,
    "probes": [],
    "recipe": {
        "epochs": 1,
        "batch_size": 20,
        "precision": "fp32",
        "memory_format": "contiguous",
        "kernels": "stock",
        "threads": 1,
    },
    "arm": [{"model": "cnn"}],
}


@pytest.fixture
def app():
    application = typer.Typer()
    application.command()(calibrate)
    return application


@pytest.mark.usefixtures("in_process")
def test_simulated_studies_and_real_runs(app, tmp_path, monkeypatch):
    monkeypatch.setattr(against_itself, "study", lambda pairs: parse_study(TINY, where="a test"))
    words = ["--comparisons", "1", "--pairs", "1", "--splits", "2", "-w", str(tmp_path)]
    ran = CliRunner().invoke(app, words, catch_exceptions=False)
    assert ran.exit_code == 0
    kept = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert (kept["comparisons"], kept["pairs"], kept["splits"]) == (1, 1, 2)
    assert kept["claims"]["S3"]["study"] == "depth"
    assert kept["claims"]["E5"]["power"] == 1
    assert len(list((tmp_path / "runs").iterdir())) == 2
    [line] = [line for line in ran.output.splitlines() if line.startswith("E5")]
    assert line.split()[:2] == ["E5", "stem"]
    assert line.split()[-1] == "-"  # one pair settles nothing
    assert str(tmp_path / "calibration.json") in ran.output.replace("\n", "")


def test_runs_that_were_stopped_are_no_calibration(app, tmp_path, monkeypatch):
    monkeypatch.setattr(against_itself, "study", lambda pairs: parse_study(TINY, where="a test"))
    monkeypatch.setattr(local, "execute", lambda *_, **__: [])
    ran = CliRunner().invoke(app, ["--comparisons", "1", "-w", str(tmp_path)], catch_exceptions=False)
    assert ran.exit_code == 1
    assert "The same command goes on" in ran.output
    assert not (tmp_path / "calibration.json").exists()


def test_without_real_runs(app, tmp_path):
    words = ["--comparisons", "1", "--pairs", "0", "-w", str(tmp_path)]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    kept = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert kept["pairs"] == kept["splits"] == 0
    assert not (tmp_path / "runs").exists()
