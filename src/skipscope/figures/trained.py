"""Charts of what was measured on trained networks, all networks in one chart.

Tables are those of `analysis.trained_readings`. Bold is the mean over seeds, faint each seed.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import altair as alt
import polars as pl

from skipscope.analysis.landscape import HIGHEST
from skipscope.figures import style
from skipscope.figures.layered import Layered
from skipscope.figures.lines import depth_axis, overlaid, picked, shown
from skipscope.figures.seeds import drawn, each, together

ALONG: tuple[Literal["loss", "accuracy"], ...] = ("loss", "accuracy")
CURVATURES: dict[str, Literal["top_eigenvalue", "trace"]] = {
    "curvature-top": "top_eigenvalue",
    "curvature-trace": "trace",
}
REDUNDANCIES: tuple[Literal["effective_rank_share", "largest_correlation"], ...] = (
    "effective_rank_share",
    "largest_correlation",
)
"""Quantities that are drawn of slices, curvature (by the names of figures) and redundancy."""


def by_depth(
    table: pl.DataFrame,
    *,
    quantity: Literal["accuracy", "effective_rank_share", "largest_correlation", "accuracy_lost"],
    arms: Sequence[str],
    labels: Mapping[str, str],
) -> Layered:
    """Draws a quantity of modules, or of blocks that were removed, over depth.

    `table` has arm, seed, depth (0 to 1), module or removed, and the quantity.
    """
    share = quantity != "accuracy_lost"
    told = labels["read_out" if quantity == "accuracy" else quantity]
    y = alt.Y(
        f"mean({quantity}):Q",
        title=told,
        axis=alt.Axis(format="%" if share else ".4~g", tickCount=6),
        scale=alt.Scale(zero=quantity != "accuracy"),
    )
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip(
            "min(module):N" if "module" in table.columns else "min(removed):N", title=labels["place"]
        ),
        alt.Tooltip(f"mean({quantity}):Q", title=told, format=".1%" if share else ".2f"),
    ]
    # a network of many layers would be nothing but markers
    size = 55 if table.group_by("arm", "seed").len()["len"].max() <= 12 else 22  # type: ignore[operator]
    return overlaid(table, depth_axis(labels), y, tips, arms=arms, by=("arm", "depth"), size=size)


def by_lag(table: pl.DataFrame, *, trained: bool, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws the autocorrelation of input gradients over the lag, before and after training on one scale.

    `table` has arm, seed, trained, lag and autocorrelation.
    """
    last = int(table["lag"].max())  # type: ignore[arg-type]
    low = min(0.0, float(table["autocorrelation"].min()))  # type: ignore[arg-type]
    x = alt.X(
        "lag:Q",
        title=labels["lag"],
        axis=alt.Axis(
            format="d", values=[lag for lag in range(1, last + 1) if lag % max(1, last // 10) == 0]
        ),
        scale=alt.Scale(domain=[min(1, last - 1), last], padding=14, nice=False),
    )
    y = alt.Y(
        "mean(autocorrelation):Q",
        title=labels["autocorrelation"],
        axis=alt.Axis(format=".4~g", tickCount=6),
        scale=alt.Scale(domain=[low, 1], nice=True),
    )
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("lag:Q", title=labels["lag"]),
        alt.Tooltip("mean(autocorrelation):Q", title=labels["autocorrelation"], format=".2f"),
    ]
    by, only = ("arm", "trained", "lag"), {"trained": trained}
    return overlaid(table, x, y, tips, arms=arms, by=by, size=40, only=only)


def along(
    table: pl.DataFrame,
    *,
    quantity: Literal["loss", "accuracy"],
    arms: Sequence[str],
    labels: Mapping[str, str],
) -> Layered:
    """Draws loss (on a log axis) or accuracy along one direction through the trained weights.

    `table` has arm, seed, distance, loss and accuracy.
    """
    told = labels[f"slice_{quantity}"]
    low, high = (float(end) for end in (table["loss"].min(), table["loss"].max()))  # type: ignore[arg-type]
    low = max(low * 0.85, 1e-5)
    ticks = [part * 10.0**power for power in range(-5, 3) for part in (1, 2, 5)]
    domain = [low, max(min(high, HIGHEST), low * 2)]
    if quantity == "loss":
        axis = alt.Axis(values=[tick for tick in ticks if domain[0] <= tick <= domain[1]], format=".4~g")
        scale = alt.Scale(type="log", domain=domain, nice=False)
    else:
        axis, scale = alt.Axis(format="%", tickCount=6), alt.Scale(zero=True)
    x = alt.X(
        "distance:Q",
        title=labels["distance"],
        axis=alt.Axis(tickCount=5, format="+.2~f"),
        scale=alt.Scale(nice=False),
    )
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("distance:Q", title=labels["distance"], format="+.2f"),
        alt.Tooltip("mean(loss):Q", title=labels["slice_loss"], format=".3g"),
        alt.Tooltip("mean(accuracy):Q", title=labels["slice_accuracy"], format=".1%"),
    ]
    y = alt.Y(f"mean({quantity}):Q", title=told, axis=axis, scale=scale)
    return overlaid(table, x, y, tips, arms=arms, by=("arm", "distance"), size=18)


