"""What else two arms differ in: must flag the classroom's pair, and pass those that differ in one thing."""

from functools import cache
from typing import Any

import made_up_evidence
import pytest

from skipscope.anatomy.describe import describe
from skipscope.claims.confounds import confounds, confounds_of_networks, facts_of
from skipscope.records.network_card import NetworkCard
from skipscope.records.schema import Environment, Failure, RunRecord
from skipscope.spec import DataRef, Recipe, RunSpec
from skipscope.spec.comparison import Comparison

WAY = {"precision": "fp32", "memory_format": "contiguous", "kernels": "stock", "threads": 1}


@cache
def card(model: str) -> NetworkCard:
    return describe(model)


def run(
    model: str,
    seed: int = 0,
    *,
    processor: str = "P",
    instructions: str = "AVX2",
    limit: int | None = None,
    **recipe: Any,
) -> RunRecord:
    spec = RunSpec(
        model=model,
        seed=seed,
        recipe=Recipe.model_validate(WAY | recipe),
        data=DataRef(name="cifar10", sha256="ab" * 32, train_limit=limit),
    )
    return RunRecord(
        id=spec.id,
        spec=spec,
        state="done",
        started="",
        environment=Environment(
            versions={"torch": "2"},
            machine={"processor": processor, "instructions": instructions},
            threads=1,
            git=None,
        ),
        network=card(model),
    )


def runs(*models: str) -> dict[str, dict[int, RunRecord]]:
    return {model: {0: run(model)} for model in models}


def pair(treated: str, control: str, factor: str, **more: Any) -> Comparison:
    return Comparison(treated=(treated,), control=(control,), factor=factor, **more)


def what(comparison: Comparison, given: dict[str, dict[int, RunRecord]] | None = None) -> set[str]:
    return {each.what for each in confounds(comparison, given or runs(*comparison.arms))}


def test_the_classroom_pair_is_flagged() -> None:
    found = confounds(pair("se_resnet", "resnet", "gate"), runs("se_resnet", "resnet"))
    assert {each.what for each in found} == {"stem", "maps", "arithmetic"}
    by = {each.what: (each.treated, each.control) for each in found}
    assert by["stem"] == ("conv 7x7/2", "conv 7x7/2, max-pool 3x3/2")
    assert by["maps"] == ("16x16, 8x8, 4x4, 2x2", "8x8, 4x4, 2x2, 1x1")
    assert by["arithmetic"] == ("140,912,640", "37,016,576")


