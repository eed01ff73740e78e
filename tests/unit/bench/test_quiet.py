"""Whether a machine was quiet: what others took of it, and how steady the usual loop was."""

import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest

from skipscope.bench import quiet
from skipscope.bench.quiet import Clock, clock, others, spread, was_quiet

BUSY = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


def test_what_others_took_is_what_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "cores", lambda: 2)
    before = Clock(wall=100.0, all=1000.0, own=50.0)
    assert others(before, Clock(wall=110.0, all=1019.0, own=66.0)) == pytest.approx(3 / 20)
    assert others(before, Clock(wall=110.0, all=1010.0, own=60.5)) == 0.0  # ticks are coarse
    assert others(None, before) is None
    assert others(before, before) is None


def test_an_unquiet_run_is_one_with_company_or_with_rounds_far_apart() -> None:
    assert spread([90.0, 100.0, 101.0]) == pytest.approx(0.11)
    assert was_quiet(0.02, [0.03, 0.09]) is True
    assert was_quiet(0.06, [0.03]) is False
    assert was_quiet(0.0, [0.03, 0.11]) is False
    assert was_quiet(None, [0.03]) is None  # what nobody knows is not called quiet
    assert was_quiet(None, [0.11]) is False


def test_a_system_that_does_not_tell_is_no_error(tmp_path: Path) -> None:
    assert clock(tmp_path) is None
    (tmp_path / "stat").write_text("cpu  what\n")
    assert clock(tmp_path) is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="no /proc here")
def test_a_child_s_work_is_ours_while_it_lives_and_when_it_has_ended() -> None:
    before, mine = clock(), process_time()
    assert before is not None
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    after = clock()
    assert after is not None
    assert after.own - before.own >= 0.45  # half a second, in ticks of a hundredth
    assert after.all >= before.all
    assert after.own - before.own < 0.5 + (process_time() - mine) + 0.5  # and the interpreter's start


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="no /proc here")
def test_who_was_not_started_from_here_is_another(tmp_path: Path) -> None:
    """A made-up /proc: this process, its grandchild, and a stranger."""
    me = quiet.os.getpid()
    number = min(quiet._numbers())
    (tmp_path / "stat").write_text(f"cpu 1 1 1 1 1 1 1 1 0 0\ncpu{number} 10 0 20 700 5 1 2 7 0 0\n")
    for pid, parent, ticks in ((me, 1, 3), (999_001, me, 5), (999_002, 999_001, 7), (999_003, 1, 11)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        fields = ["S", str(parent), *["0"] * 9, str(ticks), "1", "0", "0"]
        (folder / "stat").write_text(f"{pid} (a (b) c) {' '.join(fields)}\n")
    assert quiet._own(tmp_path) == 3 + 5 + 7 + 3
    assert quiet._everyone(tmp_path) == 10 + 20 + 1 + 2 + 7
