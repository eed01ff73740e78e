"""Says each kind of connection in one sentence, as far as verdicts carry it."""

from collections.abc import Iterable
from dataclasses import replace

from skipscope.report.document import Block
from skipscope.report.handin.by_depth import depth_of
from skipscope.report.handin.dense import falls
from skipscope.report.handin.gate_evidence import cause, clean, controlled
from skipscope.report.handin.obstacles import weighed
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.handin.residual import agreement
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline

Short = tuple[str, list[Source]]
"""The key of a clause in `one_page.short`, and what it rests on."""


def shorts(prose: Prose) -> dict[str, Short]:
    """Returns what can be said of the sections `without`, `residual`, `dense` and `gated`."""
    start, deeper = best(prose, "S1a", "start"), prose.evidence.piece("S3", "plain")
    cured, easier = prose.evidence.judged("S3"), prose.evidence.piece("D2", "interaction")
    fewer, gain = clean(prose, "D3", "accuracy"), clean(prose, "E3", "accuracy")
    told: dict[str, Short] = {}
    if deeper and deeper.told == "supported":
        kept = [start.source] if start and start.told == "contradicted" else []
        told["without"] = f"depth.{'contradicted' if kept else 'open'}", [deeper.source, *kept]
        if cured and cured.verdict == "supported":
            told["residual"] = "residual", [cured.source]
    if fewer and fewer.settled:
        told["dense"] = f"dense.{fewer.told}", [fewer.source]
    elif easier and easier.told == "supported":
        told["dense"] = f"dense.{'better' if falls(prose, easier) else 'easier'}", [easier.source]
    if gain and gain.settled:
        why, image = cause(prose), controlled(prose)
        told["gated"] = f"gated.{why or gain.told}", [gain.source, *([image.source] if why and image else [])]
    return told


def in_one_sentence(prose: Prose) -> Statement | None:
    """Says the whole; None where nothing is settled."""
    told, words = shorts(prose).values(), prose.context.words
    if not told:
        return None
    clauses = (words(f"one_page.short.{key}") for key, _ in told)
    items = words.raw("one_page.short.clause").join(each[:1].upper() + each[1:] for each in clauses)
    sources = dict.fromkeys(source for _, found in told for source in found)
    return prose.say("one_page.short.all", *sources, items=Inline(items))


def of_section(prose: Prose, section: str, blocks: Iterable[Block]) -> list[Block]:
    """Says what a section comes to, to begin it with, and names the claims behind its blocks."""
    if (found := shorts(prose).get(section)) is None:
        return []
    key, sources = found
    if section == "residual":
        tried, agree = weighed(prose), agreement(prose)
        why = "tried" if tried else "agree" if agree else "alone"
        key, sources = f"{key}_{why}", [*sources, *agree, *(tried[0].sources if tried else ())]
    text = prose.context.words(f"one_page.short.{key}")
    begin = prose.paragraph(prose.say("one_page.short.one", *sources, item=text))
    return [replace(begin, text=Inline(begin.text + prose.cards(sources, blocks)))]


def best(prose: Prose, claim: str, part: str) -> Piece | None:
    """The measurement on the deepest networks, if all that this part was measured on came out alike."""
    pieces = list(prose.evidence.pieces(claim, part).values())
    alike = len({piece.told for piece in pieces}) == 1
    return max(pieces, key=lambda piece: depth_of(piece.finding.arms[0])) if alike else None
