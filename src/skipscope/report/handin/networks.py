"""Describes the networks: the four blocks, each network's drawing and numbers, and a table of them all."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from skipscope.analysis.tables import ArmSummary
from skipscope.diagrams import svg
from skipscope.diagrams.blocks import draw_blocks
from skipscope.diagrams.modules import draw_dense, draw_gate
from skipscope.diagrams.network import draw_network
from skipscope.records.printed import anatomy_of
from skipscope.records.printed_calls import calls_of
from skipscope.records.schema import AnatomyCard, NetworkCard
from skipscope.report.context import Context
from skipscope.report.document import Block, Diagram, Section, Table
from skipscope.report.families import Family, family_of, told_apart
from skipscope.report.handin.prose import Prose, prose_of
from skipscope.report.statements import Source, Statement
from skipscope.report.words import code, count, rounded, short

EXACT = Source(basis="exact", key="params")
WORKS = {
    "cnn": "lecun1998",
    "plain": "he2015",
    "resnet": "he2015",
    "densenet": "huang2017",
    "chain": "huang2017",
    "se_resnet": "hu2018",
    "se_resnet_static": "hu2018",
    "se_resnet_half": "hu2018",
}
"""What a family's networks are after."""
IOFFE = Source(basis="known", key="ioffe2015")
MUCH = 1.05
"""From this ratio of multiply-adds on, two networks do not do the same amount of arithmetic."""


def networks(context: Context) -> Section:
    """Writes the chapter."""
    prose = prose_of(context)
    shown = told_apart(context.tables.summaries)
    blocks = four_blocks(prose)
    intro = prose.paragraph(prose.say("architecture.intro", figure=prose.figure(blocks)))
    sections = [section(prose, each, index) for index, each in enumerate(shown, start=1)]
    if len(shown) > 1:
        sections.append(beside(prose, shown))
    return context.section("architecture", "architecture", [intro, blocks], sections)


def four_blocks(prose: Prose) -> Diagram:
    """Draws a plain, a residual, a dense and a gated block."""
    context = prose.context
    caption = context.words("architecture.caption_blocks")
    drawn = draw_blocks(context.charts.raw("diagram"))
    return context.diagram("blocks", drawn, caption=caption, spoken=caption)


def section(prose: Prose, summary: ArmSummary, number: int) -> Section:
    """Writes one network's section: what it is made of, and its drawing."""
    context, card, family = prose.context, summary.network, family_of(summary.model)
    assert card is not None  # noqa: S101 - `told_apart` selects those that have one
    drawing = drawn(prose, summary.arm, card)
    title = context.words(f"architecture.name.{family.name if family else 'own'}", arm=code(summary.arm))
    told = [*described(prose, summary.arm, card, family, drawing), *cautions(prose, summary, card)]
    blocks: list[Block] = [prose.paragraph(*told), drawing]
    return Section(id=f"architecture-{number}", title=title, blocks=tuple(blocks), arm=summary.arm)


def described(
    prose: Prose, arm: str, card: NetworkCard, family: Family | None, drawing: Diagram
) -> Iterator[Statement]:
    """Says what a network is made of, with its own numbers."""
    told = numbers(prose, arm, card) | {"figure": prose.figure(drawing)}
    if family is None:
        yield prose.say("architecture.own", EXACT, **told)
        return
    key = f"architecture.{family.name}.{family.kind}"
    yield prose.say(key, Source(basis="known", key=WORKS[family.name]), EXACT, **told)
    yield prose.say(f"architecture.{family.name}.how", **told)


def numbers(prose: Prose, arm: str, card: NetworkCard) -> dict[str, object]:
    """Counts what the sentences about a network name."""
    words, anatomy, calls = prose.context.words, anatomy_of(card), calls_of(card)
    kinds = [call.kind for call in calls]
    projections = sum(each.kind == "projection" for each in anatomy.shortcuts)
    maps = [shape_of(shape) for shape in anatomy.maps] or [shape_of(card.stages[-1].shape)]
    bundles = dense_blocks(anatomy)
    grown = [words("architecture.grown", start=start, end=end) for _, start, end in bundles]
    return {
        "arm": code(arm),
        "layers": anatomy.depth,
        "params": count(card.params),
        "macs": short(card.macs),
        "convs": kinds.count("conv"),
        "linears": kinds.count("linear"),
        "shortcuts": len(anatomy.shortcuts),
        "identity": len(anatomy.shortcuts) - projections,
        "projection": projections,
        "gates": len(anatomy.gates),
        "concatenations": len(anatomy.concatenations),
        "first": maps[0],
        "last": maps[-1],
        "blocks": len(bundles),
        "growth": words.listed(list(dict.fromkeys(str(growth) for growth, *_ in bundles))),
        "channels": words.listed(grown),
        "ratio": reduction(card),
    }