@pytest.mark.parametrize(
    "comparison",
    [
        pair("resnet20", "plain20", "shortcut"),
        pair("resnet20_b", "plain20", "shortcut"),
        pair("resnet8_nobn", "plain8_nobn", "shortcut"),
        pair("se_resnet20", "resnet20", "gate"),
        pair("se_resnet_pool", "resnet", "gate"),
        pair("se_resnet", "resnet_nopool", "gate"),
        pair("se_resnet20", "se_resnet20_static", "gate_content"),
        pair("se_resnet20_static", "se_resnet20_half", "gate_scale"),
        pair("se_resnet20_half", "resnet20", "halving"),
        pair("se_resnet_pool", "se_resnet_pool_static", "gate_content"),
        pair("se_resnet_pool_static", "se_resnet_pool_half", "gate_scale"),
        pair("se_resnet_pool_half", "resnet", "halving"),
        pair("se_resnet_half", "resnet_nopool", "halving"),
        pair("densenet19_k10", "chain19_k10", "concatenation"),
        pair("resnet_nopool", "resnet", "pool"),
        pair("densenet22_k12", "resnet20", "dense", matched="parameters"),
        pair("densenet19_k10", "resnet20", "dense", matched="depth"),
        pair("plain8_nobn", "plain8", "normalisation"),
        pair("resnet", "cnn", "network"),
        Comparison(treated=("resnet8", "resnet20"), control=("plain8", "plain20"), factor="shortcut"),
        Comparison(treated=("resnet8", "resnet20"), factor="depth"),
        Comparison(treated=("resnet_nopool", "se_resnet"), control=("resnet", "se_resnet_pool"),
                   factor="pool", across="gate"),
        Comparison(treated=("densenet19_k10", "densenet22_k12"), control=("resnet20", "resnet20"),
                   factor="dense", matched="depth", across="network"),
    ],
    ids=str,
)  # fmt: skip
def test_what_differs_in_one_thing_passes(comparison: Comparison) -> None:
    assert what(comparison) == set()
    cards = {arm: card(arm) for arm in comparison.arms}
    assert confounds_of_networks(comparison, cards) == ()


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (pair("resnet20", "plain32", "shortcut"), {"depth", "parameters", "arithmetic"}),
        (pair("resnet20", "plain20", "gate"), {"shortcut"}),
        (pair("se_resnet20", "plain20", "shortcut"), {"gate"}),
        (pair("resnet20_nobn", "plain20", "shortcut"), {"normalisation"}),
        (pair("densenet22_k12", "resnet20", "shortcut"), {"depth", "width", "concatenation", "arithmetic"}),
        (pair("densenet19_k10", "resnet20", "dense", matched="parameters"), {"parameters"}),
        (pair("densenet40_k12", "resnet20", "dense", matched="depth"), {"depth"}),
        (Comparison(treated=("resnet8", "se_resnet20"), factor="depth"), {"gate"}),
    ],
    ids=lambda value: "-".join(sorted(value)) if isinstance(value, set) else str(value),
)  # fmt: skip
def test_what_differs_in_more_is_flagged(comparison: Comparison, expected: set[str]) -> None:
    assert what(comparison) == expected
    cards = {arm: card(arm) for arm in comparison.arms}
    assert {each.what for each in confounds_of_networks(comparison, cards)} == expected


def test_a_chain_has_the_growth_of_its_dense_network() -> None:
    """Quantities of the channels themselves need equal widths, which a residual network has not."""
    assert what(pair("densenet22_k12", "chain22_k12", "concatenation")) == set()
    comparison = pair("densenet22_k12", "resnet20", "concatenation")
    [found] = [each for each in confounds(comparison, runs(*comparison.arms)) if each.what == "width"]
    assert (found.treated, found.control) == ("12, 12, 12", "16, 32, 64")


SHORTCUT = pair("resnet20", "plain20", "shortcut")


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"learning_rate": 0.1}, {"recipe.learning_rate"}),
        ({"epochs": 9, "augmentation": "none"}, {"recipe.epochs", "recipe.augmentation"}),
        ({"precision": "bf16"}, {"precision"}),
        ({"threads": 2}, {"threads"}),
        ({"limit": 1000}, {"training images"}),
        ({"processor": "Q"}, set()),
    ],
)
def test_recipe_way_and_data_are_compared(other: dict[str, Any], expected: set[str]) -> None:
    given = {"resnet20": {0: run("resnet20")}, "plain20": {0: run("plain20", **other)}}
    assert what(SHORTCUT, given) == expected
    # networks as they start have no recipe
    assert confounds_of_networks(SHORTCUT, {arm: card(arm) for arm in SHORTCUT.arms}) == ()


def test_where_seconds_are_compared_the_machine_is_too() -> None:
    given = {"resnet20": {0: run("resnet20")}, "plain20": {0: run("plain20", processor="Q")}}
    assert what(SHORTCUT.model_copy(update={"timed": True}), given) == {"machine"}


def test_instructions_that_round_differently_confound_whatever_is_compared() -> None:
    given = {"resnet20": {0: run("resnet20")}, "plain20": {0: run("plain20", instructions="AVX512")}}
    assert what(SHORTCUT, given) == {"instructions"}


def test_a_difference_of_many_seeds_is_told_once() -> None:
    given = {
        arm: {seed: run(arm, seed, epochs=epochs) for seed in range(6)}
        for arm, epochs in (("resnet20", 3), ("plain20", 9))
    }
    (told,) = confounds(SHORTCUT, given)
    assert (told.what, told.treated, told.control) == ("recipe.epochs", "3", "9")


