"""What a teacher may ask: answered from the records, or not asked."""

from dataclasses import replace

import polars as pl
import pytest
from documents import context_of, with_record

from skipscope.report.appendix.viva import ASKED, QUESTIONS, viva
from skipscope.report.appendix.viva_answers import batchnorm, deepest, overfitting, seeds, trend, validation
from skipscope.report.appendix.viva_costs import dense, projection, reduction, reduction_ratio, single, unfair
from skipscope.report.document import Paragraph
from skipscope.report.handin.gate_evidence import cause
from skipscope.report.handin.prose import prose_of
from skipscope.report.words import unmarked


@pytest.fixture
def prose(study_tables):
    def of(language="en", **variant):
        return prose_of(
            context_of(study_tables(**{"epochs": 2, "steps": 16} | variant), language, results=())
        )

    return of


def told(statements):
    return " ".join(unmarked(each.text) for each in statements)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_ten_questions_are_asked_and_answered(prose, language):
    context = prose(language).context
    blocks = viva(context).blocks[1:]
    asked, answered = blocks[::2], blocks[1::2]
    assert len(asked) == len(answered) == ASKED
    assert all(isinstance(block, Paragraph) for block in blocks)
    for number, block in enumerate(asked, start=1):
        assert block.text.startswith(f"**{number}. ")
        assert block.text.rstrip("*")[-1] in "?？"
    assert "".join(unmarked(block.text) for block in answered).count("{") == 0


def test_both_languages_say_the_same(prose):
    english, chinese = prose("en"), prose("zh")
    for key, answer in QUESTIONS.items():
        for one, other in zip(answer(english), answer(chinese), strict=True):
            assert one.sources == other.sources, key
            assert len(one.numbers) == len(other.numbers), key


def test_every_number_of_an_answer_is_one_of_its_statements(prose):
    for answer in QUESTIONS.values():
        for statement in answer(prose()):
            # what is defined or derived on the spot has no numbers from records
            assert statement.sources or not statement.numbers


def test_what_is_counted_is_what_the_networks_have(prose):
    counted = told(single(prose()))
    assert all(number in counted for number in ("83,126", "11,181,642", "5 layers", "18 layers"))
    assert "resnet has 5 identities and 3 projections" in told(projection(prose()))
    assert "1,753,546 parameters, 15.7%" in told(dense(prose()))
    gates = told(reduction(prose()))
    assert "ratio r is 16" in gates
    assert "8 gates add 89,080 parameters" in gates
    assert "max-pool" in told(unfair(prose()))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gradients_and_gates_are_answered_from_what_the_hand_in_tells(prose, language):
    written = prose(language)
    told_there = {claim: written.evidence.judged(claim) for claim in ("S1a", "S1b", "E3")}
    answers = [*batchnorm(written), *unfair(written)]
    for claim, judged in told_there.items():
        sources = [source for each in answers for source in each.sources if source.key == claim]
        assert sources == [judged.source], claim
    # E4 in the same words as the chapter on gates: most of the gain is the halved branch
    half = written.evidence.along(written.evidence.piece("E4", "content"), "half")
    assert cause(written) == "mostly"
    assert unmarked(written.number(half)) in told(answers)
    piece = deepest(written, "S1b", "training")
    for verdict, expected in (
        ("supported", "shrinks"),
        ("contradicted", "kept"),
        ("inconclusive", "unclear"),
    ):
        assert (
            trend(replace(piece, finding=piece.finding.model_copy(update={"verdict": verdict}))) == expected
        )


def test_a_ratio_that_does_not_fit_is_not_told(prose):
    cards = {each.arm: each.network for each in prose().context.tables.summaries}
    gated, plain = cards["se_resnet"], cards["resnet"]
    assert reduction_ratio(gated, plain) == 16
    assert reduction_ratio(gated.model_copy(update={"params": gated.params + 1}), plain) is None
    assert reduction_ratio(plain, cards["densenet"]) is None


def test_questions_that_the_study_cannot_answer_are_not_asked(prose):
    found = prose(arms=("cnn",))
    assert single(found) == dense(found) == reduction(found) == unfair(found) == projection(found) == []
    assert seeds(found) == []  # there is nothing to compare
    nothing = prose(arms=("cnn",), missing=("cnn",))
    assert validation(nothing) == []


def test_one_seed_is_told_from_several(prose):
    assert "choice of images alone" in told(seeds(prose()))
    assert "Each network was trained from 3 seeds" in told(seeds(prose(seeds=3)))


def test_the_test_set_is_read_once_a_run(prose):
    said = told(validation(prose(arms=("cnn", "resnet"), seeds=2, unfinished=("resnet",))))
    assert "3 runs were finished, so they were read 3 times" in said
    assert "10,000 test images" in said


@pytest.mark.parametrize(
    ("last", "key"), [(9.0, "has risen again by epoch 2"), (0.1, "lowest in the last epoch (2)")]
)
def test_overfitting_is_told_by_the_validation_loss(study_tables, last, key):
    tables = study_tables(arms=("cnn",), epochs=2, steps=16)
    (entry,) = tables.entries
    result = entry.record.result.model_copy(update={"train_accuracy": 0.9, "val_accuracy": 0.7})
    ended = (pl.col("epoch") == 2) & (pl.col("kind") == "epoch")
    metrics = tables.metrics.with_columns(val_loss=pl.when(ended).then(last).otherwise("val_loss"))
    changed = replace(tables, entries=(with_record(entry, result=result),), metrics=metrics)
    said = told(overfitting(prose_of(context_of(changed, results=()))))
    assert "90.0% on training images and 70.0% on validation images, a difference of 20.0 points" in said
    assert key in said


def test_a_network_that_does_no_worse_on_new_images_does_not_overfit(study_tables):
    tables = study_tables(arms=("cnn",), epochs=2, steps=16)
    (entry,) = tables.entries
    result = entry.record.result.model_copy(update={"train_accuracy": 0.6, "val_accuracy": 0.7})
    changed = replace(tables, entries=(with_record(entry, result=result),))
    assert "no sign of it" in told(overfitting(prose_of(context_of(changed, results=()))))
