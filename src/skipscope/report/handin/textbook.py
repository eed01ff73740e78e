"""Sets what was found against sentences of textbooks: an `Answer` to each that the evidence settles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from skipscope.claims.catalogue import catalogue
from skipscope.report.handin.beyond_verdicts import extended, halved, unsure_of, vanishes_later
from skipscope.report.handin.dense_accuracy import share
from skipscope.report.handin.gate_evidence import KINDS, clean
from skipscope.report.handin.pieces import SETTLED, Judged, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement
from skipscope.report.words import Inline, code

Sure = Literal["counted", "high", "good", "fair", "open"]
MANY_SEEDS = 10
"""From which on seeds tell how much a quantity spreads."""
Field = tuple[str, int]
"""A part of a claim and which of its comparisons, in their order; -1 is the last, mostly the deepest."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was found of one sentence, and on what it rests."""

    key: str
    """The name of its texts in `conclusion.rows`."""
    found: Statement
    basis: Inline
    sure: Sure


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence of textbooks, the claim that tests it, and what its text is filled with.

    Judged by the whole claim, or by some of its parts on all their comparisons.
    """

    key: str
    claim: str
    fields: Mapping[str, Field]
    parts: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    """The comparisons that the sentence is about; all if left out."""
    written: Callable[[Prose, Piece], Inline] = Prose.effect
    """How its effects are written."""


COUNTS = ("parameters", "arithmetic")
DEEP = tuple(f"resnet{depth} - plain{depth}" for depth in (20, 32, 56))
SENTENCES = (
    Sentence(key="vanishing", claim="S1a", fields={"effect": ("start", -1)}),
    Sentence(key="training", claim="S1b", fields={"effect": ("training", -1)}),
    Sentence(
        key="even", claim="S1c", parts=("start",), fields={"effect": ("start", -1)}, written=Prose.inverse
    ),
    Sentence(
        key="degradation",
        claim="S3",
        fields={"plain": ("plain", 0), "residual": ("resnet", 0)},
        written=Prose.moved,
    ),
    Sentence(
        key="overfitting", claim="S3", parts=("plain",), fields={"effect": ("plain", 0)}, written=Prose.moved
    ),
    Sentence(key="shattering", claim="S6", fields={"effect": ("start", -1)}),
    Sentence(key="branch", claim="S8", fields={"effect": ("normalised", 0)}),
    Sentence(key="blocks", claim="S5", fields={"effect": ("fewer_lost", -1)}, written=Prose.fewer),
    Sentence(key="landscape", claim="S7", fields={"effect": ("eigenvalue", -1)}),
    Sentence(
        key="dense", claim="D2", parts=("start",), fields={"effect": ("start", -1)}, written=Prose.inverse
    ),
    Sentence(key="reuse", claim="D1", fields={"weight": ("weight", 0), "ablation": ("ablation", 0)}),
    Sentence(
        key="parameters",
        claim="D3",
        fields={part: (part, 0) for part in ("accuracy", "parameters", "memory")},
    ),
    Sentence(key="redundancy", claim="D4", fields={"rank": ("rank", 0), "correlation": ("correlation", 0)}),
    Sentence(key="price", claim="E2", parts=COUNTS, fields={part: (part, -1) for part in COUNTS}),
    Sentence(
        key="gates", claim="E3", parts=("accuracy",), fields={"effect": ("accuracy", -1)}, written=Prose.moved
    ),
    Sentence(
        key="content", claim="E4", parts=("content",), fields={"effect": ("content", 0)}, written=Prose.moved
    ),
    Sentence(key="stem", claim="E5", fields={"effect": ("pool", 0)}, written=Prose.moved),
    Sentence(key="speed", claim="T1", parts=("epochs",), pairs=DEEP, fields={"effect": ("epochs", 0)}),
    Sentence(key="gap", claim="T3", fields={}),
    Sentence(key="order", claim="T5", fields={}),
    Sentence(key="sharpness", claim="T6", fields={"effect": ("rate", 0)}),
)
"""In reading order."""
FIRST = (
    *("vanishing", "even", "degradation", "parameters", "gates", "content", "speed", "price"),
    *("dense", "overfitting", "reuse", "blocks", "shattering", "training", "branch", "gap", "landscape"),
    *("redundancy", "sharpness", "stem", "order"),
)
"""Which come first where there is no room for all."""


def answers(prose: Prose, *, most: int) -> list[Answer]:
    """The settled sentences in reading order, at most so many."""
    found = {
        each.key: answer for each in SENTENCES if (answer := answered(prose, each) or undecided(prose, each))
    }
    kept = [key for key in FIRST if key in found][:most]
    return [answer for key, answer in found.items() if key in kept]


def undecided(prose: Prose, sentence: Sentence) -> Answer | None:
    """Says of fewer parameters what was measured, though that settles nothing: the report asks it."""
    if sentence.key != "parameters" or (piece := clean(prose, "D3", "accuracy")) is None:
        return None
    counts = prose.evidence.pieces("D3", "parameters").get(piece.finding.comparison)
    if piece.settled or counts is None or not piece.effect.interval:
        return None
    told = {"parameters": share(counts), "accuracy": prose.change(piece), "networks": prose.networks(piece)}
    return Answer(
        key=sentence.key,
        found=prose.say("conclusion.rows.parameters.open", piece.source, **told),
        basis=rests_on(prose, piece),
        sure="open",
    )


def unsettled(prose: Prose) -> list[str]:
    """The claims that were measured and that no body of evidence settles."""
    bodies = {id: [b for b in prose.evidence.bodies(id) if b.verdict != "confounded"] for id in catalogue()}
    return [id for id, found in bodies.items() if found and not any(body.settled for body in found)]


def answered(prose: Prose, sentence: Sentence) -> Answer | None:
    """What was found of a sentence; None if it is not settled."""
    judged = body(prose, sentence)
    fields = picked(judged, sentence) if judged else None
    if judged is None or fields is None:
        return None
    pieces = deciding(judged, sentence)
    verdict = together(pieces) if sentence.parts else judged.verdict
    # one contradicted part decides; all supported ones do, so the least sure of them
    order = sorted((piece for piece in pieces if piece.told == verdict), key=by_certainty)
    if verdict not in SETTLED or not order:
        return None
    piece = order[-1] if verdict == "contradicted" else order[0]
    written = {name: sentence.written(prose, each) for name, each in fields.items()}
    turned = sentence.written == Prose.inverse
    told: dict[str, object] = {"networks": prose.networks(fields.get("effect", piece), turned=turned)}
    told |= written | {"study": code(piece.study)}
    key = f"conclusion.rows.{sentence.key}.{variant(sentence, verdict, judged, fields)}"
    used = [piece]
    if sentence.key == "gates" and (half := halved(prose)) and half.origin == piece.origin:
        key, told["half"], used = "conclusion.rows.gates.halved", prose.moved(half), [piece, half]
    key, more = extended(prose, key, piece, fields)
    told |= more
    if sentence.key == "vanishing" and verdict == "contradicted" and (fallen := vanishes_later(prose)):
        others = any(not each.settled for each in prose.evidence.elsewhere(fallen))
        key = f"conclusion.rows.vanishing.{'later' if others else 'settled'}"
        told["training"], used = prose.times(fallen), [piece, fallen]
    # the basis names one study, so what another adds does not lower how sure that one is
    sure = certainty(min((each for each in used if each.origin == piece.origin), key=by_certainty))
    if sure != "counted" and prose.context.calibration["claims"].get(sentence.claim, {}).get("misses"):
        sure = RANKS[max(0, RANKS.index(sure) - 1)]
    if sentence.key == "order" and (pairs := unsure_of(prose)):
        key, told, sure = "conclusion.rows.order.largely", told | pairs, RANKS[0]
    return Answer(
        key=sentence.key,
        found=prose.say(key, *(each.source for each in used), **told),
        basis=rests_on(prose, piece),
        sure=sure,
    )


def body(prose: Prose, sentence: Sentence) -> Judged | None:
    """The body of evidence that is told: this workspace's if it settles any of it, else the fullest."""
    found = [_only(each, sentence) for each in prose.evidence.bodies(sentence.claim)]
    if not sentence.parts:
        found = [each for each in found if each.settled]
    settled = {id(each): sum(piece.settled for piece in deciding(each, sentence)) for each in found}
    found = [each for each in found if settled[id(each)]]
    own = (each for each in found if each.basis == "own")
    return next(own, max(found, key=lambda each: (settled[id(each)], _of_classroom(each)), default=None))