def test_what_a_run_is_is_read_off_its_record_once() -> None:
    found = made_up_evidence.evidence("resnet20", "plain20", seeds=2)
    first, second = found.done["resnet20"].values()
    assert found.facts(first) is found.facts(first)
    assert found.facts(first) == found.facts(second) == facts_of(second)


def test_runs_of_equal_seeds_are_compared_and_if_there_are_none_any() -> None:
    other = run("plain20", seed=1, epochs=9)
    given = {"resnet20": {0: run("resnet20"), 1: run("resnet20", seed=1, epochs=9)}}
    assert what(SHORTCUT, given | {"plain20": {1: other}}) == set()
    assert what(SHORTCUT, given | {"plain20": {7: other}}) == {"recipe.epochs"}
    assert what(SHORTCUT, given | {"plain20": {}}) == set()
    assert confounds_of_networks(SHORTCUT, {}) == ()


def test_seeds_that_diverged_are_named() -> None:
    failure = Failure(kind="diverged", message="the loss is nan")
    lost = run("plain20", seed=1).model_copy(update={"state": "failed", "failure": failure})
    given = {"resnet20": {0: run("resnet20")}, "plain20": {0: run("plain20"), 1: lost}}
    [found] = confounds(SHORTCUT, given)
    assert (found.what, found.treated, found.control) == ("diverged seeds", "none", "plain20: 1")
    broken = lost.model_copy(update={"failure": Failure(kind="error", message="disk full")})
    assert what(SHORTCUT, given | {"plain20": {0: run("plain20"), 1: broken}}) == set()


def test_facts_have_the_same_names_for_any_run() -> None:
    names = [[name for name, _ in facts_of(run(model))] for model in ("cnn", "densenet22_k12")]
    assert names[0] == names[1]
    assert "recipe.milestones" in names[0]
    assert "precision" in names[0]


@pytest.mark.parametrize(
    ("comparison", "other"),
    [
        (pair("se_resnet20_static", "resnet8", "halving"), {"depth", "parameters", "arithmetic"}),
        (pair("se_resnet20_half", "plain20", "shortcut"), {"gate"}),
        (pair("se_resnet_pool_static", "resnet_nopool", "gate_scale"), {"stem", "maps", "arithmetic"}),
        (pair("densenet19_k10", "chain19_k12", "concatenation"), {"width"}),
        (pair("chain19_k10", "plain20", "shortcut"), {"depth", "width", "parameters", "arithmetic"}),
    ],
    ids=lambda value: str(value) if isinstance(value, Comparison) else "",  # a set's order is chance
)
def test_a_control_confounds_in_all_that_is_not_its_factor(comparison: Comparison, other: set[str]) -> None:
    assert what(comparison) == other


def test_rates_may_differ_where_they_are_compared_or_were_chosen_for_each_arm() -> None:
    models = {"treated": "resnet20", "control": "plain20", "low": "plain20"}
    rates = {"treated": 0.2, "control": 0.1, "low": 0.02}
    given = {arm: {0: run(model, learning_rate=rates[arm])} for arm, model in models.items()}
    assert what(pair("treated", "control", "shortcut"), given) == {"recipe.learning_rate"}
    assert what(pair("treated", "control", "shortcut", tuned=True), given) == set()
    assert what(pair("control", "low", "rate"), given) == set()
    assert what(pair("treated", "low", "rate"), given) == {"shortcut"}
    curve = Comparison(
        treated=("treated", "low"), control=("treated", "low"), factor="shortcut", across="rate"
    )
    assert what(curve, given) == {"shortcut"}


def test_images_that_each_seed_drew_are_others_than_the_one_old_subset() -> None:
    old = run("resnet20", limit=1000)
    ref = old.spec.data.model_copy(update={"subset": "by_seed"})
    new = old.model_copy(update={"spec": old.spec.model_copy(update={"data": ref})})
    given = {"plain20": {0: run("plain20", limit=1000)}, "resnet20": {0: new}}
    (found,) = confounds(pair("resnet20", "plain20", "shortcut"), given)
    assert (found.what, found.treated, found.control) == ("training images", "1000 by seed", "1000")
