"""Charts of what was measured while networks trained."""

import polars as pl
import pytest
from labels import LABELS

from skipscope.analysis import pictures as seen
from skipscope.analysis import training_readings as measured
from skipscope.analysis.tables import gather
from skipscope.figures import network, training
from skipscope.figures.rendering import vega

NAMES = {
    name: name.upper()
    for name in ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
}


@pytest.fixture
def tables(made_up, with_readings):
    return gather(with_readings(made_up(seeds=2, epochs=3, steps=24)), None)


def every(tables, arm="resnet"):
    readings, arms, classes = tables.readings, tables.arms, list(NAMES)
    norms = measured.gradients(readings)
    answers = seen.answers(readings, tables.sample, classes)
    return {
        "start": training.gradients(norms, moment="start", arms=arms, labels=LABELS),
        "end": training.gradients(norms, moment="end", arms=arms, labels=LABELS),
        "ratio": training.over_steps(
            measured.gradient_ratios(readings), told="gradient_ratio", arms=arms, labels=LABELS
        ),
        "depth": training.ratio_by_depth(measured.ratios_by_depth(readings), arms=arms, labels=LABELS),
        "typical": training.over_steps(
            measured.typical_updates(readings), told="update_ratio", arms=arms, labels=LABELS
        ),
        "responses": training.responses(measured.responses(readings), arms=arms, labels=LABELS),
        "branches": training.branches(measured.branches(readings), arms=arms, labels=LABELS),
        "learnt": training.learnt(measured.learnt(readings), arms=arms, labels=LABELS),
        "updates": network.updates(measured.updates(readings, arm), arm=arm, arms=arms, labels=LABELS),
        "relus": network.rectifiers(measured.rectifiers(readings), arm=arm, arms=arms, labels=LABELS),
        "classes": network.classes(
            measured.class_accuracy(readings, classes), arm=arm, names=NAMES, labels=LABELS
        ),
        "confusion": network.confusion(seen.confusion(answers, arm, classes), names=NAMES, labels=LABELS),
    }


def drawn(chart, width=440):
    return vega.svg(vega.specification(chart), chart.data, width=width)


def test_every_chart_is_valid_vega_lite_that_draws_without_a_warning(tables):
    for name, chart in every(tables).items():
        spec = vega.specification(chart, validate=True)
        assert "datasets" not in spec
        picture = drawn(chart)
        assert picture.startswith("<svg"), name
        assert "NaN" not in picture, name


def test_classes_are_called_as_they_are_told(tables):
    charts = every(tables)
    for name in ("classes", "confusion"):
        picture = drawn(charts[name])
        assert "AIRPLANE" in picture
        assert ">airplane<" not in picture


def test_a_confusion_says_its_numbers_and_leaves_nothing_where_there_is_nothing(tables):
    table = pl.DataFrame(
        {
            "label": ["cat", "cat", "dog", "dog"],
            "answer": ["cat", "dog"] * 2,
            "images": [3, 1, 0, 4],
            "share": [0.75, 0.25, 0.0, 1.0],
        }
    )
    picture = drawn(network.confusion(table, names={"cat": "cat", "dog": "dog"}, labels=LABELS))
    assert all(f">{number}<" in picture for number in (75, 25, 100))
    assert ">0<" not in picture


def test_both_moments_are_on_one_scale(tables):
    charts = every(tables)
    one, other = (
        vega.specification(charts[name])["layer"][0]["encoding"]["y"]["scale"] for name in ("start", "end")
    )
    assert one == other


def test_networks_of_one_family_are_joined_and_others_are_not(made_up, with_readings):
    alone = vega.specification(every(gather(with_readings(made_up(epochs=1, steps=8)), None))["depth"])
    assert [layer["mark"]["type"] for layer in alone["layer"]] == ["rule", "point"]
    ratios = pl.DataFrame(
        {
            "arm": ["plain20", "plain56", "resnet20"] * 2,
            "seed": [0] * 6,
            "moment": ["start"] * 3 + ["end"] * 3,
            "convolutions": [19, 55, 19] * 2,
            "ratio": [0.5, 0.1, 0.9, 0.4, 0.05, 0.8],
        }
    )
    chart = training.ratio_by_depth(ratios, arms=["plain20", "plain56", "resnet20"], labels=LABELS)
    spec = vega.specification(chart)
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["area", "line", "rule", "point"]
    assert spec["layer"][0]["transform"][0]["filter"]["oneOf"] == ["plain#"]
    # two of 19 convolutions stand beside each other, not on each other
    assert chart.data.filter(pl.col("convolutions") == 19)["at"].n_unique() == 2
    assert drawn(chart).startswith("<svg")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1e-6, 1.0], ["10⁻⁶", "10⁻¹", "10⁰"]),
        ([0.004, 3.0], [">0.01<", ">0.1<", ">1<"]),
        ([0.3, 0.9], [">0.3<", ">0.5<", ">0.7<"]),
    ],
)
def test_a_logarithmic_axis_is_legible_over_any_range(values, labels):
    table = pl.DataFrame({"arm": ["cnn"] * 2, "seed": [0, 0], "step": [1, 100], "ratio": values})
    picture = drawn(training.over_steps(table, told="gradient_ratio", arms=["cnn"], labels=LABELS))
    assert all(label in picture for label in labels), picture


def test_one_layer_one_step_and_one_epoch_can_be_drawn(made_up, with_readings):
    tables = gather(with_readings(made_up(arms=("cnn",), epochs=1, steps=1)), None)
    charts = every(tables, arm="cnn")
    del charts["branches"]
    for chart in charts.values():
        assert drawn(chart).startswith("<svg")
