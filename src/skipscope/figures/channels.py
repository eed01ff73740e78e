"""Gives arms their looks in a chart, and words their ink: the encoding channels of `style`."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from skipscope.figures.style import INK, Look, looks

DOTTED = 12
"""The most markers that stand apart in a panel of a grid."""


def color(arms: Sequence[str], *, legend: bool = True) -> alt.Color:
    """Gives arms their colours, with the legend above the chart."""
    return alt.Color("arm:N", **_traits(looks(arms), "color", legend=legend))


def dash(arms: Sequence[str], *, legend: bool = True) -> alt.StrokeDash:
    """Gives arms their dash patterns; without a legend, they stay out of the other channels' legend too.

    Vega-Lite merges the legends of scales with the same domain, switched off or not, and markers with
    dashed outlines lose their shape: so the domain runs backwards then.
    """
    chosen = looks(arms)
    ordered = chosen if legend else dict(reversed(chosen.items()))
    return alt.StrokeDash("arm:N", **_traits(ordered, "dash", legend=legend))


def shape(arms: Sequence[str]) -> alt.Shape:
    """Gives arms their markers."""
    return alt.Shape("arm:N", **_traits(looks(arms), "shape", legend=True))


def dot_size(epochs: int) -> int:
    """Returns the area of a marker, one an epoch, in a panel of a grid: they must not hide the line."""
    return 36 if epochs <= DOTTED else 12


def _traits(chosen: Mapping[str, Look], trait: str, *, legend: bool) -> dict[str, Any]:
    """Makes the scale and the legend of one trait of looks."""
    scale = alt.Scale(domain=list(chosen), range=[getattr(look, trait) for look in chosen.values()])
    # a row of names must fit a telephone's 340 pixels
    columns = 2 if sum(len(arm) + 5 for arm in chosen) > 48 else len(chosen)
    names = alt.Legend(title=None, orient="top", columns=columns) if legend else None
    return {"scale": scale, "legend": names}


def ink(*, white_where: str) -> alt.ColorValue:
    """Colours words on cells of `HEAT`: white where a Vega expression says that the cell is dark."""
    return alt.ColorValue(INK, condition={"test": white_where, "value": "white"})
