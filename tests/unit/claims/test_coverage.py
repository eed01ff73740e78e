"""Coverage of the interval function, and the table of it in docs/statistics.md."""

import re
import runpy
from pathlib import Path

import pytest

from skipscope.claims.calibration.calibrate import load_calibration
from skipscope.claims.calibration.coverage import ACCURACY, PAIRS, Coverage, coverage
from skipscope.claims.calibration.draws import DISTRIBUTIONS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "statistics.md"
WRITER = runpy.run_path(str(ROOT / "tools" / "coverage_tables.py"), run_name="coverage_tables")


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, int], Coverage]:
    events = []
    table = coverage(1500, on_event=lambda: events.append(1))
    assert len(events) == len(table) == len(PAIRS) * (len(DISTRIBUTIONS) + 1)
    return {(each.differences, each.pairs): each for each in table}


def test_normal_differences_are_covered_as_promised(found: dict[tuple[str, int], Coverage]) -> None:
    for n in PAIRS:
        # of 1,500: a standard error of 0.6 points
        assert found["normal", n].covered == pytest.approx(0.95, abs=0.02)
        assert found["t with 3 degrees of freedom", n].covered >= 0.93


def test_skewed_differences_are_covered_less_and_missed_on_one_side(
    found: dict[tuple[str, int], Coverage],
) -> None:
    for n in PAIRS:
        for name in ("exponential", "lognormal"):
            assert found[name, n].below > found[name, n].above
            assert found[name, n].covered < 0.94
        each = found["lognormal", n]
        assert each.covered + each.above + each.below == pytest.approx(1)
        assert found[ACCURACY, n].studies == 30


def test_the_table_in_the_docs_is_what_the_command_prints(found: dict[tuple[str, int], Coverage]) -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    for name in [*DISTRIBUTIONS, ACCURACY]:
        [line] = [line for line in lines if line.startswith(f"| {name} |")]
        shown = [float(number) / 100 for number in re.findall(r"[\d.]+(?= %)", line)]
        assert len(shown) == len(PAIRS)
        for n, share in zip(PAIRS, shown, strict=True):
            each = found[name, n]
            error = (share * (1 - share) / each.studies) ** 0.5
            assert each.covered == pytest.approx(share, abs=4 * max(error, 0.003))


def test_the_calibration_in_the_docs_is_the_one_that_comes_with_the_package() -> None:
    table = WRITER["calibration_table"](load_calibration())
    assert table in DOCS.read_text(encoding="utf-8"), "write it again: python tools/coverage_tables.py"