def by_number(table: pl.DataFrame, *, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws the accuracy lost over how many blocks were removed: a faint point a draw, their mean a line.

    `table` has arm, seed, removed, blocks, loss_change and accuracy_lost (percentage points).
    """
    most = int(table["blocks"].max())  # type: ignore[arg-type]
    x = alt.X(
        "blocks:Q",
        title=labels["blocks"],
        axis=alt.Axis(format="d", values=[n for n in range(1, most + 1) if n % max(1, most // 8) == 0]),
        scale=alt.Scale(domain=[1, max(most, 2)], padding=14, nice=False),
    )
    y = _y_lost("mean(accuracy_lost):Q", labels)
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("removed:N", title=labels["removed"]),
        alt.Tooltip("accuracy_lost:Q", title=labels["accuracy_lost"], format=".2f"),
        alt.Tooltip("loss_change:Q", title=labels["loss_change"], format="+.3g"),
    ]
    points = (
        each(alt.Chart(), table)
        .mark_point(filled=True, size=26)
        .encode(
            x=x,
            y=_y_lost("accuracy_lost:Q", labels),
            color=style.color(arms),
            shape=style.shape(arms),
            tooltip=tips,
            opacity=shown(0.35),
        )
    )
    line = (
        together(alt.Chart(), table)
        .mark_line(strokeWidth=2.4)
        .encode(
            x=x,
            y=y,
            color=style.color(arms),
            strokeDash=style.dash(arms, legend=False),
            opacity=shown(1),
        )
        .add_params(picked())
    )
    data = drawn(table, "arm", "blocks")
    return Layered(layers=[points, line], data=data, height=style.PAIR_HEIGHT)


def bars(
    table: pl.DataFrame,
    *,
    quantity: Literal["top_eigenvalue", "trace"],
    arms: Sequence[str],
    labels: Mapping[str, str],
) -> Layered:
    """Draws a number of each network as a bar labelled with it, and its seeds as points.

    `table` has arm, seed, top_eigenvalue, top_residual, trace and trace_error, a row a run.
    """
    error = "top_residual" if quantity == "top_eigenvalue" else "trace_error"
    y = alt.Y("arm:N", title=None, sort=list(arms), axis=alt.Axis(labelFontSize=12.5, domain=True))
    top = float(table[quantity].max())  # type: ignore[arg-type]
    scale = alt.Scale(domain=[min(0.0, float(table[quantity].min())), top * 1.18])  # type: ignore[arg-type]
    axis = alt.Axis(format="~s", tickCount=5, grid=True)

    def x(field: str) -> alt.X:
        return alt.X(field, title=labels[quantity], axis=axis, scale=scale)

    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip(f"mean({quantity}):Q", title=labels[quantity], format=",.4~g"),
        alt.Tooltip(f"mean({error}):Q", title=labels["uncertainty"], format=".3~g"),
    ]
    mean = f"mean({quantity}):Q"
    bar = (
        alt.Chart()
        .mark_bar(height={"band": 0.55})
        .encode(x=x(mean), y=y, color=style.color(arms, legend=False), tooltip=tips)
    )
    seeds = (
        alt.Chart()
        .mark_point(size=38, filled=True, color=style.INK, stroke="white", strokeWidth=1, opacity=1)
        .encode(x=x(f"{quantity}:Q"), y=y, detail=alt.Detail("seed:N"))
    )
    text = (
        alt.Chart()
        .mark_text(align="left", dx=9, fontSize=12.5, color=style.INK)
        .encode(x=x(f"max({quantity}):Q"), y=y, text=alt.Text(mean, format=",.3~s"))
    )
    layers = [bar, seeds, text] if table["seed"].n_unique() > 1 else [bar, text]
    return Layered(layers=layers, data=table, height=max(110, 46 * len(arms)))


def _y_lost(field: str, labels: Mapping[str, str]) -> alt.Y:
    axis = alt.Axis(format=".4~g", tickCount=6)
    return alt.Y(field, title=labels["accuracy_lost"], axis=axis, scale=alt.Scale(zero=True))
