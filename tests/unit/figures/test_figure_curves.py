"""Curves: what is drawn from which table."""

import re
from collections import Counter
from dataclasses import replace

import polars as pl
import pytest
import vl_convert
from labels import LABELS

from skipscope.figures import accuracies, curves, style
from skipscope.figures.losses import losses_of, validation_losses
from skipscope.figures.rendering import vega
from skipscope.figures.seeds import SHOWN


@pytest.fixture(scope="module")
def tables(study_tables):
    return study_tables(seeds=2, steps=60, diverged=("densenet",))


@pytest.fixture(scope="module")
def charts(tables):
    return every(tables)


def every(tables):
    arms = tables.arms
    return {
        "loss": curves.loss(tables.steps, arms=arms, labels=LABELS),
        "loss_of": curves.loss(tables.steps, arms=arms, only="resnet", labels=LABELS),
        "validation": accuracies.accuracy(tables.epochs, checks=tables.checks, arms=arms, labels=LABELS),
        "training": accuracies.accuracy(
            tables.epochs, checks=tables.checks, arms=arms, quantity="train_accuracy", labels=LABELS
        ),
        "validation_losses": validation_losses(tables.losses, arms=arms, labels=LABELS),
        "time": accuracies.accuracy_in_time(tables.epochs, arms=arms, labels=LABELS),
        "accuracy_of": accuracies.accuracy_of(
            tables.epochs, checks=tables.checks, arm="resnet", arms=arms, labels=LABELS
        ),
    }


def test_every_chart_is_valid_vega_lite_that_draws_without_a_warning(charts, draw):
    for chart in charts.values():
        draw(chart)


def test_a_chart_of_one_arm_draws_no_other(charts, draw):
    picture = draw(charts["loss_of"])
    assert "#0072b2" in picture
    assert "#d55e00" not in picture


def test_the_legend_keeps_markers_whole(charts):
    compiled = vl_convert.vegalite_to_vega(vega.specification(charts["validation"]))
    (legend,) = compiled["legends"]
    assert legend["shape"] == "shape"
    assert "strokeDash" not in legend


def test_lines_of_all_losses_have_markers_where_no_other_has_one(tables):
    """In grey the dashes of two networks look alike."""
    arms = ["cnn", "resnet", "se_resnet"]
    where = curves._marked(tables.steps, arms)
    steps = [set(map(int, found.split(", "))) for found in re.findall(r"indexof\(\[(.*?)\]", where)]
    assert len(steps) == 3
    assert all(curves.MARKERS <= len(each) <= 2 * curves.MARKERS for each in steps)
    assert not steps[0] & steps[1] | steps[1] & steps[2] | steps[0] & steps[2]


def test_a_failed_run_ends_in_a_cross(charts, draw):
    chart = charts["loss"]
    without = replace(chart, data=chart.data.with_columns(stopped=pl.lit(value=False)))
    assert len(draw(without)) < len(draw(chart))


def test_time_is_logarithmic_only_where_the_networks_differ_much(tables):
    def kind(table):
        chart = accuracies.accuracy_in_time(table, arms=["cnn", "resnet"], labels=LABELS)
        return vega.specification(chart)["layer"][0]["encoding"]["x"]["scale"]["type"]

    assert kind(tables.epochs) == "log"
    assert kind(tables.epochs.filter(pl.col("arm") == "cnn")) == "linear"


@pytest.mark.parametrize(("longest", "said"), [(420, "2, 4, 6"), (70, "15"), (9000, "30"), (0.9, "0.2")])
def test_moments_on_a_clock_are_whole_ones(tables, longest, said):
    """A third of a hundred minutes was once a tick: 1.66667 min."""
    table = tables.epochs.filter(pl.col("arm") == "cnn").with_columns(
        seconds=pl.col("seconds") * longest / pl.col("seconds").max()
    )
    chart = accuracies.accuracy_in_time(table, arms=["cnn"], labels=LABELS)
    ticks = vega.specification(chart)["layer"][0]["encoding"]["x"]["axis"]["values"]
    unit = 1 if longest < 100 else 60
    assert said in ", ".join(f"{tick / unit:g}" for tick in ticks)
    assert 4 <= len(ticks) <= 7
    assert all(f"{tick / unit:g}" == f"{tick / unit:.1f}".removesuffix(".0") for tick in ticks)


def test_one_epoch_and_one_step_can_be_drawn(study_tables, draw):
    for chart in every(study_tables(epochs=1, steps=1)).values():
        draw(chart)


def test_empty_tables_can_be_drawn(study_tables):
    tables = study_tables(epochs=1, steps=1, missing=("cnn", "resnet", "densenet", "se_resnet"))
    for chart in every(tables).values():
        assert vega.specification(chart)["layer"]


