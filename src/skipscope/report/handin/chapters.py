"""Lists the chapters in reading order."""

from collections.abc import Callable
from dataclasses import replace

from skipscope.report.context import Context
from skipscope.report.document import Section
from skipscope.report.handin.basis import introduction
from skipscope.report.handin.beside import beside
from skipscope.report.handin.brackets import once
from skipscope.report.handin.by_depth import depth_figures
from skipscope.report.handin.conclusion import conclusion
from skipscope.report.handin.convolution import convolution
from skipscope.report.handin.dense import dense
from skipscope.report.handin.gated import gated
from skipscope.report.handin.in_short import of_section
from skipscope.report.handin.networks import networks
from skipscope.report.handin.one_page import one_page
from skipscope.report.handin.own_curves import own_curves
from skipscope.report.handin.prose import prose_of
from skipscope.report.handin.residual import residual
from skipscope.report.handin.training import training
from skipscope.report.handin.without import without
from skipscope.report.notes.section import notes_section


def why(context: Context) -> Section:
    """Explains why they train differently: the four curves, each kind of network, then all side by side.

    An interval stands where its value is told first.
    """
    prose, told = replace(prose_of(context), coded=False), set[str]()
    begin = introduction(prose)
    curves, figures = own_curves(prose), depth_figures(prose)
    parts = {
        "without": without(prose, figures),
        "residual": residual(prose, figures),
        "dense": dense(prose, figures),
        "gated": gated(prose),
        "beside": beside(prose),
    }
    begun = {key: [*of_section(prose, key, blocks), *blocks] for key, blocks in parts.items()}
    curves = once(curves, told)
    parts = {key: once(blocks, told) for key, blocks in begun.items()}
    return context.section("why", "why", [*begin, *curves], context.sections("why", "why", parts))


CHAPTERS: tuple[Callable[[Context], Section], ...] = (
    one_page,
    convolution,
    networks,
    training,
    why,
    conclusion,
    notes_section,
)
