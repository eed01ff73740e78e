"""What is planned: which runs, in which order, at what cost."""

import pytest

from skipscope.engine.adapt import adapt
from skipscope.engine.autotune import Timing
from skipscope.engine.estimate import START_SECONDS, in_turns
from skipscope.engine.measuring import passes, start_passes
from skipscope.engine.plan import plan
from skipscope.errors import SpecError, UnknownName, UsageError
from skipscope.records.schema import Failure, RunRecord
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, load_study
from skipscope.training.beginning import begin


def test_every_arm_and_seed_is_one_run(small: StudySpec, workspace: Workspace) -> None:
    study = adapt(small, seeds=3)
    planned = plan(study, workspace, command="x")
    assert [(member.arm, member.seed) for member in planned.record.members] == [
        ("cnn", 0),
        ("cnn", 1),
        ("cnn", 2),
    ]
    assert len({run.spec.id for run in planned.runs}) == 3
    assert all(run.waits and run.steps == 3 and run.seconds > 0 for run in planned.runs)
    assert planned.record.data.train == 60
    runs = [(run.training, run.after) for run in planned.runs]
    assert planned.seconds == pytest.approx(in_turns(runs, planned.jobs))


def test_as_many_jobs_as_cores_or_runs(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.cores", lambda: 4)
    jobs = {seeds: plan(adapt(small, seeds=seeds), workspace, command="x").jobs for seeds in (1, 2, 5)}
    assert jobs == {1: 1, 2: 2, 5: 4}
    assert plan(adapt(small, seeds=5), workspace, command="x", jobs=3).jobs == 3


def test_a_run_with_threads_of_its_own_takes_as_many_cores(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.cores", lambda: 4)
    for threads, jobs in ((2, 2), (3, 1), (8, 1)):
        recipe = small.recipe.model_copy(update={"threads": threads})
        study = adapt(small.model_copy(update={"recipe": recipe}), seeds=5)
        assert plan(study, workspace, command="x").jobs == jobs
    assert plan(study, workspace, command="x", jobs=3).jobs == 3


def test_a_study_that_was_cut_goes_on_as_it_was_cut(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same budget: once its first networks are measured there would be time for more."""
    monkeypatch.setattr(
        "skipscope.engine.plan.Autotuner.timing", lambda *_: Timing(seconds=1e-3, agreement=1)
    )
    small = StudySpec.model_validate(small.model_dump() | {"initial_seeds": 3, "seeds": 1})
    study = adapt(small, epochs=20)
    asked = {"command": "x", "jobs": 1, "budget": "26s"}
    first = plan(study, workspace, **asked)
    assert 1 < first.record.study.recipe.epochs < 20
    workspace.write_study(first.record)
    monkeypatch.setattr("skipscope.engine.plan._initial_measurements", lambda *_: [])
    again = plan(study, workspace, **asked)
    assert (again.record.study, again.record.budget) == (first.record.study, first.record.budget)
    assert [run.spec for run in again.runs] == [run.spec for run in first.runs]
    assert plan(study, workspace, **(asked | {"budget": "28s"})).record.study != first.record.study
    assert plan(adapt(study, epochs=21), workspace, **asked).record.study != first.record.study


def test_jobs_change_nothing_of_a_run(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.cores", lambda: 4)
    study = adapt(small, seeds=2)
    ids = {
        jobs: [run.spec.id for run in plan(study, workspace, command="x", jobs=jobs).runs] for jobs in (1, 3)
    }
    assert ids[1] == ids[3]


def test_a_study_goes_on_in_the_way_it_was_begun(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where another way would be chosen by now, or where it is continued with more seeds."""
    first = plan(small, workspace, command="x")
    workspace.write_study(first.record)
    run = first.runs[0].spec
    other = run.recipe.model_copy(update={"precision": "bf16" if run.recipe.precision == "fp32" else "fp32"})
    spec = run.model_copy(update={"recipe": other})
    record = begun(small, workspace).model_copy(update={"spec": spec})
    workspace.run_folder(run.id).write(record)
    again = plan(adapt(small, seeds=2), workspace, command="x")
    assert again.choice is None
    assert {run.spec.recipe.precision for run in again.runs} == {other.precision}


def test_the_longest_goes_first(small: StudySpec, workspace: Workspace) -> None:
    arms = [{"model": "cnn"}, {"model": "cnn", "name": "long", "recipe": {"epochs": 50}}]
    study = StudySpec.model_validate(small.model_dump() | {"arm": arms})
    assert [run.arm for run in plan(study, workspace, command="x").training] == ["long", "cnn"]


def test_seeds_go_in_rounds(small: StudySpec, workspace: Workspace) -> None:
    """A study that is stopped, or looked at before its end, has whole comparisons."""
    arms = [{"model": "cnn"}, {"model": "cnn", "name": "long", "recipe": {"epochs": 50}}]
    study = adapt(StudySpec.model_validate(small.model_dump() | {"arm": arms}), seeds=2)
    order = [(run.spec.seed, run.arm) for run in plan(study, workspace, command="x").training]
    assert order == [(0, "long"), (0, "cnn"), (1, "long"), (1, "cnn")]


def begun(small: StudySpec, workspace: Workspace) -> RunRecord:
    planned = plan(small, workspace, command="x")
    workspace.write_study(planned.record)
    spec = planned.runs[0].spec
    return begin(spec, workspace.run_folder(spec.id), on_event=lambda _event: None)


def test_what_is_done_or_diverged_is_left_alone(small: StudySpec, workspace: Workspace) -> None:
    small = small.model_copy(update={"probes": ()})  # the record alone is no finished run that was looked at
    record = begun(small, workspace)
    folder = workspace.run_folder(record.id)
    for state, kind, waits in [("done", None, 0), ("failed", "diverged", 0), ("failed", "error", 1)]:
        failure = kind and Failure(kind=kind, message="")
        folder.write(record.model_copy(update={"state": state, "failure": failure}))
        assert len(plan(small, workspace, command="x").waiting) == waits


def test_a_run_half_done_costs_half(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.Autotuner.timing", lambda *_: Timing(seconds=1, agreement=1))
    study = adapt(small, epochs=2)
    whole = plan(study, workspace, command="x").seconds
    # a forward pass counts a third of a step; 1,000 images validate, and are tested twice over at the end
    after = START_SECONDS + passes("redundancy") / 3
    tests = START_SECONDS + (1000 + 1000) / 3
    assert whole == pytest.approx(start_passes("cnn") / 3 + tests + 2 * (60 + 1000 / 3) + after)
    folder = workspace.run_folder(begun(study, workspace).id)
    folder.metrics.append([{"kind": "step", "step": 3}])
    assert plan(study, workspace, command="x").seconds == whole  # it has no checkpoint to go on from
    folder.state_file.write_bytes(b"")
    half = tests + (60 + 1000 / 3) + after  # what comes after the last step is all to come
    assert plan(study, workspace, command="x").seconds == pytest.approx(half)
    folder.metrics.append([{"kind": "step", "step": 6}])
    assert plan(study, workspace, command="x").seconds == pytest.approx(tests + after)


def test_probes_are_counted_by_what_they_take_on_each_network(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those alone that have something to measure there: a network without gates has none to take out."""
    seconds = {"cnn": 3.0, "se_resnet8": 6.0}
    monkeypatch.setattr(
        "skipscope.engine.plan.Autotuner.timing",
        lambda _self, model, _backend: Timing(seconds=seconds[model], agreement=1),
    )
    arms = [{"model": "cnn"}, {"model": "se_resnet8"}]
    table = small.model_dump() | {"arm": arms, "probes": ["answers", "gate_surgery"]}
    cnn, gated = plan(StudySpec.model_validate(table), workspace, command="x").runs
    assert [task.probes for task in cnn.measuring] == [("answers",)]
    assert sum(cnn.after) == pytest.approx(START_SECONDS + 1.0 * passes("answers"))
    assert {probe for task in gated.measuring for probe in task.probes} == {"answers", "gate_surgery"}
    both = 2 * START_SECONDS + 2.0 * (passes("answers") + passes("gate_surgery"))
    assert sum(gated.after) == pytest.approx(both)


def test_a_study_that_does_not_look_at_trained_networks_takes_no_time_for_it(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.Autotuner.timing", lambda *_: Timing(seconds=1, agreement=1))
    (run,) = plan(small.model_copy(update={"probes": ()}), workspace, command="x").runs
    assert run.after == ()


def test_networks_measured_as_they_start_are_part_of_the_time(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.Autotuner.timing", lambda *_: Timing(seconds=1, agreement=1))
    study = StudySpec.model_validate(small.model_dump() | {"initial_seeds": 3})
    planned, start = plan(study, workspace, command="x", jobs=2), start_passes("cnn") / 3
    assert [(each.model, each.seed, each.seconds) for each in planned.starts] == [
        ("cnn", seed, pytest.approx(start)) for seed in range(3)
    ]
    assert planned.seconds == pytest.approx(plan(small, workspace, command="x").seconds + 2 * start)
    with pytest.raises(UsageError, match=f"Nothing of {study.name} fits"):
        plan(study, workspace, command="x", jobs=2, budget=f"{int(2 * start)}s")


def test_what_is_done_is_not_measured_again(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small.model_copy(update={"probes": ()})
    first = plan(small, workspace, command="x")
    workspace.write_study(first.record)
    record = begun(small, workspace)
    workspace.run_folder(record.id).write(record.model_copy(update={"state": "done"}))
    monkeypatch.setattr("skipscope.engine.plan.Autotuner.timing", lambda *_: pytest.fail("measured"))
    assert plan(small, workspace, command="x").seconds == 0


def test_the_command_line_overrides_the_file(small: StudySpec) -> None:
    changed = adapt(load_study("lab"), data="shapes", epochs=2, seeds=4, train_limit=100)
    assert (changed.data, changed.seeds, changed.train_limit) == ("shapes", 4, 100)
    assert changed.recipe.epochs == 2
    assert changed.recipe.learning_rate == load_study("lab").recipe.learning_rate
    assert adapt(small) == small


def test_epochs_of_the_command_line_are_for_every_arm(small: StudySpec) -> None:
    arms = [{"model": "cnn", "recipe": {"epochs": 9, "momentum": 0.5}}]
    study = adapt(StudySpec.model_validate(small.model_dump() | {"arm": arms}), epochs=2)
    recipe = study.recipe_of(study.arm[0])
    assert (recipe.epochs, recipe.momentum) == (2, 0.5)


def test_what_cannot_be_planned(small: StudySpec, workspace: Workspace) -> None:
    with pytest.raises(SpecError, match="seeds"):
        adapt(small, seeds=0)
    with pytest.raises(UsageError):
        plan(adapt(small, train_limit=10**6), workspace, command="x")
    unknown = StudySpec.model_validate(small.model_dump() | {"arm": [{"model": "resnet18"}]})
    with pytest.raises(UnknownName, match="Did you mean 'resnet'"):
        plan(unknown, workspace, command="x")
