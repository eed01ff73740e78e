"""Says what more layers do to the training error, with and without shortcuts."""

from collections.abc import Mapping, Sequence

from skipscope.report.document import Figure
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement
from skipscope.report.words import Inline


def degradation(prose: Prose, figures: Sequence[Figure]) -> list[Statement]:
    """Says what more layers do to the training error, without and with shortcuts."""
    judged = prose.evidence.judged("S3")
    if judged is None:
        return []
    parts: dict[str, Piece] = {piece.finding.part: piece for piece in judged.pieces}
    if not {"plain", "resnet"} <= parts.keys():
        return []
    verdict: str = judged.verdict if judged.settled else "inconclusive"
    ends = parts["resnet"].effect.interval
    if verdict == "supported":
        verdict = "remains" if ends and ends[0] > 0 else "gone"
    told = {
        "plain": prose.number(parts["plain"]),
        "residual": (prose.number if verdict == "remains" else prose.change)(parts["resnet"]),
        "figure": prose.figure(figures[-1]) if figures else "",
    }
    if verdict == "remains":
        told["also"] = in_another_study(prose, parts, "residual.degradation.also")
    return [prose.say(f"residual.degradation.{verdict}", judged.source, **told)]


def in_another_study(prose: Prose, parts: Mapping[str, Piece], key: str) -> Inline:
    """Writes what depth costs both kinds of networks in another study; empty where there is none."""
    plain = next(iter(prose.evidence.elsewhere(parts["plain"])), None) if "plain" in parts else None
    residual = prose.evidence.along(plain, "resnet") if plain else None
    if plain is None or residual is None or not residual.effect.interval:
        return Inline("")
    told = {"study": plain.study, "plain": prose.number(plain), "residual": prose.number(residual)}
    return Inline(prose.context.words.raw(key).format(**told))
