"""What the recorded runs say of how pairs differ: the spread and skewness that calibration simulates."""

from skipscope.claims.calibration import against_itself
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult, Finding
from skipscope.claims.outlook import gap_at_twice, least_pairs
from skipscope.records.store import Workspace
from skipscope.spec.values import Frozen

FEWEST = 3
"""Pairs from which a spread and a skewness can be told."""


class RecordedPart(Frozen):
    """One finding of a claim, as far as a simulation needs it. All numbers are on the part's scale."""

    part: str
    comparison: str
    pairs: int
    """As many as were recorded, and at least as many as a verdict takes."""
    spread: float
    skew: float
    images_error: float
    alone: bool
    """Whether arms were measured as they are, so that an effect of 0 means nothing."""
    gap: float
    """Distance from the bound to twice the smallest effect worth having."""


class RecordedClaim(Frozen):
    """The findings on which a claim's verdict rests, in the study that measured them best."""

    id: str
    study: str
    parts: tuple[RecordedPart, ...]


def recorded(workspace: Workspace) -> dict[str, RecordedClaim]:
    """The claims that the workspace's studies have measured, by their ids.

    Of several studies the one in which most pairs were measured.

    Raises:
        SkipscopeError: a record is damaged.
    """
    found: dict[str, RecordedClaim] = {}
    for record in workspace.studies():
        name = record.study.name
        if name == against_itself.NAME:
            continue
        for claim in filter(None, (claim_of(name, each) for each in evaluate(workspace, name))):
            if claim.id not in found or _size(claim) > _size(found[claim.id]):
                found[claim.id] = claim
    return found


def claim_of(study: str, result: ClaimResult) -> RecordedClaim | None:
    """The claim as a simulation needs it; None if a part that counts was not sampled in several pairs."""
    counted = [finding for finding in result.counted if not finding.exact]
    parts = tuple(_part(finding) for finding in counted)
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return RecordedClaim(id=result.id, study=study, parts=tuple(known))


def _size(claim: RecordedClaim) -> tuple[int, int]:
    return min(part.pairs for part in claim.parts), len(claim.parts)


def _part(finding: Finding) -> RecordedPart | None:
    effect = finding.measured
    if effect is None or effect.n < FEWEST or not effect.spread:
        return None
    return RecordedPart(
        part=finding.part,
        comparison=finding.comparison,
        pairs=max(effect.n, least_pairs(effect)),
        spread=effect.spread,
        skew=effect.skew,
        images_error=effect.images_error,
        alone=effect.level,
        gap=gap_at_twice(finding),
    )
