"""Answers a teacher's questions on structure: what networks are made of, and what that costs."""

from collections.abc import Iterable

from skipscope.records.network_card import NetworkCard, Shortcut
from skipscope.records.printed import anatomy_of
from skipscope.report.appendix.explanation import CONFOUNDED, differences
from skipscope.report.handin.gate_evidence import cause, clean
from skipscope.report.handin.gated import gained
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, count, percent, short

COUNTED = Source(basis="exact", key="params")
RATIOS = (2, 4, 8, 16, 32)
"""Reduction ratios that gates are made with."""
LIKE_STEM = "se_resnet_pool - resnet, se_resnet - resnet_nopool"
"""The comparison of classroom networks that differ in the gates alone."""


def card(prose: Prose, model: str) -> NetworkCard | None:
    """Returns the card of the study's network of this name."""
    found = (each.network for each in prose.context.tables.summaries if each.model == model)
    return next((each for each in found if each is not None), None)


def single(prose: Prose) -> list[Statement]:
    """Says why `cnn` against `resnet` shows nothing of the shortcut, and which pair does."""
    plain, residual = card(prose, "cnn"), card(prose, "resnet")
    if plain is None or residual is None:
        return []
    told = {
        "plain_layers": anatomy_of(plain).depth,
        "plain_params": count(plain.params),
        "layers": anatomy_of(residual).depth,
        "params": count(residual.params),
        "ratio": f"{residual.macs / plain.macs:.0f}",
    }
    normalised = anatomy_of(residual).normalisation and not anatomy_of(plain).normalisation
    found = [prose.say(f"viva.single.{'normalised' if normalised else 'size'}", COUNTED, **told)]
    pair = [prose.evidence.level("training error", arm) for arm in ("plain20", "resnet20")]
    known = [level for level in pair if level is not None]
    if len(known) == len(pair):
        errors = {"plain": prose.number(known[0]), "residual": prose.number(known[1])}
        found.append(prose.say("viva.single.pair", *dict.fromkeys(each.source for each in known), **errors))
    return found


def projection(prose: Prose) -> list[Statement]:
    """Says what a projection costs the gradient, and how many there are."""
    words = prose.context.words
    shortcuts = {
        each.arm: anatomy_of(each.network).shortcuts
        for each in prose.context.tables.summaries
        if each.network is not None and anatomy_of(each.network).shortcuts
    }
    if not shortcuts:
        return []
    counts = {arm: _kinds(found) for arm, found in shortcuts.items()}
    told = [
        words("viva.projection.item", arm=code(arm), identity=identity, projection=projected)
        for arm, (identity, projected) in counts.items()
    ]
    some = any(projected for _, projected in counts.values())
    key = "viva.projection.both" if some else "viva.projection.none"
    listed = Inline(words.raw("list.clause").join(told))
    return [prose.say("viva.projection.meaning"), prose.say(key, COUNTED, arms=listed)]


def _kinds(shortcuts: Iterable[Shortcut]) -> tuple[int, int]:
    """Counts identities and projections."""
    kinds = [each.kind for each in shortcuts]
    return kinds.count("identity"), kinds.count("projection")


def dense(prose: Prose) -> list[Statement]:
    """Says why the dense network has few parameters, and whether it computes less."""
    ours, other = card(prose, "densenet"), card(prose, "resnet")
    if ours is None or other is None or ours.params >= other.params:
        return []
    appended = sorted({each.appended for each in anatomy_of(ours).concatenations if each.kind == "append"})
    told = {
        "growth": prose.context.words.listed([str(channels) for channels in appended]),
        "params": count(ours.params),
        "share": percent(ours.params / other.params),
        "macs": short(ours.macs),
        "others": short(other.macs),
        "ratio": f"{ours.macs / other.macs:.1f}",
    }
    key = "more" if ours.macs > other.macs else "less"
    found = [prose.say(f"viva.dense.{key}", COUNTED, **told)]
    pair = "densenet19_k10 - resnet20"
    accuracy = prose.evidence.piece("D3", "accuracy", pair)
    parameters = prose.evidence.piece("D3", "parameters", pair)
    if accuracy and parameters:
        fewer = f"{-parameters.effect.estimate:.0f}"
        key = f"viva.dense.pair_{accuracy.told}"
        found.append(prose.say(key, accuracy.source, params=fewer, accuracy=prose.change(accuracy)))
    return found


