"""Ctrl-C, as a terminal sends it: to the program and to all its workers."""

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from injected import EPOCHS, LONG, Process, Zygote, children, has_ended, only_run, same, study

from skipscope.records.lock import held_run
from skipscope.records.store import RunFolder, Workspace


def begun(zygote: Zygote, folder: Path, says: str, *, spawned: bool = LONG) -> tuple[Process, Path, Path]:
    """A study, its workspace and its file, as soon as it says that."""
    toml, out = study(folder, epochs=20), folder / "out"
    process = zygote.skipscope("run", toml, "-w", out, cwd=folder, spawned=spawned)
    assert process.says(says), process.said
    return process, out, toml


def goes_on(zygote: Zygote, out: Path) -> RunFolder:
    """The run, trained to its end as a worker does it, which need not be spawned for that."""
    folder = only_run(out)
    with held_run(folder.path, waits=lambda _who: True):
        ended = zygote.train(folder.path, epochs=20).wait()
    assert ended.code == 0, ended.said
    return folder


def test_once_saves_and_stops_and_it_goes_on_bit_for_bit(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    process, out, toml = begun(zygote, tmp_path, "cnn s0: step")
    process.kill(signal.SIGINT, group=True)
    ended = process.wait()
    assert ended.code == 1
    assert "saved at step" in ended.said
    assert "The same command goes on" in ended.said
    assert f"skipscope run {toml} -w {out}" in "".join(ended.said.split("\n"))
    assert "Traceback" not in ended.said
    folder = only_run(out)
    saved = int(ended.said.partition("saved at step ")[2].split()[0])
    assert folder.last_step() == saved > 0
    status = zygote.skipscope("status", "-w", out, "--json", cwd=tmp_path).wait()
    assert [run["state"] for run in json.loads(status.said)["runs"]] == ["unfinished"]
    plan = zygote.skipscope("run", toml, "-w", out, "--dry-run", cwd=tmp_path).wait()
    assert plan.code == 0, plan.said
    ended = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out)).wait()
    assert ended.code == 0, ended.said
    same(undisturbed(20), folder)


def test_twice_stops_now_and_nothing_is_lost(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    """The second comes before the worker can have seen the first: it is stopped where it is."""
    process, out, _ = begun(zygote, tmp_path, "cnn s0: step")
    process.kill(signal.SIGINT, group=True)
    assert process.says("Stopping"), process.said
    process.kill(signal.SIGINT, group=True)
    ended = process.wait()
    assert ended.code == 1
    assert "Traceback" not in ended.said
    assert [run.state for run in Workspace(out).runs()] == ["unfinished"]
    same(undisturbed(20), goes_on(zygote, out))


def test_while_it_plans(zygote: Zygote, tmp_path: Path) -> None:
    """Before there is anything to save: it ends, without a traceback."""
    toml = study(tmp_path, arms='[[arm]]\nmodel = "resnet"\n[[arm]]\nmodel = "se_resnet"\n')
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}  # every network is timed anew
    process = zygote.skipscope("run", toml, "-w", "out", cwd=tmp_path, env=env)
    time.sleep(random.Random(8).uniform(0.2, 1.0))
    process.kill(signal.SIGINT, group=True)
    ended = process.wait()
    assert ended.code in (1, 130)
    assert "Traceback" not in ended.said
    assert not (tmp_path / "out").exists()


def test_reading_a_workspace_that_is_being_written(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    """Status, again and again, while the run saves at every step."""
    folder = tmp_path / "out" / "runs" / undisturbed(EPOCHS).read().id
    folder.parent.mkdir(parents=True)
    process, seen = zygote.train(folder, epochs=EPOCHS), set()
    while not process.ended:
        workspace = Workspace(tmp_path / "out")
        for record in workspace.runs():
            seen.add(record.state)
            workspace.metrics()
            workspace.readings()
            folder_now = workspace.run_folder(folder.name)
            folder_now.last_epoch()
            folder_now.pictures()
    assert process.wait().code == 0, process.said
    assert "unfinished" in seen
    assert json.loads((folder / "run.json").read_bytes())["state"] == "done"


def test_while_a_worker_starts(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    """It imports torch for seconds, and has handlers of Python's own meanwhile: it is not to hear of it.

    It saves if it is ready soon enough, and is ended otherwise, having begun nothing.
    """
    process, out, toml = begun(zygote, tmp_path, "cnn s0: starting", spawned=True)
    time.sleep(random.Random(3).uniform(0.2, 0.6))
    workers = children(process.pid)
    assert workers
    assert all(blocks(worker, signal.SIGINT) for worker in workers)
    process.kill(signal.SIGINT, group=True)
    ended = process.wait()
    assert ended.code == 1
    assert "Traceback" not in ended.said
    assert "failed" not in ended.said
    assert "saved at step" in ended.said or "stopped at once" in ended.said
    ended = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out)).wait()
    assert ended.code == 0, ended.said
    same(undisturbed(20), only_run(out))


def blocks(pid: int, number: int) -> bool:
    """Whether the process does not hear the signal, whatever handlers it has."""
    mask = Path(f"/proc/{pid}/status").read_text().partition("SigBlk:")[2].split()[0]
    return bool(int(mask, 16) >> (number - 1) & 1)


@pytest.mark.parametrize(
    ("number", "group", "codes"), [("SIGINT", True, (1, 130)), ("SIGKILL", False, (-9,))]
)
def test_while_networks_are_measured_as_they_start(
    number: str, group: bool, codes: tuple[int, ...], zygote: Zygote, tmp_path: Path
) -> None:
    """Who measures them is importing torch, and does not hear of it; of a parent that is gone, it does."""
    toml, out = study(tmp_path), tmp_path / "out"
    toml.write_text("initial_seeds = 2000\n" + toml.read_text(encoding="utf-8"), encoding="utf-8")
    process = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path)
    workers = measuring(process)
    process.kill(signal.Signals[number], group=group)
    ended = process.wait()
    assert ended.code in codes, ended.said
    assert "Traceback" not in ended.said
    for _ in range(600):
        if all(map(has_ended, workers)):
            break
        time.sleep(0.1)
    else:
        pytest.fail("a minute later a worker is there")


def measuring(process: Process) -> list[int]:
    """Its workers, as soon as there are any, or a little later."""
    assert process.says("measured untrained"), process.said
    while not (workers := children(process.pid)):
        assert not process.ended, process.said
        time.sleep(0.02)
    time.sleep(random.Random(5).uniform(0.2, 0.6))
    return workers
