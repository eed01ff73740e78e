"""The chapters on convolution and on the networks: numbers from the cards, a drawing each, one table."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from documents import context_of
from drawings import SHIPPED
from made_up_workspace import card
from PIL import ImageColor

from skipscope.analysis.tables import ArmSummary
from skipscope.anatomy import describe as described_by
from skipscope.figures.rendering.raster import MARK
from skipscope.report.document import Diagram, Equation, Paragraph, Section
from skipscope.report.families import FAMILIES, MOST, family_of, told_apart
from skipscope.report.galleries import Gallery
from skipscope.report.handin import networks as networks_module
from skipscope.report.handin.convolution import convolution, first_convolution
from skipscope.report.handin.networks import described, networks, numbers
from skipscope.report.handin.prose import prose_of
from skipscope.report.words import Words, unmarked

describe = cache(described_by.describe)
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
LANGUAGES = ("en", "zh")


@pytest.fixture
def prose(study_tables):
    """`prose("zh", arms=("cnn",))`: what chapters about a made-up study are written with."""

    def of(language="en", **variant):
        return prose_of(context_of(study_tables(**variant), language, results=()))

    return of


def said(section: Section) -> str:
    texts = [unmarked(block.text) for block in section.all_blocks if isinstance(block, Paragraph)]
    return "\n".join(texts).replace("\u00a0", " ")


def summary(model, network=None):
    return ArmSummary(arm=model, model=model, entries=(), planned=network or describe(model))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_network_has_a_section_with_a_drawing_and_its_own_numbers(prose, language):
    found = networks(prose(language).context)
    assert [section.arm for section in found.sections] == ["cnn", "resnet", "densenet", "se_resnet", None]
    drawings = [block for block in found.all_blocks if isinstance(block, Diagram)]
    assert [each.name for each in drawings] == ["blocks", "networks", "close-ups"]
    # a dense block and a gate stand below each other
    assert [each.svg.count("<svg") for each in drawings] == [1, 1, 3]
    assert all(f">{arm}<" in drawings[1].svg for arm in ("cnn", "resnet", "densenet", "se_resnet"))
    for section in found.sections[:4]:
        assert f"{card(section.arm).params:,}" in said(section)
    assert "5×5" in said(found.sections[0])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SHIPPED)
def test_every_family_is_described(prose, language, name):
    written = prose(language)
    network = describe(name)
    statements = list(described(written, name, network, family_of(name)))
    text = " ".join(unmarked(each.text) for each in statements)
    assert len(statements) == 2
    assert f"{network.params:,}" in text
    assert str(network.anatomy.depth) in re.findall(r"\d+", text)
    assert "{" not in text


def test_numbers_are_those_of_the_anatomy(prose):
    dense, gated = describe("densenet"), describe("se_resnet")
    found = numbers(prose(), "densenet", dense)
    assert (found["growth"], found["blocks"]) == ("32 and 64", 2)
    assert "from 32 to 224 and from 64 to 448" in str(found["channels"])
    assert found["concatenations"] == len(dense.anatomy.concatenations)
    found = numbers(prose(), "se_resnet", gated)
    assert (found["ratio"], found["gates"], found["identity"], found["projection"]) == (16, 8, 5, 3)
    assert numbers(prose(), "cnn", describe("cnn"))["ratio"] == 0


def test_a_second_network_of_a_family_is_told_by_its_difference(prose):
    section = of_family(prose(), "resnet", "resnet_nopool")
    assert "same blocks as resnet" in said(section)
    assert "ResNet-18" not in said(section)
    assert "same blocks" not in said(of_family(prose(), "resnet", "resnet20"))


def of_family(written, *names):
    return networks_module.section(written, [(summary(name), describe(name)) for name in names], None)


def test_identity_shortcuts_alone_are_told_so(prose):
    (_, paper), (_, classroom) = (
        described(prose(), name, describe(name), family_of(name)) for name in ("resnet20", "resnet")
    )
    assert "fills the new channels with zeros" in unmarked(paper.text)
    assert "projection" in unmarked(classroom.text)


def test_close_ups_are_of_what_there_is(prose):
    both = networks(prose(arms=("cnn", "se_resnet")).context)
    drawings = {block.name: block for block in both.all_blocks if isinstance(block, Diagram)}
    assert drawings["close-ups"].svg.count("<svg") == 1
    assert "shows the first gate in detail" in said(both.sections[1])
    none = networks(prose(arms=("cnn", "resnet")).context)
    assert "close-ups" not in {block.name for block in none.all_blocks if isinstance(block, Diagram)}
    assert "in detail" not in said(none)


@pytest.mark.parametrize(
    ("arms", "expected"),
    [(("cnn",), "ReLU"), (("cnn", "resnet", "se_resnet"), "BatchNorm, ReLU and the channel means")],
)
def test_the_drawing_says_what_it_leaves_out(prose, arms, expected):
    written, shown = prose(), [(summary(name), describe(name)) for name in arms]
    told = unmarked(networks_module.omitted(written, shown))
    assert told.startswith(expected)
    assert told.endswith("ReLU" if arms == ("cnn",) else "classifier of se_resnet")


def test_a_network_that_is_no_fair_control_is_named_where_both_are_compared(prose):
    both, alone = networks(prose().context), networks(prose(arms=("cnn", "se_resnet")).context)
    assert "3.8 times as many multiply-adds" in said(both)
    assert "multiply-adds" not in said(alone)


def test_a_network_of_the_users_own_gets_a_section_too(prose):
    own = replace(
        prose().context.tables.summaries[0],
        model="mynet.py:Net",
        planned=describe("resnet20"),
        entries=(),
        arm="mine",
    )
    written = prose(arms=("cnn", "resnet"))
    (only,) = described(written, own.arm, own.network, family_of(own.model))
    assert "9 additions" in unmarked(only.text)
    assert family_of("resnet.py:Net") is None


def test_of_many_networks_the_deepest_of_a_family_stands_for_it():
    few = [summary(name) for name in ("cnn", "resnet", "resnet20")]
    assert told_apart([*few, replace(few[0], arm="once more")]) == few
    many = [summary(name) for name in SHIPPED]
    found = [each.arm for each in told_apart(many)]
    assert len(found) <= MOST
    assert len({family_of(name).name for name in found}) == len(found)
    assert "resnet56" in found
    assert "resnet20" not in found


def test_every_family_has_words():
    for language in LANGUAGES:
        words = Words(language)
        for family in FAMILIES:
            assert words.has(f"architecture.name.{family}")
            assert all(words.has(f"architecture.{family}.{key}") for key in ("classroom", "paper", "how"))


def pictured(tables):
    """The study with pictures of its first convolution that agree with each other."""
    random = np.random.default_rng(2)
    image = random.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    filters = random.normal(size=(6, 3, 5, 5))
    seen = ((image / 255 - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(seen, ((0, 0), (2, 2), (2, 2))), (3, 5, 5))[0]
    maps = np.einsum("ijcuv,ocuv->oij", windows, filters) - 0.25
    data = tables.record.data.model_copy(update={"mean": MEAN, "std": STD})
    found = {"image": image, "image_label": np.array(3), "filters": filters, "maps/conv1": maps}
    record = tables.record.model_copy(update={"data": data})
    return replace(tables, record=record, pictures={"cnn": found})


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_numbers_that_are_written_out_add_up(study_tables, language):
    written = prose_of(context_of(pictured(study_tables()), language, results=()))
    section = convolution(written.context)
    gallery = next(block for block in section.blocks if isinstance(block, Gallery))
    assert len(gallery.tiles) == 5
    assert [gallery.sign(index) for index in range(5)] == ["→", "×", "=", "Σ →", ""]
    framed = gallery.tiles[4].picture
    assert (framed == ImageColor.getrgb(MARK)).all(axis=2).any()  # the pixel that was worked out
    lines = [line for block in section.blocks if isinstance(block, Equation) for line in block.lines]
    window, weights = (
        np.array([[float(cell) for cell in line.split("&")] for line in inside.split(r"\\")])
        for inside in re.findall(r"\\begin{pmatrix}(.*?)\\end{pmatrix}", lines[1])
    )
    first, terms, total = re.findall(
        r"W_{uv} \\approx (-?[\d.]+), \\qquad (.*) \\approx (-?[\d.]+)\.", lines[2]
    )[0]
    # each of the 25 products is of numbers rounded to 0.005, of a size of about 1 to 2
    assert (window * weights).sum() == pytest.approx(float(first), abs=0.15)
    added = [float(term.strip("()")) for term in terms.split(" + ")]
    assert len(added) == 4
    assert added[0] == float(first)
    assert sum(added) == pytest.approx(float(total), abs=0.021)
    assert total in said(section)


def test_without_pictures_the_formula_remains(prose):
    section = convolution(prose().context)
    assert not any(isinstance(block, Gallery) for block in section.blocks)
    lines = [line for block in section.blocks if isinstance(block, Equation) for line in block.lines]
    assert lines[-1].endswith(r"32^2 \cdot 5^2 \cdot 3 \cdot 6 = \text{460,800}")
    assert "18,874,368 weights instead of 450" in said(section)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_formulas_give_what_was_counted(name):
    found = first_convolution(summary(name))
    assert found is not None
    _, stage, stem = found
    assert stage.name == stem.module
