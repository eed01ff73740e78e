"""`skipscope calibrate`."""

import json

import pytest
import typer
from typer.testing import CliRunner

from skipscope.claims.calibration import against_itself
from skipscope.cli.calibrate import _print, calibrate
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


@pytest.fixture
def kept(made_up, with_readings):
    """Runs of which some claims can be calibrated."""
    return with_readings(made_up(seeds=5, epochs=1, steps=8))


def calibrated(app, *words):
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_claims_are_calibrated_at_the_spread_of_the_workspace_s_runs(app, kept):
    ran = calibrated(app, "--studies", "20", "-w", str(kept.path))
    assert ran.exit_code == 0
    found = json.loads((kept.path / "calibration.json").read_text(encoding="utf-8"))
    assert (found["schema"], found["studies"]) == (2, 20)
    row = found["claims"]["T1"]
    assert row["study"] == kept.studies()[0].study.name
    assert row["parts"][0]["spread"] > 0
    [line] = [line for line in ran.output.splitlines() if line.startswith("T1")]
    assert line.split()[-1] == "-"  # without real runs
    assert str(kept.path / "calibration.json") in ran.output.replace("\n", "")
    assert "E2" not in found["claims"]  # counted, not drawn


def test_for_machines(app, kept):
    ran = calibrated(app, "--studies", "5", "--json", "-w", str(kept.path))
    assert json.loads(ran.output) == json.loads((kept.path / "calibration.json").read_text(encoding="utf-8"))


def test_a_bar_that_is_missed_is_said(capsys):
    row = {"study": "fair", "misses": ["at_bound, skewed: contradicted in 11.0%, bar 10%"], "power": 0.5}
    _print({"claims": {"D4": row}})
    assert "D4 misses its bar: at_bound, skewed: contradicted in 11.0%" in capsys.readouterr().out


def test_the_coverage_of_intervals(app, tmp_path):
    words = ["--coverage", "--studies", "50", "-w", str(tmp_path / "none")]
    ran = calibrated(app, *words)
    [normal] = [line for line in ran.output.splitlines() if line.startswith("normal")]
    assert len(normal.split()) == 4
    found = json.loads(calibrated(app, *words, "--json").output)
    assert len(found["coverage"]) == 18
    assert found["coverage"][0].keys() == {"differences", "pairs", "studies", "covered", "above", "below"}
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("in_process")
def test_real_runs_of_a_network_against_itself(app, tmp_path, monkeypatch):
    monkeypatch.setattr(against_itself, "study", lambda studies: parse_study(TINY, where="a test"))
    ran = calibrated(app, "--studies", "1", "--against-itself", "1", "-w", str(tmp_path))
    assert ran.exit_code == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2  # too few for a study
    found = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert found["claims"] == {}


def test_runs_that_were_stopped_are_no_calibration(app, tmp_path, monkeypatch):
    monkeypatch.setattr(against_itself, "study", lambda studies: parse_study(TINY, where="a test"))
    monkeypatch.setattr(local, "execute", lambda *_, **__: [])
    ran = calibrated(app, "--studies", "1", "--against-itself", "1", "-w", str(tmp_path))
    assert ran.exit_code == 1
    assert "The same command goes on" in ran.output
    assert not (tmp_path / "calibration.json").exists()
