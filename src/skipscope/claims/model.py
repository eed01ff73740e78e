"""Holds measurements of claims, and the verdicts that `verdicts.py` makes of them, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from skipscope.analysis.scales import Scale
from skipscope.analysis.statistics import ALPHA, Estimate
from skipscope.claims.confounds import Confound
from skipscope.spec.comparison import Comparison, Factor
from skipscope.spec.values import Frozen

Group = Literal["shortcuts", "concatenation", "gates", "course"]
Verdict = Literal["supported", "contradicted", "inconclusive", "not_measured", "confounded"]
"""`confounded` is shown as "withheld" everywhere but in JSON."""
Direction = Literal["above", "below", "apart", "within"]
"""Where the claimed effect lies: above the bound, below it, outside +-bound, or within it."""
Lost = Literal["", "diverged", "no_number", "too_inaccurate", "loss_too_high"]
"""Why there is no value and more seeds would not help: runs diverged, the quantity is undefined, an arm
learnt too little, or the training loss that all arms reach is too high."""

Needs = Literal["all", "any"]
"""Whether all parts of a claim have to hold, or any."""

MINIMUM_SEEDS = 5
"""A claim measured on fewer pairs is at most inconclusive, unless its quantity is exact."""
MINIMUM_ALONE = 10
"""The same where arms are measured as they are, with neither a control nor their own start to subtract."""


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
    at_loss: float | None = None
    """The training loss at which arms are compared, where it is not the start or the end."""
    context: bool = False
    """Whether it is shown but decides nothing, because there is a fairer comparison."""


class Effect(Frozen):
    """An estimate, as recorded: in the part's unit, but for its spread and errors."""

    estimate: float
    low: float | None
    """End of the 95 % interval; None if there is a single pair."""
    high: float | None
    n: int
    unit: str
    adjusted_low: float | None = None
    """End of the interval at `level`, which is drawn and printed: no verdict contradicts it."""
    adjusted_high: float | None = None
    level: float = 1 - ALPHA
    """Coverage of the adjusted interval: that at which the part had to be tested."""
    scale: Scale = "linear"
    ratio: bool = False
    """Whether it is a ratio, neutral at 1: a difference of logarithms or of log odds."""
    spread: float
    """Standard deviation of a pair's difference, on the scale; 0 if unknown."""
    images_error: float
    """Part of the standard error due to the choice of test images, on the scale."""
    error: float = 0.0
    """Standard error, on the scale."""
    freedom: float = 0.0
    """Degrees of freedom of the error; 0 if no spread is known."""
    skew: float = 0.0
    """Skewness of a pair's difference, on the scale."""
    dropped: int = 0
    """Pairs without a finite value, which count in nothing above."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval to be drawn and printed; None if there is a single pair."""
        if self.adjusted_low is None or self.adjusted_high is None:
            return None if self.low is None or self.high is None else (self.low, self.high)
        return self.adjusted_low, self.adjusted_high


class SeedsNeeded(Frozen):
    """Further seeds that would settle a part in 80 % of cases, if the effect is as estimated.

    A range, since few seeds say little of the spread: at the ends of its 95 % interval (chi-square).
    """

    least: int
    likely: int | None
    """At the spread as estimated."""
    most: int | None
    """None where no number of seeds up to `hypotheses.MOST_SEEDS` is enough."""


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
    """That of its adjusted interval."""
    effect: Effect | None
    measured: Estimate | None = Field(None, exclude=True, repr=False)
    """The effect on its scale, from which intervals of any level follow."""
    p_for: float | None
    """Twice the one-sided p; None if no test was made."""
    p_against: float | None
    confounds: tuple[Confound, ...]
    runs: tuple[str, ...]
    more_seeds: int | None = None
    """Further seeds that would settle it in 80 % of cases, if effect and spread are as estimated. 0 if it is
    settled; None if unknown, or if seeds would not help."""
    seeds: SeedsNeeded | None = None
    """The same as a range; None if it is settled, unknown, or seeds would not help."""
    power: float | None = None
    """Probability that these pairs support it if the effect is twice the smallest worth having, at the
    spread that was observed. None if nothing was drawn, the spread is unknown, or the bound is 0."""
    missing: tuple[str, ...]
    hint: str
    lost: Lost = ""
    at_loss: float | None = None
    """The training loss at which arms are compared, where it is not the start or the end."""

    @property
    def is_paired(self) -> bool:
        """Whether it compares arms with control arms, seed by seed."""
        return " - " in self.comparison


