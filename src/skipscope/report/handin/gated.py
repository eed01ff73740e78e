"""Explains how an SE-ResNet trains: what a gate does to a branch and its gradient, and what that is worth."""

from collections.abc import Iterator, Sequence
from math import inf

import polars as pl

from skipscope.analysis.papers import published
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import intervals
from skipscope.report.document import Block, Equation, Figure
from skipscope.report.handin.basis import disagreements
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, count, literal, rounded

HU, DE = (Source(basis="known", key=key) for key in ("hu2018", "de2020"))
POOLED = ("resnet", "se_resnet_pool_half", "se_resnet_pool_static", "se_resnet_pool")
KINDS = (*POOLED, "resnet_nopool", "se_resnet")
"""The classroom networks by pool and gate, those with the pool first."""
CLAIMS = ("E1", "E2", "E3", "E4", "E5")
ACCURACY = "test accuracy"
MOST = 0.8
"""From which share of a gain on one says most of it."""


def gated(prose: Prose) -> list[Block]:
    """Writes the section: mechanism, textbook, measurements, what follows, and what it costs."""
    say, raw = prose.say, prose.context.words.raw
    figure = accuracy_figure(prose)
    return [
        prose.paragraph(say("gated.mechanism")),
        Equation(lines=tuple(raw("gated.equation"))),
        prose.paragraph(say("gated.derive")),
        Equation(lines=tuple(raw("gated.derivative"))),
        prose.paragraph(say("gated.consequence"), *at_start(prose)),
        *prose.paragraphs([textbook(prose)], benefit(prose, figure), content(prose)),
        *([figure] if figure else []),
        *prose.paragraphs(absorbed(prose), use(prose), stem(prose)),
        *prose.paragraphs(disagreements(prose, *CLAIMS), [say("gated.scope", HU)], cost(prose)),
    ]


def at_start(prose: Prose) -> list[Statement]:
    """Says how much the gradient grows on its way to the input before training, with and without gates."""
    found = prose.evidence.levels("first over last at the start", ("se_resnet20", "resnet20"), "start")
    pair = next((levels for levels in found if len(levels) == 2), None)
    if pair is None:
        return []
    with_gates, without = pair
    key = "slower" if with_gates.ends[2] < without.ends[1] else "numbers"
    told = {"gated": prose.times(with_gates), "residual": prose.times(without)}
    return [prose.say(f"gated.start.{key}", with_gates.source, **told)]


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
    if level := prose.evidence.level_of(piece, ACCURACY, piece.finding.arms[0]):
        images, epochs = prose.evidence.budget(piece)
        budget = {"images": count(images), "epochs": epochs, "accuracy": f"{level.median:.0f}"}
        said.append(prose.say("gated.budget", piece.source, **budget))
    for other in prose.evidence.pieces("E3", "accuracy").values():
        if (
            not other.settled
            and not other.confounded
            and other.effect.interval
            and len(other.finding.arms) == 2
        ):
            names = {"networks": prose.networks(other), "effect": prose.change(other)}
            said.append(prose.say("gated.another", other.source, **names))
    return said


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
        known = [] if key == "content" else [DE]
        most = literal(f"{(image.effect.interval or (0, 0))[1]:.1f}")
        found.append(prose.say(f"gated.verdict.{key}", *sources, *known, most=most))
        if key != "content":
            rate = prose.context.tables.record.study.recipe.learning_rate
            found.append(prose.say("gated.rival", rate=f"{rate:g}"))
    return found


def cause(prose: Prose) -> str:
    """What a gain by gates is due to, as far as verdicts carry: content, scale, mostly scale, or empty."""
    gain, image = clean(prose, "E3", "accuracy"), controlled(prose)
    if gain is None or image is None or gain.told != "supported" or gain.origin != image.origin:
        return ""
    if image.told == "supported":
        return "content"
    half = prose.evidence.along(image, "half")
    if half is None or direction(half) != "gain" or half.effect.estimate < MOST * gain.effect.estimate:
        return ""
    return "scale" if image.told == "contradicted" else "mostly"


