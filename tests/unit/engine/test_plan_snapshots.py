"""What a plan says of weights that are kept while runs train."""

import pytest

from skipscope.api.plans import summary
from skipscope.engine import snapshots
from skipscope.engine.adapt import adapt
from skipscope.engine.measuring import probes_at_equal_loss
from skipscope.engine.plan import plan
from skipscope.engine.snapshots import Kept
from skipscope.errors import UsageError
from skipscope.records.store import Workspace
from skipscope.spec import Snapshots, StudySpec
from skipscope.training.beginning import begin
from skipscope.training.measuring import GENERALISATION

PARAMS = 83_126
"""The classroom's cnn has so many weights."""


def asking(small: StudySpec, asked: Snapshots = Snapshots(), epochs: int = 1) -> StudySpec:  # noqa: B008
    return adapt(small.model_copy(update={"snapshots": asked, "probes": ()}), seeds=2, epochs=epochs)


def test_the_plan_says_how_much_disk_they_take(small: StudySpec, workspace: Workspace) -> None:
    planned = plan(asking(small, Snapshots(losses=(2.0, 1.0)), epochs=4), workspace, command="x")
    assert [run.kept for run in planned.runs] == [Kept(files=2, bytes=2 * 4 * PARAMS)] * 2
    assert "weights are kept at up to 4 moments of training: at most 1 MB of disk" in [*summary(planned)]
    without = plan(small, workspace, command="x")
    assert not any(run.kept.files for run in without.runs)
    assert not any("weights are kept" in said for said in summary(without))


def test_ids_of_runs_do_not_depend_on_them(small: StudySpec, workspace: Workspace) -> None:
    with_them, without = (
        [run.spec.id for run in plan(study, workspace, command="x").runs]
        for study in (asking(small), adapt(small, seeds=2))
    )
    assert with_them == without


def test_probes_at_equal_loss_are_those_that_the_study_asks_for(small: StudySpec) -> None:
    def found(asked: Snapshots) -> list[str]:
        study = small.model_copy(update={"snapshots": asked, "probes": ("landscape", "curvature", "answers")})
        return probes_at_equal_loss(study, study.arm[0].label, "cnn")

    assert found(Snapshots()) == ["landscape", "curvature", GENERALISATION]
    assert found(Snapshots(probes=("curvature",))) == ["curvature", GENERALISATION]
    assert found(Snapshots(probes=())) == [GENERALISATION]


def test_too_many_and_too_large_are_refused(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"A run of cnn would keep its weights 208 times, 0\.1 GB") as caught:
        plan(asking(small, Snapshots(epochs=True), epochs=200), workspace, command="x")
    assert caught.value.where == "snapshots"
    monkeypatch.setattr(snapshots, "MOST_BYTES", 8 * 4 * PARAMS)
    with pytest.raises(UsageError, match="9 times"):
        plan(asking(small), workspace, command="x")


def test_a_finished_run_without_them_is_named_once_and_not_trained_again(
    small: StudySpec, workspace: Workspace
) -> None:
    first = plan(small.model_copy(update={"probes": ()}), workspace, command="x")
    workspace.write_study(first.record)
    spec = first.runs[0].spec
    record = begin(spec, workspace.run_folder(spec.id), on_event=lambda _event: None)
    workspace.run_folder(spec.id).write(record.model_copy(update={"state": "done"}))
    planned = plan(asking(small), workspace, command="x")
    assert [(run.lacks_snapshots, run.waits) for run in planned.runs] == [(True, False), (False, True)]
    (said,) = (said for said in summary(planned) if "no snapshots" in said)
    assert said.startswith("1 finished run has no snapshots that this study asks for")
    assert said.endswith(f"To train again, delete its folder: {spec.id}")
