"""From effects to verdicts: every rule of `verdicts.py`, with intervals given and with seeds drawn."""

from math import inf, isclose

import numpy as np
import pytest
from made_up_verdicts import STEM, claim, effect, measured, part

from skipscope.analysis.statistics import Estimate, exactly, over_seeds
from skipscope.claims.model import ClaimResult
from skipscope.claims.verdicts import corrected, judge, p_values


def verdict(direction: str, bound: float, low: float, high: float) -> str:
    return judge(claim(part(direction=direction, bound=bound)), [measured(effect(low, high))]).verdict


@pytest.mark.parametrize(
    ("direction", "bound", "low", "high", "expected"),
    [
        ("above", 1.0, 1.1, 3.0, "supported"),
        ("above", 1.0, 0.9, 3.0, "inconclusive"),
        ("above", 1.0, 0.1, 0.9, "contradicted"),  # above nothing, but too small to matter
        ("above", 1.0, -3.0, -2.0, "contradicted"),
        ("below", -1.0, -3.0, -1.1, "supported"),
        ("below", -1.0, -0.9, -0.1, "contradicted"),
        ("below", -1.0, -1.5, 0.0, "inconclusive"),
        ("below", 10.0, 2.0, 9.0, "supported"),
        ("apart", 1.0, 1.1, 3.0, "supported"),
        ("apart", 1.0, -3.0, -1.1, "supported"),
        ("apart", 1.0, -0.5, 0.5, "contradicted"),
        ("apart", 1.0, 0.5, 1.5, "inconclusive"),
        ("apart", 0.0, -1.0, 2.0, "inconclusive"),
        ("within", 1.0, -0.5, 0.5, "supported"),
        ("within", 1.0, 1.1, 3.0, "contradicted"),
        ("within", 1.0, 0.5, 1.5, "inconclusive"),
    ],
)
def test_where_the_interval_lies_decides(
    direction: str, bound: float, low: float, high: float, expected: str
) -> None:
    assert verdict(direction, bound, low, high) == expected


def test_p_is_five_per_cent_where_the_interval_touches_the_bound() -> None:
    p_for, p_against = p_values("above", 1.0, effect(1.0000001, 3.0))
    assert isclose(p_for, 0.05, rel_tol=1e-3)
    assert p_against == 1


@pytest.mark.parametrize(
    ("direction", "value", "expected"),
    [
        ("above", 1.2, "supported"),
        ("above", 1.0, "contradicted"),
        ("below", 0.2, "supported"),
        ("apart", -1.2, "supported"),
        ("apart", 0.5, "contradicted"),
        ("within", 0.5, "supported"),
    ],
)
def test_what_is_counted_needs_no_seeds(direction: str, value: float, expected: str) -> None:
    exact = part(direction=direction, exact=True)
    result = judge(claim(exact), [measured(exactly(value))])
    assert result.verdict == expected
    assert (result.p, result.adjusted_p) == (None, None)
    [same] = corrected([result])
    assert same == result  # and is in no family
    assert same.findings[0].more_seeds == 0


def test_fewer_than_five_seeds_are_inconclusive_and_say_how_many_more() -> None:
    four = over_seeds({seed: 5 + seed / 100 for seed in range(4)})
    [result] = corrected([judge(claim(part()), [measured(four)])])
    assert (result.verdict, result.p, result.findings[0].more_seeds) == ("inconclusive", None, 1)
    one = judge(claim(part()), [measured(over_seeds({0: 5.0}))])
    assert (one.verdict, one.findings[0].more_seeds) == ("inconclusive", 4)
    row = one.row()
    assert row["interval"] == [None, None]
    assert row["effect"] == 5


def test_a_pair_that_could_not_be_measured_leaves_it_open() -> None:
    lost = over_seeds({**{seed: 5 + seed / 100 for seed in range(6)}, 6: None})
    result = judge(claim(part()), [measured(lost)])
    assert result.verdict == "inconclusive"
    assert result.row()["parts"][0]["effect"]["dropped"] == 1
    assert (result.findings[0].more_seeds, result.more_seeds) == (None, None)  # no seed brings the pair back


