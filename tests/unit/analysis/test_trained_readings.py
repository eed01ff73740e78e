"""Readings of trained networks, as tables: planted numbers come out where they belong."""

import math

import polars as pl
import pytest

from skipscope.analysis import landscape as planes
from skipscope.analysis import trained_readings as measured
from skipscope.analysis.reuse import reuse, shortened
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


def frame(probe, *rows, arm="net", seed=0, step=9):
    """Rows of (place, quantity, value)."""
    whole = [(arm, seed, True, probe, step, *row) for row in rows]
    return migrate(pl.DataFrame(whole, schema=SCHEMA, orient="row"))


@pytest.mark.parametrize(
    "table",
    [
        measured.linear_probes,
        measured.effective_ranks,
        measured.largest_correlations,
        measured.shattering,
        measured.curvature,
        measured.deletions,
        measured.slices,
        measured.gates,
        measured.surgery,
        measured.reinitialisations,
        measured.gradient_agreement,
        measured.branch_scales,
        measured.alignments,
        planes.landscape,
        lambda readings: measured.gate_strips(readings, "net"),
        lambda readings: reuse(readings, "net"),
    ],
)
def test_without_readings_a_table_is_empty(table):
    assert table(frame("none")).is_empty()


def test_only_the_last_step_of_runs_that_count_is_of_the_trained_network():
    rows = pl.concat(
        [
            frame("linear_probes", ("a", "accuracy", 0.1), step=0),
            frame("linear_probes", ("a", "accuracy", 0.2), step=5),
            frame("linear_probes", ("a", "accuracy", 0.3), step=9),
            frame("linear_probes", ("a", "accuracy", 0.4), seed=1).with_columns(counted=pl.lit(value=False)),
        ]
    )
    assert measured.linear_probes(rows)["accuracy"].to_list() == [0.3]


def test_depth_goes_from_the_first_place_to_the_last():
    places = [(name, "accuracy", value) for name, value in (("b", 0.5), ("a", 0.6), ("c", 0.9))]
    table = measured.linear_probes(frame("linear_probes", *places))
    assert table.select("module", "depth").rows() == [("b", 0.0), ("a", 0.5), ("c", 1.0)]


def test_deletions_know_how_many_blocks_were_taken_and_what_was_lost():
    table = measured.deletions(
        frame(
            "block_deletion",
            ("intact", "accuracy", 0.8),
            ("one", "loss_change", 0.5),
            ("one", "accuracy_change", -0.125),
            ("two", "accuracy_change", 0.01),
            ("one + two", "accuracy_change", -0.25),
            ("3 blocks, draw 2", "accuracy_change", -0.5),
        )
    )
    assert table.select("removed", "blocks", "depth", "accuracy_lost").rows() == [
        ("one", 1, 0.0, 12.5),
        ("two", 1, 1.0, -1.0),
        ("one + two", 2, None, 25.0),
        ("3 blocks, draw 2", 3, None, 50.0),
    ]
    assert table["loss_change"].to_list() == [0.5, None, None, None]


def test_shattering_is_told_before_and_after_training():
    rows = pl.concat(
        [
            frame("shattering", ("lag 10", "autocorrelation", value), ("line", "gradient_l2", 7.0), step=step)
            for step, value in ((0, 0.9), (9, 0.2))
        ]
    )
    assert measured.shattering(rows).select("trained", "lag", "autocorrelation").rows() == [
        (False, 10, 0.9),
        (True, 10, 0.2),
    ]


def test_steepness_is_the_loss_nearest_to_a_half_over_that_of_the_weights():
    lines = measured.slices(
        frame(
            "landscape",
            *(("a", f"loss@{at:+.2f}", loss) for at, loss in ((-0.5, 3.0), (0, 0.5), (0.5, 1.0), (1, 99.0))),
            ("a,b", "loss@+0.50,+0.50", 50.0),
        )
    )
    assert lines["distance"].to_list() == [-0.5, 0.0, 0.5, 1.0]
    assert measured.steepness(lines) == (0.5, {"net": 4.0})