def dense_blocks(anatomy: AnatomyCard) -> list[tuple[int, int, int]]:
    """Returns of each dense block its growth rate, and its channels before and after."""
    joins = [each for each in anatomy.concatenations if each.kind == "append"]
    grown = [list(block) for _, block in groupby(joins, key=lambda each: each.shape[1:])]
    return [(block[0].appended, block[0].shape[0] - block[0].appended, block[-1].shape[0]) for block in grown]


def reduction(card: NetworkCard) -> int:
    """Returns how many channels a gate squeezes into one number; 0 where that is not known."""
    calls = calls_of(card)
    for gate in (call for call in calls if call.kind == "gate" and len(call.reads) > 1):
        inner = calls[gate.reads[1]]
        squeezed = calls[inner.reads[0]] if inner.reads and inner.reads[0] >= 0 else inner
        if squeezed.shape[0] < gate.shape[0]:
            return gate.shape[0] // squeezed.shape[0]
    return 0


def cautions(prose: Prose, summary: ArmSummary, card: NetworkCard) -> Iterator[Statement]:
    """Says where a network does not suit images of this size, or is no fair control for another."""
    anatomy = anatomy_of(card)
    if anatomy.maps and anatomy.maps[-1][1:] == (1, 1) and anatomy.shortcuts:
        yield prose.say("architecture.small", EXACT, last=shape_of(anatomy.maps[-1]))
    others = {each.model: each.network for each in prose.context.tables.summaries}
    other = others.get("resnet") if summary.model == "se_resnet" else None
    if other and card.macs > MUCH * other.macs:
        told = {
            "arm": code(summary.arm),
            "first": shape_of(anatomy.maps[0]),
            "other": shape_of(anatomy_of(other).maps[0]),
            "times": rounded(card.macs / other.macs),
        }
        yield prose.say("architecture.stem", EXACT, **told)


def drawn(prose: Prose, arm: str, card: NetworkCard) -> Diagram:
    """Draws a network, and below it a dense block or a gate of it if it has one."""
    context = prose.context
    labels = context.charts.raw("diagram")
    inside = {"dense": draw_dense(card, labels), "gate": draw_gate(card, labels)}
    pictures = [draw_network(card, labels), *(each for each in inside.values() if each)]
    told = [f"architecture.below_{kind}" for kind, each in inside.items() if each]
    caption = context.words("architecture.caption", arm=code(arm))
    caption = context.words.joined([caption, *map(context.words, told)])
    name = f"network-{context.file_of(arm)}"
    return context.diagram(name, svg.stacked(pictures), caption=caption, spoken=caption)


def beside(prose: Prose, shown: Sequence[ArmSummary]) -> Section:
    """Tabulates the networks, and says in what else they differ."""
    context = prose.context
    numeric = ("layers", "shortcuts", "concatenations", "gates", "params", "macs")
    keys = ("arm", "layers", "shortcuts", "concatenations", "gates", "normalisation", "params", "macs")
    table = Table(
        columns=context.columns("architecture.column", keys, right=numeric),
        rows=tuple(row(prose, each.arm, each.network) for each in shown if each.network),
        caption=context.words("architecture.table"),
        arms=tuple(each.arm for each in shown),
    )
    told = list(confounded(prose, shown))
    blocks: tuple[Block, ...] = (table, prose.paragraph(*told)) if told else (table,)
    return Section(id="architecture-beside", title=context.words("architecture.beside"), blocks=blocks)


def row(prose: Prose, arm: str, card: NetworkCard) -> tuple[str, ...]:
    """Writes a network's row: what there is none of is a dash."""
    anatomy = anatomy_of(card)
    projections = sum(each.kind == "projection" for each in anatomy.shortcuts)
    shortcuts = f"{len(anatomy.shortcuts) - projections} + {projections}" if anatomy.shortcuts else ""
    norms = [prose.context.words.name(f"architecture.norm.{kind}", kind) for kind in anatomy.normalisation]
    return (
        code(arm),
        str(anatomy.depth),
        shortcuts or "–",
        str(len(anatomy.concatenations) or "–"),
        str(len(anatomy.gates) or "–"),
        prose.context.words.listed(norms) or "–",
        count(card.params),
        short(card.macs),
    )


def confounded(prose: Prose, shown: Sequence[ArmSummary]) -> Iterator[Statement]:
    """Warns where a network differs from the others in more than its shortcuts."""
    without = [each for each in shown if each.model == "cnn" and each.network]
    normalised = [
        each for each in shown if each.network and "BatchNorm2d" in anatomy_of(each.network).normalisation
    ]
    if without and normalised:
        arms = prose.context.words.listed([code(each.arm) for each in normalised])
        yield prose.say("architecture.norm_in", IOFFE, arms=arms)
        yield prose.say("architecture.confounded", EXACT, arm=code(without[0].arm))


def shape_of(shape: Sequence[int]) -> str:
    """Writes a map's shape as 64×8×8."""
    return "×".join(map(str, shape))
