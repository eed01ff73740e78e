"""Shows below a claim what the reference says of it: the numbers that the hand-in takes from there.

The study that the hand-in tells first has a table; of the others a line holds what only they measured.
"""

from collections.abc import Sequence
from itertools import groupby

from skipscope.reference.card import ReferenceCard
from skipscope.report.appendix.evidence import numbers, parts_table, texts_of
from skipscope.report.context import Context
from skipscope.report.document import Block, Note, Paragraph
from skipscope.report.handin.basis import spent
from skipscope.report.handin.pieces import Judged, Piece
from skipscope.report.handin.prose import Prose, prose_of
from skipscope.report.words import Inline, code


def reference(context: Context, claim: str) -> list[Block]:
    """Shows the reference's verdicts on a claim; nothing where no study of it measured any of the claim."""
    prose = prose_of(context)
    blocks: list[Block] = []
    lines = []
    for number, body in enumerate(prose.evidence.bodies(claim)):
        if body.basis != "reference":
            continue
        if number == 0:  # what the hand-in tells
            blocks.append(Paragraph(text=context.words("explanation.reference", **_told(prose, body))))
            blocks += parts_table(context, claim, [piece.finding for piece in body.pieces])
        else:
            lines.append(_line(prose, body))
    return [*blocks, Note(text=context.words.joined(lines), kind="quiet")] if lines else blocks


def _told(prose: Prose, body: Judged) -> dict[str, object]:
    """Returns a body's study, what it trained, and its verdict."""
    # that of a claim; some of its parts were measured, or there were no body
    verdict = "reference_in_part" if body.verdict == "not_measured" else body.verdict
    return {
        "study": code(body.study),
        "budget": _budget(prose, prose.evidence.reference[body.study]),
        "verdict": prose.context.words(f"explanation.{verdict}"),
    }


def _budget(prose: Prose, card: ReferenceCard) -> Inline:
    """Says how much a study trained, and on what."""
    key = "budget" if card.fidelity == "exact" else "budget_of_a_copy"
    return prose.context.words(f"explanation.{key}", **spent(card))


def _line(prose: Prose, body: Judged) -> Inline:
    """Writes a body in a line, with the effects that the hand-in may take from it, and its first."""
    words = prose.context.words
    shown = [piece for piece in body.pieces if piece == body.pieces[0] or _is_best(prose, piece)]
    parts = groupby(shown, key=lambda piece: piece.finding.part)
    effects = [_effects(prose.context, part, list(pieces)) for part, pieces in parts]
    joined = Inline(words.raw("list.clause").join(effects))
    return words("explanation.reference_also", effects=joined, **_told(prose, body))


def _is_best(prose: Prose, piece: Piece) -> bool:
    """Tells whether no better measurement of this part on this comparison is known."""
    found = prose.evidence.piece(piece.claim, piece.finding.part, piece.finding.comparison)
    return found is not None and found.origin == piece.origin and not piece.confounded


def _effects(context: Context, part: str, pieces: Sequence[Piece]) -> Inline:
    """Writes what was measured of a part, with comparisons and numbers of pairs."""
    words = context.words
    effects = [
        words("explanation.reference_effect", n=piece.effect.n, **numbers(context, piece.finding))
        for piece in pieces
    ]
    name = texts_of(context, pieces[0].claim, part).short
    return Inline(f"{name} {words.raw('list.comma').join(effects)}")
