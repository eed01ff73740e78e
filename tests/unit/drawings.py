"""Reads drawings: their elements by class, and the texts that stand in them."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple
from xml.etree.ElementTree import Element, fromstring

from skipscope.diagrams.svg import width_of
from skipscope.figures.rendering.lettering import lettered

SHIPPED = (
    "cnn",
    "resnet",
    "densenet",
    "se_resnet",
    "resnet_nopool",
    "se_resnet_pool",
    "se_resnet_static",
    "plain20",
    "resnet20",
    "resnet20_b",
    "resnet56",
    "se_resnet20",
    "densenet22_k12",
    "densenet_bc40_k12",
    "chain19_k10",
)
"""Networks of every kind that the package has."""

SVG = "{http://www.w3.org/2000/svg}"


def as_drawn(words: str) -> str:
    """What is read of a label: variables and indices are usual letters, slanted and moved."""
    return "".join(fromstring(f"<text>{lettered(words, 10)}</text>").itertext())


def labels(language: str) -> dict[str, str]:
    text = files("skipscope.report").joinpath("text", f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["diagram"]


def count(drawing: str, name: str) -> int:
    """How many elements are of a class."""
    return sum(name in element.get("class", "").split() for element in fromstring(drawing).iter())


class Placed(NamedTuple):
    words: str
    left: float
    right: float
    baseline: float


def texts(drawing: str) -> list[Placed]:
    """The texts, and about where they stand; those of symbols, which are moved, are left out."""
    return list(_texts(fromstring(drawing)))


def _texts(element: Element) -> Iterator[Placed]:
    for child in element:
        if child.tag == f"{SVG}text":
            words = "".join(child.itertext())
            width = width_of(words, float(child.attrib["font-size"]))
            share = {"middle": 0.5, "end": 1.0}.get(child.get("text-anchor", ""), 0.0)
            left = float(child.attrib["x"]) - share * width
            yield Placed(words, left, left + width, float(child.attrib["y"]))
        elif "transform" not in child.attrib:
            yield from _texts(child)


def outside(drawing: str) -> list[Placed]:
    """The texts that reach out of the picture."""
    *_, width, height = map(float, fromstring(drawing).attrib["viewBox"].split())
    return [
        text
        for text in texts(drawing)
        if text.left < -0.1 or text.right > width + 0.1 or not 8 < text.baseline < height - 2
    ]
