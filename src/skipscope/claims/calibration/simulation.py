"""Simulates the studies of a claim at the spread and skewness of recorded runs, and counts its verdicts.

A simulated study draws the pairs' differences of every part that counts; the interval function, the tests and
the rule that joins parts are those in use. No other claim corrects them, which would only soften them. The
scenarios plant an effect in each part:

- `null`: 0. Where arms are measured as they are, 0 means nothing, and the part is at its bound.
- `bound`: the smallest effect worth having. Neither verdict is right.
- `twice`: twice the smallest effect worth having. Supported is right; its rate is the power.

`least_favourable` has one part at its bound and the rest so far beyond theirs that they decide nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np

from skipscope.analysis.scales import bound_on
from skipscope.analysis.statistics import ALPHA, Estimate, over_seeds, widened
from skipscope.claims.calibration.draws import skewed
from skipscope.claims.calibration.recorded import RecordedClaim, RecordedPart
from skipscope.claims.catalogue import Claim, Part
from skipscope.claims.verdicts import decided, p_values

PS = tuple[float, float]
"""P for and against a part."""
Rates = Mapping[str, float]
"""Share of simulated studies by verdict: `supported`, `contradicted`."""
Scenario = Literal["null", "bound", "twice"]


def simulate(
    claim: Claim,
    recorded: RecordedClaim,
    scenario: Scenario,
    *,
    studies: int,
    symmetric: bool = False,
    level: float = ALPHA,
) -> Rates:
    """Shares of supported and contradicted studies with this effect in every part."""
    drawn = zip(*_drawn(claim, recorded, scenario, studies, symmetric=symmetric), strict=True)
    return _rates([decided(ps, claim.needs, level) for ps in drawn])


def least_favourable(
    claim: Claim, recorded: RecordedClaim, *, studies: int, symmetric: bool = False
) -> Rates:
    """The highest shares of either verdict with one part at its bound and the rest far beyond theirs.

    Far on the side on which the one decides: where all have to hold the others do, else none of them does.
    """
    far = (0.0, 1.0) if claim.needs == "all" else (1.0, 0.0)
    others = [far] * (len(recorded.parts) - 1)
    each = [
        _rates([decided([one, *others], claim.needs, ALPHA) for one in ps])
        for ps in _drawn(claim, recorded, "bound", studies, symmetric=symmetric)
    ]
    return {verdict: max(rates[verdict] for rates in each) for verdict in ("supported", "contradicted")}


def planted(part: Part, recorded: RecordedPart, scenario: Scenario) -> float:
    """The effect, on the part's scale."""
    bound = bound_on(part.scale, part.bound, level=recorded.alone)
    if scenario == "bound" or (scenario == "null" and recorded.alone):
        return bound
    if scenario == "null":
        return 0.0
    beyond = {"above": bound + recorded.gap, "below": bound - recorded.gap, "within": 0.0}
    return beyond.get(part.direction, bound + recorded.gap)


def false_verdicts(claim: Claim, recorded: RecordedClaim, scenario: Scenario) -> set[str]:
    """The verdicts that are false with this effect in every part; both where the effect is at its bound."""
    parts = [(claim.parts[each.part], each) for each in recorded.parts]
    holds = [_holds(part, each, planted(part, each, scenario)) for part, each in parts]
    of_all, of_any = (all, any) if claim.needs == "all" else (any, all)
    true = of_all(each is True for each in holds)
    wrong = of_any(each is False for each in holds)
    return {verdict for verdict, right in (("supported", true), ("contradicted", wrong)) if not right}


def _holds(part: Part, recorded: RecordedPart, effect: float) -> bool | None:
    """Whether an effect is beyond the part's bound; None if it is at the bound."""
    bound = bound_on(part.scale, part.bound, level=recorded.alone)
    size, edge = (abs(effect), bound) if part.direction in ("apart", "within") else (effect, bound)
    if size == edge:
        return None
    return size > edge if part.direction in ("above", "apart") else size < edge


def _drawn(
    claim: Claim, recorded: RecordedClaim, scenario: Scenario, studies: int, *, symmetric: bool
) -> list[list[PS]]:
    """P for and against each part, in each study."""
    found = []
    for index, each in enumerate(recorded.parts):
        part = claim.parts[each.part]
        rng = np.random.default_rng([index, symmetric, *claim.id.encode(), *scenario.encode()])
        effect = planted(part, each, scenario)
        bound = bound_on(part.scale, part.bound, level=each.alone)
        estimates = _estimates(each, effect, rng, studies, skew=0.0 if symmetric else each.skew)
        found.append([p_values(part.direction, bound, one) for one in estimates])
    return found


def _estimates(
    part: RecordedPart, effect: float, rng: np.random.Generator, studies: int, *, skew: float
) -> Iterator[Estimate]:
    """Estimates of simulated studies, with the error due to test images where there is one."""
    differences = effect + skewed(rng, (studies, part.pairs), spread=part.spread, skew=skew)
    for d in differences + part.images_error * rng.normal(size=(studies, 1)):
        found = over_seeds(dict(enumerate(d)))
        if found is not None:
            yield widened(found, part.images_error) if part.images_error else found


def _rates(verdicts: Sequence[str]) -> Rates:
    return {each: verdicts.count(each) / len(verdicts) for each in ("supported", "contradicted")}