def concatenation(prose: Prose) -> list[Statement]:
    """Says what concatenation does that addition does not."""
    ours = card(prose, "densenet")
    found = anatomy_of(ours).concatenations if ours else ()
    steps = [each for each in found if each.kind == "append" and each.shape]
    first = [each for each in steps if each.shape[1:] == steps[0].shape[1:]]
    if len(first) < 2:
        return []
    told = {"start": first[0].shape[0] - first[0].appended, "end": first[-1].shape[0], "layers": len(first)}
    statements = [prose.say("viva.concatenation.channels", COUNTED, **told)]
    piece = prose.evidence.piece("D2", "start", "densenet55_k8 - plain56")
    if piece and piece.finding.verdict == "supported":
        orders = f"{abs(piece.effect.estimate):.1f}"
        statements.append(prose.say("viva.concatenation.gradient", piece.source, orders=orders))
    return statements


def reduction(prose: Prose) -> list[Statement]:
    """Says by how much the gates reduce channels, and what they add."""
    gated, plain = card(prose, "se_resnet"), card(prose, "resnet")
    ratio = reduction_ratio(gated, plain) if gated and plain else None
    if gated is None or plain is None or ratio is None:
        return []
    added = gated.params - plain.params
    told = {"ratio": ratio, "added": count(added), "share": percent(added / plain.params)}
    found = [
        prose.say("viva.reduction.meaning", COUNTED, ratio=ratio),
        prose.say("viva.reduction.params", COUNTED, gates=len(anatomy_of(gated).gates), **told),
    ]
    arithmetic = prose.evidence.piece("E2", "arithmetic", LIKE_STEM)
    if arithmetic:
        told = {"share": f"{arithmetic.effect.estimate:.2f}%"}
        found.append(prose.say("viva.reduction.arithmetic", arithmetic.source, **told))
    return found


def reduction_ratio(gated: NetworkCard, plain: NetworkCard) -> int | None:
    """Returns the ratio at which two layers a gate, with biases, have the parameters that were added."""
    channels = [each.shape[0] for each in anatomy_of(gated).gates if each.shape]
    added = gated.params - plain.params
    fitting = (
        ratio
        for ratio in RATIOS
        if channels and sum(2 * c * (c // ratio) + c // ratio + c for c in channels) == added
    )
    return next(fitting, None)


def unfair(prose: Prose) -> list[Statement]:
    """Says whether `se_resnet` against `resnet` is a comparison of gates, and what such a comparison gave."""
    context, gated, plain = prose.context, card(prose, "se_resnet"), card(prose, "resnet")
    if gated is None or plain is None or gated.macs <= CONFOUNDED * plain.macs:
        return []
    what = Inline(context.words.raw("list.clause").join(differences(context, plain, gated)))
    found = [prose.say("viva.unfair.differences", COUNTED, what=what)]
    piece = clean(prose, "E3", "accuracy")
    if piece:
        positive = piece.effect.interval is not None and piece.effect.interval[0] > 0
        key = "small" if piece.told == "inconclusive" and positive else piece.told
        told = {"effect": gained(prose, piece), "least": f"{piece.finding.bound:g}"}
        found += [prose.say(f"viva.unfair.{key}", piece.source, **told), *due(prose)]
    return found


def due(prose: Prose) -> list[Statement]:
    """Says what a gain by gates is due to, as the hand-in does."""
    image, why = prose.evidence.piece("E4", "content"), cause(prose)
    if image is None or not why:
        return []
    if why == "content":
        return [prose.say("viva.unfair.content", image.source, content=gained(prose, image))]
    half = prose.evidence.along(image, "half")
    told = {"half": gained(prose, half) if half else "", "content": prose.change(image)}
    return [prose.say("viva.unfair.halved", image.source, **told)]
