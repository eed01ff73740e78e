"""Costs from given seconds per image: nothing is trained or timed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipscope.engine.estimate import (
    PROBE_PASSES,
    START_SECONDS,
    makespan,
    probe_seconds,
    run_seconds,
    study_seconds,
)
from skipscope.records.schema import DataCard
from skipscope.spec import Recipe, parse_study

DATA = DataCard(name="shapes", sha256="0" * 64, classes=("a",), train=600, validation=90, test=30, source="")


@given(st.lists(st.floats(0.1, 100), max_size=8), st.integers(1, 4))
def test_makespan_lies_between_its_bounds(seconds: list[float], jobs: int) -> None:
    total, longest = sum(seconds), max(seconds, default=0)
    span = makespan(seconds, jobs)
    # rounding of sums in another order
    assert max(longest, total / jobs) - 1e-9 <= span <= total / jobs + longest + 1e-9


def test_a_run_is_its_epochs_and_what_comes_after_them() -> None:
    """A forward pass takes a third of a step: 30 of 90 validation images, 10 of 30 test images."""
    recipe = Recipe(epochs=4)
    whole = run_seconds(0.5, recipe, DATA, 60, probed=False)
    assert whole == pytest.approx(START_SECONDS + 0.5 * (4 * (60 + 30) + 10))
    half = run_seconds(0.5, recipe, DATA, 60, left=0.5, probed=False)
    assert whole - half == pytest.approx(0.5 * 2 * (60 + 30))
    probed = run_seconds(0.5, recipe, DATA, 60, probed=True)
    assert probed - whole == pytest.approx(0.5 * PROBE_PASSES / 3) == probe_seconds(0.5) - START_SECONDS


def test_a_study_is_all_its_runs_the_longest_first() -> None:
    table = {"name": "x", "seeds": 2, "probes": [], "recipe": {"epochs": 1}}
    study = parse_study(table | {"arm": [{"model": "small"}, {"model": "large"}]}, where="a test")
    seconds = {"small": 1.0, "large": 2.0}

    def each(images: int) -> list[float]:
        return [run_seconds(seconds[m], study.recipe, DATA, images, probed=False) for m in seconds]

    def of(jobs: int, limit: int | None = None) -> float:
        cut = study.model_copy(update={"train_limit": limit})
        return study_seconds(cut, lambda model, _: seconds[model], DATA, jobs)

    small, large = each(600)
    assert of(1) == pytest.approx(2 * (small + large))
    assert of(2) == pytest.approx(small + large)
    assert of(3) == pytest.approx(max(2 * small, large))
    assert of(1, limit=100) == pytest.approx(2 * sum(each(100)))


def test_an_arm_s_own_seeds_and_probes_count() -> None:
    arms = [{"model": "small", "seeds": 1}, {"model": "small", "name": "seen", "probes": ["answers"]}]
    study = parse_study({"name": "x", "seeds": 3, "probes": [], "arm": arms}, where="a test")
    small, probed = (run_seconds(1.0, study.recipe, DATA, 600, probed=each) for each in (False, True))
    assert study_seconds(study, lambda _model, _recipe: 1.0, DATA, 1) == pytest.approx(small + 3 * probed)
