"""Which comparisons and arms of a study each entry that claims name finds."""

from typing import Any

import pytest
from made_up_evidence import evidence

from skipscope.claims.catalogue import part_of
from skipscope.claims.comparisons import COMPARISONS, unpaired
from skipscope.claims.evidence import Evidence
from skipscope.claims.measurements import measure

RATES = (0.02, 0.2)


def found(given: Evidence, name: str) -> list[str]:
    return [str(comparison) for comparison in COMPARISONS[name](given)]


@pytest.fixture(scope="module")
def of_rates() -> Evidence:
    """Two networks at three rates, and at the rate that was chosen for each."""
    arms: list[dict[str, Any]] = [{"model": model} for model in ("plain8", "resnet8")]
    for model in ("plain8", "resnet8"):
        rates: dict[object, float] = {rate: rate for rate in RATES}
        rates["tuned"] = 0.2 if model == "resnet8" else 0.02
        arms += (
            {"model": model, "name": f"{model}_{name}", "recipe": {"learning_rate": rate}}
            for name, rate in rates.items()
        )
    comparison = [
        {
            "treated": ["resnet8_0.02", "resnet8", "resnet8_0.2"],
            "control": ["plain8_0.02", "plain8", "plain8_0.2"],
            "factor": "shortcut",
            "across": "rate",
        },
        {"treated": "resnet8_tuned", "control": "plain8_tuned", "factor": "shortcut", "tuned": True},
        {"treated": "plain8_0.2", "control": "plain8", "factor": "rate"},
    ]
    return evidence(*(arm["model"] for arm in arms), arm=arms, comparison=comparison)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("shortcut_with_norm", ["resnet8 - plain8"]),
        ("shortcut_tuned", ["resnet8_tuned - plain8_tuned"]),
        ("shortcut_at_rates", ["resnet8_0.02 - plain8_0.02, resnet8 - plain8, resnet8_0.2 - plain8_0.2"]),
        ("residual", ["resnet8"]),
        ("residual_depths", []),
    ],
)
def test_arms_at_other_rates_answer_questions_of_rates_alone(
    of_rates: Evidence, name: str, wanted: list[str]
) -> None:
    assert found(of_rates, name) == wanted


def test_a_network_counts_once_however_many_arms_train_it() -> None:
    """A deep chain that is clipped is no second deep chain; networks of one's own have a path for a name."""
    twice: list[dict[str, Any]] = [
        {"model": "plain56"},
        {"model": "plain56", "name": "clipped", "recipe": {"clip_norm": 5.0}},
    ]
    given = evidence("plain56", "plain56", arm=twice, initial_seeds=1)
    assert found(given, "plain_very_deep") == ["plain56"]
    assert found(given, "plain_deep_at_init") == ["plain56"]
    own, both = evidence("resnet8").study, evidence("resnet8")
    arms = [
        own.arm[0].model_copy(update={"model": f"mine.py:{each}", "name": each}) for each in ("One", "Two")
    ]
    both.study = own.model_copy(update={"arm": tuple(arms)})
    assert [str(each) for each in unpaired(lambda *_: True)(both)] == ["One, Two"]


def test_a_gate_s_controls_have_no_gates_and_a_chain_is_no_plain_network() -> None:
    gated = "se_resnet8", "se_resnet8_static", "se_resnet8_half"
    given = evidence("plain8", "resnet8", *gated, "densenet10_k4", "chain10_k4")
    assert found(given, "gated") == ["se_resnet8"]
    assert [arm for arm in given.trained_arms if given.is_plain(arm)] == ["plain8"]
    assert found(given, "dense") == ["densenet10_k4"]
    assert found(given, "gate") == ["se_resnet8 - resnet8"]
    assert found(given, "gate_content") == ["se_resnet8 - se_resnet8_static"]
    assert found(given, "gate_scale") == ["se_resnet8_static - se_resnet8_half"]
    assert found(given, "halving") == ["se_resnet8_half - resnet8"]
    assert found(given, "concatenation") == ["densenet10_k4 - chain10_k4"]


def test_a_network_of_ours_without_a_record_is_judged_by_its_name() -> None:
    models = "se_resnet8", "se_resnet8_static", "se_resnet8_half", "chain10_k4"
    given = evidence(*models, planned=False, missing=[(model, 0) for model in models])
    assert not given.cards
    assert found(given, "gated") == ["se_resnet8"]
    assert not any(map(given.is_plain, given.trained_arms))


def test_what_depth_is_said_to_do_is_asked_of_deep_networks() -> None:
    models = [f"{kind}{depth}" for depth in (8, 20, 56) for kind in ("plain", "resnet")]
    bare = ["plain8_nobn", "plain20_nobn"]
    given = evidence(*models, initial=bare, initial_seeds=1)
    assert found(given, "shortcut_deep") == ["resnet20 - plain20, resnet56 - plain56"]
    assert found(given, "plain_very_deep") == ["plain56"]
    assert found(given, "plain_deep_at_init") == ["plain20, plain56"]
    assert found(given, "plain_deep_without_norm_at_init") == ["plain20_nobn"]
    shallow = evidence("plain8", "resnet8")
    names = "shortcut_deep", "plain_very_deep", "plain_deep_at_init"
    assert not any(found(shallow, name) for name in names)
    # of a study that was not run the name tells the depth
    planned = evidence(*models, planned=False, missing=[(model, 0) for model in models])
    assert not planned.cards
    assert found(planned, "shortcut_deep") == ["resnet20 - plain20, resnet56 - plain56"]


def test_a_dense_network_of_fewer_parameters_has_at_most_three_fifths_of_them() -> None:
    models = "resnet20", "densenet22_k12", "densenet19_k10"
    declared = [
        {"treated": treated, "control": "resnet20", "factor": "dense", "matched": matched}
        for treated, matched in zip(models[1:], ("parameters", "depth"), strict=True)
    ]
    given = evidence(*models, comparison=declared)
    params = {model: given.cards[model].params for model in models}
    assert params["densenet19_k10"] < 0.6 * params["resnet20"] < params["densenet22_k12"]
    assert found(given, "dense_fewer_parameters") == ["densenet19_k10 - resnet20"]
    # of a study that was not run only those are left out that are said to have as many
    planned = evidence(*models, comparison=declared, planned=False, missing=[(model, 0) for model in models])
    assert found(planned, "dense_same_parameters") == ["densenet22_k12 - resnet20"]
    assert found(planned, "dense_fewer_parameters") == ["densenet19_k10 - resnet20"]


def test_the_course_of_training_is_told_of_declared_pairs() -> None:
    given = evidence("plain20", "resnet20", "se_resnet20", "densenet19_k10")
    told = ["resnet20 - plain20", "densenet19_k10 - resnet20", "se_resnet20 - resnet20"]
    assert found(given, "course") == told
    assert {each.factor for each in COMPARISONS["course"](given)} == {"network"}  # whatever else differs
    assert found(evidence("cnn", "densenet40_k12"), "course") == ["densenet40_k12 - cnn"]  # any, if none is


def test_the_deepest_network_is_that_in_whatever_order_a_study_names_them() -> None:
    start = [
        (arm, 0, "branch_scale", 0, f"layer1.{block}", "std_ratio", 0.5**block)
        for arm in ("resnet14", "resnet8")
        for block in range(2)
    ]
    [deepest] = measure(part_of("S8", "normalised"), evidence("resnet14", "resnet8", start=start))
    assert str(deepest.comparison) == "resnet14"
