"""The claims put to the test: false alarms, what is planted and found; figures kept and read back."""

import json
from functools import cache

import numpy as np
import pytest
from made_up_evidence import card, tables

from skipscope.claims.calibration import against_itself, simulation
from skipscope.claims.calibration.against_itself import rates
from skipscope.claims.calibration.calibrate import (
    SCENARIOS,
    calibrate,
    document,
    is_measured,
    largest_spreads,
    load_calibration,
    planted_in,
    save_calibration,
    simulate,
)
from skipscope.claims.catalogue import catalogue, part_of
from skipscope.claims.evaluate import evaluate, judged
from skipscope.errors import WorkspaceError
from skipscope.records.store import Workspace
from skipscope.spec import load_study

COMPARISONS = 6
"""Simulated studies of each kind: the command makes 200."""


@cache
def shares() -> dict[str, dict[str, object]]:
    return calibrate(card, comparisons=COMPARISONS)


def test_every_claim_that_is_drawn_is_calibrated() -> None:
    claims = catalogue().values()
    exact = {c.id for c in claims if all(p.exact for p in c.parts.values() if p.counts)}
    assert set(shares()) == set(catalogue()) - exact
    assert exact == {"E2"}


def test_false_positives_are_rare() -> None:
    # at 5 %, two or more of six come about in 3 % of cases; the draws are the same every time
    for id, row in shares().items():
        assert row["false_supported"] <= 1 / COMPARISONS, id
        assert row["at_bound"] <= 1 / COMPARISONS, id
    for rate in ("false_supported", "at_bound"):
        assert sum(row[rate] for row in shares().values()) <= 0.05 * len(shares())


def test_twice_what_is_worth_having_is_seen_by_the_studies_own_seeds() -> None:
    for id, row in shares().items():
        assert row["power"] >= 0.8, id
        assert row["missed"] == 0, id


def test_wide_spreads_are_seen_less_often_and_raise_no_more_alarms() -> None:
    study = load_study("fair")
    cards = simulation.cards_of(study, card)
    wide = {scenario: simulate(study, cards, scenario, comparisons=4, share=2.0) for scenario in SCENARIOS}
    seen = sum(counts["supported"] for counts in wide["twice"].values())
    alarms = sum(counts["supported"] for counts in wide["no effect"].values())
    assert seen < 0.3 * 4 * len(wide["twice"])
    assert alarms <= 0.05 * 4 * len(wide["no effect"])


def test_a_study_is_drawn_alike_every_time() -> None:
    study = load_study("stem")
    cards = simulation.cards_of(study, card)
    assert simulate(study, cards, "twice", comparisons=2) == simulate(study, cards, "twice", comparisons=2)


def test_the_spread_that_seeds_allow() -> None:
    spreads = largest_spreads(load_study("fair"), "E3")
    # n = 5: 80 % power at a gap of 1.59 times the spread (a noncentral t of 4 degrees of freedom)
    assert spreads["accuracy"] == pytest.approx(0.5 / 1.682, rel=0.01)
    assert largest_spreads(load_study("lab"), "E3")["accuracy"] == 0  # one seed settles nothing
    starts = largest_spreads(load_study("depth"), "S1")
    assert starts["start"] > 0.3  # twenty seeds


@pytest.mark.parametrize(
    ("direction", "bound", "null", "beyond"),
    [
        ("above", 1.0, 0.0, 2.0),
        ("above", -0.3, -0.3, 0.0),  # it holds where nothing differs: its bound is what is false
        ("below", -1.0, 0.0, -2.0),
        ("below", 10.0, 10.0, 0.0),
        ("apart", 1.0, 0.0, 2.0),
        ("within", 1.0, 1.0, 0.0),
    ],
)
def test_what_is_planted(direction: str, bound: float, null: float, beyond: float) -> None:
    part = part_of("S1", "start").model_copy(update={"direction": direction, "bound": bound})
    assert simulation.no_effect(part, unpaired=False) == null
    assert simulation.no_effect(part, unpaired=True) == bound
    assert simulation.at_bound(part, unpaired=False) == bound
    assert simulation.twice(part, unpaired=False) == beyond


