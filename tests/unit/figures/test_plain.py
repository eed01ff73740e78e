"""Layers as Vega-Lite: what altair makes of them, in a third of the time."""

import json

import altair as alt
import numpy as np
import pytest
from documents import built

from skipscope.analysis.tables import gather
from skipscope.figures.rendering.plain import plain
from skipscope.report.document import PARTS


def altairs(layer):
    """The layer's Vega-Lite by altair itself, which adds empty data."""
    spec = layer.to_dict(validate=False, context={"top_level": False})
    del spec["data"]
    return spec


@pytest.mark.parametrize("part", PARTS)
def test_every_chart_is_what_altair_makes_of_it(part, made_up, with_readings, monkeypatch):
    # it hashes all its schemas to find the class of a channel that was given as a bare text or value
    monkeypatch.delattr(alt.SchemaBase, "from_dict")
    tables = gather(with_readings(made_up(seeds=2)), None)
    layers = [layer for figure in built(tables, part=part).figures for layer in figure.chart.layers]
    assert len(layers) > 20
    for layer in layers:
        assert json.dumps(plain(layer)) == json.dumps(altairs(layer))  # in the same order, too


def test_what_is_not_usual_is_altair_s():
    field = alt.X(alt.RepeatRef("row"), type="quantitative")
    color = alt.Color("a:N", scale=alt.Scale(domain=np.array([1.5, 2.5]).tolist(), range=("red", "blue")))
    size = alt.SizeValue(np.float64(2))
    layer = alt.Chart().mark_point().encode(x=field, color=color, size=size, order=alt.Order("b:Q"))
    assert plain(layer) == altairs(layer)
    assert plain(layer)["encoding"]["size"] == {"value": 2.0}