def test_strips_show_channels_in_the_order_of_their_mean_gate():
    gates = {(0, 0): 0.9, (0, 1): 0.7, (1, 0): 0.1, (1, 1): 0.2}
    rows = [(f"se channel {channel}", f"gate:{label}", value) for (channel, label), value in gates.items()]
    table = measured.gate_strips(frame("gates", *rows, ("se", "class_share", 0.5)), "net")
    assert table.select("channel", "class", "position", "of", "gate").rows() == [
        (1, 0, 0, 2, 0.1),
        (1, 1, 0, 2, 0.2),
        (0, 0, 1, 2, 0.9),
        (0, 1, 1, 2, 0.7),
    ]


def test_of_many_channels_and_blocks_some_are_shown_evenly():
    rows = [
        (f"se{block:02d} channel {channel}", f"gate:{label}", channel / 200)
        for block in range(measured.SHOWN_BLOCKS + 3)
        for channel in range(2 * measured.SHOWN_CHANNELS)
        for label in (0, 1)
    ]
    table = measured.gate_strips(frame("gates", *rows), "net")
    blocks = table["block"].unique().sort()
    assert len(blocks) == measured.SHOWN_BLOCKS
    assert (blocks[0], blocks[-1]) == ("se00", f"se{measured.SHOWN_BLOCKS + 2:02d}")
    one = table.filter(block="se00", **{"class": 0})
    assert one["position"].to_list() == list(range(measured.SHOWN_CHANNELS))
    assert one["channel"].diff().drop_nulls().unique().to_list() == [2]


def test_surgery_tells_by_what_gates_were_replaced():
    table = measured.surgery(
        frame("gate_surgery", ("all", "loss_change:one", 0.3), ("all", "accuracy_change:one", -0.1))
    )
    assert table.select("module", "by", "loss_change", "accuracy_lost").rows() == [("all", "one", 0.3, 10.0)]


def test_reuse_is_told_block_by_block_relative_to_even_use():
    rows = pl.concat(
        [
            frame(
                "reuse_by_weight",
                *(
                    (f"{target} <- {source}", "weight", weight)
                    for target, source, weight in (
                        ("d.1.c", "s", 1.0),
                        ("d.1.c", "d.0.c", 3.0),
                        ("d.0.c", "s", 2.0),
                        ("e.0.c", "t", 1.0),
                        ("alone", "u", 5.0),
                    )
                ),
            ),
            frame(
                "reuse_by_ablation",
                ("d.1.c <- s", "loss_change", 0.25),
                ("d.1.c <- s", "accuracy_change", -0.02),
                ("all <- s", "loss_change", 0.75),
            ),
        ]
    )
    table = reuse(rows, "net").filter(pl.col("block") == 1)
    found = {(row["target"], row["source"]): row for row in table.iter_rows(named=True)}
    assert found["d.1.c", "s"]["relative"] == 0.5
    assert found["d.1.c", "d.0.c"]["relative"] == 1.5
    assert found["d.1.c", "s"]["accuracy_lost"] == 2.0
    assert found["all", "s"]["loss_change"] == 0.75
    assert found["d.1.c", "d.0.c"]["loss_change"] is None
    assert "u" not in set(reuse(rows, "net")["source"])


def test_names_are_shortened_to_what_tells_them_apart():
    assert shortened(["dense.3.conv", "dense.4.conv", "stem"]) == {
        "dense.3.conv": "L3",
        "dense.4.conv": "L4",
        "stem": "stem",
    }


def bowl(side=5, steep=1.0):
    """x^2 + y^2 + 1 on a grid from -1 to 1."""
    axis = [2 * place / (side - 1) - 1 for place in range(side)]
    return {(x, y): 1 + steep * (x * x + y * y) for x in axis for y in axis}


def test_lines_of_equal_loss_lie_where_the_loss_is_equal():
    pieces = list(planes.isolines(bowl(41), 1.5))
    assert pieces
    # linear between points of a parabola 1/20 apart: off by at most (1/20)^2 / 8 of its second derivative 2
    for piece in pieces:
        for x, y in piece:
            assert 1 + x * x + y * y == pytest.approx(1.5, abs=2 / 20**2 / 8 * 2)
    # its length is the circle's: the sum over a polygon with corners that near is within a hundredth
    length = sum(math.dist(*piece) for piece in pieces)
    assert length == pytest.approx(2 * math.pi * math.sqrt(0.5), rel=0.01)


