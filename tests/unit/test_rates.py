"""tools/rates.py: the rate that validation chooses, and the arms that a study gains by it."""

import runpy
from pathlib import Path

import pytest
from made_up_evidence import RECIPE, run

from skipscope.errors import UsageError
from skipscope.records.schema import Failure, RunRecord
from skipscope.spec import load_study, shipped_studies

RATES = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "rates.py"), run_name="rates")


def at(model: str, rate: float, accuracy: float, seed: int = 0) -> RunRecord:
    recipe = RECIPE.model_copy(update={"learning_rate": rate})
    return run(model, seed, recipe, val_accuracy=accuracy, test_accuracy=1 - accuracy)


RUNS = [
    at("plain8", 0.02, 0.30),
    at("plain8", 0.05, 0.50, 0),
    at("plain8", 0.05, 0.30, 1),
    at("plain8", 0.1, 0.40),
    at("resnet8", 0.02, 0.20),
    at("resnet8", 0.05, 0.10),
]


def test_the_best_validation_accuracy_is_chosen_and_of_equal_ones_the_lower_rate() -> None:
    """The test accuracies, of which the opposite is true, have no part in it."""
    found = RATES["accuracies"](RUNS)
    assert found["plain8"] == pytest.approx({0.02: 0.3, 0.05: 0.4, 0.1: 0.4})
    assert RATES["chosen"](found) == {"plain8": 0.05, "resnet8": 0.02}
    assert RATES["chosen"](RATES["accuracies"](reversed(RUNS))) == {"plain8": 0.05, "resnet8": 0.02}


def test_a_rate_at_which_a_network_diverged_is_not_chosen_and_what_is_unfinished_is_told() -> None:
    lost = {"state": "failed", "result": None}
    diverged = at("plain8", 0.2, 0.9).model_copy(
        update={**lost, "failure": Failure(kind="diverged", message="the loss is nan")}
    )
    assert RATES["chosen"](RATES["accuracies"]([*RUNS, diverged]))["plain8"] == 0.05
    with pytest.raises(UsageError, match="not finished"):
        RATES["accuracies"]([*RUNS, diverged.model_copy(update={"failure": None})])


def test_the_table_marks_the_choice_and_says_where_the_range_may_be_too_narrow() -> None:
    text = RATES["table"](RATES["accuracies"](RUNS))
    assert "| `plain8` | 30.0% | **40.0%** | 40.0% |" in text
    assert "| `resnet8` | **20.0%** | 10.0% |  |" in text
    assert text.endswith("may lie: `resnet8`.")


def test_the_arms_join_the_study_of_depth(tmp_path: Path) -> None:
    best = {f"{kind}{depth}": 0.05 for depth in (8, 56) for kind in ("plain", "resnet")}
    path = tmp_path / "depth.toml"
    path.write_text(f"{shipped_studies()['depth'].read_text('utf-8')}\n{RATES['arms'](best)}", "utf-8")
    tuned = [each for each in load_study(path).comparisons if each.tuned]
    assert [str(each) for each in tuned] == ["resnet8_tuned - plain8_tuned, resnet56_tuned - plain56_tuned"]
    others = [each for each in load_study(path).comparisons if not each.tuned]
    assert others == list(load_study("depth").comparisons)


def test_the_shipped_study_has_every_network_of_depth_s_shortcut_at_four_rates() -> None:
    rates, depth = load_study("rates"), load_study("depth")
    at_rates: dict[str, list[float]] = {}
    for arm in rates.arm:
        recipe = rates.recipe_of(arm)
        assert recipe.model_copy(update={"learning_rate": 0.1}) == depth.recipe
        at_rates.setdefault(arm.model, []).append(recipe.learning_rate)
    assert at_rates == {
        arm.model: [0.02, 0.05, 0.1, 0.2] for arm in depth.arm if arm.model.startswith(("plain", "resnet"))
    }
    assert {each.across for each in rates.comparisons} == {"rate"}
