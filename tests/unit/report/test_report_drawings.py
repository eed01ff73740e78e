"""Gradients layer by layer and losses by step are figures of the hand-in; the former live on the page."""

import json
import re
from math import log10

import pytest
from documents import context_of

from skipscope.diagrams import gradients
from skipscope.reference import shipped
from skipscope.report.build import build_document
from skipscope.report.handin import drawings, residual
from skipscope.report.handin.prose import prose_of
from skipscope.report.rendering import html
from skipscope.report.words import Words, unmarked


@pytest.fixture
def context(study_tables):
    return lambda language: context_of(study_tables(arms=("cnn",), epochs=1, steps=4), language, ())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gradients_are_spoken_with_their_numbers(context, language) -> None:
    figure = drawings.gradients(context(language))
    assert "9,000" in figure.spoken
    assert " 32 " in figure.spoken
    assert "gradients-live" in figure.live
    assert not [word for word in ("web page", "网页") if word in figure.caption]  # on paper there is none


def test_the_chart_has_every_convolution_of_both_networks_as_it_was_recorded(context):
    table, found = drawings.gradients(context("en")).table, shipped.gradients()
    for arm in ("plain56", "resnet56"):
        for moment, at in (("before training", 0), ("at the end", -1)):
            norms = table.filter(arm=arm, moment=moment).sort("layer")["value"]
            assert [round(100 * log10(norm)) for norm in norms] == list(found.curves[arm].hundredths[at])
    start = table.filter(arm="plain56", moment="before training").sort("layer")["value"]
    assert start[0] / start[-1] == pytest.approx(9_000, rel=0.03)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_losses_of_matched_networks_are_drawn_as_they_ship(context, language) -> None:
    figure, found = drawings.losses(context(language)), shipped.gradients().losses
    for arm, curve in found.items():
        rows = figure.table.filter(arm=arm)
        assert tuple(rows["step"]) == curve.steps
        assert tuple(rows["loss"]) == curve.means
    assert [re.findall(r"\d+", depth) for depth in figure.table["depth"].unique().sort()] == [["20"], ["56"]]
    assert "3" in figure.caption  # the half-life of the smoothing


def test_a_loss_that_stays_behind_is_told_with_its_interval_and_only_then(context, monkeypatch) -> None:
    prose = prose_of(context("en"))
    figure = drawings.losses(prose.context)
    (told,) = residual.behind(prose, figure)
    found = shipped.gradients().losses
    ahead = sum(a - b for a, b in zip(found["plain56"].last, found["resnet56"].last, strict=True)) / 5
    assert float(re.search(r"lies ([\d.]+)", told.text)[1]) == pytest.approx(ahead, abs=0.06)
    assert f"Figure {figure.number}" in unmarked(told.text).replace("\xa0", " ")
    same = dict.fromkeys(found, found["resnet56"])
    alike = shipped.gradients().model_copy(update={"losses": same})
    monkeypatch.setattr(shipped, "gradients", lambda: alike)
    assert residual.behind(prose, figure) == []
    assert "far above the 2.30" in figure.caption
    low = alike.model_copy(update={"losses": dict.fromkeys(found, found["plain56"])})
    monkeypatch.setattr(shipped, "gradients", lambda: low)
    assert "far above" not in drawings.losses(prose.context).caption


def test_the_page_has_the_script_once_for_both_languages(study_tables) -> None:
    tables = study_tables(arms=("cnn",), epochs=1, steps=4)
    documents = [build_document(tables, language, part="handin", results=()) for language in ("en", "zh")]
    page = html.render(documents, language=None, library="")
    assert page.count('id="gradients"') == 1
    assert page.count(gradients.data(shipped.gradients())) == 1
    assert page.count('class="gradients"') == 2
    charts = json.loads(re.search(r'id="charts"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    assert not [name for name in charts if "gradients-by-layer" in name]  # it would be drawn by nobody
    assert len([name for name in charts if "losses-by-step" in name]) == 2
    names = set(re.findall(r'name="(\w+)-gradient-depth"', page))
    assert names == {"en", "zh"}
    assert Words("zh").raw("diagram.gradient_play") in page
