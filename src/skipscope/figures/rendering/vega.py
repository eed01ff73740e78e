"""Writes charts as Vega-Lite specifications: data by name, sizes for print."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

import altair as alt
import polars as pl
import vl_convert
from altair.utils.schemapi import debug_mode
from polars import selectors

from skipscope.figures import style
from skipscope.figures.layered import Layered
from skipscope.figures.rendering import drawing, fonts
from skipscope.records.files import cache_file, write_cache

EXPORTS = "window.vegaEmbed = vegaEmbed;"
DATA = "table"
"""Name of the data in a specification."""

PRINT = {"aria": False, "padding": style.CONFIG["padding"] | {"left": 10}}
"""No `aria`: the text for screen readers stands beside an image.

The padding on the left is wider: Vega measures Latin beside Chinese up to a fortieth too short.
"""
WHOLE = {"labelLimit": 0}
"""Labels are never cut off: measuring whether they should be takes a third of a picture's time."""
WORDLESS = {"labels": False, "titleOpacity": 0, "minExtent": 0, "maxExtent": 0}
"""An axis without words; its title keeps its room, so that charts beside each other are level."""


@contextmanager
def trusted() -> Iterator[None]:
    """Skips the check of charts against Vega-Lite's schema, which takes half of a report's time.

    The tests check every chart.
    """
    with debug_mode(arg=False):
        yield


def specification(chart: Layered, *, validate: bool = False) -> dict[str, Any]:
    """Returns the chart's Vega-Lite in the style of `CONFIG`; its data stay out, named `DATA`."""
    layers = [layer.to_dict(validate=False, context={"top_level": False}) for layer in chart.layers]
    for layer in layers:
        del layer["data"]  # altair's name for none
    spec: dict[str, Any] = {
        "$schema": alt.SCHEMA_URL,
        "config": style.CONFIG,
        "data": {"name": DATA},
        "layer": layers,
        "width": "container",
        "height": chart.height,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
    if chart.title:
        spec["title"] = {"text": chart.title, "anchor": "start", "frame": "group"}
    transform: list[dict[str, Any]] = [
        {"filter": {"field": name, "equal": value}} for name, value in (chart.only or {}).items()
    ]
    if chart.fold:
        transform.append({"fold": list(chart.fold), "as": ["measure", "share"]})
    if transform:
        spec["transform"] = transform
    if chart.apart:
        spec["resolve"] = {"scale": dict.fromkeys(chart.apart, "independent")}
    if validate:
        alt.LayerChart.validate(spec)
    return spec


def printable(spec: dict[str, Any], table: pl.DataFrame, *, width: int, font: str) -> dict[str, Any]:
    """Fills a specification with its data, and the plot's width (in pixels) and font for print.

    It drops tooltips, invisible points, and rows and columns that are not drawn: parsing what is handed to
    Vega takes longer than drawing.
    """
    fixed = {key: value for key, value in spec.items() if key != "autosize"}
    layers = [_without(layer, "tooltip") for layer in spec["layer"] if layer["mark"].get("opacity") != 0]
    config = spec["config"] | {"font": font, "background": "white"} | PRINT
    config |= {name: config[name] | WHOLE for name in ("axis", "legend")}
    for step in spec.get("transform", ()):
        if "filter" in step:
            table = table.filter(pl.col(step["filter"]["field"]) == step["filter"]["equal"])
    named = json.dumps([_without(layers, "title"), spec.get("transform")], ensure_ascii=False)
    drawn = table.select(name for name in table.columns if name in named)
    finite = pl.when(selectors.float().is_finite()).then(selectors.float())  # JSON has no other numbers
    data = {DATA: drawn.with_columns(finite).to_dicts()}
    return fixed | {"layer": layers, "width": width, "config": config, "datasets": data}


def wordless(spec: dict[str, Any]) -> dict[str, Any]:
    """Takes the words from the vertical axis: it is that of the chart at the left."""

    def bare(layer: dict[str, Any]) -> dict[str, Any]:
        channels = layer["encoding"]
        y = channels["y"] | {"axis": channels["y"]["axis"] | WORDLESS}
        return layer | {"encoding": channels | {"y": y}}

    return spec | {"layer": list(map(bare, spec["layer"]))}


def _without(part: Any, key: str) -> Any:
    """Removes a key from a part of a specification, however deep."""
    if isinstance(part, dict):
        return {name: _without(value, key) for name, value in part.items() if name != key}
    return [_without(each, key) for each in part] if isinstance(part, list) else part


def library() -> str:
    """Bundles Vega, Vega-Lite and Vega-Embed into one script that needs no network.

    Bundling takes three seconds and always gives the same result, which is kept in the user's cache.
    """
    kept = cache_file(f"vega-{version('vl-convert-python')}.js")
    try:
        return kept.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        script = str(vl_convert.javascript_bundle(EXPORTS))
    write_cache(kept, script.encode())
    return script


@cache
def has_chinese() -> bool:
    """Says whether pictures drawn here can show Chinese; Vega measures text in the font it is shown in."""
    drawing.know_fonts()
    return fonts.chinese() is not None
