"""Drawings are figures of the hand-in, with captions in both languages; one of them is alive on the page."""

import re

import pytest
from documents import context_of

from skipscope.anatomy.describe import describe
from skipscope.diagrams import gradients
from skipscope.reference import shipped
from skipscope.report.build import build_document
from skipscope.report.handin import drawings
from skipscope.report.rendering import html
from skipscope.report.words import Words


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
        drawings.gradients(made),
    ]
    assert [figure.number for figure in figures if figure] == ["A1", "A2", "A3", "A4", "A5"]
    assert all(figure and figure.svg.startswith("<svg") and figure.caption for figure in figures)
    spoken = {"en": "resnet: 18 layers; additions: 8;", "zh": "resnet：18 层，相加 8 处"}
    assert figures[0].spoken.count("\n") == 0
    assert spoken[language] in figures[0].spoken


def test_networks_without_a_dense_block_or_a_gate_have_no_such_figure(context) -> None:
    made = context("en")
    assert drawings.dense_block(made, describe("resnet")) is None
    assert drawings.gate(made, describe("densenet")) is None
    assert drawings.blocks(made).number == "A1"  # no number was lost


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gradients_are_spoken_with_their_numbers(context, language) -> None:
    figure = drawings.gradients(context(language))
    assert "8,900" in figure.spoken
    assert " 33 " in figure.spoken
    assert figure.svg in figure.live


def test_the_page_has_the_script_once_for_both_languages(study_tables) -> None:
    tables = study_tables(arms=("cnn",), epochs=1, steps=4)
    documents = [build_document(tables, language, part="handin", results=()) for language in ("en", "zh")]
    page = html.render(documents, language=None, library="")
    assert page.count('id="gradients"') == 1
    assert page.count(gradients.data(shipped.gradients())) == 1
    assert page.count('class="gradients"') == 2
    names = set(re.findall(r'name="(\w+)-gradient-depth"', page))
    assert names == {"en", "zh"}
    assert Words("zh").raw("diagram.gradient_play") in page