def test_seeds_are_not_said_to_settle_what_lacks_more_than_seeds() -> None:
    two = claim(part("a"), part("b"))
    open_ = measured(effect(0.5, 3), "a")
    alone = judge(claim(part("a")), [open_])
    assert alone.more_seeds == alone.findings[0].more_seeds > 0
    assert judge(two, [open_, measured(effect(2, 3), "b")]).more_seeds >= alone.more_seeds
    lost = over_seeds({**{seed: 5 + seed / 100 for seed in range(6)}, 6: None})
    single = over_seeds({0: 5.0})
    at_the_bound = effect(-1, 3)
    for other in (None, lost, single, at_the_bound):
        result = judge(two, [open_, measured(other, "b")])
        assert (result.verdict, result.more_seeds) == ("inconclusive", None)
        assert result.lacks_more_than_seeds == (other in (None, lost))
    context = judge(claim(part("a"), part("b", counts=False)), [open_, measured(None, "b")])
    assert context.more_seeds == alone.more_seeds
    assert judge(claim(part("a")), [measured(effect(2, 3), "a")]).more_seeds is None


def test_more_seeds_are_counted_from_the_spread() -> None:
    rng = np.random.default_rng(2)
    straddling = over_seeds(dict(enumerate(1.6 + rng.normal(0, 1, 6))))
    result = judge(claim(part()), [measured(straddling)])
    more = result.findings[0].more_seeds
    assert result.verdict == "inconclusive"
    gap = straddling.value - 1
    assert more is not None
    from skipscope.analysis.hypotheses import power

    n = straddling.n + more
    assert power(gap, straddling.spread / n**0.5, n - 1) >= 0.8
    below = judge(
        claim(part(direction="within", bound=2.0)), [measured(effect(-3.0, -1.2))]
    )  # it is the bound on its own side that counts
    assert below.findings[0].more_seeds > 0


def test_a_confounded_comparison_is_measured_and_not_judged() -> None:
    result = judge(claim(part()), [measured(effect(2, 3), confounds=(STEM,))], data="cifar10")
    assert result.verdict == "confounded"
    [finding] = result.findings
    assert (finding.verdict, finding.p_for, finding.more_seeds) == ("confounded", None, None)
    assert result.row()["confounds"] == [STEM.model_dump()]
    assert result.row()["data"] == "cifar10"


def test_what_is_missing_is_said() -> None:
    result = judge(claim(part()), [measured(None, missing=("plain20",), hint="skipscope run fair")])
    assert result.verdict == "not_measured"
    assert result.findings[0].missing == ("plain20",)
    row = result.row()
    assert (row["effect"], row["interval"], row["n"], row["comparison"]) == (
        None, None, 0, "resnet20 - plain20",
    )  # fmt: skip
    assert judge(claim(part()), []).row()["comparison"] == ""


def test_all_parts_must_hold_and_any_that_fails_contradicts() -> None:
    two = claim(part("a"), part("b"))
    good, open_, bad = effect(2, 3), effect(0, 3), effect(-1, 0.5)
    assert judge(two, [measured(good, "a"), measured(good, "b")]).verdict == "supported"
    assert judge(two, [measured(good, "a"), measured(open_, "b")]).verdict == "inconclusive"
    assert judge(two, [measured(good, "a"), measured(bad, "b")]).verdict == "contradicted"
    assert judge(two, [measured(good, "a"), measured(None, "b")]).verdict == "inconclusive"
    # one of two that fails: its p counts twice
    close = effect(-1, 0.9999999)
    assert judge(two, [measured(open_, "a"), measured(close, "b")]).p == pytest.approx(0.1, rel=1e-3)
    assert judge(two, [measured(open_, "a"), measured(close, "b")]).verdict == "inconclusive"


def test_where_any_part_suffices_one_supports_and_all_must_fail() -> None:
    either = claim(part("a"), part("b"), needs="any")
    good, bad = effect(2, 3), effect(-1, 0.5)
    assert judge(either, [measured(good, "a"), measured(bad, "b")]).verdict == "supported"
    assert judge(either, [measured(bad, "a"), measured(bad, "b")]).verdict == "contradicted"
    assert judge(either, [measured(bad, "a"), measured(None, "b")]).verdict == "inconclusive"
    assert judge(either, [measured(good, "a"), measured(None, "b")]).verdict == "supported"


