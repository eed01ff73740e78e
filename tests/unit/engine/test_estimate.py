"""Costs from given seconds per image: nothing is trained or timed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipscope.engine.estimate import START_SECONDS, in_turns, makespan, run_seconds, study_seconds
from skipscope.records.schema import DataCard
from skipscope.spec import Recipe, parse_study

DATA = DataCard(name="shapes", sha256="0" * 64, classes=("a",), train=600, validation=90, test=30, source="")


def none(*_: object) -> float:
    """Nothing is measured before the first step."""
    return 0.0


@given(st.lists(st.floats(0.1, 100), max_size=8), st.integers(1, 4))
def test_makespan_lies_between_its_bounds(seconds: list[float], jobs: int) -> None:
    total, longest = sum(seconds), max(seconds, default=0)
    span = makespan(seconds, jobs)
    # rounding of sums in another order
    assert max(longest, total / jobs) - 1e-9 <= span <= total / jobs + longest + 1e-9


def test_a_run_is_its_epochs_and_the_tests_after_them() -> None:
    """A forward pass takes a third of a step: 30 of 90 validation images, 10 of 30 test images."""
    recipe = Recipe(epochs=4)
    whole = run_seconds(0.5, recipe, DATA, 60)
    assert whole == pytest.approx(START_SECONDS + 0.5 * (4 * (60 + 30) + 30 + 10))
    half = run_seconds(0.5, recipe, DATA, 60, left=0.5)
    assert whole - half == pytest.approx(0.5 * 2 * (60 + 30))


def test_validations_within_epochs_are_counted() -> None:
    """Two of 1,000 images in each of three epochs: the forward passes of 2,000 steps' images."""
    many = DATA.model_copy(update={"train": 6000, "validation": 3000, "test": 0})
    few, enough = (run_seconds(0.5, Recipe(epochs=3), many, images) for images in (4999, 5999))
    assert enough - few == pytest.approx(0.5 * (3 * 1000 + 3 * 2 * 2 * 1000 / 3))


def test_a_study_is_all_its_runs_in_rounds_and_then_what_measures_them() -> None:
    table = {"name": "x", "seeds": 2, "probes": [], "recipe": {"epochs": 1}}
    study = parse_study(table | {"arm": [{"model": "small"}, {"model": "large"}]}, where="a test")
    seconds = {"small": 1.0, "large": 2.0}

    def each(images: int) -> list[float]:
        return [run_seconds(seconds[m], study.recipe, DATA, images) for m in seconds]

    def of(jobs: int, limit: int | None = None, after: tuple[float, ...] = ()) -> float:
        cut = study.model_copy(update={"train_limit": limit})
        return study_seconds(cut, lambda model, _: seconds[model], none, lambda *_: after, DATA, jobs)

    small, large = each(600)
    assert of(1) == pytest.approx(2 * (small + large))
    # in rounds: the large and the small one of seed 0, then of seed 1 the large one on the core that is free
    assert of(2) == pytest.approx(max(small + large, large + small))
    assert of(3) == pytest.approx(max(small + small, large))
    assert of(1, limit=100) == pytest.approx(2 * sum(each(100)))
    assert of(1, after=(3.0, 5.0)) == pytest.approx(2 * (small + large) + 4 * (3.0 + 5.0))
    # on two cores, which are free at the same time, the four longer ones first
    assert of(2, after=(3.0, 5.0)) - of(2) == pytest.approx(2 * (3.0 + 5.0))


def test_what_measures_a_run_comes_after_it_and_fills_what_would_idle() -> None:
    assert in_turns([(10.0, (4.0,))], 2) == 14.0  # two cores do not help
    assert in_turns([(10.0, (4.0, 4.0))], 2) == 14.0
    assert in_turns([(10.0, (4.0,)), (3.0, (6.0,))], 2) == 14.0  # 3 + 6 beside the 10
    assert in_turns([(10.0, ()), (3.0, (6.0,)), (8.0, ())], 2) == 16.0  # training first: 3 + 8, then 10 + 6
    assert in_turns([(0.0, (5.0,)), (10.0, ())], 1) == 15.0  # of a run that is trained already
    assert in_turns([(10.0, ()), (3.0, ())], 2, last=(1.0, 2.0, 2.0)) == 13.0  # both end first: 2 | 2 + 1
    assert in_turns([], 3) == 0.0


def earlier(seconds: list[float], jobs: int) -> float:
    """The reference: no measuring, each to the first that is free."""
    ends = [0.0] * jobs
    for cost in seconds:
        ends[ends.index(min(ends))] += cost
    return max(ends)


@given(st.lists(st.floats(0.1, 100), max_size=8), st.integers(1, 4))
def test_without_measuring_each_goes_to_the_first_that_is_free(seconds: list[float], jobs: int) -> None:
    assert makespan(seconds, jobs) == pytest.approx(earlier(seconds, jobs))


def test_an_arm_s_own_seeds_and_probes_count() -> None:
    arms = [{"model": "small", "seeds": 1}, {"model": "small", "name": "seen", "probes": ["answers"]}]
    study = parse_study({"name": "x", "seeds": 3, "probes": [], "arm": arms}, where="a test")
    training = run_seconds(1.0, study.recipe, DATA, 600)

    def after(arm: str, _model: str, _recipe: object) -> list[float]:
        return [7.0] * len(study.probes_of(arm) or ())

    seconds = study_seconds(study, lambda _model, _recipe: 1.0, lambda *_: 2.0, after, DATA, 1)
    assert seconds == pytest.approx(4 * (training + 2.0) + 3 * 7.0)
