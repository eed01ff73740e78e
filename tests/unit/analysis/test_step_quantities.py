"""Numbers of the steps of a training, by hand."""

from math import log2

import numpy as np
import pytest
from made_up_evidence import evidence, of, read

from skipscope.analysis.moments import after
from skipscope.analysis.step_quantities import WINDOW, unevenness_of_updates, unsteadiness_now


def ratios(by_step: dict[int, float | None], arm: str = "plain8", seed: int = 0) -> list:
    return [
        read(arm, seed, "gradient_flow", "output_l2_ratio", {None: value}, step=step)
        for step, value in by_step.items()
    ]


def epochs(steps: int, number: int = 2) -> list[dict]:
    return [
        {"arm": "plain8", "seed": 0, "kind": "epoch", "step": steps * epoch, "epoch": epoch}
        for epoch in range(1, number + 1)
    ]


def test_the_first_gradient_over_the_last_is_told_at_the_start_and_in_training() -> None:
    runs = ratios({0: 1000.0, 1: 100.0, 2: 10.0, 4: 0.001})
    found = {
        name: of(name, "plain8", measured=runs)["plain8"][0]
        for name in (
            "first over last at the start",
            "gradient imbalance at the start",
            "first over last in training",
            "gradient imbalance in training",
        )
    }
    assert list(found.values()) == pytest.approx([3, 3, 1, 2])  # of logarithms 2, 1 and -3
    vanishing = ratios({0: 0.01})
    assert of("first over last at the start", "plain8", measured=vanishing)["plain8"][0] == pytest.approx(-2)
    assert of("gradient imbalance at the start", "plain8", measured=vanishing)["plain8"][0] == pytest.approx(
        2
    )


@pytest.mark.parametrize("lost", [0.0, None])
def test_a_gradient_that_is_lost_is_not_passed_over(lost: float | None) -> None:
    runs = ratios({0: lost, 1: 2.0, 2: lost})
    for when in ("at the start", "in training"):
        for name in ("first over last", "gradient imbalance"):
            assert of(f"{name} {when}", "plain8", measured=runs) == {"plain8": {0: None}}


def test_the_dense_first_steps_do_not_stand_for_the_training() -> None:
    first, later = dict.fromkeys(range(1, 17), 1000.0), {22: 1.0, 23: 1000.0, 32: 1.0, 44: 1.0, 45: 1000.0}
    quarters = dict.fromkeys((66, 88, 110, 132, 154, 176), 1.0)
    runs = ratios(first | later | quarters)
    found = of("first over last in training", "plain8", measured=runs, metrics=epochs(88))
    assert found["plain8"][0] == 0  # five powers of two up to 16, and nine that are later
    # 45 is measured for the first steps' sake, but here it is also a quarter
    runs = ratios({1: 1.0, 45: 1000.0, 60: 1000.0})
    for steps, value in ((180, 3), (88, 1.5)):
        found = of("first over last in training", "plain8", measured=runs, metrics=epochs(steps))
        assert found["plain8"][0] == pytest.approx(value)


def test_a_gradient_has_healed_at_the_first_step_of_at_most_three() -> None:
    name, runs = "steps until healed", ratios({0: 900.0, 1: 800.0, 2: 30.0, 3: 3.0, 4: 5.0, 8: 1.0})
    assert of(name, "plain8", measured=runs) == {"plain8": {0: pytest.approx(log2(3))}}
    assert of(name, "plain8", measured=ratios({0: 2.0, 1: 2.0, 2: 1.0})) == {"plain8": {0: 0.0}}
    # the start alone is no step
    assert of(name, "plain8", measured=ratios({0: 2.0})) == {}


def test_one_that_never_heals_is_given_its_last_step() -> None:
    for values in ({1: 9.0, 2: 8.0, 64: 4.0}, {1: None, 64: None}):
        found = of("steps until healed", "plain8", measured=ratios(values))
        assert found == {"plain8": {0: 6.0}}


def test_the_first_update_of_the_first_layer_is_that_of_step_one() -> None:
    runs = [
        read("plain8", 0, "update_ratio", "ratio", {"first": 0.1, "last": 7.0}, step=1),
        read("plain8", 0, "update_ratio", "ratio", {"first": 5.0, "last": 7.0}, step=2),
    ]
    name = "first update of the first layer"
    assert of(name, "plain8", measured=runs) == {"plain8": {0: pytest.approx(-1.0)}}


def test_updates_are_as_uneven_as_their_logarithms_spread_at_the_last_step() -> None:
    def moved(step: int, *values: float) -> tuple:
        layers = {f"l{number}": value for number, value in enumerate(values)}
        return read("plain8", 0, "update_ratio", "ratio", layers, step=step)

    runs = [moved(2, 1.0, 1.0, 1.0), moved(9, 0.5, 4.0, 1.0)]
    spread = pytest.approx(float(np.std([-1, 2, 0], ddof=1)))
    assert of("unevenness of updates", "plain8", measured=runs) == {"plain8": {0: spread}}
    told = evidence("plain8", measured=runs)
    # the step that begins after step 1 is step 2; that after step 8 is step 9
    assert unevenness_of_updates(after(told, {("plain8", 0): 1})) == {"plain8": {0: 0.0}}
    assert unevenness_of_updates(after(told, {("plain8", 0): 8})) == {"plain8": {0: spread}}
    still = [moved(2, 1.0, 0.0)]
    assert of("unevenness of updates", "plain8", measured=still) == {"plain8": {0: None}}


def test_steadiness_is_told_of_the_last_steps_before_a_moment() -> None:
    losses = [2.0 ** (number % 2) for number in range(WINDOW)] + [3.0] * WINDOW
    steps = [
        {"arm": "plain8", "seed": 0, "kind": "step", "step": number + 1, "loss": loss}
        for number, loss in enumerate(losses)
    ]
    told = evidence("plain8", metrics=steps)
    wild = unsteadiness_now(after(told, {("plain8", 0): WINDOW}))
    assert wild["plain8"][0] == pytest.approx(log2(np.log(2)))
    assert told.series("unsteadiness now")["plain8"][0] == -np.inf  # not a step from one to the next
