"""Readings made while training, as tables: planted numbers come out where they belong."""

import polars as pl
import pytest

from skipscope.analysis import training_readings as measured
from skipscope.analysis.tables import gather
from skipscope.records.readings import migrate

SCHEMA = {
    "arm": pl.String,
    "seed": pl.Int64,
    "counted": pl.Boolean,
    "probe": pl.String,
    "step": pl.Int64,
    "place": pl.String,
    "quantity": pl.String,
    "value": pl.Float64,
}
"""As rows are written down here; `migrate` gives them the columns of schema 2."""
TABLES = (
    measured.gradients,
    measured.gradient_ratios,
    measured.ratios_by_depth,
    measured.typical_updates,
    measured.responses,
    measured.branches,
    measured.rectifiers,
    measured.learnt,
    measured.right_since,
)


def frame(*rows):
    """Rows of (seed, probe, step, place, quantity, value) of one arm that counts."""
    whole = [("net", row[0], True, *row[1:]) for row in rows]
    return migrate(pl.DataFrame(whole, schema=SCHEMA, orient="row"))


def flow(seed, step, norms):
    """A gradient norm for each (place, depth); conv is what the spread of responses is measured of."""
    for place, depth, norm, conv in norms:
        yield seed, "gradient_flow", step, place, "output_l2", norm
        yield seed, "gradient_flow", step, place, "depth", depth
        if conv:
            yield seed, "activations", step, place, "std", 1.0


def test_gradients_are_those_of_convolutions_by_their_place_at_both_ends():
    layers = [("a", 1, 0.5, True), ("b", 3, 2.0, True), ("gate.fc", 4, 9.0, False), ("c", 5, 4.0, True)]
    table = measured.gradients(
        frame(
            *flow(0, 0, layers),
            *flow(0, 7, layers),
            *flow(0, 20, [(p, d, 3 * n, c) for p, d, n, c in layers]),
        )
    )
    assert table.select("moment", "step", "module", "convolution", "depth", "norm").rows() == [
        ("start", 0, "a", 1, 0.0, 0.5),
        ("start", 0, "b", 3, 0.5, 2.0),
        ("start", 0, "c", 5, 1.0, 4.0),
        ("end", 20, "a", 1, 0.0, 1.5),
        ("end", 20, "b", 3, 0.5, 6.0),
        ("end", 20, "c", 5, 1.0, 12.0),
    ]


def test_each_run_has_its_own_last_step():
    layers = [("a", 1, 1.0, True), ("b", 2, 1.0, True)]
    table = measured.gradients(
        frame(*flow(0, 1, layers), *flow(0, 9, layers), *flow(1, 1, layers), *flow(1, 5, layers))
    )
    ends = table.filter(pl.col("moment") == "end").select("seed", "step").unique(maintain_order=True).rows()
    assert ends == [(0, 9), (1, 5)]


def test_what_was_measured_before_the_first_step_only_has_no_end():
    """Further seeds of a study are: beside those that were trained they would pass for trained."""
    layers = [("a", 1, 1.0, True), ("b", 2, 1.0, True)]
    table = measured.gradients(frame(*flow(0, 0, layers), *flow(0, 9, layers), *flow(1, 0, layers)))
    seeds = {moment: table.filter(moment=moment)["seed"].unique().to_list() for moment in measured.MOMENTS}
    assert seeds == {"start": [0, 1], "end": [0]}


def test_ratios_know_how_deep_their_network_is():
    layers = [("a", 1, 1.0, True), ("side", 6, 1.0, True), ("b", 17, 1.0, True)]
    ratio = [
        (0, "gradient_flow", step, "first/last", "output_l2", value) for step, value in ((0, 0.25), (8, 0.5))
    ]
    other = [(0, "gradient_flow", 8, "first/last", "output_rms", 99.0)]
    table = measured.ratios_by_depth(frame(*flow(0, 0, layers), *flow(0, 8, layers), *ratio, *other))
    assert table.select("moment", "convolutions", "ratio").rows() == [("start", 17, 0.25), ("end", 17, 0.5)]


