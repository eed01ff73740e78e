"""Claims at equal training loss, by depth and by step, and only where arms have learnt something."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl
import pytest
from made_up_evidence import tables
from made_up_verdicts import EIGENVALUE

from skipscope.analysis.moments import after, at_start
from skipscope.analysis.quantities import QUANTITIES
from skipscope.claims.catalogue import Claim, Part, catalogue
from skipscope.claims.comparisons import unpaired
from skipscope.claims.contrasts import growth_of_difference
from skipscope.claims.evidence import Evidence
from skipscope.claims.measurements import measure
from skipscope.claims.verdicts import judge
from skipscope.records.schema import Snapshot
from skipscope.spec.comparison import Comparison

ARMS = ("plain8", "resnet8", "plain14", "resnet14")
PAIRS = Comparison(treated=("resnet8", "resnet14"), control=("plain8", "plain14"), factor="shortcut")
LADDER = (2.0, 1.4, 1.0)
SNAPSHOTS = {"snapshots": {"losses": LADDER}}
Kept = Mapping[float, int]
"""Steps at which the smoothed training loss fell below levels."""


def part(**more: object) -> Part:
    usual = {"comparisons": lambda _: [PAIRS], "probe": "curvature"}
    return EIGENVALUE.model_copy(update=usual | more)


def claim_of(one: Part) -> Claim:
    return catalogue()["S7"].model_copy(update={"parts": {one.id: one}})


def curvature(values: Mapping[tuple[str, int], float], seeds: int) -> list[tuple]:
    """Top eigenvalues by arm and step; log10 is what the claim compares."""
    return [
        (arm, seed, "curvature", step, "hessian", "top_eigenvalue", 10.0 ** (value + seed / 100))
        for (arm, step), value in values.items()
        for seed in range(seeds)
    ]


def evidence(rows: list[tuple], kept: Mapping[str, Kept] | None = None, seeds: int = 1) -> Evidence:
    """Runs that kept their weights at these steps; the lowest loss of a run is its last level."""
    made = tables(*ARMS, seeds=seeds, rows=rows, **(SNAPSHOTS if kept else {}))
    entries = []
    for entry in made.entries:
        levels = (kept or {}).get(entry.arm, {})
        snapshots = tuple(
            Snapshot(step=step, epoch=1, losses=(level,), smoothed=level) for level, step in levels.items()
        )
        result = entry.record.result.model_copy(update={"lowest_loss": min(levels, default=9.0) - 0.01})
        record = entry.record.model_copy(update={"snapshots": snapshots, "result": result})
        entries.append(replace(entry, record=record))
    return Evidence(replace(made, entries=tuple(entries)), QUANTITIES)


EARLY = {"resnet8": 1.0, "plain8": 1.5, "resnet14": 1.0, "plain14": 2.0}
"""Log10 eigenvalues where the arms have learnt as much; at the end, networks that learnt more are flat."""
LATE = {"resnet8": 4.0, "plain8": 1.6, "resnet14": 4.0, "plain14": 2.0}
REACHED = {
    "resnet8": {2.0: 10, 1.4: 20, 1.0: 30},
    "plain8": {2.0: 15, 1.4: 40},
    "resnet14": {2.0: 12, 1.4: 25, 1.0: 35},
    "plain14": {2.0: 20, 1.4: 45},
}


def unequal() -> Evidence:
    """Residual networks end at a lower loss, at a sharper point; at equal loss they are flatter."""
    at = {(arm, REACHED[arm][1.4]): value for arm, value in EARLY.items()}
    end = {(arm, 50): value for arm, value in LATE.items()}
    return evidence(curvature(at | end, 5), REACHED, seeds=5)


def test_arms_are_compared_where_they_have_learnt_as_much() -> None:
    """S7's first edition compared the ends, of a network at loss 0.9 with one at 1.4."""
    [end] = measure(part(), unequal())
    assert (end.effect.value, end.at_loss) == (pytest.approx((2.4 + 2.0) / 2), None)
    [equal] = measure(part(moment="equal_loss"), unequal())
    assert (equal.effect.value, equal.at_loss) == (pytest.approx((-0.5 - 1.0) / 2), 1.4)
    claim = claim_of(part(moment="equal_loss"))
    result = judge(claim, [equal])
    assert result.row()["at_loss"] == 1.4
    assert result.row()["parts"][0]["at_loss"] == 1.4


def test_an_arm_by_itself_is_taken_where_it_was_measured() -> None:
    """It has reached a loss of 1.0, but no comparison needed it there."""
    alone = part(comparisons=unpaired(lambda _, arm: arm == "resnet8"), moment="equal_loss")
    [measured] = measure(alone, unequal())
    assert (str(measured.comparison), measured.at_loss) == ("resnet8", 1.4)
    assert measured.effect.value == pytest.approx(EARLY["resnet8"] + 0.02)