def controlled(prose: Prose) -> Piece | None:
    """What the content of gates brings, from the study that their gain is told from if it measured that."""
    gain = clean(prose, "E3", "accuracy")
    body = prose.evidence.of("E4", gain.origin) if gain else None
    return (body and body.parts.get("content")) or prose.evidence.piece("E4", "content")


def absorbed(prose: Prose) -> list[Statement]:
    """Says in what static gates can differ from none, if there are any."""
    return [prose.say("gated.absorb")] if controlled(prose) else []


def use(prose: Prose) -> list[Statement]:
    """Says what the gates depend on, and whether a trained network depends on them."""
    return [*class_share(prose), *surgery(prose)]


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
    if piece.settled:
        told["ratio"] = prose.number(piece)
    found = [prose.say(f"gated.class.{piece.told}", piece.source, **told)]
    image = controlled(prose)
    if piece.told == "supported" and image and cause(prose) in ("scale", "mostly"):
        found.append(prose.say("gated.informed", image.source))
    return found


def surgery(prose: Prose) -> list[Statement]:
    """Says what it costs a trained network to lose its gates' dependence on the image."""
    means, others = (prose.evidence.pieces("E4", part) for part in ("mean", "other"))
    both = [(piece, others[arm]) for arm, piece in means.items() if arm in others]
    if not both:
        return []
    mean, other = min(both, key=lambda pair: (not pair[0].settled, pair[0].effect.interval is None))
    key = mean.told if mean.told == other.told else "inconclusive"
    told = {"mean": prose.change(mean), "other": prose.change(other)}
    said = [prose.say(f"gated.surgery.{key}", mean.source, arm=code(mean.finding.arms[0]), **told)]
    return said + elsewhere(prose, [pair for pair in both if pair[0] is not mean]) if mean.settled else said


def elsewhere(prose: Prose, others: Sequence[tuple[Piece, Piece]]) -> list[Statement]:
    """Tells where the same cost a network more than it was to cost at most, or may have."""
    said = []
    for mean, other in others:
        ends = other.effect.interval
        if ends and ends[0] > other.finding.bound:
            images, epochs = prose.evidence.budget(other)
            told = {"arm": code(other.finding.arms[0]), "images": count(images), "epochs": epochs}
            values = {"mean": prose.change(mean), "other": prose.change(other)}
            said.append(prose.say("gated.elsewhere", other.source, **told, **values))
    return said


def stem(prose: Prose) -> list[Statement]:
    """Says what share the stem's pool has in the difference of the classroom networks."""
    given = prose.evidence.piece("E2", "arithmetic", "se_resnet - resnet")
    found = []
    if given:
        times = rounded(1 + given.effect.estimate / 100)
        found.append(prose.say("gated.stem.intro", Source(basis="exact", key="E2"), times=times))
    pool = prose.evidence.piece("E5", "pool")
    others = {part: prose.evidence.along(pool, part) for part in ("gate", "whole")} if pool else {}
    if pool and all(others.values()):
        whole, gate = (others[part] or pool for part in ("whole", "gate"))
        told = {"whole": prose.change(whole), "gate": prose.moved(gate)}
        told["pool"] = prose.change(pool) if pool.told == "contradicted" else prose.moved(pool)
        hidden = pool.told == "supported" and covers(whole, 0)
        key = "hidden" if hidden else pool.told
        found.append(prose.say(f"gated.stem.{key}", pool.source, **told))
        found += here(prose, whole)
    return found


