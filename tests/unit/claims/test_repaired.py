"""What fooled claims of the first edition: one odd depth, and networks that had learnt different amounts."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from made_up_evidence import tables

from skipscope.analysis.quantities import QUANTITIES
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import judged
from skipscope.claims.evidence import Evidence
from skipscope.claims.model import ClaimResult
from skipscope.records.schema import Snapshot

SEEDS = 5
DEPTHS = 20, 32, 56
PAIRS = tuple(f"{kind}{depth}" for depth in DEPTHS for kind in ("plain", "resnet"))
Reached = Mapping[str, Mapping[float, int]]
"""By arm, the steps at which its smoothed training loss fell below levels."""


def result(id: str, found: Evidence) -> ClaimResult:
    [judgement] = judged(found, [catalogue()[id]])
    return judgement


def shattered(differences: Mapping[int, float]) -> Evidence:
    """Correlations of input gradients before training that differ so much at each depth."""
    rows = [
        (f"{kind}{depth}", seed, "shattering", 0, "lag 1", "autocorrelation", value + seed / 1000)
        for depth, more in differences.items()
        for kind, value in (("plain", 0.1), ("resnet", 0.1 + more))
        for seed in range(SEEDS)
    ]
    return Evidence(tables(*PAIRS, seeds=SEEDS, rows=rows), QUANTITIES)


def test_gradients_are_less_shattered_at_each_depth_or_the_odd_one_is_named() -> None:
    """The first edition's slope over depth rose by the last depth alone."""
    every = result("S6", shattered(dict.fromkeys(DEPTHS, 0.3)))
    assert (every.verdict, every.verdict_of("start")) == ("supported", "supported")
    odd = result("S6", shattered({20: 0.0, 32: 0.2, 56: 0.4}))
    assert odd.verdict == "contradicted"
    said = {finding.comparison: finding.verdict for finding in odd.counted}
    assert said == {
        "resnet20 - plain20": "contradicted",
        "resnet32 - plain32": "supported",
        "resnet56 - plain56": "supported",
    }
    assert odd.leading.comparison == "resnet20 - plain20"


LADDER = (2.2, 1.4, 1.0)


def snapped(reached: Reached, *, at: Mapping[str, int]) -> Evidence:
    """Arms that kept weights; measured at these steps, where residual networks are ten times as flat."""
    arms = tuple(reached)
    rows = [
        (arm, seed, "curvature", step, "hessian", "top_eigenvalue", (seed + 9) * flat(arm))
        for arm, step in at.items()
        for seed in range(SEEDS)
    ]
    rows += [
        (arm, seed, "landscape", step, place, f"loss@{where}", 1 + rise * flat(arm))
        for arm, step in at.items()
        for seed in range(SEEDS)
        for place, where, rise in (
            ("a", "+0.00", 0), ("a", "+0.50", 9 + seed),
            ("a,b", "+0.00,+0.00", 0), ("a,b", "+0.50,+0.50", 9 + seed),
        )
    ]  # fmt: skip
    made = tables(*arms, seeds=SEEDS, rows=rows, snapshots={"losses": LADDER})
    entries = []
    for entry in made.entries:
        levels = reached[entry.arm]
        kept = tuple(
            Snapshot(step=s, epoch=1, losses=(level,), smoothed=level) for level, s in levels.items()
        )
        ended = entry.record.result.model_copy(update={"lowest_loss": min(levels, default=9.0) - 0.01})
        record = entry.record.model_copy(update={"snapshots": kept, "result": ended})
        entries.append(replace(entry, record=record))
    return Evidence(replace(made, entries=tuple(entries)), QUANTITIES)


def flat(arm: str) -> float:
    return 0.1 if arm.startswith("resnet") else 1.0


FAR = {2.2: 10, 1.4: 20, 1.0: 30}


