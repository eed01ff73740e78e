"""Says what more layers do to the training error, with and without shortcuts, and where studies differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from skipscope.report.document import Figure
from skipscope.report.handin.by_depth import hardly_trained
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement
from skipscope.report.words import Inline, count


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
    said = [prose.say(f"residual.degradation.{verdict}", judged.source, **told)]
    if verdict == "remains" and (also := degradation_elsewhere(prose, parts)):
        said.append(prose.say("residual.degradation.also", also["source"], **also["told"]))
    return said


def in_another_study(prose: Prose, parts: Mapping[str, Piece], key: str) -> Inline:
    """Writes what depth costs both kinds of networks in another study; empty where there is none."""
    found = degradation_elsewhere(prose, parts)
    return Inline(prose.context.words.raw(key).format(**found["told"])) if found else Inline("")


def degradation_elsewhere(prose: Prose, parts: Mapping[str, Piece]) -> dict[str, Any]:
    """What depth costs both kinds of networks in another study: its source, and what fills a text."""
    plain = next(iter(prose.evidence.elsewhere(parts["plain"])), None) if "plain" in parts else None
    residual = prose.evidence.along(plain, "resnet") if plain else None
    if plain is None or residual is None or not residual.effect.interval:
        return {}
    images, epochs = prose.evidence.budget(plain)
    told: dict[str, object] = {"study": plain.study, "images": count(images), "epochs": epochs}
    told |= {"plain": prose.number(plain), "residual": prose.number(residual), "begun": Inline("")}
    if near_chance := hardly_trained(prose, plain):
        told["begun"] = prose.context.words("residual.degradation.begun", error=near_chance["error"])
    return {"source": plain.source, "told": told}
