"""Every claim, asked of whole studies."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from made_up_evidence import tables

from skipscope.analysis.members import Entry
from skipscope.analysis.tables import StudyTables
from skipscope.claims.evaluate import document, evaluate, lost, next_steps
from skipscope.claims.model import ClaimResult
from skipscope.records.store import Workspace


def by_id(results: tuple[ClaimResult, ...]) -> dict[str, ClaimResult]:
    return {result.id: result for result in results}


@pytest.fixture
def demo(made_up: Callable[..., Workspace], with_readings: Callable[..., Workspace]) -> Workspace:
    return with_readings(made_up(data="shapes", name="demo"))


def test_the_classroom_networks_on_one_seed(demo: Workspace) -> None:
    found = by_id(evaluate(demo))
    measured = {id for id, result in found.items() if result.verdict != "not_measured"}
    assert {"S4", "D1", "D3", "E1", "E2", "E3", "T1"} <= measured
    # nothing is settled by one seed
    assert {result.verdict for result in found.values()} == {"not_measured", "inconclusive", "confounded"}
    for id in ("D2", "D3", "E2", "E3"):
        assert found[id].verdict == "confounded", id
    # of weights at equal loss, deep networks and a gate's controls it has none
    for id in ("S1a", "S7", "D4", "E4", "T2", "T3", "T4", "T6"):
        assert found[id].verdict == "not_measured", id
    assert {result.data for result in found.values()} == {"shapes"}
    assert {"stem", "maps", "arithmetic"} == {each["what"] for each in found["E3"].row()["confounds"]}
    steps = next_steps(tuple(found.values()), "skipscope demo")
    assert {"E3", "E5"} <= set(steps["skipscope run stem"])
    assert "E2" in steps["skipscope run fair"]
    assert "T1" in steps["skipscope demo --seeds 5"]


def test_ten_seeds_settle_what_the_networks_themselves_are_asked(
    made_up: Callable[..., Workspace], with_readings: Callable[..., Workspace]
) -> None:
    found = by_id(evaluate(with_readings(made_up(seeds=10))))
    # in the made-up readings gates are worth less than 0.05 nats by their mean, and explain 4 to 60 per cent
    assert found["E1"].verdict == "supported"
    assert found["D1"].verdict in ("supported", "contradicted")
    assert found["T1"].verdict == "supported"
    assert found["E3"].verdict == "confounded"
    assert found["T1"].leading.effect.n == 10
    assert found["T1"].family == len([r for r in found.values() if r.group == "course" and r.p is not None])


def test_the_same_records_give_the_same_bytes(demo: Workspace) -> None:
    first = json.dumps(document("demo", evaluate(demo, "demo")))
    assert json.dumps(document("demo", evaluate(demo, "demo"))) == first
    script = (
        "import json, sys\n"
        "from skipscope.claims.evaluate import document, evaluate\n"
        "from skipscope.records.store import Workspace\n"
        f"print(json.dumps(document('demo', evaluate(Workspace({str(demo.path)!r})))), end='')\n"
        "assert 'torch' not in sys.modules\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == first


def row(arm: str, seed: int, error: float) -> dict[str, object]:
    return {
        "arm": arm, "seed": seed, "kind": "epoch", "step": 9, "epoch": 1, "train_loss": 1.0,
        "train_accuracy": 1 - error / 100, "val_accuracy": 0.5, "val_loss": 1.0, "seconds": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("deep_plain", "verdict"), [(45.0, "supported"), (39.0, "contradicted"), (41.2, "inconclusive")]
)
def test_degradation_is_the_interaction(deep_plain: float, verdict: str) -> None:
    errors = {"plain8": 40.0, "plain20": deep_plain, "resnet8": 40.0, "resnet20": 39.5}
    noise = {"plain8": 0.2, "plain20": 0.6, "resnet8": 0.1, "resnet20": 0.0}
    metrics = [
        row(arm, seed, error + noise[arm] * (-1) ** seed * (1 + 0.1 * seed))
        for arm, error in errors.items()
        for seed in range(6)
    ]
    found = by_id(evaluate(tables(*errors, seeds=6, metrics=metrics)))
    assert found["S3"].verdict == verdict
    [interaction] = [each for each in found["S3"].findings if each.part == "interaction"]
    assert interaction.verdict == verdict
    assert interaction.comparison == "resnet8 - plain8, resnet20 - plain20"
    assert found["S2"].verdict == "supported"


def test_exact_quantities_need_one_run_of_each() -> None:
    found = by_id(evaluate(tables("resnet20", "se_resnet20")))
    assert found["E2"].verdict == "supported"
    assert found["E2"].leading.effect.estimate == pytest.approx(0.8798, abs=1e-4)
    assert (found["E2"].p, found["E2"].adjusted_p, found["E2"].family) == (None, None, 0)
    assert found["E3"].verdict == "inconclusive"
    classroom = by_id(evaluate(tables("resnet", "se_resnet")))
    assert classroom["E2"].verdict == "confounded"


def test_half_a_square_ends_no_evaluation() -> None:
    half = {"treated": "resnet_nopool", "control": "resnet", "factor": "pool", "across": "gate"}
    found = by_id(evaluate(tables("resnet", "resnet_nopool", seeds=5, comparison=[half])))
    effects = {finding.part: finding.effect is not None for finding in found["E5"].findings}
    assert effects == {"pool": True, "gate": False, "interaction": False, "whole": False}


def test_claims_that_more_seeds_would_not_settle_are_told_apart() -> None:
    failed = {("plain8", seed): "diverged" for seed in range(5)}
    found = evaluate(tables("resnet8", "plain8", seeds=5, failed=failed))
    gone = lost(found)
    assert {"S5", "T1", "T3"} <= set(gone["diverged"])
    assert set(gone) == {"diverged"}
    steps = next_steps(found, "skipscope run made")
    assert not {"S5", "T1", "T3"} & {id for ids in steps.values() for id in ids}
    row = by_id(found)["S5"].row()
    assert (row["verdict"], row["parts"][0]["lost"]) == ("not_measured", "diverged")


def redundant(*arms: str) -> list[tuple]:
    quantities = {"effective_rank_share": "layer1.0.conv2", "largest_correlation": "layer1.0"}
    return [
        (arm, seed, "redundancy", 5, place, quantity, 0.5 + 0.01 * seed)
        for arm in arms
        for seed in range(5)
        for quantity, place in quantities.items()
    ]


def narrowed(found: StudyTables, arm: str, width: int) -> StudyTables:
    """As if this network had so many channels in every block."""

    def like(entry: Entry) -> Entry:
        if entry.arm != arm:
            return entry
        network = entry.record.network
        maps = tuple((width, *size) for _, *size in network.anatomy.maps)
        anatomy = network.anatomy.model_copy(update={"maps": maps})
        network = network.model_copy(update={"anatomy": anatomy})
        return replace(entry, record=entry.record.model_copy(update={"network": network}))

    return replace(found, entries=tuple(map(like, found.entries)))


def test_channels_are_compared_of_networks_of_one_width_only() -> None:
    """A dense network with a chain of its growth: with few channels a larger share is independent."""
    arms = ("densenet22_k12", "chain22_k12")
    made = tables(*arms, seeds=5, rows=redundant(*arms))
    assert by_id(evaluate(made))["D4"].verdict == "contradicted"  # they are alike
    wider = by_id(evaluate(narrowed(made, "chain22_k12", 16)))
    assert wider["D4"].verdict == "confounded"
    assert [each["what"] for each in wider["D4"].row()["confounds"]] == ["width"]
    # nor is a residual network, of wider blocks, what a dense one is compared with
    others = ("densenet22_k12", "resnet20")
    found = by_id(evaluate(tables(*others, seeds=5, rows=redundant(*others))))
    assert found["D4"].verdict == "not_measured"
    assert {finding.hint for finding in found["D4"].findings} == {"skipscope run fair"}


def test_a_part_that_cannot_be_asked_names_the_arms_that_it_speaks_of_alone() -> None:
    found = by_id(evaluate(tables("resnet_nopool", "se_resnet", seeds=5)))
    parts = {finding.part: finding for finding in found["S3"].findings}
    assert set(parts["plain"].arms) == {"plain8", "plain56"}
    assert set(parts["plain"].missing) == {"plain56", "plain8"}


def test_one_seed_that_diverged_says_nothing_of_others() -> None:
    found = evaluate(tables("resnet8", "plain8", seeds=1, failed={("plain8", 0): "diverged"}))
    assert not any(finding.lost for each in found for finding in each.findings)


@pytest.mark.parametrize("factor", ["shortcut", "gate", "pool", "depth", "normalisation", "network"])
def test_a_comparison_that_a_study_declares_without_control_ends_no_evaluation(factor: str) -> None:
    declared = [{"treated": ["resnet8", "resnet14"], "factor": factor}]
    found = by_id(evaluate(tables("resnet8", "resnet14", seeds=5, comparison=declared)))
    assert found["T1"].verdict == "not_measured"
    assert found["E3"].verdict == "not_measured"
