"""Charts checked and drawn once for all tests that look at them."""

import json
from functools import cache

import pytest

from skipscope.figures import style
from skipscope.figures.layered import Layered
from skipscope.figures.rendering import vega
from skipscope.figures.rendering.drawing import svg


@pytest.fixture(scope="session")
def draw():
    """`draw(chart)`: the SVG of a chart, which must be valid Vega-Lite; drawn once, whoever asks for it."""

    @cache
    def drawn(chart: Layered) -> str:
        spec = vega.specification(chart, validate=True)
        assert spec["data"] == {"name": vega.DATA}
        assert "datasets" not in spec
        picture = svg(json.dumps(vega.printable(spec, chart.data, width=440, font=style.FONT)))
        assert picture.startswith("<svg")
        assert "NaN" not in picture
        return picture

    return drawn
