"""Explains how an SE-ResNet trains: what a gate does to a branch and its gradient, and what that is worth."""

from math import inf

from skipscope.analysis.papers import published
from skipscope.report.document import Block, Equation, Figure
from skipscope.report.handin.basis import disagreements
from skipscope.report.handin.by_depth import depth_of, predicted
from skipscope.report.handin.four_ways import SPEED
from skipscope.report.handin.gate_evidence import (
    KINDS,
    cause,
    clean,
    controlled,
    differences_figure,
    direction,
    unsettled,
)
from skipscope.report.handin.ordered import ordered
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, literal, plain, rounded

HU = Source(basis="known", key="hu2018")
CLAIMS = ("E1", "E2", "E3", "E4", "E5")
ACCURACY = "test accuracy"
WHOLE = "se_resnet - resnet"
"""The assignment's pair."""


def gated(prose: Prose) -> list[Block]:
    """Writes the section: textbook, mechanism, measurements, what follows, and what it costs."""
    say, raw = prose.say, prose.context.words.raw
    figure = differences_figure(prose)
    return [
        *prose.paragraphs([textbook(prose)]),
        prose.paragraph(say("gated.mechanism")),
        Equation(lines=tuple(raw("gated.equation"))),
        prose.paragraph(say("gated.derive")),
        Equation(lines=tuple(raw("gated.derivative"))),
        *prose.paragraphs(
            [say("gated.consequence")],
            at_start(prose),
            [*benefit(prose, figure), say("gated.scope", HU)],
            trained(prose),
        ),
        *([figure] if figure else []),
        *prose.paragraphs(content(prose), absorbed(prose), class_share(prose)),
        *prose.paragraphs(stem(prose)),
        *prose.paragraphs(disagreements(prose, *CLAIMS), cost(prose)),
    ]


def at_start(prose: Prose) -> list[Statement]:
    """Says how much the gradient grows on its way to the input before training, with and without gates."""
    pair = prose.evidence.together("first over last at the start", ("se_resnet20", "resnet20"), "start")
    if not pair:
        return []
    with_gates, without = pair
    key = "slower" if with_gates.ends[2] < without.ends[1] else "numbers"
    blocks = (depth_of(with_gates.arm) - 2) // 2
    told: dict[str, object] = {"gated": prose.times(with_gates), "residual": prose.times(without)}
    told |= {"blocks": blocks, "predicted": literal(rounded(2 * predicted(blocks, late=3)))}
    later = [] if ordered(prose) else in_training(prose, with_gates)  # section 5.5 has it of all four
    return [prose.say(f"gated.start.{key}", with_gates.source, **told), *later]


def in_training(prose: Prose, start: Level) -> list[Statement]:
    """Says what becomes of the gradients' evenness while the same two networks train."""
    found = prose.evidence.levels("first over last in training", ("se_resnet20", "resnet20"))
    pair = next((each for each in found if len(each) == 2 and each[0].origin == start.origin), None)
    if pair is None:
        return []
    gated, residual = pair
    key = "less" if gated.ends[1] > residual.ends[2] > 0 else "open"
    told = {"gated": prose.times(gated), "residual": prose.times(residual)}
    return [prose.say(f"gated.in_training.{key}", gated.source, **told)]


def textbook(prose: Prose) -> Statement:
    """Says what textbooks conclude, with the errors that the paper reports."""
    value = published()["se_resnet110"]
    return prose.say("gated.textbook", HU, before=value.baseline_error, after=value.error)


def benefit(prose: Prose, figure: Figure | None) -> list[Statement]:
    """Says what gates do to the accuracy where nothing else differs."""
    piece = clean(prose, "E3", "accuracy")
    if piece is None:
        return []
    told = {
        "networks": prose.networks(piece),
        "effect": gained(prose, piece),
        "bound": f"{piece.finding.bound:g}",
        "figure": prose.figure(figure) if figure else "",
    }
    said = [prose.say(f"gated.benefit.{piece.told}", piece.source, **told)]
    for other in unsettled(prose):
        names = {"networks": prose.networks(other), "effect": prose.change(other)}
        said.append(prose.say("gated.another", other.source, **names))
    return said


def trained(prose: Prose) -> list[Statement]:
    """Says that gates steady the training where nothing else differs, if they do."""
    pieces = prose.evidence.pieces("T2", "steps")
    found = [pieces[pair] for pair in SPEED["gated"] if pair in pieces and not pieces[pair].confounded]
    piece = next((each for each in found if each.told == "supported"), None)
    if piece is None or piece.effect.estimate >= 0:
        return []
    level = piece.finding.at_loss
    at = prose.context.words.raw("gated.at").format(loss=f"{level:.1f}") if level is not None else ""
    told = {"ratio": prose.times(piece), "networks": prose.networks(piece), "at": Inline(at)}
    return [prose.say("gated.steady", piece.source, **told)]


def content(prose: Prose) -> list[Statement]:
    """Says what remains of that with static gates and with the constant 1/2."""
    image = controlled(prose)
    if image is None:
        return []
    half = prose.evidence.along(image, "half")
    told = {"effect": gained(prose, image), "bound": f"{image.finding.bound:g}"}
    found = [prose.say("gated.arms"), prose.say(f"gated.content.{image.told}", image.source, **told)]
    if half:
        found.append(prose.say(f"gated.half.{direction(half)}", half.source, effect=gained(prose, half)))
    if key := cause(prose):
        gain = clean(prose, "E3", "accuracy")
        sources = [each.source for each in (gain, image) if each]
        most = literal(f"{(image.effect.interval or (0, 0))[1]:.2f}")
        found.append(prose.say(f"gated.verdict.{key}", *sources, most=most))
        if key != "content":
            found += rivals(prose, image)
    return found