def _only(judged: Judged, sentence: Sentence) -> Judged:
    """Leaves out what is withheld as confounded, and pairs that the sentence is not about."""
    pieces = [piece for piece in judged.pieces if not piece.confounded]
    if sentence.pairs:
        pieces = [piece for piece in pieces if piece.finding.comparison in sentence.pairs]
    return replace(judged, pieces=tuple(pieces))


def _of_classroom(judged: Judged) -> bool:
    return any(piece.finding.arms[0] in KINDS for piece in judged.pieces)


def deciding(judged: Judged, sentence: Sentence) -> list[Piece]:
    """The measurements on which the verdict rests."""
    counted = [piece for piece in judged.pieces if piece.finding.counts]
    return [piece for piece in counted if not sentence.parts or piece.finding.part in sentence.parts]


def picked(judged: Judged, sentence: Sentence) -> Mapping[str, Piece] | None:
    """The measurements that the text is filled with; None if one is missing."""
    found = {}
    for name, (part, index) in sentence.fields.items():
        pieces = [piece for piece in judged.pieces if piece.finding.part == part]
        if not pieces:
            return None
        found[name] = pieces[index]
    return found


def together(pieces: Sequence[Piece]) -> str:
    """What all comparisons of a part say: supported if each is, contradicted if one is."""
    told = {piece.told for piece in pieces}
    if "contradicted" in told:
        return "contradicted"
    signs = {piece.effect.estimate > 0 for piece in pieces if piece.finding.direction == "apart"}
    return "supported" if told == {"supported"} and len(signs) < 2 else "inconclusive"


