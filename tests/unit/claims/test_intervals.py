"""The interval beside a verdict, power at the spread observed, and the seeds still needed."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from made_up_verdicts import claim, effect, measured, part

from skipscope.analysis.statistics import over_seeds
from skipscope.claims.model import Finding
from skipscope.claims.verdicts import corrected, judge, p_values


@pytest.mark.parametrize("needs", ["all", "any"])
def test_no_verdict_contradicts_the_interval_beside_it(needs: str) -> None:
    """Holds of parts that count, in families of several claims with several parts, in any direction."""
    rng = np.random.default_rng(7)
    seen = set()
    for _ in range(150):
        results = []
        for k in range(4):
            parts = [part(p, rng.choice(["above", "below", "apart", "within"])) for p in "abc"[: 1 + k % 3]]
            found = [
                measured(over_seeds(dict(enumerate(rng.normal(rng.choice([0, 0.8, 1.5, 3]), 0.5, 6)))), p.id)
                for p in parts
            ]
            results.append(judge(claim(*parts, needs=needs, id=f"S{k}"), found))
        for result in corrected(results):
            seen.add(result.verdict)
            beside = [told(finding) for finding in result.findings]
            assert beside == [finding.verdict for finding in result.findings]
            one, every = ("contradicted", "supported") if needs == "all" else ("supported", "contradicted")
            together = one if one in beside else every if set(beside) == {every} else "inconclusive"
            assert result.verdict == together
    assert seen == {"supported", "contradicted", "inconclusive"}


def told(finding: Finding) -> str:
    """What the printed interval says of the bound, read by itself."""
    low, high = finding.effect.interval
    beyond = {
        "above": (low > 1, high < 1),
        "below": (high < 1, low > 1),
        "apart": (low > 1 or high < -1, -1 < low <= high < 1),
        "within": (-1 < low <= high < 1, low > 1 or high < -1),
    }[finding.direction]
    return "supported" if beyond[0] else "contradicted" if beyond[1] else "inconclusive"


def test_an_arm_as_it_is_needs_ten_seeds() -> None:
    for n, verdict_ in [(9, "inconclusive"), (10, "supported")]:
        assert judge(claim(part()), [measured(effect(2, 3, n=n, level=True))]).verdict == verdict_
    nine = judge(claim(part()), [measured(effect(0.9, 3, n=9, level=True))])
    assert nine.findings[0].power == 0  # whatever the effect, nine settle nothing
    assert nine.findings[0].seeds.least >= 1


def test_a_ratio_is_compared_on_its_scale_and_read_as_a_ratio() -> None:
    ratios = over_seeds({seed: log(1.4) + 0.01 * (-1) ** seed for seed in range(6)})
    [finding] = judge(claim(part(scale="log", bound=1.25)), [measured(ratios)]).findings
    assert (finding.verdict, finding.effect.ratio) == ("supported", True)
    assert finding.effect.estimate == pytest.approx(1.4)
    assert 1.25 < finding.effect.low < 1.4 < finding.effect.high
    assert finding.effect.spread == pytest.approx(ratios.spread)
    less = judge(claim(part(scale="log", bound=1.5, direction="apart")), [measured(ratios.mirrored)])
    assert less.verdict == "contradicted"  # 1/1.4 is within 1/1.5 and 1.5
    shares = replace(over_seeds({seed: log(3) + 0.01 * (-1) ** seed for seed in range(10)}), level=True)
    [finding] = judge(claim(part(scale="logit", bound=0.7)), [measured(shares)]).findings
    assert (finding.verdict, finding.effect.ratio) == ("supported", False)
    assert finding.effect.estimate == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("direction", "bound", "truth", "n"),
    [("above", 1.0, 2.0, 6), ("below", 1.0, 0.0, 5), ("within", 2.0, 0.0, 8), ("apart", 0.6, -1.2, 10)],
)
def test_the_power_that_is_printed_is_that_of_studies_with_the_recorded_spread(
    direction: str, bound: float, truth: float, n: int
) -> None:
    rng = np.random.default_rng(11)
    beside = [judge(claim(part(id="p"), id=f"S{k}"), [measured(effect(-9, 9))]) for k in (2, 3)]
    asked = claim(part(direction=direction, bound=bound))
    recorded = judge(asked, [measured(over_seeds(dict(enumerate(rng.normal(bound, 1, n)))))])
    [open_, *_] = corrected([recorded, *beside])
    spread, level = open_.findings[0].effect.spread, 1 - open_.findings[0].effect.level
    draws = rng.normal(truth, spread, (1500, n))
    p_for = [p_values(direction, bound, over_seeds(dict(enumerate(d))))[0] for d in draws]
    found = np.mean([p <= level for p in p_for])
    # 1,500 studies: a standard error of at most 1.3 points
    assert open_.findings[0].power == pytest.approx(found, abs=0.04)


def test_the_seeds_still_needed_are_a_range_and_cost_time() -> None:
    six = over_seeds(dict(enumerate(2 + np.random.default_rng(2).normal(0, 1, 6))))
    [result] = corrected([judge(claim(part()), [measured(six)])])
    assert result.verdict == "inconclusive"
    seeds = result.seeds
    assert 1 <= seeds.least < seeds.likely < seeds.most
    assert result.more_seeds == seeds.likely
    assert result.minutes is None  # no run says what it took
    timed = result.model_copy(update={"seconds_per_seed": 90.0})
    assert timed.minutes == (1.5 * seeds.least, 1.5 * seeds.most)
    near = over_seeds(dict(enumerate(1.02 + np.random.default_rng(2).normal(0, 1, 6))))
    [hopeless] = corrected([judge(claim(part()), [measured(near)])])
    assert hopeless.row()["more_seeds"] is None
