"""Evaluates every claim on a study: the entry point of reports and of `skipscope claims`.

    results = evaluate(Workspace("skipscope-out"), "lab")

A pure function of the records: the same workspace gives the same results to the last bit.
"""

from collections.abc import Iterable
from typing import Any

from skipscope.analysis.quantities import QUANTITIES
from skipscope.analysis.tables import StudyTables, gather
from skipscope.claims.catalogue import Claim, catalogue
from skipscope.claims.evidence import Evidence
from skipscope.claims.measurements import measure, with_seeds
from skipscope.claims.model import ClaimResult, Lost
from skipscope.claims.verdicts import corrected, judge
from skipscope.records.store import Workspace

SCHEMA = 1


def evaluate(source: Workspace | StudyTables, study: str | None = None) -> tuple[ClaimResult, ...]:
    """The verdicts on all claims, in the order of the catalogue, corrected for their groups.

    Args:
        source: a workspace, or the tables of a study of it.
        study: its name; the one planned last, if left out.

    Raises:
        SkipscopeError: there is no such study, or a record is damaged.
    """
    tables = source if isinstance(source, StudyTables) else gather(source, study)
    return judged(Evidence(tables, QUANTITIES))


def judged(evidence: Evidence, claims: Iterable[Claim] = ()) -> tuple[ClaimResult, ...]:
    """The verdicts that any evidence gives on these claims, or on the whole catalogue."""
    measured = (
        (claim, [each for part in claim.parts.values() for each in measure(part, evidence)])
        for claim in claims or catalogue().values()
    )
    results = corrected(judge(claim, found, data=evidence.data) for claim, found in measured)
    seconds = evidence.seconds_per_seed
    return tuple(result.model_copy(update={"seconds_per_seed": seconds}) for result in results)


def document(study: str, results: tuple[ClaimResult, ...]) -> dict[str, Any]:
    """What `skipscope claims --json` writes."""
    return {"schema": SCHEMA, "study": study, "claims": [result.row() for result in results]}


def lost(results: tuple[ClaimResult, ...]) -> dict[Lost, list[str]]:
    """Claims that more seeds would not settle, by the reason: a part that counts has no value in any seed."""
    found: dict[Lost, list[str]] = {}
    for result in results:
        for why in dict.fromkeys(finding.lost for finding in result.counted if finding.lost):
            found.setdefault(why, []).append(result.id)
    return found


def next_steps(results: tuple[ClaimResult, ...], command: str) -> dict[str, list[str]]:
    """Commands that would settle open claims, each with the ids of the claims.

    Args:
        results: the results of the study.
        command: the study's own command, to which `--seeds` adds runs.
    """
    steps: dict[str, list[str]] = {}
    for result in results:
        wanted = [finding.hint for finding in result.counted if finding.hint]
        effects = [(f.effect, f.more_seeds) for f in result.counted if f.verdict == "inconclusive"]
        seeds = [effect.n + more for effect, more in effects if effect and more]
        helps = len(seeds) == len(effects) and not result.lacks_more_than_seeds
        if seeds and helps and not wanted and result.verdict == "inconclusive":
            wanted.append(with_seeds(command, max(seeds)))
        for hint in dict.fromkeys(wanted):
            steps.setdefault(hint, []).append(result.id)
    return steps
