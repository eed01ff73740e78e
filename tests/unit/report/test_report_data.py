"""A report names the data set as what it is."""

import pytest

from skipscope.analysis.tables import gather
from skipscope.claims.calibration.calibrate import load_calibration
from skipscope.data.likeness import EXACT
from skipscope.records.schema import Likeness
from skipscope.report.appendix.provenance import data
from skipscope.report.appendix.results import what_was_done
from skipscope.report.context import Context
from skipscope.report.words import Words

RE_ENCODED = Likeness(exact=False, labels_in_order=True, images_known=0, mean=0.11, std=0.78)
FEW = RE_ENCODED.model_copy(update={"images_known": 59_879, "mean": 0.004, "std": 0.004})
REORDERED = RE_ENCODED.model_copy(update={"labels_in_order": False})


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    from made_up_workspace import write_workspace

    path = tmp_path_factory.mktemp("data")
    return gather(write_workspace(path, arms=("cnn",), epochs=1, steps=4), None)


def said(tables, language="en", **card):
    """What a report of this data set says of it: its first sentence, and the table's cells."""
    record = tables.record.model_copy(update={"data": tables.record.data.model_copy(update=card)})
    changed = type(tables)(**(vars(tables) | {"record": record}))
    words = Words(language)
    context = Context(tables=changed, words=words, charts=words, results=(), calibration=load_calibration())
    rows = [cell for row in data(context)[0].rows for cell in row]
    return "\n".join([what_was_done(context), *rows])


@pytest.mark.parametrize(
    ("language", "likeness", "expected"),
    [
        (
            "en",
            FEW,
            ["CIFAR-10 (an inexact copy)", "59,879 of the 60,000 images are exact", "at most 0.1 of"],
        ),
        ("en", RE_ENCODED, ["CIFAR-10 (an inexact copy)", "at most 0.2 of 255", "deviation by at most 0.8"]),
        ("en", REORDERED, ["CIFAR-10 (an inexact copy)", "not in the official order"]),
        ("zh", RE_ENCODED, ["CIFAR-10（非精确副本）", "均值与官方数据最多相差 0.2", "标准差最多相差 0.8"]),
        ("zh", REORDERED, ["标签的顺序与官方数据不同"]),
    ],
)
def test_an_inexact_copy_is_named_so_with_how_near(tables, language, likeness, expected):
    text = said(tables, language, likeness=likeness)
    for each in expected:
        assert each in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_exact_set_is_called_cifar10_alone(tables, language):
    text = said(tables, language, likeness=EXACT)
    assert "CIFAR-10" in text
    assert not any(each in text for each in ("inexact", "非精确", "unofficial", "非官方"))


def test_an_older_record_of_an_unofficial_copy_does_not_pass_for_the_official_one(tables):
    assert "CIFAR-10 (an unofficial copy, not compared" in said(tables)
    assert "an unofficial copy" not in said(tables, source="the official binary archive, md5 c32a")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["artbench-10", "cifar10_exact"])
def test_a_data_set_of_the_users_has_its_name_and_never_cifar10s(tables, language, name):
    text = said(tables, language, name=name, source="python files in a folder")
    assert f"`{name}`" in text
    assert "CIFAR-10" not in text
