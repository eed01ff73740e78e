"""Drawings are figures of the hand-in, with captions in both languages."""

import pytest
from documents import context_of

from skipscope.anatomy.describe import describe
from skipscope.report.handin import drawings


@pytest.fixture
def context(study_tables):
    return lambda language: context_of(study_tables(arms=("cnn",), epochs=1, steps=4), language, ())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_networks_and_blocks_are_numbered_figures(context, language) -> None:
    made = context(language)
    cards = [describe(name) for name in ("cnn", "resnet", "densenet", "se_resnet")]
    figures = [
        drawings.networks(made, cards),
        drawings.blocks(made),
        drawings.dense_block(made, cards[2]),
        drawings.gate(made, cards[3]),
    ]
    assert [figure.number for figure in figures if figure] == ["A1", "A2", "A3", "A4"]
    assert all(figure and figure.svg.startswith("<svg") and figure.caption for figure in figures)
    spoken = {"en": "resnet: 18 layers; additions: 8;", "zh": "resnet：18 层，相加 8 处"}
    assert figures[0].spoken.count("\n") == 0
    assert spoken[language] in figures[0].spoken


def test_networks_without_a_dense_block_or_a_gate_have_no_such_figure(context) -> None:
    made = context("en")
    assert drawings.dense_block(made, describe("resnet")) is None
    assert drawings.gate(made, describe("densenet")) is None
    assert drawings.blocks(made).number == "A1"  # no number was lost
