"""Answers image by image, and which images are shown."""

import numpy as np
import polars as pl
import pytest

from skipscope.analysis import pictures as seen
from skipscope.analysis.tables import gather
from skipscope.records.readings import migrate

CLASSES = ("cat", "dog")
SAMPLE = {
    "images": np.zeros((4, 32, 32, 3), dtype=np.uint8),
    "labels": np.array([0, 1, 0, 1]),
    "positions": np.array([0, 5, 7, 9]),
}


def readings(*rows):
    """Rows of (arm, seed, probe, place, quantity, value) after step 30."""
    columns = ["arm", "seed", "probe", "place", "quantity", "value"]
    table = migrate(pl.DataFrame(rows, schema=columns, orient="row"))
    return table.with_columns(counted=pl.lit(True), step=pl.lit(30), value=pl.col("value").cast(pl.Float64))


def answered(arm, seed, answers):
    for image, (answer, confidence) in enumerate(answers):
        yield arm, seed, "answers", f"sample {image}", "answer", float(answer)
        yield arm, seed, "answers", f"sample {image}", "confidence", confidence
    yield arm, seed, "answers", "all", "accuracy", 0.5


@pytest.fixture
def table():
    rows = [
        *answered("a", 0, [(0, 0.9), (0, 0.6), (1, 0.8), (0, 0.7)]),
        *answered("a", 1, [(1, 0.9), (1, 0.9), (0, 0.9), (1, 0.9)]),
        *answered("b", 0, [(0, 0.5), (1, 0.5), (1, 0.9), (0, 0.99)]),
    ]
    return seen.answers(readings(*rows), SAMPLE, CLASSES)


def test_answers_carry_names_and_positions(table):
    first = table.filter(pl.col("arm") == "a", pl.col("seed") == 0)
    assert first.select("position", "label", "answer", "right").rows() == [
        (0, "cat", "cat", True),
        (5, "dog", "cat", False),
        (7, "cat", "dog", False),
        (9, "dog", "cat", False),
    ]


def test_confusion_counts_every_pair_over_all_seeds(table):
    counted = seen.confusion(table, "a", CLASSES)
    assert counted.rows() == [
        ("cat", "cat", 2, 0.5),
        ("cat", "dog", 2, 0.5),
        ("dog", "cat", 2, 0.5),
        ("dog", "dog", 2, 0.5),
    ]
    assert seen.confusion(table, "b", CLASSES)["images"].to_list() == [1, 1, 1, 1]


def test_the_surest_errors_of_the_first_run_come_first(table):
    errors = seen.confident_errors(table, "a", 2)
    assert errors.select("seed", "image", "confidence").rows() == [(0, 2, 0.8), (0, 3, 0.7)]


def test_common_errors_are_wrong_in_every_network_and_ordered_by_mean_confidence(table):
    shared = seen.common_errors(table, 5)
    # image 2: (0.8 + 0.9) / 2 = 0.85; image 3: (0.7 + 0.99) / 2 = 0.845
    assert shared.select("image", "arm").rows() == [(2, "a"), (2, "b"), (3, "a"), (3, "b")]
    assert seen.agreement(table).select("image", "right", "of").rows() == [
        (0, 2, 2),
        (1, 1, 2),
        (2, 0, 2),
        (3, 0, 2),
    ]


def test_what_is_learnt_first_stands_first_and_classes_alternate():
    # positions 1 and 2 are not in the sample
    since = {0: (1, 1), 1: (1, 1), 2: (1, 1), 5: (2, 1), 7: (1, 1), 9: (0, 0)}
    rows = [
        (arm, 0, "learning_order", f"validation {position}", "right_since", epochs[number])
        for number, arm in enumerate(("a", "b"))
        for position, epochs in since.items()
    ]
    table = seen.order(readings(*rows), SAMPLE, CLASSES)
    assert table.select("image", "learnt", "epoch").rows() == [
        (0, 1, 1),
        (2, 1, 1),
        (1, 1, 1.5),
        (3, 0, None),
    ]
    equal = dict.fromkeys((0, 5, 7, 9), (1, 1))
    rows = [
        (arm, 0, "learning_order", f"validation {position}", "right_since", 1)
        for arm in ("a", "b")
        for position in equal
    ]
    turns = seen.order(readings(*rows), SAMPLE, CLASSES)["label"].to_list()
    assert turns == ["cat", "dog", "cat", "dog"]


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [(32, 5, 1, 2), (16, 7, 2, 3), (28, 5, 1, 0), (32, 3, 1, 1), (15, 3, 2, 0)],
)
def test_the_window_is_the_one_the_largest_value_was_computed_from(side, kernel, stride, padding):
    """A convolution by hand of an image that is 0 but for one window, which looks like the kernel."""
    noise = np.random.default_rng(0)
    filters = noise.normal(size=(3, 3, kernel, kernel))
    row, column = side // 2, side // 3
    image = np.zeros((32 + 2 * padding, 32 + 2 * padding, 3))
    top, left = row * stride, column * stride
    image[top : top + kernel, left : left + kernel] = filters[1].transpose(1, 2, 0)
    maps = np.zeros((3, side, side))
    for number in range(3):
        for y in range(side):
            for x in range(side):
                part = image[y * stride : y * stride + kernel, x * stride : x * stride + kernel]
                maps[number, y, x] = (part * filters[number].transpose(1, 2, 0)).sum()
    maps[[0, 2]] *= 0.1
    inside = image[padding : padding + 32, padding : padding + 32]
    step = seen.first_step({"filters": filters, "image": inside, "maps/conv": maps})
    assert (step.kernel, step.row, step.column) == (1, row, column)
    assert (step.top, step.left) == (top - padding, left - padding)


def test_without_pictures_there_is_no_step():
    assert seen.first_step({}) is None
    many = {
        "filters": np.zeros((2, 3, 3, 3)),
        "image": np.zeros((32, 32, 3)),
        "maps/pool": np.zeros((4, 8, 8)),
    }
    assert seen.first_step(many) is None


def test_no_readings_and_no_sample_make_empty_tables(made_up):
    tables = gather(made_up(epochs=1, steps=2), None)
    table = seen.answers(tables.readings, tables.sample, CLASSES)
    assert table.is_empty()
    assert seen.order(tables.readings, tables.sample, CLASSES).is_empty()
    assert seen.common_errors(table, 3).is_empty()
