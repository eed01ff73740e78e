"""Charts of what was measured while networks trained."""

import polars as pl
import pytest
from labels import LABELS

from skipscope.analysis import pictures as seen
from skipscope.analysis import training_readings as measured
from skipscope.figures import network, training
from skipscope.figures.rendering import vega

NAMES = {
    name: name.upper()
    for name in ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
}


@pytest.fixture(scope="module")
def charts(study_tables):
    return every(study_tables(readings=True, seeds=2, epochs=3, steps=24))


def every(tables, arm="resnet"):
    readings, arms, classes = tables.readings, tables.arms, list(NAMES)
    norms = measured.gradients(readings)
    answers = seen.answers(readings, tables.sample, classes)
    return {
        "start": training.by_depth(norms, quantity="norm", moment="start", arms=arms, labels=LABELS),
        "end": training.by_depth(norms, quantity="norm", moment="end", arms=arms, labels=LABELS),
        "ratio": training.over_steps(
            measured.gradient_ratios(readings), told="gradient_ratio", arms=arms, labels=LABELS
        ),
        "depth": training.ratio_by_depth(measured.ratios_by_depth(readings), arms=arms, labels=LABELS),
        "typical": training.over_steps(
            measured.typical_updates(readings), told="update_ratio", arms=arms, labels=LABELS
        ),
        "responses": training.by_depth(
            measured.responses(readings), quantity="std", arms=arms, labels=LABELS
        ),
        "branches": training.by_depth(
            measured.branches(readings), quantity="ratio", arms=arms, labels=LABELS
        ),
        "learnt": training.learnt(measured.learnt(readings), arms=arms, labels=LABELS),
        "updates": network.updates(measured.updates(readings, arm), arm=arm, arms=arms, labels=LABELS),
        "relus": network.rectifiers(measured.rectifiers(readings), arm=arm, arms=arms, labels=LABELS),
        "classes": network.classes(
            measured.class_accuracy(readings, classes), arm=arm, names=NAMES, labels=LABELS
        ),
        "confusion": network.confusion(seen.confusion(answers, arm, classes), names=NAMES, labels=LABELS),
    }


def test_every_chart_is_valid_vega_lite_that_draws_without_a_warning(charts, draw):
    for chart in charts.values():
        draw(chart)


def test_classes_are_called_as_they_are_told(charts, draw):
    for name in ("classes", "confusion"):
        picture = draw(charts[name])
        assert "AIRPLANE" in picture
        assert ">airplane<" not in picture


def test_a_confusion_says_its_numbers_and_leaves_nothing_where_there_is_nothing(draw):
    table = pl.DataFrame(
        {
            "label": ["cat", "cat", "dog", "dog"],
            "answer": ["cat", "dog"] * 2,
            "images": [3, 1, 0, 4],
            "share": [0.75, 0.25, 0.0, 1.0],
        }
    )
    picture = draw(network.confusion(table, names={"cat": "cat", "dog": "dog"}, labels=LABELS))
    assert all(f">{number}<" in picture for number in (75, 25, 100))
    assert ">0<" not in picture


def test_both_moments_are_on_one_scale(charts):
    one, other = (
        vega.specification(charts[name])["layer"][0]["encoding"]["y"]["scale"] for name in ("start", "end")
    )
    assert one == other


def test_networks_of_one_family_are_joined_and_others_are_not(charts, draw):
    alone = vega.specification(charts["depth"])
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
    draw(chart)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1e-6, 1.0], ["10⁻⁶", "10⁻¹", "10⁰"]),
        ([0.004, 3.0], [">0.01<", ">0.1<", ">1<"]),
        ([0.3, 0.9], [">0.3<", ">0.5<", ">0.7<"]),
    ],
)
def test_a_logarithmic_axis_is_legible_over_any_range(draw, values, labels):
    table = pl.DataFrame({"arm": ["cnn"] * 2, "seed": [0, 0], "step": [1, 100], "ratio": values})
    picture = draw(training.over_steps(table, told="gradient_ratio", arms=["cnn"], labels=LABELS))
    assert all(label in picture for label in labels), picture


def test_one_layer_one_step_and_one_epoch_can_be_drawn(study_tables, draw):
    tables = study_tables(readings=True, arms=("cnn",), epochs=1, steps=1)
    for name, chart in every(tables, arm="cnn").items():
        if name != "branches":
            draw(chart)