def test_a_saddle_is_cut_by_what_its_middle_is():
    corners = {(0.0, 0.0): 1.0, (1.0, 0.0): 0.0, (1.0, 1.0): 1.0, (0.0, 1.0): 0.0}
    high, low = (list(planes.isolines(corners, level)) for level in (0.4, 0.6))
    assert len(high) == len(low) == 2
    # with the middle above the level, the low corners are cut off; else the high ones
    assert {round(abs(x1 - x2) * abs(y1 - y2), 3) for (x1, y1), (x2, y2) in high} == {0.16}
    for pieces, corner in ((high, (1, 0)), (low, (0, 0))):
        nearest = min(math.dist(point, corner) for piece in pieces for point in piece)
        assert nearest == pytest.approx(0.4)


def test_a_square_that_was_not_measured_has_no_line():
    grid = bowl(3)
    del grid[1.0, 1.0]
    assert len(list(planes.isolines(grid, 1.5))) < len(list(planes.isolines(bowl(3), 1.5)))


def test_a_plane_has_cells_lines_and_values_on_the_scale_of_all():
    def plane(arm, steep):
        rows = [("a,b", f"loss@{x:+.2f},{y:+.2f}", loss) for (x, y), loss in bowl(5, steep).items()]
        return frame("landscape", *rows, arm=arm)

    table = planes.landscape(pl.concat([plane("flat", 1.0), plane("steep", 30.0)]))
    assert planes.highest(table) == {"flat": 3.0, "steep": 61.0}
    cells = table.filter(kind="cell", arm="flat")
    assert (cells["x"].min(), cells["x2"].max()) == (-1.25, 1.25)
    lines = table.filter(kind="line")
    assert lines["loss"].max() < planes.HIGHEST
    assert set(table.filter(kind="label")["loss"]) <= set(lines["loss"])


def test_levels_are_as_many_as_can_be_read():
    assert planes.levels(0.9, 3.5) == [1.0, 1.5, 2.0, 3.0]
    assert len(planes.levels(1e-3, 19)) <= planes.MOST_LEVELS
    assert planes.loss_span(pl.Series([0.0, 1e9])) == (1e-4, planes.HIGHEST)
    assert planes.loss_span(pl.Series([2.0, 2.0])) == (2.0, 3.0)


def test_a_block_that_was_reset_is_compared_with_the_whole_network():
    rows = [("all", "loss", 0.5), ("all", "accuracy", 0.8), ("a", "loss", 0.7), ("a", "accuracy", 0.6)]
    table = measured.reinitialisations(
        frame("reinitialisation", *rows, ("b", "loss", 0.5), ("b", "accuracy", 0.81))
    )
    assert table.select("module", "depth", "accuracy_lost").rows() == [("a", 0.0, 20.0), ("b", 1.0, -1.0)]
    assert table["loss_change"].to_list() == pytest.approx([0.2, 0.0])


def test_cosines_and_branches_stand_before_and_after_training():
    def both(probe, *rows):
        later = [(place, quantity, 2 * value) for place, quantity, value in rows]
        steps = ((0, rows), (5, rows), (9, later))  # 5: where networks are compared at equal loss
        return pl.concat([frame(probe, *told, step=step) for step, told in steps])

    found = both("gradient_confusion", ("all", "mean_cosine", 0.2), ("all", "least_cosine", -0.1))
    table = measured.gradient_agreement(found).select("moment", "mean_cosine", "least_cosine")
    assert table.rows() == [("start", 0.2, -0.1), ("end", 0.4, -0.2)]
    found = both("branch_scale", ("a", "l2_ratio", 1.0), ("b", "l2_ratio", 0.5), ("b", "std_ratio", 0.4))
    table = measured.branch_scales(found).select("moment", "module", "depth", "ratio")
    ends = [
        ("start", "a", 0.0, 1.0),
        ("start", "b", 1.0, 0.5),
        ("end", "a", 0.0, 2.0),
        ("end", "b", 1.0, 1.0),
    ]
    assert table.rows() == ends
