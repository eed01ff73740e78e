"""Explains how a residual network trains: what the addition does to the gradient, and what that is worth."""

import re
from collections.abc import Sequence
from math import log10
from statistics import fmean

from skipscope.reference import shipped
from skipscope.report.document import Block, Equation, Figure, Panels
from skipscope.report.handin import drawings
from skipscope.report.handin.by_depth import CLEAR, DEPTHS, depth_of, judged_start, steepness, unique
from skipscope.report.handin.control import control, unlike
from skipscope.report.handin.degradation import degradation
from skipscope.report.handin.experiment import experiment
from skipscope.report.handin.obstacles import obstacles, weighed
from skipscope.report.handin.pieces import Judged, Level, Piece
from skipscope.report.handin.prose import Prose, bracketed
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, count, literal, percent

HE, VEIT, DE, BALDUZZI = (
    Source(basis="known", key=key) for key in ("he2015", "veit2016", "de2020", "balduzzi2017")
)
LOST = "share lost by block"
DEEP = tuple(depth for depth in DEPTHS if depth >= 20)
"""The layers from which on claims speak of depth."""
PREDICTED = -0.5
"""The power of a block's index by which De and Smith have the scale of its branch fall."""
ALIKE = 0.8
"""Two growths that differ by less than a fifth are told as about the same."""


def residual(prose: Prose, figures: Sequence[Figure] = ()) -> list[Block]:
    """Writes the section: mechanism, textbook, measurements, what follows, and what it costs.

    `figures` are those of the section before, `by_depth.depth_figures`.
    """
    say, beside = prose.say, control(prose)
    layers, losses = drawings.gradients(prose.context), drawings.losses(prose.context)
    drawn_from = Source(basis="reference", key="S1a", study=shipped.gradients().study)
    by_layer = say("drawings.by_layer", drawn_from, figure=prose.figure(layers))
    return [
        prose.paragraph(say("residual.mechanism")),
        Equation(lines=tuple(prose.context.words.raw("residual.equation"))),
        prose.paragraph(say("residual.paths", HE, VEIT), say("residual.textbook")),
        *beside,
        prose.paragraph(*at_start(prose, figures), *in_training(prose), by_layer, *behind(prose, losses)),
        Panels(figures=(layers, losses)),
        *prose.paragraphs(*theory(prose, next(iter(figures), None))),
        *prose.paragraphs(degradation(prose, figures), shattering(prose)),
        *(experiment(prose) or prose.paragraphs(limits(prose))),
        prose.paragraph(*cost(prose)),
    ]


def ratios(prose: Prose, family: str, moment: str) -> dict[int, Level]:
    """Returns the gradient's norm at the first convolution over the last of each depth, as log10."""
    quantity = "first over last " + ("at the start" if moment == "start" else "in training")
    found = {depth: prose.evidence.level(quantity, f"{family}{depth}", moment) for depth in DEEP}
    return {depth: level for depth, level in found.items() if level}


def at_start(prose: Prose, figures: Sequence[Figure]) -> list[Statement]:
    """Says how the gradient changes on its way to the first layer before training."""
    plain, residual = (ratios(prose, family, "start") for family in ("plain", "resnet"))
    both = [depth for depth in DEEP if depth in plain and depth in residual]
    if not both:
        return []
    words = prose.context.words
    told = {
        "layers": words.listed([str(depth) for depth in both]),
        "deepest": max(both),
        "plain": prose.times(judged_start(prose, plain[max(both)])),
        "residual": words.listed([prose.times(residual[depth]) for depth in both]),
        "figure": prose.figure(figures[0]) if figures else "",
    }
    sources = unique([*(plain[d].source for d in both), *(residual[d].source for d in both)], "S1a", "S1c")
    explodes = all(plain[depth].median > CLEAR for depth in both)
    nearer = all(abs(residual[depth].median) < abs(plain[depth].median) for depth in both)
    key = "explodes" if explodes and nearer else "nearer" if nearer else "numbers"
    return [prose.say(f"residual.start.{key}", *sources, **told)]


def in_training(prose: Prose) -> list[Statement]:
    """Says the same of the measured steps of training, for the deepest networks of one study."""
    judged = prose.evidence.judged("S1b")
    plain = next(iter(judged.pieces), None) if judged else None
    if judged is None or plain is None:
        return []
    deepest = max(DEPTHS)
    residual = prose.evidence.level_of(plain, "first over last in training", f"resnet{deepest}")
    if residual is None:
        return []
    verdict = judged.verdict if judged.settled else "inconclusive"
    told: dict[str, object] = {"layers": deepest, "study": plain.study}
    told |= {"plain": prose.times(plain), "residual": prose.times(residual)}
    sources = unique([plain.source, residual.source], "S1b", "S1c")
    said = [prose.say(f"residual.training.{verdict}", *sources, **told)]
    parts = prose.evidence.pieces("S1c", "training").values()
    no_better = {depth_of(each.finding.arms[0]): each for each in parts if each.told == "contradicted"}
    if shown := [depth for depth in DEEP if depth in no_better and depth < deepest]:
        layers = prose.context.words.listed([str(depth) for depth in shown])
        sources = unique([no_better[depth].source for depth in shown], "S1c")
        said.append(prose.say("residual.shallower", *sources, layers=layers))
    return said


