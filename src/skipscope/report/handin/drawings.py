"""Makes the figures of the reference's gradients, layer by layer, and of the losses of the same networks.

The former is a chart, and alive on a page.
"""

import polars as pl

from skipscope.analysis.curves import half_life
from skipscope.analysis.statistics import Estimate, over_seeds
from skipscope.diagrams.gradients import interactive, written
from skipscope.figures import depths
from skipscope.reference import shipped
from skipscope.reference.gradients import DRAWN, KINDS, Gradients
from skipscope.report.context import Context
from skipscope.report.document import Figure
from skipscope.report.handin.course import CHANCE
from skipscope.report.words import code, literal

FAR = 1.5
"""From how many times the loss of guessing on a first loss is called far above it."""


def gradients(context: Context) -> Figure:
    """Draws the deepest networks before training; on a page one can move through depths and steps."""
    found, words = shipped.gradients(), context.words
    deepest = found.depths[-1]
    plain, residual = (written(found.curves[f"{kind}{deepest}"].ratios[0]) for kind in ("plain", "resnet"))
    told = {"depth": deepest, "study": code(found.study), "count": found.initial_seeds, "runs": found.seeds}
    told["last"] = found.curves[f"plain{deepest}"].steps[-1]
    labels = context.labels
    return context.figure(
        "gradients-by-layer",
        depths.by_layer(by_layer(context, found, deepest), title=labels["gradient_norm"], labels=labels),
        caption=words("drawings.gradients", **told),
        spoken=words("drawings.gradients_spoken", plain=plain, residual=residual, **told),
        live=interactive(found, words.raw("diagram"), prefix=words.language),
    )


def losses(context: Context) -> Figure:
    """Draws the training loss of plain and residual networks, step by step."""
    found, words = shipped.gradients(), context.words
    half = half_life(max(curve.steps[-1] for curve in found.losses.values()))
    told = [words("drawings.losses", runs=found.seeds, study=code(found.study), half=half)]
    if all(found.losses[f"resnet{depth}"].means[0] > FAR * CHANCE for depth in DRAWN):
        told.append(words("drawings.losses_high", chance=literal(f"{CHANCE:.2f}")))
    caption = words.joined(told)
    chart = depths.by_step(by_step(context, found), labels=context.labels)
    return context.figure("losses-by-step", chart, caption=caption, spoken=caption)


def lag() -> tuple[int, Estimate] | None:
    """Says how far the deepest plain network's loss ends above the residual one's, paired by seed.

    Returns the depth and the difference; None unless its interval is above 0.
    """
    found = shipped.gradients()
    depth = max(DRAWN)
    plain, residual = (found.losses[f"{kind}{depth}"].last for kind in KINDS)
    ahead = over_seeds(dict(enumerate(a - b for a, b in zip(plain, residual, strict=True))))
    return (depth, ahead) if ahead and ahead.low > 0 else None


def by_step(context: Context, found: Gradients) -> pl.DataFrame:
    """Returns the losses as rows of `figures.depths.BY_STEP`."""
    rows = list[tuple[object, ...]]()
    for kind in KINDS:
        for depth in DRAWN:
            curve = found.losses[f"{kind}{depth}"]
            told = context.charts.raw("diagram.depth").format(depth=depth)
            rows += [(f"{kind}{depth}", kind, depth, told, *of_step) for of_step in curve.by_step]
    return pl.DataFrame(rows, depths.BY_STEP, orient="row")


def by_layer(context: Context, found: Gradients, depth: int) -> pl.DataFrame:
    """Returns the norms before and after training at a depth, as rows of `figures.depths.BY_LAYER`."""
    names = [context.charts.raw(f"drawings.moment.{each}") for each in ("start", "end")]
    rows = [
        (f"{kind}{depth}", name, layer, None if norm is None else 10 ** (norm / 100))
        for name, at in zip(names, (0, -1), strict=True)
        for kind in ("plain", "resnet")
        for layer, norm in enumerate(found.curves[f"{kind}{depth}"].hundredths[at], start=1)
    ]
    return pl.DataFrame(rows, depths.BY_LAYER, orient="row")
