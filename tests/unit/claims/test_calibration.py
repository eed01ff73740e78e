"""Calibration: what is simulated, false verdicts and power, A/A studies of fresh runs, the file."""

import json

import numpy as np
import pytest
from made_up_evidence import tables
from made_up_verdicts import claim, effect, measured, part
from scipy import stats

from skipscope.claims.calibration import against_itself
from skipscope.claims.calibration.calibrate import (
    BARS,
    calibrate,
    document,
    load_calibration,
    save_calibration,
)
from skipscope.claims.calibration.draws import DISTRIBUTIONS, skewed
from skipscope.claims.calibration.recorded import RecordedClaim, RecordedPart, claim_of
from skipscope.claims.calibration.simulation import false_verdicts, least_favourable, planted, simulate
from skipscope.claims.catalogue import Claim, catalogue
from skipscope.claims.verdicts import corrected, decided, judge
from skipscope.errors import WorkspaceError
from skipscope.records.store import Workspace


def recorded(*parts: str, spread: float = 0.5, **more: object) -> RecordedClaim:
    usual = {"pairs": 6, "spread": spread, "skew": 0.0, "images_error": 0.0, "alone": False, "gap": 1.0}
    each = (RecordedPart.model_validate({"part": p, "comparison": "a - b"} | usual | more) for p in parts)
    return RecordedClaim(id="S1", study="made", parts=tuple(each))


ONE = claim(part("p"))
"""Above 1, whatever its unit."""


@pytest.mark.parametrize(("spread", "skew"), [(2.0, 0.0), (0.5, 1.5), (1.0, -1.0)])
def test_draws_have_the_spread_and_skewness_that_were_recorded(spread: float, skew: float) -> None:
    drawn = skewed(np.random.default_rng(0), (1, 200_000), spread=spread, skew=skew)[0]
    assert drawn.mean() == pytest.approx(0, abs=0.01 * spread)
    assert drawn.std() == pytest.approx(spread, rel=0.02)
    assert stats.skew(drawn) == pytest.approx(skew, abs=0.05)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_distribution_has_a_mean_of_0(name: str) -> None:
    drawn = DISTRIBUTIONS[name](np.random.default_rng(0), (1, 400_000))
    # a standard error of at most 3.2 / 632
    assert drawn.mean() == pytest.approx(0, abs=0.02)


def test_at_the_bound_either_verdict_is_at_its_level() -> None:
    rates = simulate(ONE, recorded("p"), "bound", studies=3000)
    # of 3,000: a standard error of 0.3 points
    assert rates["supported"] == pytest.approx(0.025, abs=0.009)
    assert rates["contradicted"] == pytest.approx(0.025, abs=0.009)
    assert simulate(ONE, recorded("p"), "null", studies=500)["supported"] == 0


def test_power_is_that_of_the_recorded_spread() -> None:
    found = judge(ONE, [measured(effect(-1, 3, n=6))])
    [finding] = found.findings
    same = recorded("p", spread=finding.effect.spread)
    rates = simulate(ONE, same, "twice", studies=2000)
    # of 2,000: a standard error of at most 1.1 points
    assert rates["supported"] == pytest.approx(finding.power, abs=0.035)


def test_skew_makes_false_verdicts_and_images_do_not() -> None:
    skew = simulate(ONE, recorded("p", skew=2.0), "bound", studies=2000)
    assert skew["contradicted"] > 0.06  # the mean of a skewed sample lies low together with its spread
    images = simulate(ONE, recorded("p", images_error=0.5), "bound", studies=2000)
    assert max(images.values()) < 0.04


def test_one_part_at_its_bound_and_the_rest_far_beyond_is_the_least_favourable() -> None:
    several = claim(part("a"), part("b"), part("c"))
    at_bound = simulate(several, recorded("a", "b", "c"), "bound", studies=2000)
    least = least_favourable(several, recorded("a", "b", "c"), studies=2000)
    assert at_bound["supported"] < 0.005  # all three would have to err
    assert least["supported"] == pytest.approx(0.025, abs=0.015)
    assert least["contradicted"] <= 0.025
    either = claim(part("a"), part("b"), part("c"), needs="any")
    least = least_favourable(either, recorded("a", "b", "c"), studies=2000)
    assert least["contradicted"] == pytest.approx(0.025, abs=0.015)


@pytest.mark.parametrize(
    ("direction", "bound", "alone", "null", "twice", "wrong"),
    [
        ("above", 1.0, False, 0.0, 2.0, {"supported"}),
        ("above", -0.3, False, 0.0, 0.7, {"contradicted"}),
        ("below", -1.0, False, 0.0, -2.0, {"supported"}),
        ("below", 10.0, False, 0.0, 9.0, {"contradicted"}),
        ("above", 0.0, False, 0.0, 1.0, {"supported", "contradicted"}),
        ("apart", 1.0, False, 0.0, 2.0, {"supported"}),
        ("within", 1.0, False, 0.0, 0.0, {"contradicted"}),
        ("above", 1.0, True, 1.0, 2.0, {"supported", "contradicted"}),
    ],
)
def test_what_is_planted_and_which_verdicts_are_false(
    direction: str, bound: float, alone: bool, null: float, twice: float, wrong: set[str]
) -> None:
    asked = claim(part("p", direction, bound))
    each = recorded("p", alone=alone)
    assert planted(asked.parts["p"], each.parts[0], "null") == null
    assert planted(asked.parts["p"], each.parts[0], "bound") == bound
    assert planted(asked.parts["p"], each.parts[0], "twice") == twice
    assert false_verdicts(asked, each, "null") == wrong
    assert false_verdicts(asked, each, "bound") == {"supported", "contradicted"}


