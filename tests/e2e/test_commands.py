"""The program as a process of its own: what is typed, what is seen, how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from skipscope import cli

SKIPSCOPE = str(Path(sys.executable).with_name("skipscope"))

FEW = """
data = "shapes"
train_limit = 64
probes = ["reuse_by_weight"]
[recipe]
epochs = 1
batch_size = 32
"""
SMALL = ("cnn", "se_resnet8")
CLASSROOM = ("cnn", "resnet", "densenet", "se_resnet")


def call(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SKIPSCOPE, *words], cwd=cwd, capture_output=True, text=True, timeout=1800, check=False
    )


@pytest.mark.parametrize("networks", [SMALL, pytest.param(CLASSROOM, marks=pytest.mark.slow)])
def test_a_study_from_nothing_to_a_report(networks: tuple[str, ...], tmp_path: Path) -> None:
    """The whole road, on few images, for one epoch and with a quick probe."""
    arms = "".join(f'[[arm]]\nmodel = "{name}"\n' for name in networks)
    (tmp_path / "few.toml").write_text(FEW + arms, encoding="utf-8")
    done = call("run", "few.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout  # no escape codes in a pipe
    page = (tmp_path / "skipscope-out" / "reports" / "few" / "report.html").read_text(encoding="utf-8")
    assert "not CIFAR-10" in page
    runs = json.loads(call("status", "--json", cwd=tmp_path).stdout)["runs"]
    assert sorted(run["arm"] for run in runs) == sorted(networks)
    assert {run["state"] for run in runs} == {"done"}
    again = call("run", "few.toml", "--dry-run", cwd=tmp_path)
    assert again.returncode == 0
    assert "nothing to train" in again.stdout


@pytest.mark.slow  # it measures the four classroom networks, as `make demo` does
def test_the_demo_is_the_shipped_study_on_the_embedded_data_set(tmp_path: Path) -> None:
    done = call("demo", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 networks" in done.stdout
    assert "shapes" in done.stdout


@pytest.mark.slow
@pytest.mark.cifar
def test_the_real_data_set_from_run_to_report(tmp_path: Path, cifar_dir: Path) -> None:
    study = '[recipe]\nepochs = 1\n[[arm]]\nmodel = "cnn"\n'
    (tmp_path / "real.toml").write_text(study, encoding="utf-8")
    done = call("run", "real.toml", "--train-limit", "1280", "--data-dir", str(cifar_dir), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,280 training images, 5,000 for validation, 10,000 sealed" in done.stdout
    page = (tmp_path / "skipscope-out" / "reports" / "real" / "report.html").read_text(encoding="utf-8")
    assert "This is not CIFAR-10" not in page


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "lob"], 2, "Did you mean 'lab'"),
        (["models", "show", "resnt"], 2, "Did you mean 'resnet'"),
        (["run", "none.toml"], 2, "no such study file"),
        (["report"], 1, "There is no study in this workspace"),
        (["run", "lab", "--data-dir", "nowhere"], 1, "skipscope data get"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_a_mistake_gets_a_sentence_and_an_exit_code(
    words: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process, from `main` on; that the installed script calls it is tested by those above."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [SKIPSCOPE, *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    assert says in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_help_does_not_wait_for_torch() -> None:
    """What makes `--help` slow is imports; which ones there are can be tested, seconds cannot."""
    script = (
        "import sys\n"
        "from skipscope.cli import app\n"
        "heavy = {'torch', 'polars', 'altair', 'numpy', 'pydantic', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
