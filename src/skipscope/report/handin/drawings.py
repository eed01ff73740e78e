"""Makes figures of drawings: networks, the four blocks, a dense block, a gate, gradients layer by layer."""

from collections.abc import Sequence

from skipscope.diagrams import gradients as layers
from skipscope.diagrams.blocks import draw_blocks
from skipscope.diagrams.modules import draw_dense, draw_gate
from skipscope.diagrams.network import Labels, draw_networks
from skipscope.records.printed import anatomy_of
from skipscope.records.schema import NetworkCard
from skipscope.reference import shipped
from skipscope.report.context import Context
from skipscope.report.document import Diagram
from skipscope.report.words import Inline, code


def networks(context: Context, cards: Sequence[NetworkCard]) -> Diagram:
    """Draws networks one below the other; four are half a page."""
    told = [
        context.words("drawings.network", name=code(card.name), **counted(card)).rstrip() for card in cards
    ]
    svg = draw_networks(cards, _labels(context))
    return _figure(context, "networks", svg, spoken=context.words.joined(map(Inline, told)))


def counted(card: NetworkCard) -> dict[str, int]:
    """Counts what a network is made of."""
    found = anatomy_of(card)
    return {
        "depth": found.depth,
        "shortcuts": len(found.shortcuts),
        "concatenations": len(found.concatenations),
        "gates": len(found.gates),
    }


def blocks(context: Context) -> Diagram:
    """Draws the plain, the residual, the dense and the gated block side by side."""
    return _figure(context, "blocks", draw_blocks(_labels(context)))


def dense_block(context: Context, card: NetworkCard) -> Diagram | None:
    """Draws how a network's first dense block grows; None if it has none."""
    svg = draw_dense(card, _labels(context))
    return None if svg is None else _figure(context, "dense", svg, name=code(card.name))


def gate(context: Context, card: NetworkCard) -> Diagram | None:
    """Draws how a network's first gate is computed; None if it has none of two layers."""
    svg = draw_gate(card, _labels(context))
    return None if svg is None else _figure(context, "gate", svg, name=code(card.name))


def gradients(context: Context) -> Diagram:
    """Draws the reference's gradients layer by layer; on a page one can move through depths and steps."""
    found, labels = shipped.gradients(), _labels(context)
    deepest = found.depths[-1]
    plain, residual = (
        layers.written(found.curves[f"{kind}{deepest}"].ratios[0]) for kind in ("plain", "resnet")
    )
    told = {"depth": deepest, "study": code(found.study), "count": found.initial_seeds}
    spoken = context.words("drawings.gradients_spoken", plain=plain, residual=residual, **told)
    live = layers.interactive(found, context.words.raw("diagram"), prefix=context.words.language)
    svg = layers.draw_gradients(found, labels)
    return _figure(context, "gradients", svg, spoken=spoken, live=live, **told)


def _labels(context: Context) -> Labels:
    return dict(context.charts.raw("diagram"))


def _figure(
    context: Context, key: str, svg: str, *, spoken: Inline | None = None, live: str = "", **told: object
) -> Diagram:
    """Builds the next figure with the caption `drawings.<key>`, which is spoken of it if nothing else is."""
    caption = context.words(f"drawings.{key}", **told)
    return context.diagram(f"drawing-{key}", svg, caption=caption, spoken=spoken or caption, live=live)
