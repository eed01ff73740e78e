"""What depth does, drawn: kinds of networks over their layers, and two networks layer by layer."""

import re

import polars as pl
import vl_convert
from labels import LABELS

from skipscope.figures import depths, style
from skipscope.figures.rendering import vega


def over_depth(*rows, theory=None, **options):
    ended = [(row[0], *row, row[2] / 2, row[2] * 2, (theory or {}).get(row[:2])) for row in rows]
    table = pl.DataFrame(ended, depths.SCHEMA, orient="row")
    return depths.over_depth(table, title="title", labels=LABELS, **options)


FIVE = [("plain", 8, 3.0), ("resnet", 8, 2.0), ("plain_nobn", 8, 1.0), ("densenet", 19, 4.0)]
FIVE += [("se_resnet", 20, 5.0), ("plain", 56, 9e3), ("resnet", 56, 32.0), ("densenet", 55, 9.7)]


def test_markers_of_the_legend_have_no_dashed_outline(draw):
    """A dashed outline cuts scallops into a marker's edge."""
    picture = draw(over_depth(*FIVE, log=True))
    symbols = re.findall(r'<g class="mark-symbol role-legend-symbol".*?</g>', picture)
    assert len(symbols) == 5
    assert not [symbol for symbol in symbols if "stroke-dasharray" in symbol]
    shapes = {re.search(r' d="([^"]*)"', symbol)[1] for symbol in symbols}
    assert len(shapes) == 5  # told apart in grey


def marks(picture, color):
    """Where the plot has markers of a colour, from the left; the legend's are at the edge."""
    found = re.findall(rf'<path[^>]*translate\(([\d.]+),[\d.]+\)"[^>]*fill="{color}"', picture)
    return sorted(x for x in map(float, found) if x > 15)


def test_families_that_share_a_depth_stand_side_by_side(draw):
    """A point on another's would hide it."""
    rows = [(family, layers, 5.0) for layers in (8, 56) for family in ("plain", "resnet", "se_resnet")]
    picture = draw(over_depth(*rows, log=True))
    left, middle, right = (
        marks(picture, style.FAMILIES[family].color)[-1] for family in ("plain", "resnet", "se_resnet")
    )
    assert middle - left > 6
    assert right - middle > 6


def test_theory_has_crosses_and_a_name_where_it_predicts_something(draw):
    predicted = draw(over_depth(*FIVE, theory={("plain", 8): 3.1, ("plain", 56): 3e4}, log=True))
    assert predicted.count(f">{LABELS['theory']}<") == 1
    color = style.FAMILIES["plain"].color  # its line is thin and dotted, in the network's colour
    assert re.search(rf'stroke="{color}" stroke-width="1"[^>]*stroke-dasharray="1,2"', predicted)
    assert "100,000" in predicted  # the axis has room for it
    assert f">{LABELS['theory']}<" not in draw(over_depth(*FIVE, log=True))


def test_depths_that_nearly_coincide_share_a_tick(draw):
    ticks = {
        int(words) for words in re.findall(r"<text[^>]*>(\d{1,2})</text>", draw(over_depth(*FIVE, log=True)))
    }
    assert {8, 20, 56} <= ticks
    assert ticks.isdisjoint({19, 55})


def test_guessing_is_a_line_that_is_named_once(draw):
    chart = over_depth(("plain", 8, 57.0), ("plain", 56, 40.0), log=False, mark=(90.0, "guess"))
    assert draw(chart).count(">guess<") == 1
    assert max(float(number) for number in re.findall(r"<text[^>]*>(\d+)</text>", draw(chart))) >= 80


def test_charts_beside_each_other_keep_the_same_room_for_their_numbers():
    charts = (over_depth(*FIVE, log=True), over_depth(*FIVE, log=False))
    rooms = [
        axis["maxExtent"]
        for chart in charts
        for layer in vega.specification(chart)["layer"]
        if (axis := layer["encoding"]["y"].get("axis", {}))
    ]
    assert len(rooms) == 6
    assert set(rooms) == {depths.NUMBERS}


def test_layers_are_a_line_a_network_on_a_logarithmic_axis(draw):
    rows = [
        (arm, moment, layer, 10.0 ** (-layer / 10))
        for arm in ("plain56", "resnet56")
        for moment in ("before", "after")
        for layer in range(1, 56)
    ]
    rows.append(("resnet56", "after", 56, None))
    chart = depths.by_layer(pl.DataFrame(rows, depths.BY_LAYER, orient="row"), title="t", labels=LABELS)
    picture = draw(chart)
    names, moments = vl_convert.vegalite_to_vega(vega.specification(chart))["legends"]
    assert {"fill", "shape"} <= names.keys()  # markers tell networks, in a row of their own; dashes moments
    assert names.keys().isdisjoint({"strokeDash", "legendY"})
    assert (moments["strokeDash"], moments["orient"]) == ("strokeDash", "none")
    for family in ("plain", "resnet"):
        assert f'stroke="{style.FAMILIES[family].color}"' in picture
    assert {"1", "0.1", "0.01", "55"} <= set(re.findall(r"<text[^>]*>([\d.]+)</text>", picture))


def test_losses_are_solid_where_networks_are_deepest_and_told_apart_in_grey(draw):
    rows = [
        (
            f"{family}{depth}",
            family,
            depth,
            f"{depth} deep",
            step,
            *(end - step / 100 for end in (3, 2.9, 3.1)),
        )
        for depth in (20, 56)
        for family in ("plain", "resnet")
        for step in range(1, 139, 3)
    ]
    picture = draw(depths.by_step(pl.DataFrame(rows, depths.BY_STEP, orient="row"), labels=LABELS))
    symbols = re.findall(r'<g class="mark-symbol role-legend-symbol".*?</g>', picture)
    assert len({re.search(r' d="([^"]*)"', symbol)[1] for symbol in symbols}) == 3  # two markers, and lines
    assert {"20 deep", "56 deep"} <= set(re.findall(r">([^<>]*)</text>", picture))
    assert "stroke-dasharray" in "".join(symbols)  # a line of the legend is dashed
    for family in ("plain", "resnet"):
        strokes = re.findall(rf'<path[^>]*stroke="{style.FAMILIES[family].color}"[^>]*>', picture)
        lines = [stroke for stroke in strokes if "fill=" not in stroke]  # markers are filled
        assert sorted("5,3" in line for line in lines) == [False, True]


def test_markers_of_losses_are_at_steps_of_their_own():
    rows = [
        (arm, "plain", layers, "", step, 2.0, 2.0, 2.0)
        for layers, arm in enumerate(("plain8", "plain20", "plain32"))
        for step in range(1, 139, 3)
    ]
    table = depths.by_step(pl.DataFrame(rows, depths.BY_STEP, orient="row"), labels=LABELS).data
    marked = table.filter("marked").group_by("arm").agg("step")["step"].to_list()
    assert all(depths.MARKERS - 1 <= len(steps) <= depths.MARKERS + 1 for steps in marked)
    assert sum(map(len, marked)) == len(set().union(*marked))
