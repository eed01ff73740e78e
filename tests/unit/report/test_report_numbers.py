"""Numbers that a report tells in several sections agree, and are called what they are."""

from dataclasses import replace

import pytest
from documents import built, key_table, said, section, with_record

from skipscope.analysis.tables import gather
from skipscope.report.words import unmarked


@pytest.fixture
def tables(made_up):
    return gather(made_up(arms=("cnn", "resnet"), epochs=1, steps=4), None)


def changed(tables, at, **changes):
    """The tables with these fields of one run's record changed."""
    entries = [with_record(e, **changes) if n == at else e for n, e in enumerate(tables.entries)]
    return replace(tables, entries=tuple(entries))


def test_the_gap_is_that_of_the_final_weights_as_claims_have_it(tables):
    result = tables.entries[0].record.result
    off = result.model_copy(update={"val_accuracy": 0.5, "train_accuracy": 0.607})
    text = said(built(changed(tables, 0, result=off)))
    assert "in percentage points: cnn −10.7 and resnet −5.0." in text
    older = result.model_copy(update={"train_accuracy": None})
    text = said(built(changed(tables, 0, result=older)))
    assert "in percentage points: resnet −5.0." in text
    assert "gap of the final weights" not in said(
        built(changed(changed(tables, 0, result=older), 1, result=older))
    )


def test_images_that_all_or_no_networks_get_right_are_counted_once(small_report):
    found = small_report()
    counted = [each for each in found.sections if "images of the probe sample, " in said(each)]
    assert [each.id for each in counted if each.id != "networks"] == ["pictures"]


@pytest.mark.parametrize(
    ("language", "beside"), [("en", "with up to 2 runs in progress at once"), ("zh", "最多同时进行 2 次训练")]
)
def test_times_are_told_with_what_ran_beside_them(tables, language, beside):
    found = built(tables, language)
    captions = [key_table(found).caption, *(f.caption for f in found.figures if f.name == "accuracy-in-time")]
    assert len(captions) == 2
    assert all(beside in unmarked(caption) for caption in captions)
    assert beside in said(found)
    later = {"started": "2025-11-04T18:00:00Z", "finished": "2025-11-04T18:20:00Z"}
    assert beside not in said(built(changed(tables, 0, **later), language))


def test_times_that_do_not_compare_are_left_out(tables):
    where = tables.entries[1].record.environment.model_copy(update={"threads": 8})
    found = built(changed(tables, 1, environment=where))
    titles = [unmarked(column.title) for column in key_table(found).columns]
    assert not {"time", "images/s"} & set(titles)
    assert all(len(row) == len(titles) for row in key_table(found).rows)
    assert "so their times are not compared" in unmarked(key_table(found).caption)
    assert "Training took" not in said(found)
    assert "accuracy-in-time" not in [figure.name for figure in found.figures]


def test_claims_about_seconds_say_what_ran_beside(tables):
    claims = said(section(built(tables), "explanation"))
    card = next(line for line in claims.split("\n") if "Times were taken" in line)
    assert "with up to 2 runs in progress at once" in card