def here(prose: Prose, whole: Piece | None) -> list[Statement]:
    """Says how the difference in this workspace's few seeds compares with the reference's interval of it."""
    own = next(prose.evidence.levels(ACCURACY, ("se_resnet", "resnet")))
    if len(own) < 2 or not 0 < len(own[0].values) < MINIMUM_SEEDS or whole is None or whole.basis == "own":
        return []
    difference = own[0].median - own[1].median
    told = {"difference": literal(f"{difference:+.1f}".replace("-", "−")), "seeds": len(own[0].values)}
    return [
        prose.say(f"gated.here.{'inside' if covers(whole, difference) else 'outside'}", own[0].source, **told)
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
    if piece := clean(prose, "E2", "time"):
        told = {"time": prose.number(piece), "networks": prose.networks(piece)}
        found.append(prose.say(f"gated.cost.{piece.told}", piece.source, **told))
    return [*found, prose.say("gated.cost.memory")]


def clean(prose: Prose, claim: str, part: str) -> Piece | None:
    """The best measurement in which only the gates differ, of the classroom networks if equally good."""
    found = [piece for piece in prose.evidence.pieces(claim, part).values() if not piece.confounded]
    return min(found, key=lambda piece: (not piece.settled, piece.finding.arms[0] not in KINDS), default=None)


def gained(prose: Prose, piece: Piece) -> Inline:
    """Writes a difference without a sign where the text says that it is a gain."""
    gain = piece.told == "supported" and piece.effect.estimate > 0
    return prose.number(piece) if gain else prose.change(piece)


def direction(piece: Piece) -> str:
    """How a difference is told that was asked for without a direction: gain, loss, or its verdict."""
    if piece.told != "supported":
        return piece.told
    return "gain" if piece.effect.estimate > 0 else "loss"


def share(level: Level) -> Inline:
    """Writes the middle of a share over its seeds."""
    return Inline(f"{rounded(100 * level.median)}%")


def per_cent(piece: Piece) -> Inline:
    """Writes a counted share."""
    return Inline(f"{rounded(piece.effect.estimate)}%")


def accuracy_figure(prose: Prose) -> Figure | None:
    """Draws the test accuracy with each kind of gate and stem, a series a study.

    The studies are those that the text tells from: of what gates bring, and of what the stem's pool does.
    """
    told = [clean(prose, "E3", "accuracy"), prose.evidence.piece("E5", "pool")]
    wanted = list(dict.fromkeys(piece.origin for piece in told if piece))
    studies = [study for each in prose.evidence.levels(ACCURACY, KINDS) if (study := _several(each))]
    shown = (
        sorted(
            (study for study in studies if study[0].origin in wanted),
            key=lambda each: wanted.index(each[0].origin),
        )
        or studies[:1]
    )
    arms = [arm for arm in KINDS if any(level.arm == arm for study in shown for level in study)]
    if len(arms) < 2:
        return None
    context = prose.context
    rows = [
        (level.arm, _trained(prose, level), *level.ends)
        for arm in arms
        for study in shown
        for level in study
        if level.arm == arm
    ]
    table = pl.DataFrame(rows, intervals.SCHEMA, orient="row")
    title = context.charts.raw("gated.axis")
    chart = intervals.intervals(table, title=title, labels=context.labels)
    caption = context.words.joined([context.words("gated.caption"), *_stems(prose, arms)])
    return context.figure("accuracy-by-gate", chart, caption=caption, spoken=caption)


def _several(study: list[Level]) -> list[Level]:
    """The networks of a study with several seeds; none if there is but one network."""
    kept = [level for level in study if len(level.values) > 1]
    return kept if len(kept) > 1 else []


def _trained(prose: Prose, level: Level) -> str:
    """Says how much the runs trained, and how many there are."""
    images, epochs = prose.evidence.budget(level)
    told = {"seeds": len(level.values), "images": count(images), "epochs": epochs}
    return str(prose.context.charts.raw("gated.series").format(**told))


def _stems(prose: Prose, arms: Sequence[str]) -> Iterator[Inline]:
    """Says which of the networks that are drawn have a max-pool in their stem, and which have none."""
    for key, kind in (("pooled", True), ("bare", False)):
        if named := [code(arm) for arm in arms if (arm in POOLED) == kind]:
            yield prose.context.words(f"gated.{key}", networks=prose.context.words.listed(named))
