"""Tells how large the first update of a deep chain is, and how BatchNorm limits those that follow."""

from skipscope.report.handin.by_depth import depth_of
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement

FIRST = "first update of the first layer"
FAR = 1.0
"""Log10 of a ratio of two updates from which on one of them is said to be small."""
SHALLOW = 20
"""The depth that the deepest networks of a study are held against."""
SOONER = f"resnet{SHALLOW} - plain{SHALLOW}"
"""The networks that tell whether shortcuts save epochs at that depth."""


def damped(prose: Prose, piece: Piece) -> list[Statement]:
    """Says how far the first update goes, and why a gradient that explodes limits the updates after it.

    `piece` compares a plain and a residual network of one depth; its study is the one that is told.
    """
    depth = depth_of(piece.finding.arms[0])
    plain, residual = (_first(prose, piece, f"{kind}{depth}") for kind in ("plain", "resnet"))
    if not (plain and residual) or plain.median - residual.median < FAR:
        return []
    told = {"study": piece.study, "layers": depth}
    first = {"plain": prose.times(plain), "residual": prose.times(residual)}
    key = "outweighs" if plain.ends[1] > 0 else "first"
    return [prose.say(f"without.damped.{key}", plain.source, **told, **first)]


def shallow(prose: Prose, piece: Piece) -> list[Statement]:
    """Says how large the first update is in shallower networks of the same study."""
    plain, residual = _first_of_shallow(prose, piece)
    if not (plain and residual):
        return []
    told = {"plain": prose.times(plain), "residual": prose.times(residual), "layers": SHALLOW}
    return [prose.say("without.damped.shallow", plain.source, **told)]


def overwritten(prose: Prose) -> list[Statement]:
    """Weighs that shortcuts keep the first updates small, by what two depths of one study show."""
    judged, sooner = prose.evidence.judged("S1b"), prose.evidence.piece("T1", "epochs", SOONER)
    if judged is None or sooner is None or sooner.told != "supported":
        return []
    piece, depth = judged.deepest, depth_of(judged.deepest.finding.arms[0])
    deep = _first(prose, piece, f"plain{depth}")
    small = [level for level in _first_of_shallow(prose, piece) if level]
    if deep is None or deep.ends[1] <= 0 or not small or max(each.ends[2] for each in small) > -FAR:
        return []
    sources = dict.fromkeys((deep.source, *(each.source for each in small), sooner.source))
    return [prose.say("conclusion.why.first", *sources, deep=depth, shallow=SHALLOW)]


def _first_of_shallow(prose: Prose, piece: Piece) -> list[Level | None]:
    return [_first(prose, piece, f"{kind}{SHALLOW}") for kind in ("plain", "resnet")]


def _first(prose: Prose, piece: Piece, arm: str) -> Level | None:
    return prose.evidence.level_of(piece, FIRST, arm)
