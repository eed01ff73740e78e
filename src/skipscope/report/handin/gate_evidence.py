"""Chooses what is told and drawn of gates: the clean comparisons, and what their gain is due to."""

from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl

from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import intervals
from skipscope.report.document import Figure
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.words import count, unmarked

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


def unsettled(prose: Prose) -> list[Piece]:
    """The pairs that differ in gates alone and leave open what these do to the accuracy."""
    pieces = prose.evidence.pieces("E3", "accuracy").values()
    open_ones = (piece for piece in pieces if not piece.settled and not piece.confounded)
    return [piece for piece in open_ones if piece.effect.interval and len(piece.finding.arms) == 2]


def direction(piece: Piece) -> str:
    """How a difference is told that was asked for without a direction: gain, loss, or its verdict."""
    if piece.told != "supported":
        return piece.told
    return "gain" if piece.effect.estimate > 0 else "loss"


def over_half(prose: Prose, image: Piece) -> Level | None:
    """How much more accurate gates are that depend on the image than the constant 1/2, seed by seed."""
    gated = prose.evidence.level_of(image, "test accuracy", "se_resnet_pool")
    half = prose.evidence.level_of(image, "test accuracy", "se_resnet_pool_half")
    if gated is None or half is None or not MINIMUM_SEEDS <= len(gated.values) == len(half.values):
        return None
    return replace(gated, values=tuple(a - b for a, b in zip(gated.values, half.values, strict=True)))


def differences_figure(prose: Prose) -> Figure | None:
    """Draws the differences in test accuracy that the text tells: of gates, and of the stem's pool.

    Those of one study stand together, below its name and what was spent on it.
    """
    gain, image, pool = clean(prose, "E3", "accuracy"), controlled(prose), prose.evidence.piece("E5", "pool")
    gates = {"gate": gain} | {
        part: prose.evidence.along(image, part) if image else None
        for part in ("half", "learnt_scale", "content")
    }
    gates |= {"other": next(iter(unsettled(prose)), None)}
    parts = {"pool": "pool", "stem_gate": "gate", "whole": "whole"}
    stems = {row: prose.evidence.along(pool, part) if pool else None for row, part in parts.items()}
    beyond = over_half(prose, image) if image else None
    found = [*gates.items(), *stems.items()]
    shown = [(name, each) for name, each in found if each and each.effect.interval]
    if len(shown) < 2:
        return None
    studies = list(dict.fromkeys(each.origin for _, each in shown))
    shown.sort(key=lambda both: studies.index(both[1].origin))
    context, raw = prose.context, prose.context.charts.raw
    rows = [
        (_row(prose, name, each), "", each.effect.estimate, *(each.effect.interval or (0.0, 0.0)))
        for name, each in shown
    ]
    headings = Counter(_heading(prose, each) for _, each in shown)
    if beyond and image:
        last = max(at for at, (_, each) in enumerate(shown) if each.origin == image.origin)
        rows.insert(last + 1, (raw("gated.row.beyond_half"), "", *beyond.ends))
        headings[_heading(prose, image)] += 1
    table = pl.DataFrame(rows, intervals.SCHEMA, orient="row")
    bounds = {each.finding.bound for _, each in shown}
    bound = bounds.pop() if len(bounds) == 1 else None  # drawn where it is the same for all
    options: dict[str, Any] = {"labels": context.labels, "neutral": 0.0, "groups": headings, "bound": bound}
    chart = intervals.intervals(table, title=raw("gated.axis"), **options)
    told = [context.words("gated.caption")]
    if bound:
        told.append(context.words("gated.caption_bound", bound=f"{bound:g}"))
    caption = context.words.joined(told)
    return context.figure("accuracy-by-gate", chart, caption=caption, spoken=caption)


def _row(prose: Prose, name: str, piece: Piece) -> str:
    """Names a row: by what differs, or by the networks where the text does."""
    one, other = (*piece.finding.arms, "", "")[:2]
    return str(prose.context.charts.raw(f"gated.row.{name}")).format(one=one, other=other)


def _heading(prose: Prose, piece: Piece) -> str:
    """Names the study that a piece is from, how many runs it has and how much they trained."""
    images, epochs = prose.evidence.budget(piece)
    told = {"study": piece.study, "seeds": piece.effect.n, "images": count(images), "epochs": epochs}
    return unmarked(prose.context.charts("gated.series", **told))
