"""`run all` as it is typed, on small studies in place of the shipped ones."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.errors import UsageError
from skipscope.records.store import Workspace

STUDY = """
data = "{data}"
train_limit = 60
seeds = {seeds}
probes = []
[recipe]
epochs = 1
batch_size = 20
"""
ARM = """
[[arm]]
model = "cnn"
name = "{name}"
recipe = {{ learning_rate = {rate} }}
"""


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`one` and `two` share the runs of an arm; `toy` is of the embedded images."""

    def write(name: str, data: str, seeds: int, *rates: float) -> Path:
        path = tmp_path / f"{name}.toml"
        arms = (ARM.format(name=f"rate-{rate}", rate=rate) for rate in rates)
        path.write_text(STUDY.format(data=data, seeds=seeds) + "".join(arms), encoding="utf-8")
        return path

    paths = {
        "one": write("one", "cifar10", 1, 0.01),
        "toy": write("toy", "shapes", 1, 0.01),
        "two": write("two", "cifar10", 2, 0.01, 0.02),
    }
    monkeypatch.setattr("skipscope.spec.shipped_studies", lambda: paths)
    # every run takes ten seconds, says the estimate
    monkeypatch.setattr("skipscope.engine.estimate.run_seconds", lambda *_, **__: 10.0)
    monkeypatch.setattr("skipscope.engine.costs.Costs.at_start", lambda *_: 0.0)
    monkeypatch.setattr(
        "skipscope.report.build_report", lambda workspace, name: [workspace.path / f"{name}.html"]
    )


def call(*words: str | Path) -> tuple[int, str]:
    """Exit code and output; on the embedded images, since the real ones may not be there."""
    every = ["run", "all", "--data", "shapes", "--jobs", "1", *(str(word) for word in words)]
    result = CliRunner(env={"COLUMNS": "120"}).invoke(app, every, catch_exceptions=False)
    return result.exit_code, result.output


def trained(workspace: Path) -> dict[str, int]:
    """Runs of each study, in the order in which they were planned."""
    return {record.study.name: len(record.members) for record in Workspace(workspace).studies()}


@pytest.mark.usefixtures("in_process")
def test_what_fits_is_trained_in_order_and_shared_runs_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, output = call("--budget", "40s", "-w", out, "--dry-run")
    assert code == 0
    lines = [line.split() for line in output.splitlines()]
    assert ["one", "1", "of", "1", "1", "1", "about", "10", "s"] in lines
    assert ["two", "2", "of", "2", "4", "3", "about", "30", "s"] in lines  # the fourth is that of `one`
    assert "about 40 s in all, until" in output
    assert "toy" not in output
    assert not out.exists()

    code, output = call("--budget", "40s", "-w", out)
    assert code == 0
    assert str(out / "one.html") in output
    assert str(out / "two.html") in output
    assert output.count("done already") == 1
    assert trained(out) == {"one": 1, "two": 4}
    records = {record.study.name: record for record in Workspace(out).studies()}
    assert records["two"].command == "skipscope run two --data shapes --seeds 2"
    runs = Workspace(out).runs()
    assert (len(runs), {run.state for run in runs}) == (4, {"done"})


@pytest.mark.usefixtures("forked_workers", "fake_ray")
def test_all_are_trained_on_a_cluster(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, output = call("--budget", "40s", "-w", out, "--executor", "ray", "--address", "auto")
    assert code == 0
    assert "nodes: 2, workers: 2, kinds of processor: " in output
    assert trained(out) == {"one": 1, "two": 4}
    records = {record.study.name: record for record in Workspace(out).studies()}
    assert records["two"].command.endswith("--seeds 2 --executor ray --address auto")
    assert {run.state for run in Workspace(out).runs()} == {"done"}


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    _, output = call("--budget", "25s", "--dry-run", "-w", tmp_path / "out")
    assert ["two", "1", "of", "2", "2", "1", "about", "10", "s"] in [
        line.split() for line in output.splitlines()
    ]
    _, output = call("--budget", "15s", "--dry-run", "-w", tmp_path / "out")
    assert "left out: two, about 10 s for one seed of 2" in output
    _, output = call("--budget", "10s", "--epochs", "9", "--seeds", "4", "--dry-run", "-w", tmp_path / "out")
    assert "of 4" in output


def test_where_not_even_a_seed_fits_a_study_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ten_an_epoch(_seconds: float, recipe: Any, *_: Any, **__: Any) -> float:
        return 10.0 * recipe.epochs

    monkeypatch.setattr("skipscope.engine.estimate.run_seconds", ten_an_epoch)
    code, output = call("--budget", "25s", "--epochs", "4", "--dry-run", "-w", tmp_path / "out")
    assert code == 0
    assert "cut to fit into 25s" in output
    assert "to fit into 25s: 1 of 1 seed, 2 of 4 epochs, 60 of 60 training images" in output


def test_where_nothing_fits_there_is_no_plan_but_what_would_fit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nothing of one fits into 2s") as refused:
        call("--budget", "2s", "--dry-run", "-w", tmp_path / "out")
    assert "--budget 10s" in refused.value.hint
    result = CliRunner().invoke(app, ["run", "all", "--data", "shapes", "--budget", "2s", "--dry-run"])
    assert result.stdout == ""
    assert call("--budget", "10s", "--dry-run", "-w", tmp_path / "out")[0] == 0


def test_without_a_budget_it_says_what_everything_would_take(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"about 40 s here \(one 10 s, two 30 s;") as error:
        call("-w", tmp_path / "out")
    assert "--budget" in error.value.hint
    assert error.value.exit_code == 2
    with pytest.raises(UsageError, match="not a length of time"):
        call("--budget", "soon", "-w", tmp_path / "out")


@pytest.mark.parametrize("pressed", [True, False])
def test_ctrl_c_ends_it_all_and_a_study_that_fails_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, pressed: bool
) -> None:
    def nothing_is_done(plan: Any, workspace: Workspace, *, interrupted: Any, **_: Any) -> list[Any]:
        workspace.write_study(plan.record)
        if pressed:
            interrupted()
        return []

    monkeypatch.setattr("skipscope.engine.local.execute", nothing_is_done)
    code, output = call("--budget", "40s", "-w", tmp_path / "out")
    assert code == 1
    assert "skipscope run all --data shapes --budget 40s -w" in output
    assert list(trained(tmp_path / "out")) == (["one"] if pressed else ["one", "two"])
