"""A script without `if __name__ == "__main__":` is told so in a sentence, before anything is trained."""

import subprocess
import sys
from pathlib import Path

import pytest

from skipscope.api import guard
from skipscope.errors import UsageError

CALL = """
from skipscope.api.guard import refuse_unguarded
print("run anew")
{guard}
    refuse_unguarded("skipscope.run")
    print("went on")
"""


def ended(folder: Path, text: str, **options: str) -> subprocess.CompletedProcess[str]:
    (folder / "mine.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-" if options else "mine.py"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False, **options
    )


def test_a_missing_guard_is_named_with_what_to_write(tmp_path: Path) -> None:
    done = ended(tmp_path, CALL.format(guard="if True:"))
    assert done.returncode == 1
    assert done.stderr.count('calls skipscope.run without `if __name__ == "__main__":` above it') == 1
    assert done.stderr.rstrip().endswith("above the call and indent what follows")
    assert str(tmp_path / "mine.py") in done.stderr
    assert "went on" not in done.stdout


def test_a_script_with_a_guard_goes_on(tmp_path: Path) -> None:
    done = ended(tmp_path, CALL.format(guard='if __name__ == "__main__":'))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("went on") == 1


def test_a_script_that_cannot_be_run_anew_is_said(tmp_path: Path) -> None:
    done = ended(tmp_path, CALL.format(guard='if __name__ != "__main__":\n    1 / 0\nelse:'))
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "run this script from its top, too, and that failed (exit code 1)" in done.stderr


def test_a_script_that_is_in_no_file_is_said(tmp_path: Path) -> None:
    done = ended(tmp_path, "", input=CALL.format(guard="if True:"))
    assert done.returncode == 1
    assert "it is in no file" in done.stderr


def test_a_process_that_may_start_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard.mp.current_process(), "_config", {"daemon": True})
    with pytest.raises(UsageError, match=r"which a worker of a multiprocessing\.Pool may not"):
        guard.refuse_unguarded("skipscope.run")