def test_updates_are_in_the_order_of_calls_and_their_median_is_a_runs_own():
    layers = [("late", 3, 1.0, True), ("early", 1, 1.0, True), ("middle", 2, 1.0, False)]
    moved = [
        (seed, "update_ratio", step, place, "ratio", value * (1 + seed))
        for seed in (0, 1)
        for step in (1, 4)
        for place, value in (("late", 0.1), ("early", 0.4), ("middle", 0.2))
    ]
    readings = frame(*flow(0, 1, layers), *moved)
    table = measured.updates(readings, "net")
    assert table["module"].unique(maintain_order=True).to_list() == ["early", "middle", "late"]
    assert table.filter(pl.col("step") == 4)["ratio"].to_list() == pytest.approx([0.6, 0.3, 0.15])
    typical = measured.typical_updates(readings)
    assert typical.select("seed", "step", "ratio").rows() == [
        (0, 1, 0.2),
        (0, 4, 0.2),
        (1, 1, 0.4),
        (1, 4, 0.4),
    ]


def test_rectifiers_and_blocks_are_numbered_as_they_are_called():
    rows = [
        (0, "activations", step, place, quantity, value)
        for step in (0, 6)
        for place, quantity, value in (
            ("z", "zeros", 0.5),
            ("z", "dead", 0.0),
            ("block.b", "branch_ratio", 1.5),
            ("a", "zeros", 0.6),
            ("a", "dead", 0.25),
            ("block.a", "branch_ratio", 0.5),
        )
    ]
    relus = measured.rectifiers(frame(*rows)).filter(pl.col("moment") == "end")
    assert relus.select("module", "relu", "depth", "zeros", "dead").rows() == [
        ("z", 1, 0.0, 0.5, 0.0),
        ("a", 2, 1.0, 0.6, 0.25),
    ]
    blocks = measured.branches(frame(*rows)).filter(pl.col("moment") == "start")
    assert blocks.select("module", "block", "depth", "ratio").rows() == [
        ("block.b", 1, 0.0, 1.5),
        ("block.a", 2, 1.0, 0.5),
    ]


def test_learnt_is_what_is_right_from_an_epoch_on():
    classes = [(0, "learning_order", step, "class 0", "accuracy", 0.5) for step in (10, 20, 30)]
    since = [
        (0, "learning_order", 30, f"validation {image}", "right_since", epoch)
        for image, epoch in enumerate((1, 3, 0, 1))
    ]
    table = measured.learnt(frame(*classes, *since))
    assert table.select("epoch", "share", "images").rows() == [(1, 0.5, 4), (2, 0.5, 4), (3, 0.75, 4)]


def test_accuracy_of_classes_is_a_mean_over_seeds_under_their_names():
    rows = [
        (seed, "learning_order", step, f"class {label}", "accuracy", 0.1 * label + 0.2 * seed)
        for seed in (0, 1)
        for step in (10, 20)
        for label in (0, 2)
    ]
    table = measured.class_accuracy(frame(*rows), ("cat", "dog"))
    assert table.filter(pl.col("epoch") == 2).select("class", "accuracy").rows() == [("cat", 0.1), ("2", 0.3)]


def test_runs_that_do_not_count_are_left_out(made_up, with_readings):
    tables = gather(with_readings(made_up(seeds=2, epochs=5, steps=60, diverged=("densenet",))), None)
    for table in TABLES:
        seeds = table(tables.readings).filter(pl.col("arm") == "densenet")["seed"]
        assert 1 not in set(seeds), table.__name__


def test_no_readings_make_empty_tables(made_up):
    readings = gather(made_up(epochs=1, steps=2), None).readings
    assert all(table(readings).is_empty() for table in TABLES)
    assert measured.updates(readings, "cnn").is_empty()
    assert measured.class_accuracy(readings, ()).is_empty()
    assert measured.medians(measured.typical_updates(readings), "ratio") == {}