def test_a_claim_of_several_parts_is_false_as_its_parts_are_joined() -> None:
    parts = part("a"), part("b", "below", 1.0)  # at 0 the first does not hold, and the second does
    both = recorded("a", "b")
    assert false_verdicts(claim(*parts), both, "null") == {"supported"}
    assert false_verdicts(claim(*parts, needs="any"), both, "null") == {"contradicted"}


def test_studies_are_decided_as_reports_are() -> None:
    rng = np.random.default_rng(5)
    for needs in ("all", "any"):
        asked = claim(part("a"), part("b", "within"), needs=needs)
        for _ in range(60):
            found = [measured(effect(*sorted(rng.normal(0.6, 0.8, 2))), id) for id in "ab"]
            [result] = corrected([judge(asked, found)])
            ps = [(f.p_for, f.p_against) for f in result.findings]
            assert decided(ps, needs, 0.05) == result.verdict


def test_what_is_recorded_is_the_parts_that_count() -> None:
    asked = claim(part("a"), part("b", counts=False))
    result = judge(asked, [measured(effect(0, 3), "a"), measured(effect(0, 3), "b")])
    [each] = claim_of("fair", result).parts
    assert (each.part, each.pairs, each.gap, each.alone) == ("a", 8, 1.0, False)
    assert each.spread == pytest.approx(result.findings[0].effect.spread)
    few = judge(asked, [measured(effect(0, 3, n=3), "a")])
    assert claim_of("fair", few).parts[0].pairs == 5  # as many as a verdict takes
    assert claim_of("fair", judge(asked, [measured(effect(0, 3, n=2), "a")])) is None
    assert claim_of("fair", judge(asked, [measured(None, "a")])) is None


def small() -> dict[str, RecordedClaim]:
    def every(of: Claim) -> tuple[RecordedPart, ...]:
        counted = [p.id for p in of.parts.values() if p.counts and not p.exact]
        return recorded(*counted, spread=0.01, gap=0.5).parts

    found = {id: RecordedClaim(id=id, study="made", parts=every(of)) for id, of in catalogue().items()}
    return {id: each for id, each in found.items() if each.parts}


def test_every_claim_has_its_row() -> None:
    told = []
    rows = calibrate(small(), studies=20, on_event=lambda: told.append(1))
    assert set(rows) == set(small())
    assert len(told) == len(rows)
    for id, row in rows.items():
        assert row["power"] == 1, id
        assert row["missed"] == 0, id
        assert set(row["at_bound"]) == set(row["least_favourable"]) == set(BARS)
    assert rows == calibrate(small(), studies=20)


def test_what_misses_its_bar_is_named() -> None:
    wild = {"S6": RecordedClaim(id="S6", study="made", parts=recorded("start", skew=4.0, spread=0.1).parts)}
    [row] = calibrate(wild, studies=400).values()
    assert any("skewed: contradicted in" in miss and "bar 10%" in miss for miss in row["misses"])


def aa_study(seeds: int, missing: list[tuple[str, int]]) -> object:
    rows = [
        ("se_resnet8", seed, "curvature", 9, "hessian", "top_eigenvalue", 10.0 + seed)
        for seed in range(seeds)
    ]
    numbers = {("se_resnet8", seed): {"test_accuracy": 0.5 + seed % 7 / 100} for seed in range(seeds)}
    return tables("se_resnet8", seeds=seeds, rows=rows, numbers=numbers, missing=missing)


def test_a_network_against_itself_in_fresh_runs() -> None:
    assert (against_itself.study(3).seeds, against_itself.study(3).data) == (30, "shapes")
    made = aa_study(31, [("se_resnet8", 3)])
    studies = against_itself.divided(made)
    assert len(studies) == 3
    runs = [entry.run for study in studies for entry in study.entries]
    assert len(set(runs)) == len(runs) == 30  # no run is in two studies, and none in one twice
    verdicts = against_itself.verdicts(made)
    [gates] = [result for result in verdicts[0] if result.id == "E3"]
    assert (gates.leading.comparison, gates.leading.confounds) == ("one - other", ())
    assert gates.leading.effect.n == 5
    found = against_itself.rates(verdicts)
    assert found["E3"]["studies"] == 3
    assert found["E3"]["supported"] == 0
    assert "E1" not in found  # asked of single networks: that they are equal says nothing of it
    assert against_itself.rates(against_itself.verdicts(aa_study(9, []))) == {}  # too few for a study


def test_the_file_is_the_workspace_s_or_comes_with_the_package(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    shipped = load_calibration(workspace)
    assert shipped == load_calibration()
    assert shipped["studies"] >= 1000
    for id, row in shipped["claims"].items():
        over = [
            f"{where}, {kind}: {verdict}"
            for where in ("at_bound", "least_favourable")
            for kind, bar in BARS.items()
            for verdict, share in row.get(where, {}).get(kind, {}).items()
            if share > bar
        ]
        assert [miss.split(" in ")[0] for miss in row.get("misses", [])] == over, id
    made = document({"E3": {"power": 0.9}}, {"E2": {"studies": 3}}, studies=2)
    assert made["claims"] == {"E2": {"real": {"studies": 3}}, "E3": {"power": 0.9}}
    save_calibration(workspace, made)
    assert load_calibration(workspace) == json.loads(json.dumps(made))
    # an older one was simulated at an assumed spread
    older = {"schema": 1, "comparisons": 200, "claims": {}}
    (tmp_path / "calibration.json").write_text(json.dumps(older), encoding="utf-8")
    assert load_calibration(workspace) == shipped
    for damaged in ("{", "{}", "3", "[]"):
        (tmp_path / "calibration.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(WorkspaceError, match="skipscope calibrate"):
            load_calibration(workspace)