@pytest.mark.parametrize(
    ("needs", "first", "second", "stands"),
    [
        ("any", (-1, 0.5), (2, 3), "b"),  # the second supports
        ("all", (2, 3), (-1, 0.5), "b"),  # the second contradicts
        ("all", (2, 3), (0.5, 1.5), "b"),  # the second leaves it open
        ("all", (2, 3), (4, 5), "a"),
    ],
)
def test_the_number_beside_a_verdict_is_one_that_it_rests_on(
    needs: str, first: tuple[float, float], second: tuple[float, float], stands: str
) -> None:
    asked = claim(part("a"), part("b"), needs=needs)
    result = judge(asked, [measured(effect(*first), "a"), measured(effect(*second), "b")])
    assert result.leading.part == stands


def test_controls_and_context_decide_nothing() -> None:
    two = claim(part("a"), part("b", counts=False))
    result = judge(two, [measured(effect(-1, 0.5), "b"), measured(effect(2, 3), "a")])
    assert result.verdict == "supported"
    assert [finding.verdict for finding in result.findings] == ["contradicted", "supported"]
    assert result.leading.part == "a"
    beside = judge(claim(part()), [measured(effect(2, 3)), measured(effect(-1, 0.5), context=True)])
    assert beside.verdict == "supported"
    assert not beside.findings[1].counts


def test_what_was_not_asked_of_the_claim_cannot_be_judged() -> None:
    with pytest.raises(KeyError):
        judge(claim(part()), [measured(effect(2, 3), "other")])


def test_a_family_is_corrected_by_holm_and_groups_are_families() -> None:
    """p of 0.03, 0.04 and 0.002: Holm leaves one of three; another group is another family."""

    def one(id: str, p: float, group: str = "shortcuts") -> ClaimResult:
        from scipy.stats import t

        # of 7 degrees of freedom: the distance to the bound that has this p, in standard errors
        distance = t.ppf(1 - p / 2, 7) * 0.1
        found = Estimate(
            value=1 + distance,
            low=1 + distance - 0.23646,
            high=1 + distance + 0.23646,
            n=8,
            spread=0.28,
            error=0.1,
            freedom=7,
        )
        return judge(claim(part(), id=id, group=group), [measured(found)])

    alone = [one("S1", 0.03), one("S2", 0.04), one("S3", 0.002), one("E1", 0.04, "gates")]
    assert {result.verdict for result in alone} == {"supported"}
    nothing = judge(claim(part(), id="S4"), [measured(None)])
    s1, s2, s3, e1, s4 = corrected([*alone, nothing])
    assert [result.verdict for result in (s1, s2, s3, e1, s4)] == [
        "inconclusive", "inconclusive", "supported", "supported", "not_measured",
    ]  # fmt: skip
    assert [result.family for result in (s1, e1, s4)] == [3, 1, 0]
    assert s1.adjusted_p == pytest.approx(0.06, rel=1e-3)
    assert s2.adjusted_p == pytest.approx(0.06, rel=1e-3)  # no smaller than that before it
    assert s3.adjusted_p == pytest.approx(0.006, rel=1e-3)
    # its 95 % interval lies beyond the bound, but not that of its step: more seeds would settle it
    shown = s1.findings[0].effect
    assert shown.low > 1 > shown.adjusted_low
    assert shown.level == pytest.approx(1 - 0.05 / 2)
    assert s1.findings[0].more_seeds > 0
    assert s3.findings[0].more_seeds == 0


def test_a_verdict_that_the_correction_takes_back_becomes_what_its_parts_leave() -> None:
    two = claim(part("a"), part("b"))
    weak = judge(two, [measured(effect(-1, 0.99), "a"), measured(effect(2, 3), "b", confounds=(STEM,))])
    assert weak.verdict == "confounded"  # what counts against it does not suffice, and the rest is withheld
    strong = [judge(claim(part(), id=f"S{k}"), [measured(effect(0.999, 3))]) for k in range(2)]
    assert [result.verdict for result in corrected(strong)] == ["inconclusive"] * 2


def test_a_row_is_rounded_alike_everywhere() -> None:
    found = over_seeds({seed: 2 + 0.1 * (seed % 3) for seed in range(6)})
    result = judge(claim(part()), [measured(found, runs=("b", "a"))])
    row = result.row()
    assert row["runs"] == ["a", "b"]
    assert row["effect"] == float(f"{found.value:.6g}")
    assert row["interval"] == [float(f"{found.low:.6g}"), float(f"{found.high:.6g}")]
    assert row["parts"][0]["effect"]["n"] == 6
    assert not any(value in (inf, -inf) for value in row["interval"])