def behind(prose: Prose, figure: Figure) -> list[Statement]:
    """Says how far the deepest plain network's loss ends above the residual one's, if the curves show it."""
    found = drawings.lag()
    if found is None:
        return []
    depth, ahead = found
    source = Source(basis="reference", key="loss curve", study=shipped.gradients().study)
    told = {"figure": prose.figure(figure), "layers": depth}
    lag = bracketed(ahead.value, ahead.low, ahead.high)
    return [prose.say("drawings.behind", source, lag=lag, **told)]


def theory(prose: Prose, drawn: Figure | None = None) -> list[list[Statement]]:
    """Cites what explains the start, and says whether ratio and branch were measured to behave so."""
    found = [prose.say("residual.theory", DE), prose.say("residual.growth")]
    checked = power(prose, drawn)
    judged = prose.evidence.judged("S8")
    if judged and judged.settled:
        slope, ends = prose.number(judged.deepest), judged.deepest.effect.interval
        slower = judged.verdict == "supported" and ends is not None and ends[0] > PREDICTED
        key = "slower" if slower else judged.verdict
        checked.append(prose.say(f"residual.branch.{key}", judged.source, slope=slope))
    return [found, [*checked, prose.say("residual.even"), *without_norm(prose)]]


def without_norm(prose: Prose) -> list[Statement]:
    """Says what the addition does to the gradient where there is no BatchNorm, if it was seen to do harm."""
    pieces = list(prose.evidence.pieces("S1c", "nobn").values())
    piece = max(pieces, key=lambda each: depth_of(each.finding.arms[0]), default=None)
    if piece is None or not (piece.effect.interval and piece.effect.interval[0] > CLEAR):
        return []
    start = "first over last at the start"
    found = [prose.evidence.level_of(piece, start, arm, "start") for arm in piece.finding.arms]
    levels = {level.arm.removesuffix("_nobn").rstrip("0123456789"): level for level in found if level}
    if not {"plain", "resnet"} <= levels.keys():
        return []
    told = {"plain": prose.times(levels["plain"]), "residual": prose.times(levels["resnet"])}
    return [prose.say("residual.nobn", piece.source, layers=depth_of(piece.finding.arms[0]), **told)]


def power(prose: Prose, drawn: Figure | None) -> list[Statement]:
    """Says that the ratio grows with depth as the theory has it, where it does; else nothing.

    A chain: by about the same factor with each further layer. A residual network: by a factor that falls,
    so that from any depth to the next it grows as one power of the number of blocks, within its interval.
    """
    arms = [f"{family}{depth}" for family in ("plain", "resnet") for depth in DEEP]
    for levels in prose.evidence.levels("first over last at the start", arms, "start"):
        plain, ours = ([each for each in levels if each.arm.startswith(kind)] for kind in ("plain", "resnet"))
        if len(plain) != len(DEEP) or len(ours) != len(DEEP):
            continue
        chain, factors = steepness(plain, DEEP), steepness(ours, DEEP)
        blocks = [(depth - 2) / 2 for depth in DEEP]  # a stem, a classifier, and blocks of two convolutions
        powers = steepness(ours, [log10(number) / 2 for number in blocks])  # its square grows as n^c
        if not (chain and factors and powers and _as_theory_has_it(chain, factors, powers)):
            continue
        sources = unique([ours[0].source], "S1a", "S1c")
        if drawn is None:
            return [prose.say("residual.power_bare", *sources)]
        return [prose.say("residual.power", *sources, figure=prose.figure(drawn))]
    return []


def _as_theory_has_it(*found: Sequence[tuple[float, float, float]]) -> bool:
    """Compares the first and the last step in depth: log factors of chains and residual networks, powers."""
    (chain, chain_last), (factor, factor_last), (power, power_last) = ((each[0], each[-1]) for each in found)
    same = min(chain[0], chain_last[0]) > ALIKE * max(chain[0], chain_last[0])
    falls = factor_last[2] < factor[1]
    return same and falls and power[1] <= power_last[2] and power_last[1] <= power[2]


