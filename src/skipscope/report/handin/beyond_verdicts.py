"""Finds what a row of the conclusion tells beyond its verdict: depths, other studies, causes."""

from collections.abc import Mapping

from skipscope.report.handin.beside import precise
from skipscope.report.handin.by_depth import apart, depth_of, hardly_trained
from skipscope.report.handin.degradation import in_another_study
from skipscope.report.handin.gate_evidence import cause, controlled
from skipscope.report.handin.pieces import SETTLED, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.handin.residual import lost
from skipscope.report.words import Inline, literal


def extended(
    prose: Prose, key: str, piece: Piece, fields: Mapping[str, Piece]
) -> tuple[str, dict[str, object]]:
    """Returns the key of a fuller text and what it is filled with, where more was found."""
    if key.endswith("overfitting.supported") and (found := learning(prose, piece)):
        return "conclusion.rows.overfitting.apart", found
    if key.startswith("conclusion.rows.blocks.") and (shares := lost(piece)):
        return f"{key}_both", dict(shares)
    if key.endswith(".even.early") and (depths := kept_later(prose)):
        return f"{key}_deep", dict(depths)
    if key.endswith(".reduced"):
        also = in_another_study(prose, fields, "conclusion.rows.degradation.also")
        return f"{key}{'_begun' if hardly_trained(prose, fields['plain']) else ''}", {"also": also}
    return key, {}


def kept_later(prose: Prose) -> dict[str, Inline]:
    """At which depths shortcuts also keep the ratio closer to 1 during training, and at which not."""
    pieces = prose.evidence.pieces("S1c", "training").values()
    told = {
        str(verdict): sorted(depth_of(each.finding.arms[0]) for each in pieces if each.told == verdict)
        for verdict in SETTLED
    }
    listed = prose.context.words.listed
    named = {verdict: listed([literal(str(depth)) for depth in found]) for verdict, found in told.items()}
    return named if all(told.values()) else {}


def vanishes_later(prose: Prose) -> Piece | None:
    """The ratio of gradients during training, if it was found to vanish then."""
    judged = prose.evidence.judged("S1b")
    return judged.deepest if judged and judged.verdict == "supported" else None


def halved(prose: Prose) -> Piece | None:
    """What halving the branch alone brings, if that is most of what gates bring."""
    image = controlled(prose)
    told = image and cause(prose) in ("scale", "mostly")
    return prose.evidence.along(image, "half") if image and told else None


def learning(prose: Prose, piece: Piece) -> dict[str, object]:
    """The degradation of a chain that does learn, its gradient included; empty where none was found."""
    found = apart(prose, min(map(depth_of, piece.finding.arms)))
    return found[0] if found and found[1][0].study == piece.study else {}


def unsure_of(prose: Prose) -> dict[str, Inline]:
    """What is told of the order of learning where not every pair is settled; empty where each is."""
    pieces = sorted(precise(prose, "T5", "images"), key=lambda piece: piece.effect.estimate)
    settled = [piece for piece in pieces if piece.settled]
    if len(settled) == len(pieces):
        return {}
    numbers = {"settled": literal(str(len(settled))), "all": literal(str(len(pieces)))}
    return {**numbers, "least": prose.number(pieces[0]), "lowest": prose.networks(pieces[0])}
