"""Chooses what is told of gates: the clean comparisons, and what their gain is due to."""

from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose

KINDS = (
    "resnet",
    "se_resnet_pool",
    "se_resnet_pool_static",
    "se_resnet_pool_half",
    "resnet_nopool",
    "se_resnet",
)
"""The classroom networks by pool and gate, those with the pool first."""
MOST = 0.8
"""From which share of a gain on one says most of it."""


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


def clean(prose: Prose, claim: str, part: str) -> Piece | None:
    """The best measurement in which only the gates differ, of the classroom networks if equally good."""
    found = [piece for piece in prose.evidence.pieces(claim, part).values() if not piece.confounded]
    return min(found, key=lambda piece: (not piece.settled, piece.finding.arms[0] not in KINDS), default=None)


def direction(piece: Piece) -> str:
    """How a difference is told that was asked for without a direction: gain, loss, or its verdict."""
    if piece.told != "supported":
        return piece.told
    return "gain" if piece.effect.estimate > 0 else "loss"