def variant(sentence: Sentence, verdict: str, judged: Judged, fields: Mapping[str, Piece]) -> str:
    """Which text is told: that of the verdict, but where a sentence distinguishes more."""
    if sentence.key in ("even", "dense") and verdict == "supported":
        training = [piece for piece in judged.pieces if piece.finding.part == "training"]
        later = [piece.told for piece in training]
        if sentence.key == "dense" and any((each.effect.interval or (0, 0))[0] > 0 for each in training):
            return "opposite"
        return "early" if "contradicted" in later else verdict
    if sentence.key == "degradation" and verdict == "supported":
        remains = (fields["residual"].effect.interval or (0.0, 0.0))[0] > 0
        return "reduced" if remains else verdict
    if sentence.key == "speed" and verdict == "supported":
        return "faster" if fields["effect"].effect.estimate < 0 else "slower"
    return verdict


RANKS: tuple[Sure, ...] = ("fair", "good", "high", "counted")
"""From the least sure."""


def by_certainty(piece: Piece) -> int:
    """Ranks measurements from the least sure."""
    return RANKS.index(certainty(piece))


def certainty(piece: Piece) -> Sure:
    """How sure a settled measurement is: by its seeds, and by how far its interval is from the bound."""
    if piece.finding.exact:
        return "counted"
    low, high = piece.effect.interval or (piece.effect.estimate,) * 2
    bound = piece.finding.bound
    edges = (bound, -bound) if piece.finding.direction in ("apart", "within") else (bound,)
    distance = min(abs(end - edge) for end in (low, high) for edge in edges)
    return RANKS[(piece.effect.n >= MANY_SEEDS) + (distance >= (high - low) / 2)]


def rests_on(prose: Prose, piece: Piece) -> Inline:
    """Says from how many seeds a measurement is, and which study."""
    words = prose.context.words
    if piece.finding.exact:
        return Inline(prose.mark([piece.source]).strip())
    part = catalogue()[piece.claim].parts[piece.finding.part]
    moment = "start" if part.at_init else "runs"
    return Inline(words(f"conclusion.basis.{moment}", seeds=piece.effect.n) + prose.mark([piece.source]))
