"""Studies on a real Ray cluster: a head without cores and two nodes, whose folders are apart.

Nodes are processes of this machine, and the driver is the program as it is typed. Each node writes below a
folder of its own: where its worker's files lie tells which node a run is on.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from skipscope.records.store import Workspace

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from skipscope.engine.cluster import driver
driver.CHECKPOINT_SECONDS = 0.5  # every twenty, these runs would end before one has travelled
from skipscope.cli import main
main()
"""
STUDY = """
data = "shapes"
train_limit = 60
probes = [{probes}]
[recipe]
epochs = {epochs}
batch_size = 20
precision = "fp32"
memory_format = "channels_last"
kernels = "stock"
threads = 1
"""
"""How it is computed is pinned: two workspaces are planned apart, and measurements may choose differently."""
TIMED = {"SHA256SUMS", "metrics.jsonl", "run.json"}
"""Files that tell when a run was trained and how long it took, and the checksums of them."""
PATIENCE = 1800.0
"""Seconds, many times what anything here takes."""


@dataclass(kw_only=True)
class Nodes:
    """Two nodes of one core each."""

    cluster: Any
    rooms: dict[str, Path]
    started: dict[str, Any]

    def busy(self) -> list[str]:
        """Names the nodes that have a worker's files."""
        return [name for name, room in self.rooms.items() if any((room / "tmp").glob("skipscope-*"))]

    def lose(self, name: str) -> None:
        """Takes a node away, with all that runs on it."""
        self.cluster.remove_node(self.started[name], allow_graceful=False)


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    utils = pytest.importorskip("ray.cluster_utils", reason="needs Ray: pip install 'skipscope[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # Ray's workers step back behind all else on a machine
    cluster = head(utils.Cluster)
    rooms = {name: tmp_path / name for name in ("one", "two")}
    started = {}
    try:
        for name, room in rooms.items():
            (room / "tmp").mkdir(parents=True)
            apart = {
                "TMPDIR": room / "tmp",
                "XDG_CACHE_HOME": room / "cache",
                "SKIPSCOPE_DATA": room / "data",
            }
            there = {key: str(path) for key, path in apart.items()}
            started[name] = cluster.add_node(num_cpus=1, env_vars=there)
        yield Nodes(cluster=cluster, rooms=rooms, started=started)
    finally:
        cluster.shutdown()


def head(cluster: Any) -> Any:
    """Starts a cluster with a head alone; again, if a busy machine takes longer than Ray waits for it."""
    for again in (True, True, False):
        try:
            return cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        except Exception as error:
            if not again or "timed out during startup" not in str(error):
                raise
    raise AssertionError


def written(folder: Path, *arms: str, epochs: int = 1, probes: str = "") -> Path:
    """Writes a study's file."""
    path = folder / "small.toml"
    text = STUDY.format(epochs=epochs, probes=probes)
    path.write_text(text + "".join(f'[[arm]]\nmodel = "{name}"\n' for name in arms), encoding="utf-8")
    return path


def begun(study: Path, workspace: Path, *more: str) -> "subprocess.Popen[str]":
    """Starts the program on a study."""
    words = [sys.executable, "-c", PROGRAM, "run", str(study), "-w", str(workspace), *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(program: "subprocess.Popen[str]", code: int = 0) -> str:
    """Waits for its end, and returns what it printed."""
    printed, _ = program.communicate(timeout=PATIENCE)
    assert program.returncode == code, printed
    return printed


def until(there: Callable[[], object], program: "subprocess.Popen[str]") -> None:
    """Waits for something to come about while the program runs."""
    end = monotonic() + PATIENCE
    while not there():
        assert program.poll() is None, said(program)
        assert monotonic() < end
        sleep(0.02)


def files(workspace: Path) -> dict[str, bytes]:
    """Reads the files of all runs, but for those that tell times."""
    found = (path for path in (workspace / "runs").rglob("*") if path.is_file())
    return {
        path.relative_to(workspace).as_posix(): path.read_bytes()
        for path in found
        if path.name not in TIMED and not path.name.startswith(".")
    }


def has_checkpoint(workspace: Path) -> bool:
    return any((workspace / "runs").glob("*/state.pt"))


def epochs_told(workspace: Path) -> list[str]:
    """Reads the rows of the one run's epochs: they tell the seconds that it took."""
    (metrics,) = (workspace / "runs").glob("*/metrics.jsonl")
    return [row for row in metrics.read_text(encoding="utf-8").splitlines() if '"epoch", ' in row]


def test_a_whole_study_leaves_the_files_that_it_leaves_here(nodes: Nodes, tmp_path: Path) -> None:
    study = written(tmp_path, "cnn", "se_resnet8", probes='"redundancy"')
    here, there = tmp_path / "here", tmp_path / "there"
    printed = said(begun(study, there, "--executor", "ray", "--address", nodes.cluster.address))
    assert "nodes: 2, workers: 2" in printed
    assert not nodes.busy()  # nothing is left on them
    said(begun(study, here))
    assert files(there) == files(here)
    assert len([name for name in files(there) if name.endswith("model.safetensors")]) == 2
    runs = [Workspace(there).run_folder(path.name) for path in (there / "runs").iterdir()]
    assert not any(run.damaged() for run in runs)
    assert (there / "reports" / "small" / "report.html").exists()


def test_a_node_that_is_removed_costs_the_steps_since_the_checkpoint(nodes: Nodes, tmp_path: Path) -> None:
    study = written(tmp_path, "cnn", epochs=60)
    here, there = tmp_path / "here", tmp_path / "there"
    program = begun(study, there, "--executor", "ray", "--address", nodes.cluster.address)
    until(lambda: has_checkpoint(there), program)
    (lost,) = nodes.busy()
    (other,) = nodes.rooms.keys() - {lost}
    nodes.lose(lost)
    before = epochs_told(there)
    (nodes.rooms[lost] / "tmp").rename(nodes.rooms[lost] / "gone")  # nobody can have read what was there
    until(lambda: other in nodes.busy(), program)
    assert "is gone; it goes on from its last checkpoint" in said(program)
    assert epochs_told(there)[0] == before[0]  # with its seconds: it was not made again
    said(begun(study, here))
    assert files(there) == files(here)


def test_a_driver_that_is_killed_goes_on_from_what_had_come(nodes: Nodes, tmp_path: Path) -> None:
    study = written(tmp_path, "cnn", epochs=60)
    here, there = tmp_path / "here", tmp_path / "there"
    on_ray = ("--executor", "ray", "--address", nodes.cluster.address)
    program = begun(study, there, *on_ray)
    until(lambda: has_checkpoint(there), program)
    program.send_signal(signal.SIGKILL)
    said(program, code=-signal.SIGKILL)
    before = epochs_told(there)
    assert len(before) < 60
    said(begun(study, there, *on_ray))
    assert epochs_told(there)[0] == before[0]
    said(begun(study, here))
    assert files(there) == files(here)
