"""`skipscope claims`."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from skipscope.claims.catalogue import catalogue
from skipscope.cli.claims import claims
from skipscope.errors import UnknownName
from skipscope.records.schema import Failure


@pytest.fixture
def app():
    application = typer.Typer()
    application.command()(claims)
    return application


@pytest.fixture
def demo(made_up, with_readings):
    return with_readings(made_up(data="shapes", name="demo", epochs=2, steps=16))


def test_it_says_what_is_shown_and_what_would_show_more(app, demo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    ran = CliRunner().invoke(app, ["demo", "-w", str(demo.path)], catch_exceptions=False)
    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert lines[0] == "demo on shapes"
    assert "effect [interval]" in lines[1]
    [accuracy] = [line for line in lines if line.startswith("E3")]
    assert "withheld" in accuracy
    assert "[?] points" in accuracy
    [parameters] = [line for line in lines if line.startswith("E2")]
    assert "per cent, exactly" in parameters
    [stem] = [line for line in lines if line.startswith("E5")]
    assert "not measured" in stem
    assert "nothing about CIFAR-10" in ran.output
    assert f"E5: skipscope run stem -w {demo.path}" in ran.output


def test_of_real_data_it_says_no_such_thing(app, made_up, with_readings):
    place = with_readings(made_up(seeds=6, epochs=1, steps=8))
    ran = CliRunner().invoke(app, [], env={"SKIPSCOPE_WORKSPACE": str(place.path)}, catch_exceptions=False)
    assert "about CIFAR-10" not in ran.output
    [speed] = [line for line in ran.output.splitlines() if line.startswith("T1")]
    assert "supported" in speed
    assert speed.split()[-1] == "6"


def test_for_machines(app, demo):
    def told():
        ran = CliRunner().invoke(app, ["-w", str(demo.path), "--json"], catch_exceptions=False)
        return ran.output

    said = json.loads(told())
    assert said["schema"] == 1
    assert said["study"] == "demo"
    assert [claim["id"] for claim in said["claims"]][:3] == list(catalogue())[:3]
    for claim in said["claims"]:
        assert {"id", "verdict", "effect", "interval", "n", "comparison", "confounds", "runs"} <= claim.keys()
        assert claim["data"] == "shapes"
    assert told() == told()


def test_of_a_command_for_every_run_it_says_one(app, made_up):
    """A study may have declared that it does not probe."""
    place = made_up(seeds=6, epochs=1, steps=8)
    for record in (place.path / "studies").glob("**/*.json"):
        study = json.loads(record.read_text())
        study["study"]["probes"] = []
        record.write_text(json.dumps(study))
    ran = CliRunner().invoke(app, ["-w", str(place.path)], catch_exceptions=False)
    [wanted] = [line for line in ran.output.splitlines() if "--only block_deletion" in line]
    assert wanted.count("skipscope probe") == 1
    assert wanted.endswith(f"--only block_deletion -w {place.path} (and so for 11 more: --json names them)")


def test_where_every_seed_was_lost_it_says_so_and_asks_for_no_more(app, made_up):
    place = made_up(arms=("cnn", "resnet"), seeds=2)
    failure = Failure(kind="diverged", message="the loss is nan")
    for record in place.runs():
        if record.spec.model == "resnet":
            ended = {"state": "failed", "result": None, "failure": failure}
            place.run_folder(record.id).write(record.model_copy(update=ended))
    ran = CliRunner().invoke(app, ["-w", str(place.path)], catch_exceptions=False)
    _, said = ran.output.split("What more seeds would not settle:")
    [line] = [line for line in said.splitlines() if "diverged" in line]
    assert "T1" in line.partition(":")[0]
    assert "clip_norm" in line
    assert "--seeds" not in said


def test_a_study_that_is_not_there(app, demo):
    with pytest.raises(UnknownName):
        CliRunner().invoke(app, ["absent", "-w", str(demo.path)], catch_exceptions=False)


def test_nothing_imports_torch(demo):
    script = (
        "import sys\n"
        "from skipscope.cli import app\n"
        f"sys.argv = ['skipscope', 'claims', '-w', {str(demo.path)!r}]\n"
        "try:\n    app()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
