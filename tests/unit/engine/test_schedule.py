"""Several studies within one budget: which, in what order, at how many seeds."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.engine.adapt import adapt
from skipscope.engine.autotune import BackendChoice
from skipscope.engine.plan import InitialMeasurement, Plan, PlannedRun, plan
from skipscope.engine.schedule import Schedule, Survey, compose, planned, survey, tasks
from skipscope.engine.side_by_side import SideBySide
from skipscope.errors import UsageError
from skipscope.records.schema import DataCard, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import Backend, DataRef, Recipe, RunSpec, StudySpec, parse_study

WAY = Backend(precision="fp32", memory_format="contiguous", kernels="stock", threads=1)
CARD = DataCard(name="shapes", sha256="0" * 64, classes=("a",), train=9, validation=1, test=1, source="")


def whole(
    name: str,
    models: Iterable[str],
    *,
    seeds: int,
    seconds: float,
    done: Iterable[tuple[str, int]] = (),
    starts: int = 0,
    jobs: int = 1,
) -> Plan:
    """A study each of whose runs takes so many seconds, and a start one; `done` ones are there."""
    arms = [{"model": model} for model in models]
    study = parse_study({"name": name, "seeds": seeds, "initial_seeds": starts, "arm": arms}, where="a test")
    ref = DataRef(name="shapes", sha256="0" * 64)
    runs = []
    for seed in range(seeds):
        for model in models:
            spec = RunSpec(model=model, seed=seed, recipe=Recipe(**WAY.model_dump()), data=ref)
            state = "done" if (model, seed) in done else None
            cost = 0.0 if state else seconds
            runs.append(PlannedRun(arm=model, spec=spec, state=state, steps=1, training=cost))
    return Plan(
        record=StudyRecord(study=study, data=CARD, members=(), planned="", command=""),
        runs=tuple(runs),
        starts=tuple(InitialMeasurement(model=m, seed=s, seconds=1) for m in models for s in range(starts)),
        jobs=jobs,
        cores=jobs,
        memory=SideBySide(jobs=jobs, wanted=jobs, needed=0, free=None),
        backend=WAY,
        choice=None,
    )


def of(*plans: Plan) -> Survey:
    choice = BackendChoice(backend=WAY, speedup=1, agreement=1)
    return Survey(plans={each.record.study.name: each for each in plans}, choice=choice)


def parts(schedule: Schedule) -> list[tuple[str, int, int, float]]:
    return [(part.name, part.seeds, part.new, part.seconds) for part in schedule.parts]


def test_what_takes_least_until_its_verdicts_goes_first() -> None:
    found = of(
        whole("long", ["resnet56"], seeds=5, seconds=100),
        whole("short", ["cnn", "resnet"], seeds=1, seconds=10),
        whole("middle", ["plain8"], seeds=5, seconds=10),
    )
    everything = compose(found, "1h")
    assert parts(everything) == [("short", 1, 2, 20), ("middle", 5, 5, 50), ("long", 5, 5, 500)]
    assert everything.seconds == 570
    assert everything.left_out == ()
    assert [part.name for part in found.parts] == ["short", "middle", "long"]


def test_no_study_begins_before_the_one_ahead_has_its_seeds() -> None:
    """With 80 s the second gets nothing at first; the remainder is too short for one seed of the third."""
    found = of(
        whole("first", ["cnn"], seeds=5, seconds=10),
        whole("second", ["plain8"], seeds=5, seconds=12),
        whole("third", ["resnet56"], seeds=5, seconds=100),
    )
    schedule = compose(found, "80s")
    # two seeds of the second: no verdict yet, but they count at any later time
    assert parts(schedule) == [("first", 5, 5, 50), ("second", 2, 2, 24)]
    assert [(part.name, part.seeds, part.seconds) for part in schedule.left_out] == [("third", 1, 100)]


def test_seeds_beyond_a_verdict_come_after_all_studies_that_fit() -> None:
    many = whole("many", ["cnn"], seeds=20, seconds=1)
    few = whole("few", ["plain8"], seeds=5, seconds=4)
    assert parts(compose(of(many, few), "25s")) == [
        ("many", MINIMUM_SEEDS, 5, 5),
        ("few", MINIMUM_SEEDS, 5, 20),
    ]
    assert parts(compose(of(many, few), "30s")) == [("many", 10, 10, 10), ("few", 5, 5, 20)]
    # where the next one does not fit, they do
    assert parts(compose(of(many, few), "24s")) == [("many", 20, 20, 20), ("few", 1, 1, 4)]


def test_a_run_of_two_studies_is_trained_once_and_one_that_exists_not_at_all() -> None:
    shared = ["plain8", "resnet8"]
    pair = whole("pair", shared, seeds=5, seconds=10, done=[("plain8", 0)])
    four = whole("four", [*shared, "cnn"], seeds=5, seconds=10, done=[("plain8", 0)])
    assert parts(compose(of(four, pair), "1h")) == [("pair", 5, 9, 90), ("four", 5, 5, 50)]
    complete = whole("pair", ["cnn"], seeds=2, seconds=10, done=[("cnn", 0), ("cnn", 1)])
    assert parts(compose(of(complete), "1s")) == [("pair", 2, 0, 0)]


def test_networks_that_are_measured_as_they_start_take_time_once() -> None:
    first = whole("first", ["cnn"], seeds=1, seconds=1, starts=20)
    second = whole("second", ["cnn", "plain8"], seeds=1, seconds=1, starts=30)
    # 20 starts and a run; then 10 more of that network, 30 of the other, and its run
    assert parts(compose(of(first, second), "1h")) == [("first", 1, 1, 21), ("second", 1, 1, 41)]


def test_runs_go_side_by_side() -> None:
    found = of(whole("x", ["cnn", "plain8", "resnet8"], seeds=1, seconds=10, starts=1, jobs=2))
    assert parts(compose(found, "1h")) == [("x", 1, 3, 2 + 20)]


@given(
    st.lists(st.tuples(st.integers(1, 8), st.floats(0.1, 50), st.integers(1, 3)), min_size=1, max_size=4),
    st.integers(1, 600),
)
def test_the_programme_fits(studies: list[tuple[int, float, int]], budget: int) -> None:
    models = ["cnn", "plain8", "resnet8", "resnet14"]
    found = of(
        *(
            whole(f"s{i}", models[i : i + arms], seeds=seeds, seconds=seconds)
            for i, (seeds, seconds, arms) in enumerate(studies)
        )
    )
    schedule = compose(found, f"{budget}s")
    assert schedule.seconds <= budget
    named = [part.name for part in (*schedule.parts, *schedule.left_out)]
    assert sorted(named) == sorted(found.plans)  # each once, done or left out
    trained = [task for part in schedule.parts for task in tasks(part.whole, part.seeds)]
    if not schedule.parts[0].within:
        assert sum(part.new for part in schedule.parts) == len(set(trained))


def test_a_budget_is_a_length_of_time() -> None:
    with pytest.raises(UsageError, match="not a length of time"):
        compose(of(whole("x", ["cnn"], seeds=1, seconds=1)), "soon")


def studies(small: StudySpec) -> list[StudySpec]:
    """Two that share the runs of `cnn`; the embedded data set."""
    other = small.model_dump(mode="json", exclude_unset=True) | {
        "name": "other",
        "arm": [{"model": "cnn"}, {"model": "plain8"}],
    }
    return [parse_study(other, where="a test"), small]


def test_studies_are_planned_in_one_way_and_done_one_after_the_other(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.estimate.run_seconds", lambda *_, **__: 10.0)
    monkeypatch.setattr("skipscope.engine.costs.Costs.at_start", lambda *_: 0.0)
    found = survey(studies(adapt(small.model_copy(update={"probes": ()}), seeds=3)), workspace, jobs=1)
    assert {each.backend for each in found.plans.values()} == {found.choice.backend}
    schedule = compose(found, "60s")
    assert parts(schedule) == [("small", 3, 3, 30), ("other", 3, 3, 30)]
    cut = compose(found, "59s")
    assert parts(cut) == [("small", 3, 3, 30), ("other", 2, 2, 20)]
    second = planned(cut.parts[1], cut, workspace, command="skipscope run other --seeds 2")
    assert {run.spec.seed for run in second.runs} == {0, 1}
    assert second.record.command == "skipscope run other --seeds 2"
    assert (second.record.budget.asked, second.record.budget.seeds) == ("59s", 3)
    assert planned(cut.parts[0], cut, workspace, command="").record.budget is None


def test_where_not_even_a_seed_fits_the_smallest_study_is_cut_further(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "skipscope.engine.estimate.run_seconds", lambda _, recipe, *__, **___: recipe.epochs * 10.0
    )
    # without what this machine would take to measure: on a slow one a second epoch would not fit
    monkeypatch.setattr("skipscope.engine.costs.Costs.at_start", lambda *_: 0.0)
    found = survey(studies(adapt(small.model_copy(update={"probes": ()}), epochs=4)), workspace, jobs=1)
    schedule = compose(found, "25s")
    assert [(part.name, part.within) for part in schedule.parts] == [("small", "25s")]
    assert [part.name for part in schedule.left_out] == ["other"]
    run = planned(schedule.parts[0], schedule, workspace, command="")
    assert [each.spec.recipe.epochs for each in run.runs] == [2]
    assert run.record.budget.epochs == 4


def test_a_way_chosen_for_all_gives_way_to_the_one_a_study_was_begun_in(
    small: StudySpec, workspace: Workspace
) -> None:
    first = plan(small, workspace, command="x")
    other = first.backend.model_copy(
        update={
            "memory_format": "contiguous" if first.backend.memory_format != "contiguous" else "channels_last"
        }
    )
    given = plan(small, workspace, command="x", choice=BackendChoice(backend=other, speedup=1, agreement=1))
    assert {run.spec.recipe.precision for run in given.runs} == {other.precision}
    assert given.choice is not None
