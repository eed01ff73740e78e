"""Draws what was measured on trained networks, all networks in one chart.

Tables are those of `analysis.trained_readings`. Bold is the mean over seeds, faint each seed.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import altair as alt
import polars as pl

from skipscope.analysis.landscape import HIGHEST
from skipscope.figures import channels, style
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.lines import depth_axis, marker_size, overlaid, picked, shown
from skipscope.figures.seeds import drawn, each, together

Along = Literal["loss", "accuracy"]
Curvature = Literal["top_eigenvalue", "trace"]
Redundancy = Literal["effective_rank_share", "largest_correlation"]
ByDepth = Redundancy | Literal["accuracy", "accuracy_lost"]
ALONG: tuple[Along, ...] = get_args(Along)
CURVATURES: dict[str, Curvature] = {"curvature-top": "top_eigenvalue", "curvature-trace": "trace"}
REDUNDANCIES: tuple[Redundancy, ...] = get_args(Redundancy)
"""Quantities that are drawn of slices, curvature (by the names of figures) and redundancy."""


def by_depth(table: pl.DataFrame, *, quantity: ByDepth, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws a quantity of modules, or of blocks that were removed, over depth.

    `table` has arm, seed, depth (0 to 1), module or removed, and the quantity.
    """
    share = quantity != "accuracy_lost"
    told = labels["read_out" if quantity == "accuracy" else quantity]
    field, scale = f"mean({quantity}):Q", alt.Scale(zero=quantity != "accuracy")
    y = alt.Y(field, title=told, axis=alt.Axis(format="%" if share else ".4~g", tickCount=6), scale=scale)
    module = "module" if "module" in table.columns else "removed"
    titles = {module: labels["module"], quantity: told}
    tips = tooltips(labels, "arm:N", f"min({module}):N", f"{field} {'.1%' if share else '.2f'}", **titles)
    size = marker_size(table, "arm", "seed")
    return overlaid(table, depth_axis(labels), y, tips, arms=arms, by=("arm", "depth"), size=size)


