"""Makes the figure of the reference's gradients, layer by layer: a chart, and alive on a page."""

import polars as pl

from skipscope.diagrams.gradients import interactive, written
from skipscope.figures import depths
from skipscope.reference import shipped
from skipscope.reference.gradients import Gradients
from skipscope.report.context import Context
from skipscope.report.document import Figure
from skipscope.report.words import code


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
