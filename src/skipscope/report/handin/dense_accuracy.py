"""Says what a dense network with fewer parameters, or as many, is worth beside a residual one."""

from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement
from skipscope.report.words import Inline, code, literal, signed

CLASSROOM = "densenet - resnet"


def parameters(prose: Prose) -> list[Statement]:
    """Says what fewer parameters do to the accuracy, in a fair comparison and in the assignment's."""
    said = []
    for comparison, accuracy in prose.evidence.pieces("D3", "accuracy").items():
        counts = counted(prose, comparison)
        if accuracy.finding.verdict != "confounded" and {"parameters", "arithmetic"} <= counts.keys():
            ours, theirs = map(code, comparison.split(" - "))
            told = {part: share(counts[part]) for part in ("parameters", "arithmetic")}
            who = {"dense": ours, "residual": theirs}
            said.append(prose.say("dense.counts", counts["parameters"].source, **who, **told))
            verdict = accuracy.finding.verdict if accuracy.settled else "inconclusive"
            told = {"accuracy": change(prose, accuracy)}
            said.append(prose.say(f"dense.accuracy.{verdict}", accuracy.source, **told))
            break
    if (judged := prose.evidence.judged("D4")) is not None and judged.settled:
        parts = {piece.finding.part: prose.change(piece) for piece in judged.pieces}
        said.append(prose.say(f"dense.redundancy.{judged.verdict}", judged.source, **parts))
    return said


def counted(prose: Prose, comparison: str) -> dict[str, Piece]:
    """Returns what was counted of a comparison: parameters, arithmetic and memory, in per cent."""
    parts = ("parameters", "arithmetic", "memory")
    found = {part: prose.evidence.pieces("D3", part).get(comparison) for part in parts}
    return {part: piece for part, piece in found.items() if piece}


def limits(prose: Prose) -> list[Statement]:
    """Says that the assignment's own pair of networks does not tell what concatenation is worth."""
    fewer = counted(prose, CLASSROOM).get("parameters")
    return [prose.say("dense.classroom", fewer.source, parameters=share(fewer))] if fewer else []


def share(piece: Piece) -> Inline:
    """Writes a count of one network as a share of the other's: 52%."""
    return literal(f"{100 + piece.effect.estimate:.0f}%")


def change(prose: Prose, piece: Piece) -> Inline:
    """Writes a difference in accuracy: of a single seed to a tenth, as accuracies are."""
    return prose.change(piece) if piece.effect.interval else literal(signed(piece.effect.estimate))
