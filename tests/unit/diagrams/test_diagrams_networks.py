"""Networks are drawn from their cards: each join once, and each text within the picture."""

from itertools import pairwise
from xml.etree.ElementTree import fromstring

import pytest
from drawings import SHIPPED, as_drawn, count, labels, outside, texts

from skipscope.anatomy.describe import describe
from skipscope.diagrams.network import draw_network, draw_networks
from skipscope.diagrams.wiring import wired


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", SHIPPED)
def test_each_join_is_drawn_once_and_each_text_fits(name: str, language: str) -> None:
    card = describe(name)
    drawing = draw_network(card, labels(language))
    found = card.anatomy
    assert found is not None
    assert count(drawing, "arc") == count(drawing, "sum") == len(found.shortcuts)
    assert count(drawing, "bundle") == len(found.concatenations)
    assert count(drawing, "valve") == len(found.gates)
    assert count(drawing, "unknown") == len(found.unfollowed)
    assert count(drawing, "layer") >= found.depth
    assert outside(drawing) == []
    assert "None" not in drawing


def test_dots_in_a_dense_block_are_what_its_layers_read() -> None:
    """A layer reads the input and what each layer before it appended: 2 + 3 + ... of one block."""
    card = describe("densenet")
    bundle = [
        group
        for group in fromstring(draw_network(card, labels("en"))).iter()
        if "bundle" in group.attrib.values()
    ]
    dots = [sum(each.tag.endswith("circle") for each in group) for group in bundle]
    assert dots == [2, 3, 4, 5, 6, 1] * 2  # the last one ends the block


@pytest.mark.parametrize("name", SHIPPED)
def test_captions_do_not_touch(name: str) -> None:
    drawing = draw_network(describe(name), labels("en"))
    lines: dict[float, list[tuple[float, float]]] = {}
    for text in texts(drawing):
        lines.setdefault(text.baseline, []).append((text.left, text.right))
    for line in lines.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(line)))


def test_an_arc_spans_the_layers_that_it_skips() -> None:
    steps = wired(describe("resnet")).steps
    sums = [(index, step) for index, step in enumerate(steps) if step.kind == "shortcut"]
    for index, step in sums:
        assert step.start is not None
        assert [each.kind for each in steps[step.start + 1 : index]] == ["conv", "conv"]
    assert [step.projected for _, step in sums] == [False, False, True, False, True, False, True, False]
    assert [step.branches == () for _, step in sums] == [not step.projected for _, step in sums]


def test_a_gate_is_computed_from_the_map_that_it_weighs() -> None:
    steps = wired(describe("se_resnet")).steps
    gates = [(index, step) for index, step in enumerate(steps) if step.kind == "gate"]
    assert len(gates) == 8
    for index, gate in gates:
        assert gate.start == index - 1
        assert [branch.kinds for branch in gate.branches] == [("linear", "linear")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_symbols_that_are_used_are_explained_and_no_others(language: str) -> None:
    words = labels(language)
    explained = {
        "cnn": {"conv", "linear", "pool"},
        "resnet": {"conv", "linear", "pool", "identity", "projection"},
        "densenet": {"conv", "linear", "pool", "append"},
        "se_resnet": {"conv", "linear", "identity", "projection", "gate"},
    }
    for name, keys in explained.items():
        drawing = draw_network(describe(name), words)
        told = [text.words for text in texts(drawing)]
        known = set().union(*explained.values(), {"unfollowed", "beside"})
        assert {key for key in known if as_drawn(words[key]) in told} == keys
        assert drawing == draw_network(describe(name), words)


def test_four_networks_are_named_and_explained_once() -> None:
    cards = [describe(name) for name in ("cnn", "resnet", "densenet", "se_resnet")]
    for language in ("en", "zh"):
        words = labels(language)
        drawing = draw_networks(cards, words)
        told = [text.words for text in texts(drawing)]
        assert [name for name in told if name in {card.name for card in cards}] == [c.name for c in cards]
        for key in ("conv", "linear", "pool", "identity", "projection", "append", "gate"):
            assert told.count(as_drawn(words[key])) == 1
        assert outside(drawing) == []


def test_projections_are_dashed_and_told_apart_without_colour() -> None:
    drawing = fromstring(draw_network(describe("resnet"), labels("en")))
    arcs = [element for element in drawing.iter() if element.get("class") == "arc"]
    dashed = [arc[0].get("stroke-dasharray") is not None for arc in arcs]
    assert dashed == [False, False, True, False, True, False, True, False]
