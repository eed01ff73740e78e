"""Which comparisons and arms of a study each entry that claims name finds."""

from typing import Any

import pytest
from made_up_evidence import evidence

from skipscope.claims.comparisons import COMPARISONS
from skipscope.claims.evidence import Evidence

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
        ("rate", ["plain8_0.2 - plain8"]),
        ("plain", ["plain8"]),
        ("residual", ["resnet8"]),
        ("residual_depths", []),
    ],
)
def test_arms_at_other_rates_answer_questions_of_rates_alone(
    of_rates: Evidence, name: str, wanted: list[str]
) -> None:
    assert found(of_rates, name) == wanted


def test_a_gate_s_controls_have_no_gates_and_a_chain_is_no_plain_network() -> None:
    gated = "se_resnet8", "se_resnet8_static", "se_resnet8_half"
    given = evidence("plain8", "resnet8", *gated, "densenet10_k4", "chain10_k4")
    assert found(given, "gated") == ["se_resnet8"]
    assert found(given, "plain") == ["plain8"]
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
    assert found(given, "plain") == []
