"""Explains how a network without shortcuts trains: the gradient as a product, and what depth costs."""

from collections.abc import Sequence

from skipscope.reference import shipped
from skipscope.report.document import Block, Equation, Figure, Panels
from skipscope.report.handin.basis import disagreements
from skipscope.report.handin.by_depth import (
    CLEAR,
    DEPTHS,
    GONE,
    GROWTH,
    apart,
    depth_of,
    expected,
    hardly_trained,
    judged_start,
    steepness,
    unique,
)
from skipscope.report.handin.first_steps import damped, shallow
from skipscope.report.handin.obstacles import weighed
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose, bracketed
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, literal, rounded

START, TRAINING = "first over last at the start", "first over last in training"
GLOROT, HE, YANG = (Source(basis="known", key=key) for key in ("glorot2010", "he2015", "yang2019"))
LAYERS = 50
"""A chain's length, of the example that shows what a power does."""
VANISHED = -1.0
"""Log10 of a ratio of gradients below which a sentence does not say that nothing vanishes."""


def without(prose: Prose, figures: Sequence[Figure] = ()) -> list[Block]:
    """Writes the section: mechanism, textbook, measurements, what follows, and what it costs.

    `figures` are those of `by_depth.depth_figures`.
    """
    say, drawn = prose.say, next(iter(figures), None)
    example = {"layers": LAYERS, "shrunk": rounded(0.9**LAYERS), "grown": rounded(1.1**LAYERS)}
    return [
        prose.paragraph(say("without.chain")),
        Equation(lines=tuple(prose.context.words.raw("without.equation"))),
        prose.paragraph(
            say("without.product", **example), say("without.vanishing", bound=literal(rounded(GONE)))
        ),
        prose.paragraph(say("without.textbook", GLOROT), say("without.degrades", HE)),
        prose.paragraph(say("without.odd"), say("without.doubt", HE)),
        *prose.paragraphs(classroom(prose), at_start(prose, drawn)),
        *([Panels(figures=(figures[0], figures[1]))] if len(figures) == 2 else figures),
        *prose.paragraphs(normalised(prose), *in_training(prose)),
        *prose.paragraphs(degradation(prose)),
        *prose.paragraphs(disagreements(prose, "S1a", "S1b", "S3", "S9"), [say("without.cost")]),
    ]


def classroom(prose: Prose) -> list[Statement]:
    """Says how the gradient passes the assignment's `cnn`."""
    levels = [prose.evidence.level(q, "cnn", m) for q, m in ((START, "start"), (TRAINING, "end"))]
    found = [level for level in levels if level]
    said = list[Statement]()
    if len(found) == 2:
        key = "kept" if all(level.median > VANISHED for level in found) else "numbers"
        told = {"start": prose.times(found[0]), "training": prose.times(found[1])}
        said.append(prose.say(f"without.cnn.{key}", *dict.fromkeys(each.source for each in found), **told))
        if key == "kept" and 10 ** found[0].ends[2] < GONE:
            factor = literal(rounded(10 ** -found[0].median))
            said.append(prose.say("without.cnn.below", found[0].source, factor=factor))
    return said


def ratios(prose: Prose, suffix: str = "") -> dict[int, Level]:
    """Returns the gradient's norm at the first convolution over the last before training, as log10."""
    found = {depth: prose.evidence.level(START, f"plain{depth}{suffix}", "start") for depth in DEPTHS}
    return {depth: level for depth, level in found.items() if level}


def gain(prose: Prose) -> tuple[float, float, float] | None:
    """Gives the factor that one more layer brings, from 20 layers on, and its interval; None if unknown."""
    arms = [f"plain{depth}" for depth in DEPTHS if depth >= 20]
    for levels in prose.evidence.levels(START, arms, "start"):
        ends = [levels[0], levels[-1]] if len(levels) > 1 else []
        for found in steepness(ends, [depth_of(level.arm) for level in ends]):
            value, low, high = (10**end for end in found)
            return value, low, high
    return None


def at_start(prose: Prose, drawn: Figure | None) -> list[Statement]:
    """Says how the gradient changes with depth before training."""
    with_norm = ratios(prose)
    if not with_norm:
        return []
    deepest = max(with_norm)
    figure = prose.figure(drawn) if drawn else ""
    ratio = prose.times(judged_start(prose, with_norm[deepest]))
    told = {"layers": deepest, "ratio": ratio, "figure": figure}
    key = start_of(with_norm)
    said = [prose.say(f"without.start.{key}", *unique([with_norm[deepest].source], "S1a"), **told)]
    if key == "explodes" and (factor := gain(prose)):
        said.append(prose.say("without.gain", *said[0].sources, factor=bracketed(*factor)))
    return said


def start_of(found: dict[int, Level]) -> str:
    """How the gradient of the deepest chain starts out: it explodes, vanishes, or keeps its size."""
    median = found[max(found)].median
    return "explodes" if median > CLEAR else "vanishes" if median < -CLEAR else "keeps"