class ClaimResult(Frozen):
    """A claim's verdict and everything it rests on."""

    id: str
    group: Group
    edition: int = 2
    """A changed claim gets a new one."""
    needs: Needs = "all"
    verdict: Verdict
    findings: tuple[Finding, ...]
    p: float | None = None
    """P of the verdict that the parts point to; None if no test was made, as for exact quantities."""
    adjusted_p: float | None = None
    """P after Holm's correction over `family` claims."""
    family: int = 0
    level: float = ALPHA
    """The level at which Holm's procedure tested it: 0.05 / (family - rank + 1)."""
    seconds_per_seed: float | None = None
    """What one more seed of the whole study takes on the machine of its runs."""
    data: str = ""
    """Name of the data set; results on the embedded one say nothing about CIFAR-10."""

    @property
    def counted(self) -> list[Finding]:
        """The findings on which the verdict rests."""
        return [finding for finding in self.findings if finding.counts]

    def verdict_of(self, part: str) -> Verdict:
        """What all findings of a part say together: that which each of them says, else inconclusive."""
        said = {finding.verdict for finding in self.findings if finding.part == part}
        return said.pop() if len(said) == 1 else "inconclusive"

    @property
    def lacks_more_than_seeds(self) -> bool:
        """Whether a part that counts was not measured, or has pairs without a value."""
        return any(finding.effect is None or finding.effect.dropped for finding in self.counted)

    @property
    def power(self) -> float | None:
        """The least power of the parts that count and are drawn; None if that of any is unknown."""
        powers = [finding.power for finding in self.counted if not finding.exact]
        return min((p for p in powers if p is not None), default=None) if None not in powers else None

    @property
    def seeds(self) -> SeedsNeeded | None:
        """The range of further seeds that would settle it; None if it is settled, or they would not help."""
        ranges = [f.seeds for f in self.counted if f.verdict == "inconclusive" and not f.exact]
        if self.verdict != "inconclusive" or self.lacks_more_than_seeds or not ranges:
            return None
        known = [each for each in ranges if each is not None]
        if len(known) < len(ranges):
            return None
        likely, most = [each.likely for each in known], [each.most for each in known]
        return SeedsNeeded(
            least=max(each.least for each in known),
            likely=None if None in likely else max(n for n in likely if n is not None),
            most=None if None in most else max(n for n in most if n is not None),
        )

    @property
    def minutes(self) -> tuple[float, float | None] | None:
        """What these seeds take on the machine of the runs, least and most."""
        if self.seeds is None or self.seconds_per_seed is None:
            return None
        least, most = self.seeds.least, self.seeds.most
        a_seed = self.seconds_per_seed / 60
        return least * a_seed, None if most is None else most * a_seed

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
        row: dict[str, Any] = rounded(
            {
                "id": self.id,
                "edition": self.edition,
                "verdict": self.verdict,
                "effect": effect.estimate if effect else None,
                "interval": [effect.low, effect.high] if effect else None,
                "adjusted_interval": [effect.adjusted_low, effect.adjusted_high] if effect else None,
                "level": effect.level if effect else None,
                "n": effect.n if effect else 0,
                "comparison": first.comparison if first else "",
                "at_loss": first.at_loss if first else None,
                "confounds": [each.model_dump() for each in confounds],
                "runs": sorted({run for finding in self.findings for run in finding.runs}),
                "unit": effect.unit if effect else "",
                "direction": first.direction if first else None,
                "bound": first.bound if first else None,
                "p": self.p,
                "adjusted_p": self.adjusted_p,
                "family": self.family,
                "power": self.power,
                "more_seeds": self.seeds.model_dump() if self.seeds else None,
                "minutes": self.minutes,
                "data": self.data,
                # `todo` is the former name of `hint`, kept for one version
                "parts": [finding.model_dump() | {"todo": finding.hint} for finding in self.findings],
            }
        )
        return row


def rounded(value: Any) -> Any:
    """Rounds every number in a value to six significant digits, so that files are alike on any machine."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
