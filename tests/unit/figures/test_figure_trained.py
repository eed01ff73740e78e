"""Charts of what was measured of trained networks."""

import re

import polars as pl
import pytest
from labels import LABELS

from skipscope.analysis import landscape as planes
from skipscope.analysis import trained_readings as measured
from skipscope.analysis.reuse import reuse
from skipscope.figures import deletion, gates, landscape, style, trained
from skipscope.figures import reuse as heat
from skipscope.figures.rendering import vega

CLASSES = [str(number) for number in range(10)]


@pytest.fixture(scope="module", params=[1, 2])
def tables(request, study_tables):
    return study_tables(readings=True, seeds=request.param, epochs=2, steps=16)


@pytest.fixture(scope="module")
def charts(tables):
    return every(tables)


def strips(readings):
    return measured.gate_strips(readings, "se_resnet")


def every(tables):
    readings, arms = tables.readings, tables.arms
    removed, cells = measured.deletions(readings), planes.landscape(readings)
    near, far = measured.curvature(readings), measured.shattering(readings)
    cuts = measured.surgery(readings)
    dense = reuse(readings, "densenet")
    ranks, like = measured.effective_ranks(readings), measured.largest_correlations(readings)
    return {
        "read-outs": trained.by_depth(
            measured.linear_probes(readings), quantity="accuracy", arms=arms, labels=LABELS
        ),
        "ranks": trained.by_depth(ranks, quantity="effective_rank_share", arms=arms, labels=LABELS),
        "correlations": trained.by_depth(like, quantity="largest_correlation", arms=arms, labels=LABELS),
        "removed": trained.by_depth(
            removed.filter(pl.col("blocks") == 1), quantity="accuracy_lost", arms=arms, labels=LABELS
        ),
        "several": trained.by_number(removed, arms=arms, labels=LABELS),
        "before": trained.by_lag(far, trained=False, arms=arms, labels=LABELS),
        "after": trained.by_lag(far, trained=True, arms=arms, labels=LABELS),
        "line": trained.along(measured.slices(readings), quantity="loss", arms=arms, labels=LABELS),
        "line-accuracy": trained.along(
            measured.slices(readings), quantity="accuracy", arms=arms, labels=LABELS
        ),
        "top": trained.bars(near, quantity="top_eigenvalue", arms=arms, labels=LABELS),
        "trace": trained.bars(near, quantity="trace", arms=arms, labels=LABELS),
        "planes": landscape.overview(cells, arms=arms, labels=LABELS),
        "plane": landscape.map_of(cells, arm="resnet", labels=LABELS),
        "weight": heat.heat(dense, block=1, quantity="relative", labels=LABELS),
        "ablation": heat.heat(dense, block=1, quantity="loss_change", labels=LABELS),
        "strips": gates.strips(strips(readings), classes=CLASSES, labels=LABELS),
        "shares": gates.shares(measured.gates(readings), arm="se_resnet", arms=arms, labels=LABELS),
        "surgery": gates.surgery(cuts, arm="se_resnet", arms=arms, together=False, labels=LABELS),
        "surgery-all": gates.surgery(cuts, arm="se_resnet", arms=arms, together=True, labels=LABELS),
        "blocks": deletion.by_block(
            removed.filter(pl.col("arm") == "resnet"), arm="resnet", arms=arms, labels=LABELS
        ),
    }


def test_every_chart_is_valid_vega_lite_that_draws_without_a_warning(charts, draw):
    for chart in charts.values():
        draw(chart)


def test_seeds_are_seen_where_there_are_several(tables, charts):
    several = tables.record.study.seeds > 1
    assert len(charts["top"].layers) == 2 + several
    assert len(charts["read-outs"].layers) == 2 + several
    assert len(charts["blocks"].layers) == 1 + several


def test_both_pictures_of_shattering_are_on_one_scale(charts):
    one, other = (
        vega.specification(charts[name])["layer"][0]["encoding"]["y"]["scale"] for name in ("before", "after")
    )
    assert one == other


def test_a_large_heat_map_has_no_numbers(study_tables):
    tables = study_tables(readings=True, seeds=1, epochs=2, steps=16)
    small = reuse(tables.readings, "densenet").filter(pl.col("block") == 1)
    wide = pl.concat(small.with_columns(pl.col("of", "source") + f" {copy}") for copy in range(heat.NUMBERED))
    assert len(heat.heat(small, block=1, quantity="relative", labels=LABELS).layers) == 2
    assert len(heat.heat(wide, block=1, quantity="relative", labels=LABELS).layers) == 1


def test_cells_below_zero_do_not_look_like_zero(draw):
    rows = [
        (1, "a", "x", "f", "x₀", 1.0, 1.0, -0.0004, 0.0),
        (1, "a", "y", "f", "x₁", 1.0, 1.0, 0.0004, 0.0),
        (1, "a", "z", "f", "x₂", 1.0, 1.0, 0.009, 0.0),
        (1, "b", "x", "g", "x₀", 1.0, 1.0, 2.6, 0.0),
    ]
    names = ["block", "target", "source", "to", "of", "weight", "relative", "loss_change", "accuracy_lost"]
    table = pl.DataFrame(rows, names, orient="row")
    picture = draw(heat.heat(table, block=1, quantity="loss_change", labels=LABELS))
    for color in (heat.FALLS, style.HEAT[0], style.HEAT[-1]):
        assert picture.count(f'fill="{color}"') == 2  # a cell, and the legend's square
    legend = re.findall(r">([<≥]?[^<>]*)</text>", picture)
    assert {"&lt; 0", "0–0.001", "0.001–0.01", "0.01–0.1", "0.1–1", "≥ 1"} <= set(legend)
    inks = {words: ink for ink, words in re.findall(r'fill="(\S+)"[^>]*>(−?\d\.\d+)</text>', picture)}
    # two digits each; a rise no larger than the largest fall may be noise
    assert inks == {"−0.00040": style.BELOW, "0.00040": style.FAINT_INK, "0.0090": style.INK, "2.6": "white"}


def test_a_network_without_gates_has_nothing_to_draw(study_tables):
    readings = study_tables(readings=True, seeds=1, epochs=2, steps=16).readings
    assert measured.gate_strips(readings, "cnn").is_empty()
    assert measured.gates(readings).filter(pl.col("arm") == "cnn").is_empty()


@pytest.mark.parametrize(("gate", "span"), [((0.43, 0.67), [0.4, 0.7]), ((0.5, 0.5), [0.5, 0.6])])
def test_the_shades_of_gates_span_those_that_there_are(tables, gate, span):
    """Over 0 to 1 a network whose gates lie around a half is a strip of one blue."""
    table = strips(tables.readings)
    table = pl.concat([table.with_columns(gate=pl.lit(value)) for value in gate])
    [layer] = gates.strips(table, classes=CLASSES, labels=LABELS).layers
    assert layer.to_dict()["encoding"]["color"]["scale"]["domain"] == span


def test_strips_in_two_languages_have_one_table_and_names_of_their_own(tables, draw):
    """It is the largest table of a page: with names of its own it would be there twice."""
    table = strips(tables.readings)
    one, other = (
        gates.strips(table, classes=[f"{told}{n}" for n in range(10)], labels=LABELS) for told in "ab"
    )
    assert one.data.equals(other.data)
    assert "a3" in str(one.layers[0].to_dict())
    assert "<rect" in draw(one) or "<path" in draw(one)
