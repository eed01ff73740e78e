"""Says what a dense network with fewer parameters, or as many, is worth beside a residual one."""

from math import inf

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
    """Says what does not follow from the assignment's own pair of networks."""
    counts = counted(prose, CLASSROOM)
    pieces = (piece for body in prose.evidence.bodies("D3") for piece in body.pieces)
    asked = "accuracy", CLASSROOM
    accuracy = next((each for each in pieces if (each.finding.part, each.finding.comparison) == asked), None)
    if not accuracy or "parameters" not in counts:
        return []
    told = {"parameters": share(counts["parameters"])}
    said = [prose.say("dense.classroom", counts["parameters"].source, **told)]
    seeds = [] if accuracy.effect.interval else with_seeds(prose, accuracy)
    one = prose.say("dense.classroom_accuracy", accuracy.source, accuracy=change(prose, accuracy))
    return [*said, *(seeds or [one])]


def with_seeds(prose: Prose, single: Piece) -> list[Statement]:
    """Says what a study with several seeds measured where this one has one."""
    piece = next(iter(prose.evidence.elsewhere(single)), None)
    if piece is None:
        return []
    low, high = piece.effect.interval or (-inf, inf)
    told = {"study": piece.study, "accuracy": change(prose, piece), "seeds": piece.effect.n}
    key = f"dense.classroom_seeds.{'open' if low <= 0 <= high else 'apart'}"
    return [prose.say(key, piece.source, **told)]


def share(piece: Piece) -> Inline:
    """Writes a count of one network as a share of the other's: 52%."""
    return literal(f"{100 + piece.effect.estimate:.0f}%")


def change(prose: Prose, piece: Piece) -> Inline:
    """Writes a difference in accuracy: of a single seed to a tenth, as accuracies are."""
    return prose.change(piece) if piece.effect.interval else literal(signed(piece.effect.estimate))
