"""What is said of the curves of the assignment's networks, with curves and verdicts made up."""

import polars as pl
import pytest
from made_up_bodies import card, prose, read

from skipscope.report.handin import own_curves
from skipscope.report.handin.course import Course

ENDS = {"cnn": 0.41, "resnet": 0.52, "densenet": 0.55, "se_resnet": 0.53}
FITTED = {"cnn": (0.45, 0.41), "resnet": (0.6, 0.52), "densenet": (0.65, 0.55), "se_resnet": (0.67, 0.53)}


def course(arm, end):
    falling = (2.0, 1.5)
    return Course(
        arm=arm,
        epochs=(1, 2),
        seconds=(1.0, 2.0),
        train_loss=falling,
        train_accuracy=(0.3, end),
        val_loss=falling,
        val_accuracy=(0.3, end),
    )


@pytest.fixture
def told(study_tables, monkeypatch):
    tables = study_tables(readings=True)

    def tell(language="en", *cards, fitted=FITTED, **ends):
        monkeypatch.setattr(own_curves, "course_of", lambda _, arm: course(arm, (ENDS | ends)[arm]))
        monkeypatch.setattr(own_curves, "gaps", lambda _: fitted)
        written = prose(tables, *cards, language=language)
        return read(own_curves.own_curves(written)).replace("\u00a0", " ")

    return tell


def test_each_curve_is_explained_as_far_as_matched_networks_go(told):
    text = told()
    assert "resnet8 needs 1.0 [0.95, 1.1] times the epochs of plain8" in text
    assert "resnet20 needs 0.75 [0.65, 0.86] times" in text
    assert "448×4×4 before the classifier, 512×1×1 in resnet" in text
    assert "It fits its training images best (67.0%, 14.0 points above" in text


def test_it_reads_in_chinese(told):
    assert "没有跳跃连接多半不是原因" in told("zh")


@pytest.mark.parametrize(
    ("ends", "unsaid"),
    [
        ({"cnn": 0.6}, "A lack of shortcuts is an unlikely cause"),
        ({"densenet": 0.5}, "It ends above resnet"),
        ({"se_resnet": 0.6}, "does not lead"),
    ],
)
def test_what_a_curve_does_not_show_is_not_explained(told, ends, unsaid):
    assert unsaid in told()
    assert unsaid not in told(**ends)


def test_a_network_that_fits_less_well_is_not_said_to_fit_best(told):
    assert "fits its training images best" not in told(fitted=FITTED | {"resnet": (0.7, 0.52)})


def test_shortcuts_are_not_cleared_where_they_do_matter_at_eight_layers(told):
    parts = [("epochs", f"resnet{depth} - plain{depth}", "supported", -0.4) for depth in (8, 20)]
    assert "is an unlikely cause" not in told("en", card("depth", {"T1": ("supported", parts)}))


def test_where_each_curve_ends_stands_beside_its_reasons(told):
    text = told()
    assert "41.0%, the lowest" in text
    assert "55.0%, the highest" in text
    assert "53.0%, the" not in text


def updates(cnn):
    sizes = {"cnn": cnn, "resnet": 0.003, "densenet": 0.002, "se_resnet": 0.004}
    return pl.DataFrame({"arm": list(sizes), "ratio": list(sizes.values())})
