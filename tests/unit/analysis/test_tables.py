"""Tables of curves and summaries."""

import math

import polars as pl
import pytest

from skipscope.analysis.curves import RULES, accuracy_by_epoch, epoch_ends, half_life, last_step, stride
from skipscope.analysis.statistics import wilson
from skipscope.analysis.tables import gather
from skipscope.errors import UnknownName, WorkspaceError
from skipscope.records.store import Workspace


def test_a_curve_is_thinned_to_a_thousand_points_and_keeps_its_ends(made_up):
    tables = gather(made_up(), None)
    sizes = tables.steps.group_by("arm").len()
    assert tables.stride == 2
    assert sizes["len"].to_list() == [881] * 4
    assert tables.steps["step"].min() == 1
    assert tables.steps.filter(pl.col("arm") == "cnn")["step"].max() == 1760


@pytest.mark.parametrize(
    ("steps", "curves", "every"), [(10, 4, 1), (1_000, 4, 1), (1_001, 4, 2), (1_760, 48, 8), (0, 0, 1)]
)
def test_stride(steps, curves, every):
    assert stride(steps, curves=curves) == every
    assert math.ceil(steps / every) <= 1_000


def test_smoothing_is_the_bias_corrected_exponential_mean_over_every_step(made_up):
    tables = gather(made_up(arms=("cnn",)), None)
    losses = tables.metrics.filter(pl.col("kind") == "step")["loss"].to_list()[:11]
    decay = 0.5 ** (1 / half_life(1_760))
    weights = [decay ** (10 - i) for i in range(11)]
    by_hand = sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert tables.steps.filter(pl.col("step") == 11)["smoothed"].item() == pytest.approx(by_hand, rel=1e-3)


def test_epochs_end_where_all_runs_end_them(made_up):
    steps = gather(made_up(seeds=2, diverged=("densenet",)), None).steps
    last, epochs = steps["step"].max(), steps["epoch"].max()
    ends = epoch_ends(steps)
    assert 0 < len(ends) <= RULES
    assert all(step % (last // epochs) == 0 and 0 < step < last for step in ends)
    other = steps.with_columns(step=pl.when(arm="cnn").then(pl.col("step") * 2).otherwise("step"))
    assert epoch_ends(other) == []
    assert epoch_ends(steps.clear()) == []


def test_smoothing_does_not_run_over_from_one_run_into_the_next(made_up):
    steps = gather(made_up(seeds=2), None).steps.filter(pl.col("step") == 1)
    assert steps["smoothed"].to_list() == steps["loss"].to_list()


def test_only_finished_seeds_count_once_there_is_one(made_up):
    tables = gather(made_up(seeds=2, diverged=("densenet",)), None)
    dense = tables.steps.filter(pl.col("arm") == "densenet")
    assert dense.filter("counted")["seed"].unique().to_list() == [0]
    assert dense.filter("stopped").select("seed", "step").rows() == [(1, 230)]


def test_an_arm_without_any_finished_run_is_shown_as_far_as_it_goes(made_up):
    tables = gather(made_up(diverged=("densenet",)), None)
    assert tables.steps.filter(pl.col("arm") == "densenet", "counted").height == 116
    assert tables.epochs.filter(pl.col("arm") == "densenet").is_empty()


def test_losses_that_are_not_finite_are_left_out(made_up):
    workspace = made_up(arms=("cnn",))
    tables = gather(workspace, None)
    holed = tables.metrics.with_columns(
        loss=pl.when(pl.col("step") == 7).then(math.inf).otherwise(pl.col("loss"))
    )
    kept = type(tables)(record=tables.record, entries=tables.entries, metrics=holed).steps
    assert 7 not in kept["step"].to_list()
    assert kept["smoothed"].is_finite().all()


def test_validations_within_epochs_stand_at_fractions_of_them(made_up):
    tables = gather(made_up(arms=("cnn",)), None)
    steps = tables.metrics.filter(kind="epoch", epoch=1)["step"].item()
    row = {"kind": "check", "step": steps + steps // 3, "epoch": 2, "val_loss": 1.5, "val_accuracy": 0.5}
    row |= {"batch_loss": 1.25, "batch_accuracy": 0.75}
    found = (
        tables.metrics.filter(kind="epoch")
        .head(1)
        .select("run")
        .with_columns(pl.lit(v).alias(k) for k, v in row.items())
    )
    more = type(tables)(
        record=tables.record,
        entries=tables.entries,
        metrics=pl.concat([tables.metrics, found], how="diagonal_relaxed"),
    )
    assert tables.checks.is_empty()
    where = ("cnn", 0, row["step"], round(row["step"] / steps, 3))
    assert more.checks.drop("counted").rows() == [(*where, 1.5, 0.5, 1.25, 0.75)]
    assert more.epochs.equals(tables.epochs)
    validated = more.losses.filter(measure="val_loss")["epoch"]
    assert 1 < validated[1] < 2
    assert validated.is_sorted()


def test_states_and_summaries(made_up):
    tables = gather(made_up(seeds=2, missing=("cnn",), unfinished=("resnet",), broken=("densenet",)), "lab")
    assert {(entry.arm, entry.state) for entry in tables.entries if entry.seed == 1} == {
        ("cnn", "missing"),
        ("resnet", "unfinished"),
        ("densenet", "failed"),
        ("se_resnet", "done"),
    }
    cnn, resnet, _, gated = tables.summaries
    assert (cnn.finished, resnet.finished, gated.finished) == (1, 1, 2)
    spread = gated.range_over_seeds("test_accuracy")
    assert spread.low <= spread.mean <= spread.high
    assert spread.n == 2


def test_nothing_trained_yet(made_up):
    tables = gather(made_up(missing=("cnn", "resnet", "densenet", "se_resnet")), None)
    assert tables.steps.is_empty()
    assert tables.epochs.is_empty()
    assert last_step(tables.metrics) == 0
    assert tables.summaries[0].network is None
    assert tables.summaries[0].range_over_seeds("seconds") is None
    assert accuracy_by_epoch(tables.epochs, tables.arms).columns == ["arm"]


def test_at_most_ten_epochs_are_listed_the_last_among_them(made_up):
    tables = gather(made_up(arms=("cnn",), epochs=37, steps=4), None)
    assert accuracy_by_epoch(tables.epochs, ["cnn", "absent"]).columns[-1] == "37"
    assert len(accuracy_by_epoch(tables.epochs, ["cnn"]).columns) == 11


def test_wilson_agrees_with_the_published_example():
    # Newcombe 1998, Table I: 81 of 263
    low, high = wilson(81 / 263, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == pytest.approx(1.0)


def test_no_study(tmp_path, made_up):
    with pytest.raises(WorkspaceError):
        gather(Workspace(tmp_path), None)
    with pytest.raises(UnknownName):
        gather(made_up(), "absent")
