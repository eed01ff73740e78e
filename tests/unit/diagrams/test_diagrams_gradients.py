"""The diagram of gradients: what is written is what is recorded, in a picture as on a page."""

import json
from html.parser import HTMLParser
from xml.etree.ElementTree import fromstring

import pytest
from drawings import labels, outside, texts

from skipscope.diagrams import gradients as diagram
from skipscope.figures import style
from skipscope.reference import shipped


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_shows_9000_become_32(language: str) -> None:
    words, drawing = labels(language), diagram.draw_gradients(shipped.gradients(), labels(language))
    told = [text.words for text in texts(drawing)]
    assert [words["gradient_ratio"].format(ratio=ratio) for ratio in ("9,000", "32")] == [
        text for text in told if text.startswith(words["gradient_ratio"].partition("{")[0])
    ]
    assert outside(drawing) == []


def test_each_convolution_has_the_colour_of_its_gradient() -> None:
    found = shipped.gradients()
    drawing = fromstring(diagram.draw_gradients(found, labels("en")))
    bars = [element.get("fill") for element in drawing.iter() if element.get("class") == "layer conv"]
    recorded = [*found.curves["plain56"].hundredths[0], *found.curves["resnet56"].hundredths[0]]
    assert bars == [diagram.color_of(value) for value in recorded]
    arcs = [element for element in drawing.iter() if element.get("class") == "arc"]
    assert len(arcs) == 27  # the plain network is drawn without


def test_colours_run_from_light_to_dark_and_end() -> None:
    ends = diagram.color_of(diagram.LOW), diagram.color_of(diagram.HIGH)
    assert ends == (style.HEAT[0], style.HEAT[-1])
    assert (diagram.color_of(-9_999), diagram.color_of(9_999)) == ends
    assert diagram.color_of(None) == "none"
    greens = [int(diagram.color_of(value)[3:5], 16) for value in range(diagram.LOW, diagram.HIGH + 1, 20)]
    assert greens == sorted(greens, reverse=True)


@pytest.mark.parametrize(
    ("ratio", "told"),
    [(8948.0, "8,900"), (33.02, "33"), (4.14, "4.1"), (0.0881, "0.088"), (0.1, "0.10"), (None, "–")],
)
def test_ratios_have_two_digits(ratio: float | None, told: str) -> None:
    assert diagram.written(ratio) == told


class Read(HTMLParser):
    """Finds elements, and whether each is closed."""

    VOID = frozenset(["input", "br", "meta"])

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_its_controls_are_labelled_and_hidden_without_the_script(language: str) -> None:
    read = Read(diagram.interactive(shipped.gradients(), labels(language), prefix=language))
    assert read.open == []
    radios = [each for each in read.all("input") if each["type"] == "radio"]
    assert [each["value"] for each in radios] == ["8", "20", "32", "56", "plain", "resnet"]
    assert {str(each["name"]).partition("-")[0] for each in radios} == {language}
    assert len(read.all("legend")) == len(read.all("fieldset")) == 2
    assert len(read.all("label")) == len(read.all("input")) == 7  # each control is in a label
    [live] = [each for each in read.all("div") if each.get("class") == "gradients-live"]
    assert "hidden" in live
    [root] = [each for each in read.all("div") if each.get("class") == "gradients"]
    steps = shipped.gradients().curves["plain8"].steps
    assert root["data-steps"] == ",".join(map(str, steps))
    [slider] = [each for each in read.all("input") if each["type"] == "range"]
    assert slider["max"] == str(len(steps) - 1)
    assert "{ratio}" in str(root["data-ratio"])
    assert "{step}" in str(root["data-later"])


def test_the_script_is_given_every_network_and_nothing_that_ends_it() -> None:
    found, written = shipped.gradients(), diagram.data(shipped.gradients())
    assert "<" not in written
    told = json.loads(written)
    assert told["curves"].keys() == found.curves.keys()
    assert told["curves"]["resnet20"]["hundredths"] == [
        list(each) for each in found.curves["resnet20"].hundredths
    ]
    for depth, drawing in told["networks"].items():
        drawn = fromstring(drawing)
        bars = [element for element in drawn.iter() if element.get("class") == "layer conv"]
        assert len(bars) == int(depth) - 1
        assert drawing.count("{image}") == 1
    assert "</script" not in diagram.script()