def test_what_is_planted_in_a_claim_is_load_calibration() -> None:
    false = {id: set(planted_in(id, "no effect").values()) for id in shares()}
    assert {id for id, kinds in false.items() if kinds == {"bound"}} == {"S2", "D1", "E1", "E4", "T4"}
    assert {id for id, kinds in false.items() if kinds == {"zero", "bound"}} == {"S4", "S5"}
    there = {id: set(planted_in(id, "twice").values()) for id in shares()}
    assert {id for id, kinds in there.items() if kinds == {"zero"}} == {"S2", "T4"}
    assert {id for id, kinds in there.items() if kinds == {"zero", "twice"}} == {"S5"}
    assert planted_in("S5", "no effect") == {"fewer_lost": "zero", "little": "bound"}
    assert planted_in("E2", "twice") == {}  # counted, not drawn


def test_what_is_planted_is_what_the_simulation_plants() -> None:
    """Where nothing spreads, effects are what was planted."""
    for name in ("fair", "depth"):
        study = load_study(name)
        drawn = simulation.Simulated(
            study, simulation.cards_of(study, card), np.random.default_rng(0), share=1e-9
        )
        for scenario, effect in SCENARIOS.items():
            for result in judged(drawn, simulation.planted(effect)):
                if not is_measured(result) or result.id in (
                    "D3",
                    "T5",
                ):  # these are of a curve, and of orders
                    continue
                for finding in (finding for finding in result.findings if finding.counts):
                    kind = planted_in(result.id, scenario)[finding.part]
                    planted = {"zero": 0, "bound": finding.bound, "twice": 2 * finding.bound}[kind]
                    assert finding.effect.estimate == pytest.approx(planted, abs=1e-4), result.id


def test_a_network_against_itself() -> None:
    pairs = 5
    study = against_itself.study(pairs)
    assert (study.seeds, study.data) == (10, "shapes")
    metrics = [
        {"arm": "se_resnet8", "seed": seed, "kind": "epoch", "step": 9, "epoch": 1, "train_accuracy": 0.5,
         "train_loss": 1.0 + 0.01 * seed, "seconds": 3.0}
        for seed in range(10)
    ]  # fmt: skip
    rows = [
        ("se_resnet8", seed, "curvature", 9, "hessian", "top_eigenvalue", 10.0 + seed) for seed in range(10)
    ]
    numbers = {("se_resnet8", seed): {"test_accuracy": 0.5 + seed / 100} for seed in range(10)}
    made = tables(
        "se_resnet8", seeds=10, rows=rows, metrics=metrics, numbers=numbers, missing=[("se_resnet8", 3)]
    )
    verdicts = against_itself.verdicts(made, 3)
    assert len(verdicts) == 3
    [gates] = [result for result in verdicts[0] if result.id == "E3"]
    assert gates.leading.comparison == "one - other"
    assert gates.leading.confounds == ()
    assert gates.leading.effect.n == 4  # a run is missing, and of nine one is left over
    assert rates(verdicts) == {}  # fewer than five pairs settle nothing
    whole = tables("se_resnet8", seeds=10, rows=rows, metrics=metrics, numbers=numbers)
    found = rates(against_itself.verdicts(whole, 4))
    assert found["E3"]["splits"] == 4
    assert found["E3"]["false_supported"] == 0
    assert found["E3"]["spread"]["accuracy"] > 0
    assert "E1" not in found  # asked of single networks: that they are equal says nothing of it


def test_what_was_measured_is_told_apart() -> None:
    found = {result.id: result for result in evaluate(tables("resnet20", "se_resnet20"))}
    assert not is_measured(found["E2"])  # counted, not drawn
    assert is_measured(found["E3"])
    assert not is_measured(found["S1"])


def test_figures_are_kept_in_the_workspace_or_come_with_the_package(tmp_path) -> None:
    place = Workspace(tmp_path)
    shipped = load_calibration(place)
    assert shipped == load_calibration()
    assert shipped["comparisons"] >= 200
    assert shipped["pairs"] >= 10
    assert set(shipped["claims"]) >= {"S1", "D1", "E3", "T1"}
    for row in shipped["claims"].values():
        assert row.get("false_supported", 0) <= 0.05
        assert row.get("at_bound", 0) <= 0.05
        assert row.get("power", 1) >= 0.8
        assert row.get("real", {}).get("false_supported", 0) <= 0.05
    made = document({"E3": {"power": 0.9}}, {"E2": {"splits": 3}}, comparisons=2, pairs=0, splits=7)
    assert made["splits"] == 0
    assert made["claims"] == {"E2": {"real": {"splits": 3}}, "E3": {"power": 0.9}}
    save_calibration(place, made)
    assert load_calibration(place) == json.loads(json.dumps(made))
    for damaged in ("{", "{}", "3", "[]"):
        (tmp_path / "calibration.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(WorkspaceError, match="skipscope calibrate"):
            load_calibration(place)
