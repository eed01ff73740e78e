"""A study cut down to the time there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipscope.engine.adapt import adapt, cut
from skipscope.engine.fit_budget import LEAST_IMAGES, cuts, fit_budget, seconds_of, written
from skipscope.engine.plan import plan
from skipscope.errors import UsageError
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, load_study, parse_study, shipped_studies

IMAGES = 45_000
STUDY = parse_study(
    {"name": "x", "seeds": 3, "recipe": {"epochs": 5}, "arm": [{"model": "cnn"}, {"model": "resnet"}]},
    where="a test",
)


def estimate(study: StudySpec) -> float:
    """One second for a seed's epoch on all images."""
    return study.seeds * study.recipe.epochs * (study.train_limit or IMAGES) / IMAGES


def size(study: StudySpec) -> tuple[int, int, int | None]:
    return study.seeds, study.recipe.epochs, study.train_limit


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        (15, (3, 5, None)),
        (14, (2, 5, None)),
        (5, (1, 5, None)),
        (4.5, (1, 4, None)),
        (1, (1, 1, None)),
        (0.5, (1, 1, 22_500)),
        (0.003, (1, 1, LEAST_IMAGES)),
    ],
)
def test_seeds_go_first_then_epochs_then_images(budget: float, left: tuple[int, int, int | None]) -> None:
    assert size(fit_budget(STUDY, IMAGES, estimate, budget)) == left


@given(st.floats(0.01, 20))
def test_it_fits(budget: float) -> None:
    assert estimate(fit_budget(STUDY, IMAGES, estimate, budget)) <= budget


def test_too_little_says_how_much_it_takes() -> None:
    for takes, there, refused, asks in ((60, 30, "30s", "1m"), (655, 610, "10m10s", "11m")):
        with pytest.raises(UsageError, match=f"Nothing of x fits into {refused}\\.") as error:
            fit_budget(STUDY, IMAGES, lambda _, takes=takes: takes, there)
        assert f"--budget {asks}:" in error.value.hint


@given(st.floats(0.1, 1e6))
def test_a_budget_that_is_asked_for_suffices_by_a_tenth_at_most(seconds: float) -> None:
    asked = seconds_of(written(seconds, step=60 if seconds > 600 else 1))
    assert seconds <= asked <= seconds * 1.1 + 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("20m", 1200), ("90s", 90), ("1h30m", 5400), ("2h", 7200), (" 1H 5s", 3605)]
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "m", "0m", "20 minutes", "-5m"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="not a length of time"):
        seconds_of(text)


def test_a_plan_within_a_budget_records_both(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.cores", lambda: 1)
    monkeypatch.setattr(
        "skipscope.engine.estimate.run_seconds",
        lambda _seconds, recipe, _data, images, **_: recipe.epochs * images / 60,
    )
    monkeypatch.setattr("skipscope.engine.costs.Costs.at_start", lambda *_: 0.0)
    study = small.model_copy(update={"seeds": 9, "probes": ()})
    planned = plan(study, workspace, command="x", budget="4s")
    assert (planned.record.study.seeds, len(planned.runs)) == (4, 4)
    cut = planned.record.budget
    assert (cut.asked, cut.seeds, cut.epochs, cut.images) == ("4s", 9, 1, 60)


@pytest.mark.parametrize("name", shipped_studies())
def test_cuts_are_what_the_command_line_would_give(name: str) -> None:
    """They are made without validation, and recorded."""
    study = load_study(name)
    some = list(cuts(study, IMAGES))
    for each in (some[0], some[len(some) // 2], some[-1]):
        own = [(arm.label, arm.recipe) for arm in each.arm]
        uncut = each.recipe == study.recipe and own == [(arm.label, arm.recipe) for arm in study.arm]
        epochs = None if uncut else each.recipe.epochs
        same = adapt(study, seeds=each.seeds, epochs=epochs, train_limit=each.train_limit)
        assert each == same
        assert each.model_dump_json() == same.model_dump_json()
        assert StudySpec.model_validate_json(each.model_dump_json()) == each


def test_epochs_are_cut_in_every_arm() -> None:
    arms = [{"model": "cnn", "recipe": {"epochs": 9, "momentum": 0.5}}, {"model": "resnet"}]
    study = parse_study({"name": "x", "arm": arms}, where="a test")
    smaller = cut(study, epochs=2)
    assert [smaller.recipe_of(arm).epochs for arm in smaller.arm] == [2, 2]
    assert smaller.recipe_of(smaller.arm[0]).momentum == 0.5
    assert smaller == adapt(study, epochs=2)
