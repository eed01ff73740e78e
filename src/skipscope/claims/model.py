"""Holds measurements of claims, and the verdicts that `verdicts.py` makes of them, as data."""

from dataclasses import dataclass
from typing import Any, Literal

from skipscope.analysis.statistics import Estimate
from skipscope.claims.confounds import Confound
from skipscope.spec.comparison import Comparison, Factor
from skipscope.spec.values import Frozen

Group = Literal["shortcuts", "concatenation", "gates", "course"]
Verdict = Literal["supported", "contradicted", "inconclusive", "not_measured", "confounded"]
"""`confounded` is shown as "withheld" everywhere but in JSON."""
Direction = Literal["above", "below", "apart", "within"]
"""Where the claimed effect lies: above the bound, below it, outside +-bound, or within it."""
Lost = Literal["", "diverged", "no_number"]
"""Why no seed has a value and more seeds would not help: runs diverged, or the quantity is undefined."""

MINIMUM_SEEDS = 5
"""A claim measured on fewer pairs is at most inconclusive, unless its quantity is exact."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One part of a claim, measured on one comparison but not judged."""

    part: str
    comparison: Comparison
    effect: Estimate | None
    """None if it was not measured."""
    confounds: tuple[Confound, ...] = ()
    runs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Arms, probes or seeds that are missing."""
    hint: str = ""
    """The command that adds them."""
    lost: Lost = ""
    context: bool = False
    """Whether it is shown but decides nothing, because there is a fairer comparison."""


class Effect(Frozen):
    """An estimate, as recorded."""

    estimate: float
    low: float | None
    """None if there is a single pair."""
    high: float | None
    n: int
    unit: str
    spread: float
    """Standard deviation of a pair's difference; 0 if unknown."""
    images_error: float
    """Part of the standard error due to the choice of test images."""
    dropped: int = 0
    """Pairs without a finite value, which count in nothing above."""


class Finding(Frozen):
    """One part of a claim, measured and judged on its own."""

    part: str
    counts: bool
    comparison: str
    factor: Factor
    arms: tuple[str, ...]
    direction: Direction
    bound: float
    exact: bool
    verdict: Verdict
    """From its interval alone; only the claim's verdict is corrected for its family."""
    effect: Effect | None
    p_for: float | None
    """Twice the one-sided p; None if no test was made."""
    p_against: float | None
    confounds: tuple[Confound, ...]
    runs: tuple[str, ...]
    more_seeds: int | None = None
    """Further seeds that would settle it in 80 % of cases, if effect and spread are as estimated and the
    claim comes last in Holm's order. 0 if it is settled; None if unknown, or if seeds would not help."""
    missing: tuple[str, ...]
    hint: str
    lost: Lost = ""

    @property
    def is_paired(self) -> bool:
        """Whether it compares arms with control arms, seed by seed."""
        return " - " in self.comparison


class ClaimResult(Frozen):
    """A claim's verdict and everything it rests on."""

    id: str
    group: Group
    verdict: Verdict
    findings: tuple[Finding, ...]
    p: float | None = None
    """P of the verdict that the parts point to; None if no test was made, as for exact quantities."""
    adjusted_p: float | None = None
    """P after Holm's correction over `family` claims."""
    family: int = 0
    data: str = ""
    """Name of the data set; results on the embedded one say nothing about CIFAR-10."""

    @property
    def counted(self) -> list[Finding]:
        """The findings on which the verdict rests."""
        return [finding for finding in self.findings if finding.counts]

    @property
    def lacks_more_than_seeds(self) -> bool:
        """Whether a part that counts was not measured, or has pairs without a value."""
        return any(finding.effect is None or finding.effect.dropped for finding in self.counted)

    @property
    def more_seeds(self) -> int | None:
        """Further seeds that would settle the claim; None if it is settled or they would not help.

        None also if the number is unknown: without an interval there is no spread.
        """
        if self.verdict != "inconclusive" or self.lacks_more_than_seeds:
            return None
        wanted = [finding.more_seeds for finding in self.counted]
        known = all(f.exact or (f.effect is not None and f.effect.low is not None) for f in self.counted)
        return max(filter(None, wanted), default=None) if known and None not in wanted else None

    @property
    def leading(self) -> Finding | None:
        """The finding that represents the claim.

        The first that counts, was measured and has the claim's verdict; else the nearest to that.
        """

        def rank(finding: Finding) -> tuple[bool, bool, bool]:
            return not finding.counts, finding.effect is None, finding.verdict != self.verdict

        return min(self.findings, key=rank, default=None)

    def row(self) -> dict[str, Any]:
        """The claim in `claims --json`, rounded to six digits so that every machine writes the same bytes."""
        first = self.leading
        effect = first.effect if first else None
        confounds = dict.fromkeys(each for finding in self.findings for each in finding.confounds)
        row: dict[str, Any] = _rounded(
            {
                "id": self.id,
                "verdict": self.verdict,
                "effect": effect.estimate if effect else None,
                "interval": [effect.low, effect.high] if effect else None,
                "n": effect.n if effect else 0,
                "comparison": first.comparison if first else "",
                "confounds": [each.model_dump() for each in confounds],
                "runs": sorted({run for finding in self.findings for run in finding.runs}),
                "unit": effect.unit if effect else "",
                "direction": first.direction if first else None,
                "bound": first.bound if first else None,
                "p": self.p,
                "adjusted_p": self.adjusted_p,
                "family": self.family,
                "data": self.data,
                # `todo` is the former name of `hint`, kept for one version
                "parts": [finding.model_dump() | {"todo": finding.hint} for finding in self.findings],
            }
        )
        return row


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