def by_lag(table: pl.DataFrame, *, trained: bool, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the autocorrelation of input gradients over the lag, before and after training on one scale.

    `table` has arm, seed, trained, lag and autocorrelation.
    """
    _, last = ends(table["lag"])
    low = min(0.0, ends(table["autocorrelation"])[0])
    every = max(1, last // 10)
    axis = alt.Axis(format="d", values=list(range(every, last + 1, every)))
    scale = alt.Scale(domain=[min(1, last - 1), last], padding=14, nice=False)
    x = alt.X("lag:Q", title=labels["lag"], axis=axis, scale=scale)
    axis, scale = alt.Axis(format=".4~g", tickCount=6), alt.Scale(domain=[low, 1], nice=True)
    y = alt.Y("mean(autocorrelation):Q", title=labels["autocorrelation"], axis=axis, scale=scale)
    tips = tooltips(labels, "arm:N", "lag:Q", "mean(autocorrelation):Q .2f")
    by, only = ("arm", "trained", "lag"), {"trained": trained}
    return overlaid(table, x, y, tips, arms=arms, by=by, size=40, only=only)


def along(table: pl.DataFrame, *, quantity: Along, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws loss (on a log axis) or accuracy along one direction through the trained weights.

    `table` has arm, seed, distance, loss and accuracy.
    """
    if quantity == "loss":
        low, high = ends(table["loss"])
        low = max(low * 0.85, 1e-5)
        ticks = [part * 10.0**power for power in range(-5, 3) for part in (1, 2, 5)]
        domain = [low, max(min(high, HIGHEST), low * 2)]
        axis = alt.Axis(values=[tick for tick in ticks if domain[0] <= tick <= domain[1]], format=".4~g")
        scale = alt.Scale(type="log", domain=domain, nice=False)
    else:
        axis, scale = alt.Axis(format="%", tickCount=6), alt.Scale(zero=True)
    titles = {name: labels[f"slice_{name}"] for name in ALONG}
    y = alt.Y(f"mean({quantity}):Q", title=titles[quantity], axis=axis, scale=scale)
    axis, scale = alt.Axis(tickCount=5, format="+.2~f"), alt.Scale(nice=False)
    x = alt.X("distance:Q", title=labels["distance"], axis=axis, scale=scale)
    fields = ("arm:N", "distance:Q +.2f", "mean(loss):Q .3g", "mean(accuracy):Q .1%")
    tips = tooltips(labels, *fields, **titles)
    return overlaid(table, x, y, tips, arms=arms, by=("arm", "distance"), size=18)


def by_number(table: pl.DataFrame, *, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the accuracy lost over how many blocks were removed: a faint point a draw, their mean a line.

    `table` has arm, seed, removed, blocks, loss_change and accuracy_lost (percentage points).
    """
    _, most = ends(table["blocks"])
    every = max(1, most // 8)
    axis = alt.Axis(format="d", values=list(range(every, most + 1, every)))
    scale = alt.Scale(domain=[1, max(most, 2)], padding=14, nice=False)
    at: dict[str, Any] = {"x": alt.X("blocks:Q", title=labels["blocks"], axis=axis, scale=scale)}
    at["color"] = channels.color(arms)

    def y(field: str) -> alt.Y:
        lost = alt.Axis(format=".4~g", tickCount=6)
        return alt.Y(field, title=labels["accuracy_lost"], axis=lost, scale=alt.Scale(zero=True))

    tips = tooltips(labels, "arm:N", "removed:N", "accuracy_lost:Q .2f", "loss_change:Q +.3g")
    points = each(alt.Chart(), table).mark_point(filled=True, size=26)
    points = points.encode(
        **at, y=y("accuracy_lost:Q"), shape=channels.shape(arms), tooltip=tips, opacity=shown(0.35)
    )
    line = together(alt.Chart(), table).mark_line(strokeWidth=2.4).add_params(picked())
    dash = channels.dash(arms, legend=False)
    line = line.encode(**at, y=y("mean(accuracy_lost):Q"), strokeDash=dash, opacity=shown(1))
    data = drawn(table, "arm", "blocks")
    return Layered(layers=[points, line], data=data, height=style.PAIR_HEIGHT)


def bars(table: pl.DataFrame, *, quantity: Curvature, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws a number of each network as a bar labelled with it, and its seeds as points.

    `table` has arm, seed, top_eigenvalue, top_residual, trace and trace_error, a row a run.
    """
    error = "top_residual" if quantity == "top_eigenvalue" else "trace_error"
    y = alt.Y("arm:N", title=None, sort=list(arms), axis=alt.Axis(labelFontSize=12.5, domain=True))
    low, high = ends(table[quantity])
    scale = alt.Scale(domain=[min(0.0, low), high * 1.18])
    axis = alt.Axis(format="~s", tickCount=5, grid=True)

    def x(field: str) -> alt.X:
        return alt.X(field, title=labels[quantity], axis=axis, scale=scale)

    mean, titles = f"mean({quantity}):Q", {error: labels["uncertainty"]}
    tips = tooltips(labels, "arm:N", f"{mean} ,.4~g", f"mean({error}):Q .3~g", **titles)
    new, color = alt.Chart(), channels.color(arms, legend=False)
    bar = new.mark_bar(height={"band": 0.55}).encode(x=x(mean), y=y, color=color, tooltip=tips)
    seeds = new.mark_point(size=38, filled=True, color=style.INK, stroke="white", strokeWidth=1, opacity=1)
    seeds = seeds.encode(x=x(f"{quantity}:Q"), y=y, detail=alt.Detail("seed:N"))
    text = new.mark_text(align="left", dx=9, fontSize=12.5, color=style.INK)
    text = text.encode(x=x(f"max({quantity}):Q"), y=y, text=alt.Text(mean, format=",.3~s"))
    layers = [bar, seeds, text] if table["seed"].n_unique() > 1 else [bar, text]
    return Layered(layers=layers, data=table, height=max(110, 46 * len(arms)))
