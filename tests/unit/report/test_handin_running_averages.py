"""How far validation lags behind the weights, with losses made up."""

from types import SimpleNamespace

import polars as pl
import pytest
from made_up_bodies import prose

from skipscope.report.handin import running_averages as section
from skipscope.report.words import unmarked

CHECKS = [  # arm, step, epoch, loss and accuracy with running averages, then with the batch's statistics
    ("resnet", 10, 0.5, 2.3, 0.10, 2.0, 0.27),
    ("resnet", 30, 1.5, 2.1, 0.32, 1.6, 0.40),
    ("resnet", 50, 2.5, 1.4, 0.49, 1.4, 0.49),
    ("se_resnet", 10, 0.5, 2.2, 0.20, 2.1, 0.22),
    ("se_resnet", 50, 2.5, 1.3, 0.51, 1.3, 0.50),
    ("cnn", 10, 0.5, 2.2, 0.12, None, None),
]
ENDS = [("resnet", 1.0, 1.9, 0.33), ("resnet", 2.0, 1.5, 0.45), ("resnet", 3.0, 1.3, 0.52)]
NAMES = ("arm", "step", "epoch", "val_loss", "val_accuracy", "batch_loss", "batch_accuracy")


def tables(checks=CHECKS):
    ends = pl.DataFrame(ENDS, ("arm", "epoch", "val_loss", "val_accuracy"), orient="row")
    return SimpleNamespace(
        checks=pl.DataFrame(checks, NAMES, orient="row").with_columns(counted=True, seed=0),
        epochs=ends.with_columns(counted=True, seed=0),
    )


def test_the_check_at_which_running_averages_cost_most_is_found():
    found = section.furthest(tables())
    assert (found.arm, found.step, found.running, found.batch) == ("resnet", 10, 0.10, 0.27)
    assert found.left == pytest.approx(0.01)  # of se_resnet, at the last check
    assert section.furthest(tables(CHECKS[3:])) is None  # two points are not worth a word


def test_a_loss_that_rises_by_running_averages_alone_is_found():
    found = section.risen(tables(), "resnet")
    assert (found.step, found.running, found.batch) == (30, 2.1, 1.6)
    rises_too = [*CHECKS[:1], ("resnet", 30, 1.5, 2.1, 0.32, 2.05, 0.40), *CHECKS[2:]]
    assert section.risen(tables(rises_too), "resnet") is None


@pytest.mark.parametrize(
    ("language", "early", "late"),
    [
        ("en", "resnet classifies 10.0% of the", "the two still differ by up to"),
        ("zh", "resnet 的准确率用滑动平均时为 10.0%", "这两个值仍相差多达"),
    ],
)
def test_it_is_said_whether_the_averages_catch_up(study_tables, monkeypatch, language, early, late):
    def said(left):
        lag = section.Lag(arm="resnet", step=10, running=0.1, batch=0.27, left=left)
        monkeypatch.setattr(section, "furthest", lambda _: lag)
        (told,) = section.understated(written)
        return unmarked(told.text)

    written = prose(study_tables(), language=language)
    monkeypatch.setattr(section, "risen", lambda *_: None)
    assert early in said(0.01)
    assert late in said(0.1)
    monkeypatch.setattr(section, "furthest", lambda _: None)
    assert section.understated(written) == []
