"""Describes the networks: the four blocks, each network's drawing and numbers, and a table of them all."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from skipscope.analysis.tables import ArmSummary
from skipscope.diagrams import svg
from skipscope.diagrams.blocks import draw_blocks
from skipscope.diagrams.modules import draw_dense, draw_gate
from skipscope.diagrams.network import draw_networks
from skipscope.records.network_card import AnatomyCard, NetworkCard
from skipscope.records.printed import anatomy_of
from skipscope.records.printed_calls import calls_of
from skipscope.report.context import Context
from skipscope.report.document import Block, Diagram, Section, Table
from skipscope.report.families import Family, family_of, told_apart
from skipscope.report.handin.layers import averages, layer_table
from skipscope.report.handin.prose import Prose, prose_of
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, count, rounded, short

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
Shown = tuple[ArmSummary, NetworkCard]
MUCH = 1.05
"""From this ratio of multiply-adds on, two networks do not do the same amount of arithmetic."""


def networks(context: Context) -> Section:
    """Writes the chapter."""
    prose = prose_of(context)
    shown = [(each, each.network) for each in told_apart(context.tables.summaries) if each.network]
    blocks = four_blocks(prose)
    begin: list[Block] = [
        prose.paragraph(prose.say("architecture.intro", figure=prose.figure(blocks))),
        prose.paragraph(prose.say("architecture.skips")),
        blocks,
    ]
    if not shown:
        return context.section("architecture", "architecture", begin)
    drawing, inside = drawn(prose, shown), close_ups(prose, shown)
    layers = layer_table(prose, [(each.arm, card) for each, card in of_each_family(shown)])
    key = "drawn" if len(shown) == 1 else "all_drawn"
    shows = prose.say(f"architecture.{key}", figure=prose.figure(drawing), table=prose.table(layers))
    begin[1] = prose.paragraph(prose.say("architecture.skips"), shows)
    begin += [drawing] if len(shown) > 1 else [drawing, layers]
    sections = [section(prose, shown[:number], inside) for number in range(1, len(shown) + 1)]
    if inside:  # it follows where it is last spoken of: before that, text would stop at a page's end for it
        told = [at for at in range(len(shown)) if looked_into(shown[: at + 1])]
        sections[told[-1]] = replace(sections[told[-1]], blocks=(*sections[told[-1]].blocks, inside))
    if len(shown) > 1:
        sections.append(beside(prose, shown, layers))
    return context.section("architecture", "architecture", begin, sections)


def of_each_family(shown: Sequence[Shown]) -> list[Shown]:
    """Returns the first network of each family, which the others differ from in their numbers of layers."""
    first: dict[object, Shown] = {}
    for summary, card in shown:
        family = family_of(summary.model)
        first.setdefault(family.name if family else summary.arm, (summary, card))
    return list(first.values())


def four_blocks(prose: Prose) -> Diagram:
    """Draws a plain, a residual, a dense and a gated block."""
    context = prose.context
    caption = context.words("architecture.caption_blocks")
    picture = draw_blocks(context.charts.raw("diagram"))
    return context.diagram("blocks", picture, caption=caption, spoken=caption)


def drawn(prose: Prose, shown: Sequence[Shown]) -> Diagram:
    """Draws the networks below each other."""
    context = prose.context
    cards = [card.model_copy(update={"name": summary.arm}) for summary, card in shown]
    picture = draw_networks(cards, context.charts.raw("diagram"))
    caption = context.words("architecture.caption", omitted=omitted(prose, shown))
    if any(each.kind == "append" for _, card in shown for each in anatomy_of(card).concatenations):
        caption = context.words.joined([caption, context.words("architecture.caption_dense")])
    return context.diagram(
        "networks",
        picture,
        caption=caption,
        spoken=context.words(
            "architecture.spoken", arms=context.words.listed([each.arm for each, _ in shown])
        ),
    )


def omitted(prose: Prose, shown: Sequence[Shown]) -> Inline:
    """Names what the drawing leaves out: normalisation, activations, and means that no module computes."""
    words = prose.context.words
    norms = dict.fromkeys(kind for _, card in shown for kind in anatomy_of(card).normalisation)
    told = [words.name(f"architecture.norm.{kind}", kind) for kind in norms]
    known = all(family_of(summary.model) for summary, _ in shown)
    told.append(words(f"architecture.omitted_{'relu' if known else 'other'}"))
    if means := [code(summary.arm) for summary, card in shown if averages(card)]:
        told.append(words("architecture.omitted_mean", arms=words.listed(means)))
    return words.listed(told)


def close_ups(prose: Prose, shown: Sequence[Shown]) -> Diagram | None:
    """Draws the first dense block and the first gate there are; None if there are neither."""
    context = prose.context
    labels = context.charts.raw("diagram")
    pictures: dict[str, tuple[str, str]] = {}
    for summary, card in shown:
        for kind, picture in (("dense", draw_dense(card, labels)), ("gate", draw_gate(card, labels))):
            if picture:
                pictures.setdefault(kind, (summary.arm, picture))
    if not pictures:
        return None
    told = {
        kind: context.words(f"architecture.close_{kind}", arm=code(arm))
        for kind, (arm, _) in pictures.items()
    }
    key = "architecture.caption_inside" if len(told) == 2 else "architecture.caption_one"
    caption = context.words(key, **dict(zip(("upper", "lower"), told.values(), strict=False)))
    picture = svg.stacked(picture for _, picture in pictures.values())
    return context.diagram("close-ups", picture, caption=caption, spoken=caption)


def section(prose: Prose, until: Sequence[Shown], inside: Diagram | None) -> Section:
    """Writes the section of the last of these: what it is made of, or how it differs from one before."""
    summary, card = until[-1]
    family, anatomy = family_of(summary.model), anatomy_of(card)
    like = like_before(until)
    told = list(
        alike(prose, summary.arm, card, like) if like else described(prose, summary.arm, card, family)
    )
    if inside and looked_into(until):
        part = "gate" if anatomy.gates else "dense"
        told.append(prose.say(f"architecture.inside.{part}", figure=prose.figure(inside)))
    told += cautions(prose, summary, card)
    name = f"architecture.name.{family.name if family else 'own'}"
    title = prose.context.words(name, arm=code(summary.arm))
    blocks = (prose.paragraph(*told),)
    return Section(id=f"architecture-{len(until)}", title=title, blocks=blocks, arm=summary.arm)


def like_before(until: Sequence[Shown]) -> Shown | None:
    """Returns the first network before the last of these that is of its family."""
    *before, (summary, _) = until
    family = family_of(summary.model)
    return next((each for each in before if family and family_of(each[0].model) == family), None)


def looked_into(until: Sequence[Shown]) -> bool:
    """Says whether the section of the last of these speaks of the close-ups."""
    anatomy = anatomy_of(until[-1][1])
    return not like_before(until) and bool(anatomy.gates or dense_blocks(anatomy))


def described(prose: Prose, arm: str, card: NetworkCard, family: Family | None) -> Iterator[Statement]:
    """Says what a network is made of, with its own numbers."""
    told = numbers(prose, arm, card)
    if family is None:
        yield prose.say("architecture.own", EXACT, **told)
        return
    key = f"architecture.{family.name}.{family.kind}"
    yield prose.say(key, Source(basis="known", key=WORKS[family.name]), EXACT, **told)
    identity = family.name == "resnet" and not told["projection"]
    yield prose.say(f"architecture.{family.name}.{'identity' if identity else 'how'}", **told)


def alike(prose: Prose, arm: str, card: NetworkCard, like: Shown) -> Iterator[Statement]:
    """Compares a network with one of its family that was described before."""
    other = numbers(prose, like[0].arm, like[1])
    told = numbers(prose, arm, card) | {f"like_{key}": other[key] for key in ("arm", "first", "last")}
    yield prose.say("architecture.alike", EXACT, **told)


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


def beside(prose: Prose, shown: Sequence[Shown], layers: Table) -> Section:
    """Lists the networks' `layers`, and says in what else they differ."""
    context = prose.context
    told = [prose.say("architecture.listed", layers=prose.table(layers)), *confounded(prose, shown)]
    blocks = (*prose.paragraphs(told), layers)
    return Section(id="architecture-beside", title=context.words("architecture.beside"), blocks=blocks)


def confounded(prose: Prose, shown: Sequence[Shown]) -> Iterator[Statement]:
    """Warns where a network differs from the others in more than its shortcuts."""
    without = [each for each, _ in shown if each.model == "cnn"]
    normalised = [each for each, card in shown if "BatchNorm2d" in anatomy_of(card).normalisation]
    if without and normalised:
        arms = prose.context.words.listed([code(each.arm) for each in normalised])
        yield prose.say("architecture.norm_in", IOFFE, arms=arms)
        yield prose.say("architecture.confounded", EXACT, arm=code(without[0].arm))


def shape_of(shape: Sequence[int]) -> str:
    """Writes a map's shape as 64×8×8."""
    return "×".join(map(str, shape))