def normalised(prose: Prose) -> list[Statement]:
    """Says what BatchNorm has to do with it, and what the gradient does without."""
    with_norm, bare = ratios(prose), ratios(prose, "_nobn")
    if not with_norm:
        return []
    said = []
    if start_of(with_norm) == "explodes" and (each := gain(prose)):
        said.append(prose.say("without.theory", YANG))
        if each[2] < GROWTH**0.25:
            predicted = literal(rounded(expected("plain", max(with_norm))))
            said.append(prose.say("without.theory_narrow", layers=max(with_norm), predicted=predicted))
    if bare:
        level = bare[max(bare)]
        told = {"layers": max(bare), "ratio": prose.times(judged_start(prose, level))}
        key = "shrinks" if level.ends[2] < 0 else "numbers"
        if key == "shrinks" and 10 ** level.ends[2] < GONE:
            key = "vanishes"
        said.append(prose.say(f"without.bare.{key}", *unique([level.source], "S1a"), **told))
    return said


def in_training(prose: Prose) -> list[list[Statement]]:
    """Says how long the start's ratio lasts and, apart from that, what becomes of it in training."""
    judged = prose.evidence.judged("S1b")
    if judged is None:
        return []
    piece = max(judged.pieces, key=lambda each: depth_of(each.finding.arms[0]))
    depth, said = depth_of(piece.finding.arms[0]), []
    arms = (f"{kind}{depth}" for kind in ("plain", "resnet"))
    healed = [prose.evidence.level_of(piece, "steps until healed", arm) for arm in arms]
    if all(healed):
        plain, residual = (each for each in healed if each)
        told = {"layers": depth, "plain": steps(plain), "residual": steps(residual)}
        if plain.median < max(*plain.values, *residual.values):  # the highest may be a run's last step
            order = "sooner" if plain.median < residual.median else "later"
            said.append(prose.say(f"without.heals.{order}", *unique([plain.source], "S9"), **told))
            said += (ended := damped(prose, piece))
            said += shallow(prose, piece) if ended and not weighed(prose) else []
    verdict = judged.verdict if judged.settled else "inconclusive"
    told = {"layers": depth, "ratio": prose.times(piece), "study": piece.study}
    later = [prose.say(f"without.training.{verdict}", piece.source, **told)]
    if judged.settled:
        later += also(prose, piece)
    return [said, later]


def also(prose: Prose, piece: Piece) -> list[Statement]:
    """Says what other studies measured of the same networks, where they leave open what one settled."""
    said = []
    for other in prose.evidence.elsewhere(piece):
        if not other.settled:
            same = (other.effect.estimate < 0) == (piece.effect.estimate < 0)
            key = f"without.also.{'same' if same else 'other'}"
            said.append(prose.say(key, other.source, ratio=prose.times(other), study=other.study))
            arm = other.finding.arms[0]
            if (least_of_all := lowest(arm, other.source)) and shipped.gradients().curves[arm].least < GONE:
                said.append(prose.say("without.between", other.source, share=least_of_all))
    return said


def steps(level: Level) -> Inline:
    """Writes a number of steps that is kept as its log2."""
    return literal(f"{2**level.median:.0f}")


def degradation(prose: Prose) -> list[Statement]:
    """Says what depth does to the training error, and whether that needs a gradient that vanishes."""
    piece = prose.evidence.piece("S3", "plain")
    if piece is None:
        return []
    shallow, deep = sorted(map(depth_of, piece.finding.arms))
    verdict = piece.finding.verdict if piece.settled else "inconclusive"
    layers = {"shallow": shallow, "deep": deep}
    told = {"rise": prose.number(piece)} if verdict == "supported" else {"change": prose.change(piece)}
    said = prose.say(f"without.degradation.{verdict}", piece.source, **layers, **told)
    near_chance = hardly_trained(prose, piece)
    begun = [prose.say("without.hardly", piece.source, **near_chance)] if near_chance else []
    if found := apart(prose, shallow):
        begun.append(prose.say("without.apart", *found[1], **found[0]))
        begun += [*nowhere(prose, f"plain{found[0]['deep']}", found[1][0]), prose.say("without.budget", HE)]
    return [said, *begun]


def nowhere(prose: Prose, arm: str, source: Source) -> list[Statement]:
    """Says how small a gradient becomes in between."""
    share, other = lowest(arm, source), lowest(arm.replace("plain", "resnet"), source)
    told = {"share": share, "other": other}
    return [prose.say("without.nowhere", source, **told)] if share and other else []


def lowest(arm: str, source: Source) -> Inline | None:
    """Writes how small the gradient gets at any convolution, if the curves that ship are that study's."""
    drawn = shipped.gradients()
    known = drawn.study == source.study and arm in drawn.curves
    return literal(rounded(drawn.curves[arm].least)) if known else None