def rivals(prose: Prose, image: Piece) -> list[Statement]:
    """Says what else than its starting point may make a halved branch better: the size of its steps."""
    if image.basis == "reference":
        cards = prose.evidence.reference[image.study].arms
        rates = {arm.learning_rate for arm in cards if arm.arm in image.finding.arms}
    else:
        recipes = prose.context.tables.recipes
        rates = {recipes[arm].learning_rate for arm in image.finding.arms if arm in recipes}
    return [prose.say("gated.rival", rate=f"{rates.pop():g}")] if len(rates) == 1 else []


def absorbed(prose: Prose) -> list[Statement]:
    """Says in what static gates can differ from none, if there are any."""
    return [prose.say("gated.absorb")] if controlled(prose) else []


def class_share(prose: Prose) -> list[Statement]:
    """Says how much of the gates' variance the class explains, before and after training."""
    piece = clean(prose, "E1", "class_share")
    if piece is None:
        return []
    arm = piece.finding.arms[0]
    moments = [prose.evidence.level_of(piece, "class share", arm, moment) for moment in ("start", "end")]
    levels = [level for level in moments if level]
    if len(levels) < len(moments):
        return []
    told: dict[str, object] = dict(zip(("before", "after"), map(share, levels), strict=True))
    told["network"] = code(arm)
    return [prose.say(f"gated.class.{piece.told}", piece.source, **told)]


def stem(prose: Prose) -> list[Statement]:
    """Says what share the stem's pool has in the difference of the classroom networks."""
    given = prose.evidence.piece("E2", "arithmetic", WHOLE)
    found = []
    if given:
        times = rounded(1 + given.effect.estimate / 100)
        found.append(prose.say("gated.stem.intro", Source(basis="exact", key="E2"), times=times))
    pool = prose.evidence.piece("E5", "pool")
    others = {part: prose.evidence.along(pool, part) for part in ("gate", "whole")} if pool else {}
    if pool and all(others.values()):
        whole, gate = (others[part] or pool for part in ("whole", "gate"))
        small = {"bound": plain(abs(gate.finding.bound))}
        open_still = prose.context.words("gated.stem.open", **small) if gate.told == "inconclusive" else ""
        told = {"whole": prose.change(whole), "gate": prose.moved(gate), "open": open_still}
        told["pool"] = prose.change(pool) if pool.told == "contradicted" else prose.moved(pool)
        hidden = pool.told == "supported" and covers(whole, 0)
        key = "hidden" if hidden else pool.told
        found.append(prose.say(f"gated.stem.{key}", pool.source, **told))
        if hidden:
            found += in_longer_runs(prose, pool)
    return found


def in_longer_runs(prose: Prose, pool: Piece) -> list[Statement]:
    """Says that the classroom's SE-ResNet leads in another study, which does not part gates from the stem."""
    bodies = prose.evidence.bodies("E3")
    found = [piece for body in bodies for piece in body.pieces if piece.finding.comparison == WHOLE]
    ahead = [each for each in found if each.origin != pool.origin and (each.effect.interval or (0, 0))[0] > 0]
    return [
        prose.say("gated.stem.longer", each.source, study=each.study, lead=prose.number(each))
        for each in ahead[:1]
    ]


def covers(piece: Piece | None, number: float) -> bool:
    """Whether a number lies within the interval."""
    low, high = (piece.effect.interval if piece else None) or (inf, -inf)
    return low <= number <= high


def cost(prose: Prose) -> list[Statement]:
    """Says what gates add to parameters, arithmetic, time and memory."""
    counted = [clean(prose, "E2", part) for part in ("parameters", "arithmetic")]
    found = []
    if all(counted):
        more = {each.finding.part: per_cent(each) for each in counted if each}
        found.append(prose.say("gated.cost.counts", Source(basis="exact", key="E2"), **more))
    if times := timed(prose):
        words = prose.context.words
        told = [
            words("gated.cost.time", time=prose.number(each), networks=prose.networks(each)) for each in times
        ]
        slow = "slow" if any(each.told == "contradicted" for each in times) else "told"
        sources = dict.fromkeys(each.source for each in times)
        found.append(prose.say(f"gated.cost.{slow}", *sources, items=words.listed(told)))
    return [*found, prose.say("gated.cost.memory")]


def timed(prose: Prose) -> list[Piece]:
    """What an image takes with gates: of the networks that accuracies are told of, then of others."""
    pieces = prose.evidence.pieces("E2", "time").values()
    found = [piece for piece in pieces if not piece.confounded and piece.effect.interval]
    groups = ([each for each in found if (each.finding.arms[0] in KINDS) == ours] for ours in (True, False))
    return [min(group, key=width) for group in groups if group]


def width(piece: Piece) -> float:
    """How wide a piece's interval is."""
    low, high = piece.effect.interval or (-inf, inf)
    return high - low


def gained(prose: Prose, piece: Piece) -> Inline:
    """Writes a difference without a sign where the text says that it is a gain."""
    gain = piece.told == "supported" and piece.effect.estimate > 0
    return prose.number(piece) if gain else prose.change(piece)


def share(level: Level) -> Inline:
    """Writes the middle of a share over its seeds."""
    return Inline(f"{rounded(100 * level.median)}%")


def per_cent(piece: Piece) -> Inline:
    """Writes a counted share."""
    return Inline(f"{rounded(piece.effect.estimate)}%")
