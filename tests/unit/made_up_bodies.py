"""Made-up bodies of evidence for the hand-in: a reference whose verdicts one chooses, and prose on it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from documents import context_of

from skipscope.claims.catalogue import catalogue
from skipscope.reference import shipped
from skipscope.reference.card import ReferenceCard
from skipscope.report.document import Paragraph, Table
from skipscope.report.handin.evidence import Evidence
from skipscope.report.handin.prose import Prose
from skipscope.report.words import unmarked

Part = tuple[str, str, str, float]
"""Name, comparison, verdict and estimate; its interval is a tenth of it to both sides, at least 0.01."""


def card(study: str, claims: Mapping[str, tuple[str, list[Part]]]) -> ReferenceCard:
    """The shipped card of a study, in which these are its only claims: verdict and parts by id."""
    rows = [
        {"id": id, "verdict": verdict, "parts": [part(id, *each) for each in parts]}
        for id, (verdict, parts) in claims.items()
    ]
    return shipped.cards()[study].model_copy(update={"claims": rows})


def part(claim: str, name: str, comparison: str, verdict: str, estimate: float) -> dict[str, Any]:
    """A part of a claim as `claims --json` writes it."""
    asked = catalogue()[claim].parts[name]
    reach = max(abs(estimate) / 10, 0.01)
    effect = {
        "estimate": estimate,
        "low": estimate - reach,
        "high": estimate + reach,
        "n": 5,
        "unit": asked.unit,
        "spread": 0.0,
        "images_error": 0.0,
    }
    return {
        "part": name,
        "counts": asked.counts,
        "comparison": comparison,
        "factor": "gate",
        "arms": comparison.replace(" - ", ", ").split(", "),
        "direction": asked.direction,
        "bound": asked.bound,
        "exact": asked.exact,
        "verdict": verdict,
        "effect": effect,
        "p_for": None,
        "p_against": None,
        "confounds": [],
        "runs": [],
        "missing": [],
        "hint": "",
    }


def prose(tables: Any, *cards: ReferenceCard, language: Any = "en", results: Any = ()) -> Prose:
    """Prose of a workspace with these own verdicts, and with these references or the shipped ones."""
    reference = {each.study: each for each in cards} or dict(shipped.cards())
    context = context_of(tables, language, results=results)
    evidence = Evidence(tables=tables, results=results, reference=MappingProxyType(reference))
    return Prose(context=context, evidence=evidence)


def read(blocks: Any) -> str:
    """The running text of blocks, with the cells of tables."""
    told = []
    for block in blocks:
        if isinstance(block, Paragraph):
            told.append(block.text)
        elif isinstance(block, Table):
            told += [cell for row in block.rows for cell in row]
    return "\n".join(map(unmarked, told)).replace("\u00a0", " ")