def test_a_smoother_landscape_is_one_at_equal_loss() -> None:
    reached = {"plain20": {2.2: 11, 1.4: 25}, "resnet20": FAR}
    s7 = result("S7", snapped(reached, at={"plain20": 25, "resnet20": 20}))
    assert s7.verdict == "supported"
    assert {finding.at_loss for finding in s7.counted} == {1.4}
    # of readings at the end, where the residual network has learnt more, it says nothing
    ends = result("S7", snapped(reached, at={"plain20": 90, "resnet20": 90}))
    assert ends.verdict == "not_measured"
    assert ends.counted[0].missing == tuple(
        f"{arm}: curvature at training loss 1.4" for arm in ("resnet20", "plain20")
    )


@pytest.mark.parametrize(
    ("plain", "lost", "missing"),
    [({}, "loss_too_high", ("resnet20", "plain20")), ({2.2: 11}, "loss_too_high", ("resnet20", "plain20"))],
    ids=["no level", "too high"],
)
def test_a_network_that_learnt_next_to_nothing_is_not_called_rough(
    plain: Mapping[float, int], lost: str, missing: tuple[str, ...]
) -> None:
    steps = {"plain20": 11, "resnet20": 10}
    s7 = result("S7", snapped({"plain20": plain, "resnet20": FAR}, at=steps))
    assert s7.verdict == "not_measured"
    assert {(finding.lost, finding.missing) for finding in s7.counted} == {(lost, missing)}


def test_each_depth_is_compared_at_a_loss_of_its_own() -> None:
    """Two networks of 20 layers come to a loss that one of 56 does not reach."""
    reached = {
        "plain20": {2.2: 11, 1.4: 25, 1.0: 60},
        "resnet20": FAR,
        "plain56": {2.2: 40, 1.4: 80},
        "resnet56": FAR,
    }
    s7 = result("S7", snapped(reached, at={"plain20": 60, "resnet20": 30, "plain56": 80, "resnet56": 20}))
    assert s7.verdict == "supported"
    at = {(finding.comparison, finding.at_loss) for finding in s7.counted}
    assert at == {("resnet20 - plain20", 1.0), ("resnet56 - plain56", 1.4)}
    # one that reaches no level takes nothing from the others
    alone = snapped(reached | {"plain56": {}}, at={"plain20": 60, "resnet20": 30})
    s7 = result("S7", alone)
    assert s7.verdict == "supported"
    assert {finding.comparison for finding in s7.counted} == {"resnet20 - plain20"}
    aside = [finding for finding in s7.findings if not finding.counts]
    assert {(finding.comparison, finding.lost) for finding in aside} == {
        ("resnet56 - plain56", "loss_too_high")
    }


def test_the_gap_is_read_at_a_moment_and_is_the_result_s_at_the_end() -> None:
    reached = {"plain20": {2.2: 11, 1.4: 25}, "resnet20": FAR}
    made = snapped(reached, at={}).tables
    seen = {"plain20": (25, 0.5, 0.45), "resnet20": (20, 0.5, 0.25)}
    rows = [
        (arm, seed, "generalisation", step, None, name, value + seed / 100)
        for arm, (step, *accuracies) in seen.items()
        for seed in range(SEEDS)
        for name, value in zip(("train_accuracy", "val_accuracy"), accuracies, strict=True)
    ]
    rows += [(arm, seed, "update_ratio", 90, "conv", "ratio", 0.1) for arm in seen for seed in range(SEEDS)]
    found = Evidence(
        replace(made, raw_readings=tables("plain20", "resnet20", seeds=SEEDS, rows=rows).raw_readings),
        QUANTITIES,
    )
    t3 = result("T3", found)
    [gap] = t3.counted
    assert (gap.comparison, gap.at_loss, t3.verdict) == ("resnet20 - plain20", 1.4, "supported")
    assert gap.effect.estimate == pytest.approx(-20)
    # at the end validation is at 60 % and training at 70 %
    assert list(found.series("gap")["plain20"].values()) == pytest.approx([-10] * SEEDS)