def test_a_loss_on_its_way_to_infinity_does_not_flatten_the_others(tables):
    wild = tables.steps.with_columns(loss=pl.when(pl.col("stopped")).then(1e9).otherwise(pl.col("loss")))
    chart = curves.loss(wild, arms=tables.arms, labels=LABELS)
    assert vega.specification(chart)["layer"][0]["encoding"]["y"]["scale"]["domain"][1] == curves.HIGHEST_LOSS


def test_no_single_loss_is_cut_off_at_the_lower_edge_and_the_axis_has_ticks_to_read(tables):
    steps = tables.steps.with_columns(loss=pl.col("smoothed") * 1.2)
    lowest = steps["smoothed"].min()
    deep = steps.with_columns(loss=pl.when(pl.col("step") == 3).then(lowest * 0.7).otherwise("loss"))
    scale = curves.loss(deep, arms=tables.arms, labels=LABELS).layers[0].to_dict()["encoding"]["y"]["scale"]
    assert scale["domain"][0] < lowest * 0.7
    assert curves.loss_ticks(0.81, 2.9) == [1, 1.25, 1.5, 2, 2.5]


def test_the_script_is_kept(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(vega, "cache_file", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(
        vega.vl_convert, "javascript_bundle", lambda snippet: calls.append(snippet) or "script"
    )
    assert (vega.library(), vega.library()) == ("script", "script")
    assert len(calls) == 1


@pytest.mark.parametrize("family", [None, "Noto Sans CJK SC"])
def test_a_machine_without_chinese_glyphs_is_noticed(monkeypatch, family):
    monkeypatch.setattr(vega.fonts, "chinese", lambda: family)
    assert vega.has_chinese.__wrapped__() is (family is not None)


def test_without_the_extra_nothing_is_registered(monkeypatch, fonts_forgotten):
    monkeypatch.setattr(vega.fonts, "extra_folder", lambda: None)
    monkeypatch.setattr(vega.vl_convert, "register_font_directory", None)
    assert vega.has_chinese.__wrapped__() in (True, False)


def lines(picture, colour):
    """How many lines of this colour a picture has."""
    return len(re.findall(rf'<path d="M[^"]*L[^"]*" stroke="{colour}"', picture))


def with_seeds(table, number):
    return pl.concat([table.filter(pl.col("seed") == 0).with_columns(seed=seed) for seed in range(number)])


@pytest.mark.parametrize(("seeds", "drawn"), [(SHOWN, SHOWN), (SHOWN + 1, SHOWN), (3 * SHOWN, SHOWN)])
def test_of_many_seeds_the_first_are_drawn_one_by_one(tables, draw, seeds, drawn):
    """A thousand faint lines are a smear; the bold one is of all of them."""
    losses, epochs = with_seeds(tables.steps, seeds), with_seeds(tables.epochs, seeds)
    for chart in (
        curves.loss(losses, arms=tables.arms, labels=LABELS),
        accuracies.accuracy(epochs, checks=tables.checks, arms=tables.arms, labels=LABELS),
    ):
        picture = draw(chart)
        assert lines(picture, "#0072b2") == drawn + 1
        # it diverged: nothing bold, or it as far as it goes
        assert lines(picture, "#009e73") in (drawn, drawn + 1)


def test_the_bold_line_of_many_seeds_is_of_all_that_count(tables):
    many = with_seeds(tables.epochs, 2 * SHOWN).with_columns(
        val_accuracy=pl.col("val_accuracy") + pl.col("seed") / 1000, counted=pl.col("seed") % 3 > 0
    )
    table = accuracies.accuracy(many, checks=tables.checks, arms=tables.arms, labels=LABELS).data
    assert table["seed"].n_unique() == SHOWN + 1
    bold = table.filter(pl.col("seed").is_null(), pl.col("arm") == "resnet").select("epoch", "val_accuracy")
    expected = (
        many.filter("counted", pl.col("arm") == "resnet").group_by("epoch").agg(pl.col("val_accuracy").mean())
    )
    # rounded to five digits, as rows are
    assert bold.sort("epoch")["val_accuracy"].to_list() == pytest.approx(
        expected.sort("epoch")["val_accuracy"].to_list(), rel=1e-4
    )


def test_a_run_that_stopped_keeps_its_cross_among_many(tables):
    many = with_seeds(tables.steps, 2 * SHOWN)
    last = many.filter(pl.col("arm") == "resnet")["step"].max()
    stopped = (pl.col("seed") == 2 * SHOWN - 1) & (pl.col("arm") == "resnet") & (pl.col("step") == last)
    table = curves.loss(many.with_columns(stopped=stopped), arms=tables.arms, labels=LABELS).data
    assert table.filter("stopped")["seed"].to_list() == [2 * SHOWN - 1]


def test_print_is_handed_the_rows_and_columns_that_it_draws(charts):
    chart = charts["loss_of"]
    printed = vega.printable(vega.specification(chart), chart.data, width=300, font="Arial")
    rows = printed["datasets"][vega.DATA]
    assert {row["arm"] for row in rows} == {"resnet"}
    assert rows[0].keys() == {"arm", "seed", "step", "loss", "smoothed", "counted", "stopped"}  # no epoch
    assert {"arm", "epoch"} < set(chart.data.columns)


def test_print_has_nothing_for_a_pointer(charts):
    chart = charts["loss"]
    spec = vega.specification(chart)
    unseen = [layer for layer in spec["layer"] if layer["mark"].get("opacity") == 0]
    assert len(unseen) == 1
    printed = vega.printable(spec, chart.data, width=300, font="Arial")
    assert len(printed["layer"]) == len(spec["layer"]) - 1
    assert "tooltip" in str(spec["layer"])
    assert "tooltip" not in str(printed["layer"])


@pytest.mark.parametrize("only", [None, "resnet"])
def test_a_run_of_one_step_is_a_point(tables, charts, draw, only):
    """A line of one point has no length."""
    one = tables.steps.filter((pl.col("step") == 1) | (pl.col("arm") == "cnn"))
    chart = curves.loss(one, arms=tables.arms, only=only, labels=LABELS)
    picture = draw(chart)
    arms = ["resnet"] if only else ["resnet", "densenet", "se_resnet"]
    assert marks(picture, "3.5") == {style.looks(tables.arms)[arm].color: 2 for arm in arms}  # a dot a seed
    whole = draw(charts["loss_of" if only else "loss"])
    assert not marks(whole, "3.5")
    assert legend(picture) == legend(whole)


def marks(picture, width):
    """How many strokes of this width there are of each colour."""
    return Counter(re.findall(rf'stroke="(#[0-9a-f]{{6}})" stroke-width="{width}"', picture))


def legend(picture):
    """Its symbols."""
    return re.findall(r'role-legend-symbol".*?(<path [^>]*>)', picture)


def test_the_accuracy_of_final_weights_is_one_hollow_marker_at_the_end(tables, draw):
    told = {"arm": "resnet", "arms": tables.arms, "labels": LABELS, "in_grid": True}
    chart = accuracies.accuracy_of(
        tables.epochs, checks=tables.checks, final={"resnet": 0.99, "cnn": 0.5}, **told
    )
    (row,) = chart.data.filter(measure=accuracies.FINAL).to_dicts()
    assert (row["accuracy"], row["epoch"]) == (0.99, tables.epochs["epoch"].max())
    assert "100%" in draw(chart)  # the axis of all has room for it
    assert accuracies.FINAL not in set(
        accuracies.accuracy_of(tables.epochs, checks=tables.checks, **told).data["measure"]
    )


def test_validations_within_epochs_are_on_the_line_and_have_no_marker(tables, draw):
    """The line begins within the first epoch; markers stay those of whole epochs."""
    within = tables.epochs.filter(pl.col("epoch") == 1).with_columns(epoch=pl.lit(0.4))
    checks = within.select("arm", "seed", "epoch", "val_loss", "val_accuracy", "counted")
    one = {"arm": "resnet", "arms": tables.arms, "labels": LABELS}
    for draws in (
        lambda checks: accuracies.accuracy(tables.epochs, checks=checks, arms=tables.arms, labels=LABELS),
        lambda checks: accuracies.accuracy_of(tables.epochs, checks=checks, **one),
    ):
        plain, found = (draw(draws(each)) for each in (tables.checks, checks))
        assert symbols(plain) == symbols(found) > 0
        assert points(found) > points(plain)
    chart = losses_of(tables.losses, **one)
    more = pl.DataFrame({"arm": "resnet", "epoch": 0.4, "measure": "val_loss", "loss": 1.9})
    with_check = losses_of(pl.concat([tables.losses, more]), **one)
    assert symbols(draw(chart)) == symbols(draw(with_check))


def symbols(picture):
    """How many markers there are."""
    groups = re.findall(r'<g class="mark-symbol role-mark[^>]*>(.*?)</g>', picture)
    return sum(group.count("<path") for group in groups)


def points(picture):
    """How many points the lines have."""
    groups = re.findall(r'<g class="mark-line role-mark[^>]*>(.*?)</g>', picture)
    return sum(group.count("L") for group in groups)


def test_ends_of_epochs_are_rules(tables, draw):
    picture = draw(curves.loss(tables.steps, arms=tables.arms, labels=LABELS, epochs=(20, 40)))
    groups = re.findall(r'<g class="mark-rule role-mark[^>]*>(.*?)</g>', picture)
    # one line each, not one for each row of the table
    assert [group.count("<line") for group in groups if f'stroke="{style.RULE}"' in group] == [1, 1]
