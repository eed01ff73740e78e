"""`run`, `demo` and `status` as they are typed."""

import io
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from made_up_pictures import Undrawn
from rich.console import Console
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.cli.options import busy, console
from skipscope.errors import SpecError, UnknownName, UsageError
from skipscope.records.store import Workspace
from skipscope.spec import load_study, shipped_studies

STUDY = """
data = "shapes"
train_limit = 60
probes = []
[recipe]
epochs = 1
batch_size = 20
[[arm]]
model = "cnn"
[[arm]]
model = "cnn"
name = "wild"
recipe = { learning_rate = 1e20, epochs = 4 }
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def call(*words: str | Path) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner(env={"COLUMNS": "120"}).invoke(
        app, [str(word) for word in words], catch_exceptions=False
    )
    return result.exit_code, result.output


def status(workspace: Path) -> dict[str, Any]:
    code, output = call("status", "-w", workspace, "--json")
    assert code == 0
    return json.loads(output)


@pytest.mark.usefixtures("in_process")
def test_a_run_that_fails_leaves_the_others_and_the_report(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    monkeypatch.setattr("skipscope.figures.rendering.vega.library", lambda: "")
    out = tmp_path / "out"
    code, output = call("run", study, "-w", out)
    assert code == 1
    assert "cnn s0: done, sealed test accuracy" in output
    assert "wild s0: failed: The loss is" in output
    assert str(out / "reports" / "mine" / "report.html") in output
    assert (out / "reports" / "mine" / "report.html").exists()

    runs = {run["arm"]: run for run in status(out)["runs"]}
    assert {arm: run["state"] for arm, run in runs.items()} == {"cnn": "done", "wild": "failed"}
    keys = [
        "id",
        "arm",
        "seed",
        "state",
        "epochs",
        "params",
        "val_accuracy",
        "test_accuracy",
        "seconds",
        "images_per_second",
    ]
    assert list(runs["cnn"]) == keys
    assert (runs["cnn"]["epochs"], runs["cnn"]["params"]) == (1, 83_126)
    assert 0 <= runs["cnn"]["test_accuracy"] <= 1
    assert runs["wild"]["test_accuracy"] is None
    _, table = call("status", "-w", out)
    assert runs["cnn"]["id"] in table

    code, output = call("run", study, "-w", out)
    assert "nothing to train" in output
    assert code == 1  # one of its runs is still missing


def test_a_plan_of_many_runs_is_told_arm_by_arm(study: Path, tmp_path: Path) -> None:
    more = "seeds = 50\ninitial_seeds = 2\n" + STUDY.replace('name = "wild"', 'name = "wild"\nseeds = 20')
    study.write_text(more, encoding="utf-8")
    code, output = call("run", study, "--dry-run", "-w", tmp_path / "out")
    rows = {line.split()[0]: line.split() for line in output.splitlines() if line.strip()}
    assert code == 0
    assert rows["cnn"][:6] == ["cnn", "cnn", "50", "60", "1", "50"]
    assert rows["wild"][:6] == ["wild", "cnn", "20", "60", "4", "20"]
    assert rows["starts"][:5] == ["starts", "1", "network", "2", "2"]
    seconds = [int(rows[row][-1].replace(",", "")) for row in ("cnn", "wild", "starts", "sum")]
    assert abs(seconds[3] - sum(seconds[:3])) <= 2  # each is rounded


def test_a_dry_run_writes_nothing(study: Path, tmp_path: Path) -> None:
    more = ("--dry-run", "--train-limit", "40", "--seeds", "2")
    code, output = call("run", study, *more, "-w", tmp_path / "out")
    assert code == 0
    assert "2 networks x 2 seeds on shapes, 40 training images" in output
    assert output.count("wild") == 2
    assert not (tmp_path / "out").exists()


def test_a_plan_says_how_it_is_computed_and_what_a_budget_left(study: Path, tmp_path: Path) -> None:
    code, output = call("run", study, "--seeds", "3", "--budget", "1h", "--dry-run", "-w", tmp_path / "out")
    assert code == 0
    assert "computed in " in output
    assert "lowest gradient cosine with fp32" in output
    assert "to fit into 1h: 3 of 3 seeds, 1 of 1 epoch, 60 of 60 training images" in output
    broken = CliRunner().invoke(app, ["run", str(study), "--budget", "soon", "-w", str(tmp_path / "out")])
    assert isinstance(broken.exception, UsageError)
    study.write_text("initial_seeds = 20" + STUDY, encoding="utf-8")
    _, output = call("run", study, "--dry-run", "-w", tmp_path / "out")
    assert "before that, 1 network x 20 seeds is measured untrained" in output


def test_a_plan_says_what_a_study_pins_and_not_what_was_best_without_it(study: Path, tmp_path: Path) -> None:
    study.write_text(STUDY.replace("[recipe]", '[recipe]\nkernels = "winograd"'), encoding="utf-8")
    _, output = call("run", study, "--dry-run", "-w", tmp_path / "out")
    assert "winograd kernels" in output


def test_an_empty_workspace_says_how_to_begin(tmp_path: Path) -> None:
    assert "skipscope demo" in call("status", "-w", tmp_path)[1]
    assert status(tmp_path) == {"schema": 1, "runs": []}


def test_an_interrupted_run_says_how_to_go_on(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted_at_once(plan: Any, workspace: Workspace, *, interrupted: Any, **_: Any) -> list[Any]:
        workspace.write_study(plan.record)
        interrupted()
        return []

    monkeypatch.setattr("skipscope.engine.local.execute", interrupted_at_once)
    code, output = call("run", study, "--epochs", "3", "-w", tmp_path / "out")
    assert code == 1
    assert "Ctrl-C again" in output
    assert f"skipscope run {study} --epochs 3" in output
    assert not (tmp_path / "out" / "reports").exists()


def test_misuse(tmp_path: Path) -> None:
    runner = CliRunner()
    assert isinstance(runner.invoke(app, ["run", "lob"]).exception, UnknownName)
    broken = tmp_path / "broken.toml"
    broken.write_text("seeds = 0", encoding="utf-8")
    assert isinstance(runner.invoke(app, ["run", str(broken)]).exception, SpecError)
    assert runner.invoke(app, ["run", "lab", "--epochs", "0"]).exit_code == 2
    assert isinstance(runner.invoke(app, ["run", "lab", "--data", "mnist"]).exception, UnknownName)


def test_all_unknown_names_are_told_at_once_with_their_lines(study: Path) -> None:
    text = 'initial_seeds = 2\ninitial = ["resnt"]\n' + STUDY.replace("probes = []", 'probes = ["gate"]')
    text = text.replace('data = "shapes"', 'data = "cifar"')
    study.write_text(text + '[[arm]]\nmodel = "SEResNet-20"\n', encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        call("run", study, "--dry-run")
    lines = caught.value.what.splitlines()
    assert lines == [
        "line 2, initial.0: There is no network 'resnt'. Did you mean 'resnet'?",
        "line 4, data: There is no data set 'cifar'. Did you mean 'cifar10'?",
        "line 6, probes.0: There is no probe 'gate'. Did you mean 'gates'?",
        "line 17, arm.2.model: There is no network 'SEResNet-20'. Did you mean 'se_resnet20' or 'se_resnet'?",
    ]
    assert caught.value.where == str(study)
    assert "known: activations, " in caught.value.hint


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["report", "--format", "html,md"], "Writing the report as html, md"),
        (["pack", "--student-id", "1", "--name", "x"], "Packing the report"),
        (["predict", "x.png"], "Loading the trained networks"),
    ],
)
def test_what_takes_seconds_says_on_a_terminal_what_it_does(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    shown = Console(file=terminal, force_terminal=True, width=80)
    monkeypatch.setitem(busy.__globals__, "complaints", shown)
    result = CliRunner().invoke(app, [*words, "-w", str(tmp_path)])
    assert "There is no study" in str(result.exception)
    assert says in terminal.getvalue()


def test_the_help_lists_every_shipped_study_with_its_title() -> None:
    _, output = call("run", "--help")
    for name, path in shipped_studies().items():
        assert f"\n  {name} " in output
        assert load_study(path).title["en"] in " ".join(output.split())


def test_the_version_is_said() -> None:
    code, output = call("--version")
    assert (code, output) == (0, f"skipscope {version('skipscope')}\n")


def test_a_narrow_terminal_cuts_off_nothing(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "width", 40)
    name = "a_network_with_quite_a_long_name"
    study.write_text(STUDY.replace('"wild"', f'"{name}"'), encoding="utf-8")
    _, output = call("run", study, "--dry-run", "-w", tmp_path / "out")
    row = next(line for line in output.splitlines() if name in line)
    assert row.split()[1:5] == ["cnn", "0", "4", "12"]
    assert "about" in row
    assert "…" not in output
    _, output = call("models")
    assert "140,912,640" in output
    assert "…" not in output
