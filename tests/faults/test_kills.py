"""A run that is killed at any moment, and given again, comes out as if nothing had happened."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from injected import EPOCHS, LONG, Zygote, children, only_run, same, study

from skipscope.records.store import RunFolder, Workspace

KILLS = 120 if LONG else 10
"""How often a training process is killed, at random moments."""
STUDY_KILLS = 36 if LONG else 3
"""How often a study's worker, its parent and both are killed, in turn."""
DEATHS = 1 if LONG else 12
"""Every n-th write is died in."""


def test_a_training_process_killed_at_random_moments(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    epochs = 60 if LONG else EPOCHS
    chance, folder, killed = random.Random(6), tmp_path / "run", 0
    while killed < KILLS:
        process = zygote.train(folder, epochs=epochs)
        time.sleep(chance.uniform(0.0, 0.6))
        process.kill()
        if process.wait().code == 0:  # it was done: once more from nothing
            same(undisturbed(epochs), RunFolder(folder))
            folder = tmp_path / f"run{killed}"
            continue
        assert process.code == -signal.SIGKILL, process.said
        killed += 1
    ended = zygote.train(folder, epochs=epochs).wait()
    assert ended.code == 0, ended.said
    same(undisturbed(epochs), RunFolder(folder))


def test_death_in_the_middle_of_every_write(zygote: Zygote, tmp_path: Path) -> None:
    """Half a file, a file without its name, rows that were never on the disk: none of it is seen later."""
    whole = tmp_path / "whole"
    counted = zygote.train(whole, epochs=1, die_at=0).wait()
    assert counted.code == 0, counted.said
    number = int(counted.said.split()[-1])
    assert number > 50
    for death in range(1 + random.Random(number).randrange(DEATHS), number + 1, DEATHS):
        folder = tmp_path / f"died-at-{death}"
        died = zygote.train(folder, epochs=1, die_at=death).wait()
        assert died.code == 9, (death, died.said)
        ended = zygote.train(folder, epochs=1).wait()
        assert ended.code == 0, (death, ended.said)
        same(RunFolder(whole), RunFolder(folder))


def test_a_studys_worker_its_parent_or_both_killed(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    """A new parent begins at once, while the worker of the one before may still be at its last step."""
    epochs = 60 if LONG else EPOCHS
    toml, chance = study(tmp_path, epochs=epochs), random.Random(7)
    killed = dict.fromkeys(("parent", "worker", "both"), 0)
    outs = (tmp_path / f"out{number}" for number in itertools.count())
    out = next(outs)
    while sum(killed.values()) < STUDY_KILLS:
        process = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out))
        before = at_step(out)
        while at_step(out) == before and not process.ended:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        workers = children(process.pid)
        if workers and not process.ended:
            victim = min(killed, key=lambda name: killed[name])
            killed[victim] += 1
            for worker in workers if victim != "parent" else ():
                with suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(worker, signal.SIGKILL)
            if victim != "worker":
                process.kill()
        assert process.wait().code in (0, -signal.SIGKILL), process.said
        if process.code == 0:  # the worker was killed and started again, or had ended
            same(undisturbed(epochs), only_run(out))
            out = next(outs)
    ended = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out)).wait()
    assert ended.code == 0, ended.said
    same(undisturbed(epochs), only_run(out))
    assert [run.state for run in Workspace(out).runs()] == ["done"]


def at_step(workspace: Path) -> int:
    """How far the workspace's run is, as its metrics tell; 0 while they are being replaced."""
    for file in workspace.glob("runs/*/metrics.jsonl"):
        with suppress(OSError):
            return file.stat().st_size
    return 0
