"""Makes the figure of the reference's gradients, layer by layer: a picture, and alive on a page."""

from skipscope.diagrams.gradients import draw_gradients, interactive, written
from skipscope.reference import shipped
from skipscope.report.context import Context
from skipscope.report.document import Diagram
from skipscope.report.words import code


def gradients(context: Context) -> Diagram:
    """Draws the deepest networks before training; on a page one can move through depths and steps."""
    found, words = shipped.gradients(), context.words
    deepest = found.depths[-1]
    plain, residual = (written(found.curves[f"{kind}{deepest}"].ratios[0]) for kind in ("plain", "resnet"))
    told = {"depth": deepest, "study": code(found.study), "count": found.initial_seeds}
    return context.diagram(
        "gradients-by-layer",
        draw_gradients(found, context.charts.raw("diagram")),
        caption=words("drawings.gradients", **told),
        spoken=words("drawings.gradients_spoken", plain=plain, residual=residual, **told),
        live=interactive(found, words.raw("diagram"), prefix=words.language),
    )
