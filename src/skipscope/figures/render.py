"""Charts as specifications and pictures: data by name, sizes for print, Vega-Lite by vl-convert."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from typing import Any

import altair as alt
import polars as pl
import vl_convert
from altair.utils.schemapi import debug_mode
from platformdirs import user_cache_path

from skipscope.errors import WorkspaceError
from skipscope.figures import drawing, fonts, style
from skipscope.records.files import write_whole

EXPORTS = "window.vegaEmbed = vegaEmbed;"
DATA = "table"
"""What a specification calls its data."""


@contextmanager
def trusted() -> Iterator[None]:
    """Charts made inside are not checked against Vega-Lite's schema, which takes half of a report's time.

    The tests check every chart.
    """
    with debug_mode(arg=False):
        yield


def specification(chart: alt.LayerChart, *, validate: bool = False) -> dict[str, Any]:
    """The chart's Vega-Lite, with its data left out and called `DATA`."""
    bare = chart.copy(deep=False)
    bare.data = alt.NamedData(name=DATA)
    spec: dict[str, Any] = bare.to_dict(validate=validate)
    return spec


def svg(spec: dict[str, Any], table: pl.DataFrame, *, width: int, font: str = style.FONT) -> str:
    """A picture for print of the chart with this specification; `width` is its plot's, in pixels."""
    return drawing.svg(printable(spec, table, width=width, font=font))


def printable(spec: dict[str, Any], table: pl.DataFrame, *, width: int, font: str) -> dict[str, Any]:
    """The same specification with its data, and the size and font of a picture for print."""
    fixed = {key: value for key, value in spec.items() if key != "autosize"}
    config = spec["config"] | {"font": font, "background": "white"}
    return fixed | {"width": width, "config": config, "datasets": {DATA: table.to_dicts()}}


def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that needs no network.

    Bundling takes three seconds and always gives the same: it is kept in the user's cache where there is one.
    """
    kept = user_cache_path("skipscope") / f"vega-{version('vl-convert-python')}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        script = str(vl_convert.javascript_bundle(EXPORTS))
    with suppress(WorkspaceError):
        write_whole(kept, script.encode())
    return script


@cache
def has_chinese() -> bool:
    """Whether pictures drawn here can show Chinese. Vega measures text in the font it is shown in."""
    drawing.know_fonts()
    return fonts.chinese() is not None
