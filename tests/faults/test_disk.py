"""A disk that is full: the run stops and says what it needs; with space again, it goes on."""

import errno
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from injected import EPOCHS, LONG, Zygote, only_run, same, study

from skipscope.errors import WorkspaceError
from skipscope.records.files import write_whole
from skipscope.records.store import RunFolder, Workspace

NEEDS = re.compile(r"The disk is full: \S+ needs \d[\d.]* (bytes|kB|MB), \d[\d.]* (bytes|kB|MB|GB) free")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """`small_disk(kilobytes)`: a disk of this size, or of another if it is called again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = False

    def make(kilobytes: int) -> Path:
        nonlocal mounted
        options = f"size={kilobytes}k" + (",remount" if mounted else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"needs the right to mount a small disk: {done.stderr.decode().strip()}")
        mounted = True
        return disk

    yield make
    if mounted:
        subprocess.run(["umount", str(disk)], check=True)


def test_full_while_training_and_measuring(
    small_disk: Callable[[int], Path], zygote: Zygote, undisturbed: Callable[[int], RunFolder]
) -> None:
    """More and more space, so that it ends at metrics, checkpoints, weights, readings, pictures, records."""
    folder, full = small_disk(16) / "run", set()
    for kilobytes in range(16, 4000, 60 if LONG else 300):
        small_disk(kilobytes)
        ended = zygote.train(folder, epochs=EPOCHS).wait()
        if ended.code == 0:
            break
        assert NEEDS.search(ended.said), ended.said
        full.add(re.search(r"full: (\S+) needs", ended.said)[1])
    assert len(full) > 1, full
    same(undisturbed(EPOCHS), RunFolder(folder))


def test_a_study_on_a_full_disk_says_what_it_needs_and_goes_on(
    small_disk: Callable[[int], Path], zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    out, toml = small_disk(4000) / "my 实验", study(tmp_path, epochs=4)
    # the sample of images takes three of the four megabytes, a checkpoint another
    ended = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path).wait()
    assert ended.code == 1, ended.said
    assert NEEDS.search(ended.said), ended.said
    assert "give the same command again" in ended.said
    assert "Traceback" not in ended.said
    assert len(re.findall("The disk is full", ended.said)) <= 3  # and not tried again and again
    small_disk(40_000)
    ended = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out)).wait()
    assert ended.code == 0, ended.said
    same(undisturbed(4), only_run(out))


@pytest.mark.skipif(not LONG, reason="draws two reports; `make faults` does")
def test_a_report_for_which_there_is_no_space(
    small_disk: Callable[[int], Path], zygote: Zygote, tmp_path: Path
) -> None:
    out, toml = small_disk(5200) / "out", study(tmp_path, epochs=4)
    ended = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path).wait()
    assert ended.code == 1, ended.said
    assert NEEDS.search(ended.said), ended.said
    assert [run.state for run in Workspace(out).runs()] == ["done"]
    assert not list(out.rglob("*.draft"))
    small_disk(40_000)
    ended = zygote.skipscope("report", "-w", out, cwd=tmp_path).wait()
    assert ended.code == 0, ended.said


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EDQUOT])
def test_what_is_needed_and_how_much(kind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk and a used-up quota, as a system without the right to mount tells them."""
    write_whole(tmp_path / "model", b"before")

    def full(_: int) -> None:
        raise OSError(kind, os.strerror(kind))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkspaceError, match=NEEDS.pattern) as caught:
        write_whole(tmp_path / "model", b"x" * 90_100_000)
    assert "model needs 90.1 MB" in str(caught.value)
    assert (tmp_path / "model").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
