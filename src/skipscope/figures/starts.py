"""Draws how networks of different initial weights start: their training loss, step by step."""

from collections.abc import Mapping, Sequence

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import band, ends, legend, marked, tooltips
from skipscope.figures.layered import Labels, Layered

SCHEMA = {"arm": pl.String, "step": pl.Int64, "loss": pl.Float64, "low": pl.Float64, "high": pl.Float64}
HEIGHT, WIDTH = 108, 700
MARKERS = 6
"""Markers of a line; each network's are at steps of their own."""
BELOW = 0.25
"""How far below the lowest loss the axis begins; above the loss of guessing, it shows as much."""


def starts(table: pl.DataFrame, *, looks: Mapping[str, style.Look], guess: float, labels: Labels) -> Layered:
    """Draws one line a network, with a band from its lowest to its highest seed, and a rule at guessing.

    What lies far above that, as in the first steps, is cut off.

    Args:
        table: rows of `SCHEMA`: the smoothed training loss, its mean and its ends over seeds.
        looks: colour, dashes and marker of each network, in the order of the legend.
        guess: the loss of guessing, in nats.
        labels: the chart's words.
    """
    low, last = ends(table["low"], empty=(1.0, 2.0))[0], ends(table["step"], empty=(1, 1))[1]
    domain = [low - BELOW / 2, guess + 2 * BELOW]
    levels = alt.Scale(domain=domain, nice=False, zero=False)
    table = marked(table, list(looks), times=MARKERS)
    x = alt.X("step:Q", title=labels["step"], axis=alt.Axis(format=",d"), scale=alt.Scale(domain=[0, last]))
    axis = alt.Axis(tickCount=6)
    y = alt.Y("loss:Q", title=labels["loss"], axis=axis, scale=levels)

    def scale(trait: str, names: Sequence[str]) -> alt.Scale:
        traits = [getattr(looks[name], trait) for name in names]
        return alt.Scale(domain=list(names), range=traits)

    shown = legend("", columns=3)
    color = alt.Color("arm:N", scale=scale("color", list(looks)), legend=shown)
    shape = alt.Shape("arm:N", scale=scale("shape", list(looks)), legend=shown)
    # markers outlined with dashes lose their shape: see `channels.dash`
    dash = alt.StrokeDash("arm:N", scale=scale("dash", [*looks][::-1]), legend=None)
    line = alt.Chart().mark_line(strokeWidth=2.0, clip=True).encode(x=x, y=y, color=color, strokeDash=dash)
    line = line.encode(tooltip=tooltips(labels, "arm:N", "step:Q", "loss:Q .3g"))
    dots = alt.Chart().transform_filter("datum.marked").mark_point(filled=True, size=45, opacity=1, clip=True)
    dots = dots.encode(x=x, y=y, color=color, shape=shape)
    low_end = alt.Y("low:Q", title=labels["loss"], axis=axis, scale=levels)
    bands = [band(name, look.color, x, low_end) for name, look in looks.items()]
    rule = (
        alt.Chart()
        .mark_rule(color=style.FAINT_INK, strokeWidth=0.8)
        .encode(y=alt.YDatum(guess, scale=levels))
    )
    return Layered(layers=[rule, *bands, line, dots], data=table, height=HEIGHT, width=WIDTH)
