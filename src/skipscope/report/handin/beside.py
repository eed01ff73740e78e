"""Puts the course of training side by side: speed, gap, steadiness, and in what order images are learnt."""

from collections.abc import Iterable, Mapping
from math import inf

from skipscope.report.document import Block
from skipscope.report.handin.basis import disagreements
from skipscope.report.handin.epoch_by_epoch import epoch_by_epoch
from skipscope.report.handin.four_ways import SPEED, four_ways
from skipscope.report.handin.ordered import ordered
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code

CLASSROOM = ("resnet - cnn", "densenet - resnet", "se_resnet - resnet")
CLAIMS = ("T1", "T2", "T3", "T4", "T5", "T6")
OUTCOMES = {
    ("below", "supported"): "less",
    ("below", "contradicted"): "same",
    ("above", "supported"): "same",
    ("above", "contradicted"): "less",
    ("apart", "contradicted"): "same",
}
"""How a settled part came out, by its direction; of those that ask whether two differ, the sign decides."""
Found = Mapping[str, Piece]


def beside(prose: Prose) -> list[Block]:
    """Writes the section: speed, what is equal at equal loss, and what is learnt when."""
    table = four_ways(prose)
    return [
        *prose.paragraphs([prose.say("beside.how", table=prose.table(table)), *ordered(prose)]),
        table,
        *epoch_by_epoch(prose),
        *prose.paragraphs([*differing(prose, "T3", "gap"), *evenness(prose)], order(prose)),
        *prose.paragraphs(disagreements(prose, *CLAIMS)),
    ]


def differing(prose: Prose, claim: str, part: str) -> list[Statement]:
    """Says of which pairs a quantity differs at equal loss, or that it differs in none."""
    words = prose.context.words
    settled = [piece for piece in compared(prose, claim, part) if piece.settled]
    apart = [piece for piece in settled if outcome(piece) != "same"]
    if not settled:
        return []
    shown = prose.times if settled[0].effect.unit == "log2" else prose.change
    told = [
        words(f"beside.{part}.{outcome(piece)}", **named(piece), effect=shown(piece))
        for piece in apart or settled
    ]
    sources = unique(piece.source for piece in apart or settled)
    key = f"beside.{part}.{'apart' if apart else 'alike'}"
    return [prose.say(key, *sources, items=clauses(prose, told))]


def evenness(prose: Prose) -> list[Statement]:
    """Says whether layers move more evenly with shortcuts."""
    judged = prose.evidence.judged("T4")
    if judged is None or not judged.settled:
        return []
    piece = judged.deepest
    told = {"networks": prose.networks(piece), "effect": prose.times(piece)}
    return [prose.say(f"beside.evenness.{judged.verdict}", judged.source, **told)]


def order(prose: Prose) -> list[Statement]:
    """Says which networks do not learn images in the same order; that others do is told in the conclusion."""
    pieces = [piece for piece in precise(prose, "T5", "images") if outcome(piece) not in ("", "same")]
    if not pieces:
        return []
    words, sources = prose.context.words, unique(piece.source for piece in pieces)
    told = [words("beside.order.item", **named(piece), effect=prose.number(piece)) for piece in pieces]
    return [prose.say("beside.order.other", *sources, items=clauses(prose, told))]


PRECISE = 3.0
"""A ratio whose interval spans a larger factor says nothing of its size."""


def width(piece: Piece) -> float:
    """Returns the factor that the interval of a base-2 logarithm spans."""
    low, high = piece.effect.interval or (-inf, inf)
    return float(2 ** (high - low))


def precise(prose: Prose, claim: str, part: str) -> list[Piece]:
    """All pairs' ratios, classroom and controlled, but for those whose intervals are hopelessly wide."""
    found = measured(prose, claim, part).values()
    ends = [(piece, piece.effect.interval) for piece in found]
    return [piece for piece, each in ends if each and each[1] < PRECISE * each[0]]


def compared(prose: Prose, claim: str, part: str) -> list[Piece]:
    """The measurements of a part on classroom pairs, then on those in which one thing differs."""
    pieces = measured(prose, claim, part)
    told = [*CLASSROOM, *(pair for kind in SPEED.values() for pair in kind)]
    return [pieces[pair] for pair in told if pair in pieces and pieces[pair].effect.interval]


def measured(prose: Prose, claim: str, part: str) -> dict[str, Piece]:
    """The best measurement of each pair, but for those that are withheld as confounded."""
    found = prose.evidence.pieces(claim, part)
    return {pair: piece for pair, piece in found.items() if not piece.confounded}


def outcome(piece: Piece) -> str:
    """How it came out: less, more, same; empty while it is open."""
    if piece.told == "inconclusive":
        return ""
    found = OUTCOMES.get((piece.finding.direction, piece.told))
    return found or ("more" if piece.effect.estimate > 0 else "less")


def named(piece: Piece) -> dict[str, Inline]:
    """Names the two networks of a pair."""
    one, other = piece.finding.comparison.split(" - ")
    return {"one": code(one), "other": code(other)}


def clauses(prose: Prose, told: Iterable[str]) -> Inline:
    """Joins clauses within a sentence that have commas of their own."""
    return Inline(prose.context.words.raw("beside.clause").join(told))


def unique(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Returns sources without repetitions."""
    return tuple(dict.fromkeys(sources))
