"""Coverage-guided fuzzing of every reader (`fuzz.py`), a few seconds each, in processes of their own."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from fuzz import fuzz
from injected import LONG
from readers import READERS

SECONDS = 10

if not LONG:
    pytest.skip("`make faults` fuzzes; `make test` reads the corpus", allow_module_level=True)
if find_spec("atheris") is None:
    pytest.skip(
        "atheris is not installed: it has wheels for Linux and macOS, CPython 3.11 to 3.13; "
        "`make faults` installs it where there is one (pip install -e '.[fuzz]')",
        allow_module_level=True,
    )


def test_a_fault_that_takes_four_steps_to_reach_is_found(tmp_path: Path) -> None:
    """Chance alone finds one in four thousand million: without its guide, the fuzzer would see nothing."""
    outcome = fuzz("planted", 60, tmp_path)
    assert outcome.finding is not None
    assert "KeyError" in outcome.finding
    (input,) = tmp_path.iterdir()
    assert input.read_bytes().startswith(b"FUZZ")


@pytest.mark.parametrize("fault", ["writes", "begins", "fills"])
def test_what_no_reader_may_do_is_found(fault: str, tmp_path: Path) -> None:
    outcome = fuzz(fault, 30, tmp_path / "found")
    assert outcome.finding is not None
    assert {"writes": "open(", "begins": "os.posix_spawn", "fills": "out-of-memory"}[fault] in outcome.finding


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_guided_by_what_it_reaches(reader: str, tmp_path: Path) -> None:
    outcome = fuzz(reader, SECONDS, tmp_path)
    assert outcome.finding is None, outcome.finding
    assert outcome.inputs > 100  # a tenth of what a busy machine tries