def shattering(prose: Prose) -> list[Statement]:
    """Says how alike the gradients of neighbouring inputs are before training."""
    judged = prose.evidence.judged("S6")
    if judged is None or not judged.settled:
        return []
    arms = (f"{family}{max(DEEP)}" for family in ("plain", "resnet"))
    quantity = "shattering at the start"
    levels = [prose.evidence.level_of(judged.deepest, quantity, arm, "start") for arm in arms]
    if None in levels:
        return []
    plain, residual = (level for level in levels if level)
    told = {"plain": prose.number(plain), "residual": prose.number(residual)}
    said = [prose.say(f"residual.shattering.{judged.verdict}", judged.source, BALDUZZI, **told)]
    if judged.verdict != "supported":
        return said
    return [*said, *batches(prose), *mechanism(prose, judged), *unlike(prose)]


def batches(prose: Prose) -> list[Statement]:
    """Says whether mini-batches agree before training, which updates depend on."""
    found = prose.evidence.pieces("S10", "start").values()
    piece = max(found, key=lambda each: depth_of(each.finding.arms[0]), default=None)
    if piece is None or piece.told != "supported":
        return []
    judged = prose.evidence.judged("S10")
    key = "residual.batches" if judged and judged.settled else "residual.batches_open"
    return [prose.say(key, piece.source, effect=prose.number(piece))]


def mechanism(prose: Prose, judged: Judged) -> list[Statement]:
    """Says what gradients that disagree may do, and what speaks against it."""
    untried = [] if obstacles(prose) else [prose.say("residual.untried")]
    pairs = {depth_of(each.finding.arms[0]): each for each in judged.pieces if each.finding.part == "start"}
    shallow, deep, worth = min(pairs), max(pairs), prose.evidence.judged("S3")
    grows = shallow == deep or pairs[deep].effect.estimate > pairs[shallow].effect.estimate
    if grows or worth is None or worth.verdict != "supported":
        return [prose.say("residual.chain"), *untried]
    return [prose.say("residual.flat", judged.source, shallow=shallow, deep=deep), *untried]


def agreement(prose: Prose) -> tuple[Source, ...]:
    """Gives what suggests that gradients agree thanks to shortcuts; else nothing."""
    judged = prose.evidence.judged("S6")
    return (judged.source,) if judged and judged.verdict == "supported" and shattering(prose) else ()


def limits(prose: Prose) -> list[Statement]:
    """Says what does not follow, and what else was found of blocks and landscapes."""
    found: list[Statement] = []
    for claim in ("S5", "S11", "S7", "S10"):
        judged = prose.evidence.judged(claim)
        if judged and judged.settled:
            piece = judged.deepest
            shown = prose.fewer if claim in ("S5", "S11") else prose.change
            told = {"effect": shown(piece), "networks": prose.networks(piece)}
            if claim == "S5":
                told |= lost(piece)
            key = f"residual.{claim.lower()}.{judged.verdict}{'_both' if 'plain' in told else ''}"
            found.append(prose.say(key, judged.source, **told))
    return found if weighed(prose) else [*found, prose.say("residual.cause")]


def lost(piece: Piece) -> dict[str, Inline]:
    """Writes what share of its accuracy above chance each network loses with a block that both have.

    Empty where this workspace's own runs measured it: the reference tells it block by block.
    """
    if piece.basis != "reference":
        return {}
    series = shipped.values(piece.study, LOST, "end")
    shares = {arm: [*series.get(arm, {}).values()] for arm in piece.finding.arms}
    blocks = [set(each) for runs in shares.values() for each in runs]
    common = set.intersection(*blocks) if all(shares.values()) else set[str]()
    if not common:
        return {}
    means = [fmean(each[block] for each in runs for block in common) for runs in shares.values()]
    told = zip(("residual", "plain"), piece.finding.arms, means, strict=True)
    return {
        name: written
        for kind, arm, mean in told
        for name, written in ((kind, literal(f"{100 * mean:.0f}%")), (f"{kind}_arm", code(arm)))
    }


def cost(prose: Prose) -> list[Statement]:
    """Says what shortcuts add to parameters and arithmetic."""
    counted = Source(basis="exact", key="params")
    found = [prose.say("residual.cost", counted)]
    cards = {summary.model: summary.network for summary in prose.evidence.tables.summaries if summary.network}
    card = cards.get("resnet")
    if card and (weights := projections(card.structure)):
        share = percent(weights / card.params)
        found.append(prose.say("residual.projections", counted, number=count(weights), share=share))
    return found


def projections(structure: str) -> int:
    """Counts the weights of the 1x1 convolutions in a printed network: of `resnet`, its projections."""
    found = re.findall(r"Conv2d\((\d+), (\d+), kernel_size=\(1, 1\)", structure)
    return sum(int(channels) * int(kernels) for channels, kernels in found)
