"""A claim, what was measured of it, and its verdict, as data. How one becomes the other: `verdicts.py`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from skipscope.analysis.statistics import Estimate
from skipscope.claims.confounds import Confound
from skipscope.spec.comparison import Comparison, Factor
from skipscope.spec.values import Frozen

Group = Literal["shortcuts", "concatenation", "gates", "course"]
Verdict = Literal["supported", "contradicted", "inconclusive", "not_measured", "confounded"]
Direction = Literal["above", "below", "apart", "within"]
"""Where an effect lies that the claim speaks of: above the bound, below it, outside of or within +-bound."""
Lost = Literal["", "diverged", "no_number"]
"""Why no seed has a number, where others would fare alike: of each a run diverged, or none can be told."""

MINIMUM_SEEDS = 5
"""With fewer pairs a claim is at most inconclusive, unless its quantity is exact."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What there is on one part of a claim."""

    part: str
    comparison: Comparison
    effect: Estimate | None
    """None: not measured."""
    confounds: tuple[Confound, ...] = ()
    runs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Arms, probes or seeds that it would take."""
    hint: str = ""
    """The command that adds them."""
    lost: Lost = ""
    context: bool = False
    """Shown, and decides nothing, even if its part counts: there is a fairer comparison."""


class Effect(Frozen):
    """An estimate as it is written down."""

    estimate: float
    low: float | None
    """None: no bound is known, from a single pair."""
    high: float | None
    n: int
    unit: str
    spread: float
    """Standard deviation of a pair's difference; 0 where none is known, or there is none."""
    images_error: float
    """The part of the standard error that is due to the choice of test images."""
    dropped: int = 0
    """Pairs without a number, which are in nothing above: no further seed brings them back."""


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
    """Of its interval alone; the claim's is corrected for its family."""
    effect: Effect | None
    p_for: float | None
    """Twice the one-sided p; None where no test was made."""
    p_against: float | None
    confounds: tuple[Confound, ...]
    runs: tuple[str, ...]
    more_seeds: int | None = None
    """How many more would settle it in 80 % of cases, if effect and spread are as they seem and the claim
    comes last in Holm's order. 0: it is settled. None: not known, or seeds would not help."""
    missing: tuple[str, ...]
    hint: str
    lost: Lost = ""

    @property
    def is_paired(self) -> bool:
        """Whether arms are set against others, seed by seed."""
        return " - " in self.comparison


class ClaimResult(Frozen):
    """A claim's verdict and everything it rests on."""

    id: str
    group: Group
    verdict: Verdict
    findings: tuple[Finding, ...]
    p: float | None = None
    """Of the verdict that the parts point to; None where no test was made, as of what is exact."""
    adjusted_p: float | None = None
    """After Holm, over `family` claims."""
    family: int = 0
    towards: Literal["supported", "contradicted", ""] = ""
    """Where the smaller p points, whether or not it suffices."""
    data: str = ""
    """Of which data set it holds; of the embedded one it says nothing about CIFAR-10."""

    @property
    def lacks_more_than_seeds(self) -> bool:
        """Whether a part that counts was not measured, or pairs of it have no number."""
        counted = [finding.effect for finding in self.findings if finding.counts]
        return any(effect is None or effect.dropped for effect in counted)

    @property
    def more_seeds(self) -> int | None:
        """How many more would settle the claim; None where it is settled, or they would not, or none can say.

        Without an interval there is no spread to reckon with.
        """
        counted = [finding for finding in self.findings if finding.counts]
        wanted = [finding.more_seeds for finding in counted if finding.more_seeds is not None]
        if self.verdict != "inconclusive" or self.lacks_more_than_seeds or len(wanted) < len(counted):
            return None
        known = all(f.exact or (f.effect is not None and f.effect.low is not None) for f in counted)
        return max(wanted, default=0) or None if known else None

    @property
    def leading(self) -> Finding | None:
        """The finding that stands for the claim.

        Of those that count and were measured the first that has the claim's verdict, else the first.
        """

        def rank(finding: Finding) -> tuple[bool, bool, bool]:
            return not finding.counts, finding.effect is None, finding.verdict != self.verdict

        return min(self.findings, key=rank, default=None)

    def row(self) -> dict[str, Any]:
        """As `claims --json` writes it: numbers to six digits, so that any machine gives the same bytes."""
        first = self.leading
        effect = first.effect if first else None
        row: dict[str, Any] = _rounded(
            {
                "id": self.id,
                "verdict": self.verdict,
                "effect": effect.estimate if effect else None,
                "interval": [effect.low, effect.high] if effect else None,
                "n": effect.n if effect else 0,
                "comparison": first.comparison if first else "",
                "confounds": [c.model_dump() for c in _once(f.confounds for f in self.findings)],
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


def _once(many: Iterable[Iterable[Confound]]) -> list[Confound]:
    return list(dict.fromkeys(each for several in many for each in several))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