def test_a_loss_that_is_too_high_or_shared_by_none_compares_nothing() -> None:
    asked = part(moment="equal_loss", max_loss=1.2)
    [high] = measure(asked, unequal())
    assert (high.effect, high.lost, high.at_loss) == (None, "loss_too_high", 1.4)
    [none] = measure(part(moment="equal_loss"), evidence(curvature({(a, 50): 1.0 for a in ARMS}, 1)))
    assert (none.effect, none.missing) == (None, ("weights at a training loss that all arms reach",))
    assert none.hint == "skipscope run fair"  # this study keeps no weights
    lower = {**REACHED, "plain14": {2.0: 20}}
    [unread] = measure(part(moment="equal_loss"), evidence(curvature({("plain8", 50): 1.0}, 1), lower))
    assert unread.missing[0] == "resnet8: curvature at training loss 2"
    assert unread.hint == "skipscope run made"


def test_what_is_only_known_at_the_end_is_no_moment_s() -> None:
    found = unequal()
    now = after(found, {("resnet8", 0): 20})
    assert QUANTITIES["test accuracy"](now) == {}
    assert now.readings["step"].max() == 20
    assert now.frozen("curvature")["arm"].to_list() == ["resnet8"]
    assert at_start(found).metrics.is_empty()
    assert at_start(found).frozen("curvature").filter(pl.col("step") > 0).is_empty()


def test_each_depth_is_an_effect_of_its_own_and_one_that_fails_contradicts() -> None:
    """The first edition's slope said "the deeper the more" of one odd depth."""
    values = {("resnet8", 5): 1.0, ("plain8", 5): 1.0, ("resnet14", 5): 1.0, ("plain14", 5): 3.0}
    found = evidence(curvature(values, 5), seeds=5)
    asked = part(each="pair")
    measured = measure(asked, found)
    assert [str(each.comparison) for each in measured] == ["resnet8 - plain8", "resnet14 - plain14"]
    assert [each.effect.value for each in measured] == pytest.approx([0, -2])
    result = judge(claim_of(asked), measured)
    assert result.verdict == "contradicted"
    assert [finding.verdict for finding in result.findings] == ["contradicted", "supported"]
    assert result.verdict_of("eigenvalue") == "inconclusive"  # no sentence for the part as a whole
    # together, as their mean, they would have passed
    assert judge(claim_of(part()), measure(part(), found)).verdict == "supported"


def test_the_deeper_the_more_is_every_step() -> None:
    deeper = ("8", "14", "20")
    whole = Comparison(
        treated=tuple(f"resnet{d}" for d in deeper),
        control=tuple(f"plain{d}" for d in deeper),
        factor="shortcut",
    )
    arms = [arm for pair in zip(whole.treated, whole.control, strict=True) for arm in pair]
    gaps = {"8": 0.5, "14": 2.0, "20": 1.0}  # up, and down again: a slope is positive all the same
    residual = {(f"resnet{d}", 5): gap for d, gap in gaps.items()}
    rows = curvature(residual | {(f"plain{d}", 5): 0.0 for d in gaps}, 5)
    found = Evidence(tables(*arms, seeds=5, rows=rows), QUANTITIES)
    asked = part(
        each="step",
        contrast=growth_of_difference,
        comparisons=lambda _: [whole],
        direction="above",
        bound=0.0,
        min_pairs=2,
    )
    measured = measure(asked, found)
    assert [each.effect.value for each in measured] == pytest.approx([1.5, -1.0])
    steps = [each.comparison.treated for each in measured]
    assert steps == [("resnet8", "resnet14"), ("resnet14", "resnet20")]
    assert judge(claim_of(asked), measured).verdict == "contradicted"


def test_arms_that_learnt_too_little_are_not_compared() -> None:
    values = {(arm, 5): 1.0 for arm in ARMS}
    poor = {("plain14", 1): {"val_accuracy": 0.15}}
    found = Evidence(tables(*ARMS, seeds=2, rows=curvature(values, 2), numbers=poor), QUANTITIES)
    fine, bad = measure(part(each="pair", min_accuracy=0.2), found)
    assert fine.effect is not None
    assert (bad.effect, bad.lost, bad.missing, bad.hint) == (None, "too_inaccurate", ("plain14",), "")
    assert all(each.effect for each in measure(part(each="pair"), found))


RATES = {"plain8": 0.05, "resnet8": 0.1}


@pytest.mark.parametrize(("tuned", "expected"), [(False, {"recipe.learning_rate"}), (True, set())])
def test_rates_chosen_for_each_arm_are_no_confound_where_that_is_declared(tuned: bool, expected: set) -> None:
    pair = Comparison(treated="resnet8", control="plain8", factor="shortcut", tuned=tuned)
    recipes = {arm: {"learning_rate": rate} for arm, rate in RATES.items()}
    rows = curvature({(arm, 5): 1.0 for arm in RATES}, 1)
    found = Evidence(tables(*RATES, rows=rows, recipes=recipes), QUANTITIES)
    [measured] = measure(part(comparisons=lambda _: [pair]), found)
    assert {each.what for each in measured.confounds} == expected
