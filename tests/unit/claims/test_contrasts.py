"""How arms are set against each other, by hand."""

from collections.abc import Mapping
from math import log2

import numpy as np
import pytest
from made_up_evidence import evidence
from scipy.stats import spearmanr

from skipscope.analysis.quantities import Series
from skipscope.analysis.statistics import Estimate
from skipscope.claims.contrasts import (
    accuracy_difference,
    counted,
    deep_minus_shallow,
    growth,
    growth_of_difference,
    growth_per_ten_layers,
    interaction,
    mean_difference,
    parameters_needed,
    same_blocks,
    slope,
    time_to_loss,
)
from skipscope.claims.curves import ranked, reached
from skipscope.claims.evidence import Evidence
from skipscope.spec.comparison import Comparison


def given(values: Series, *models: str, **more: object) -> Evidence:
    """Evidence of which the quantity `q` is as given."""
    found = evidence(*(models or values), **more)
    found._found["q"] = values
    return found


def pair(treated: str | tuple[str, ...], control: str | tuple[str, ...] = (), **more: object) -> Comparison:
    return Comparison(treated=treated, control=control, **{"factor": "shortcut"} | more)


def seeds(values: Mapping[str, tuple[float, ...]]) -> Series:
    return {arm: dict(enumerate(each)) for arm, each in values.items()}


DEPTHS = seeds({"resnet8": (4.0, 5.0), "resnet20": (3.0, 5.0), "plain8": (5.0, 6.0), "plain20": (9.0, 11.0)})
BOTH = pair(("resnet8", "resnet20"), ("plain8", "plain20"))


def test_pairs_are_averaged_over_depths() -> None:
    found = mean_difference(given(DEPTHS), "q", BOTH)
    assert (found.value, found.n) == ((-3.5 + -3.5) / 2, 2)
    assert mean_difference(given(DEPTHS), "q", pair(("resnet8", "resnet20"))).value == pytest.approx(4.25)
    assert mean_difference(given({}, "resnet8", "plain8"), "q", pair("resnet8", "plain8")) is None


def test_the_deepest_pair_and_growth_with_depth() -> None:
    found = given(DEPTHS)
    assert mean_difference(found, "q", BOTH.at(-1)).value == -6
    # plain gains 4 and 5, residual -1 and 0: the interaction
    assert deep_minus_shallow(found, "q", BOTH).value == 5
    assert growth(found, "q", BOTH.along("control")).value == 4.5
    assert growth(found, "q", BOTH.along("treated")).value == -0.5


def test_slopes_are_for_ten_layers() -> None:
    found = given(DEPTHS)
    assert slope(found, "q", BOTH).value == pytest.approx((-0.5 - 4.5) / 1.2)
    alone = pair(("resnet8", "resnet20"), factor="depth")
    assert slope(found, "q", alone).value == pytest.approx(-0.5 / 1.2)


def test_steps_of_depth_are_told_by_ten_layers_and_as_differences_that_grow() -> None:
    found = given(DEPTHS)
    assert growth_per_ten_layers(found, "q", BOTH.along("treated")).value == pytest.approx(-0.5 / 1.2)
    assert growth_of_difference(found, "q", BOTH).value == -5  # 4.5 to plain, -0.5 to residual


def test_blocks_that_both_have_are_compared() -> None:
    found = given({"resnet8": {0: {"a": 1.0, "b": 5.0}, 1: None}, "plain8": {0: {"b": 3.0, "c": 9.0}, 1: {}}})
    same = same_blocks(found, "q", pair("resnet8", "plain8"))
    assert (same.value, same.n, same.dropped) == (2.0, 1, 1)
    apart = given({"resnet8": {0: {"a": 1.0}}, "plain8": {0: {"c": 9.0}}})
    assert same_blocks(apart, "q", pair("resnet8", "plain8")) is None


def rights(**arms: tuple[tuple[int, ...], ...]) -> dict[tuple[str, int], tuple[int, ...]]:
    return {(arm, seed): row for arm, rows in arms.items() for seed, row in enumerate(rows)}


def test_test_accuracies_draw_images_too() -> None:
    rng = np.random.default_rng(0)
    kept = {("resnet8", s): rng.random(40) < 0.7 for s in range(5)}
    kept |= {("plain8", s): rng.random(40) < 0.5 for s in range(5)}
    numbers = {key: {"test_accuracy": float(right.mean())} for key, right in kept.items()}
    both = evidence("resnet8", "plain8", seeds=5, right=kept, numbers=numbers)
    found = accuracy_difference(both, "test accuracy", pair("resnet8", "plain8"))
    alone = mean_difference(both, "test accuracy", pair("resnet8", "plain8"))
    assert found.value == pytest.approx(alone.value)
    assert found.images_error > 0
    # of an older run it was not kept which images are right: as if they erred independently
    del kept["plain8", 3]
    older = evidence("resnet8", "plain8", seeds=5, right=kept, numbers=numbers)
    wide = accuracy_difference(older, "test accuracy", pair("resnet8", "plain8"))
    shares = [[numbers[arm, s]["test_accuracy"] for s in range(5)] for arm in ("resnet8", "plain8")]
    theory = 100 * np.sqrt(sum(np.mean([p * (1 - p) for p in arm]) for arm in shares) / 40)
    assert wide.images_error == pytest.approx(theory)
    assert wide.high - wide.low > alone.high - alone.low
    assert accuracy_difference(given({}, "resnet8", "plain8"), "q", pair("resnet8", "plain8")) is None


SQUARE = pair(("resnet_nopool", "se_resnet"), ("resnet", "se_resnet_pool"), factor="pool", across="gate")


def test_a_square_is_split_into_its_factors() -> None:
    cells = {"resnet": 70.0, "resnet_nopool": 73.0, "se_resnet_pool": 71.0, "se_resnet": 75.0}
    arms = tuple(cells)
    numbers = {(arm, s): {"test_accuracy": value / 100} for arm, value in cells.items() for s in range(2)}
    found = evidence(*arms, seeds=2, numbers=numbers)
    gate = pair(("se_resnet_pool", "se_resnet"), ("resnet", "resnet_nopool"), factor="gate", across="pool")
    pooled = accuracy_difference(found, "test accuracy", SQUARE).value
    gated = accuracy_difference(found, "test accuracy", gate).value
    assert (pooled, gated) == pytest.approx(((3 + 4) / 2, (1 + 2) / 2))
    assert interaction(found, "test accuracy", SQUARE).value == pytest.approx(4 - 3)
    # the two shares add up to the difference of the networks as they are printed
    assert accuracy_difference(found, "test accuracy", SQUARE.diagonal).value == pytest.approx(pooled + gated)


def test_what_is_counted_is_exact() -> None:
    found = evidence("se_resnet20", "resnet20", "se_resnet8", "resnet8")
    by = counted(lambda card: card.params)
    one = by(found, "", pair("se_resnet20", "resnet20", factor="gate"))
    assert one.exact
    assert one.value == pytest.approx(100 * (272_095 / 269_722 - 1))
    both = by(found, "", pair(("se_resnet8", "se_resnet20"), ("resnet8", "resnet20"), factor="gate"))
    assert both.value >= one.value  # of several the largest
    assert by(found, "", pair("se_resnet20", "plain20")) is None
    assert by(found, "", pair("resnet8")) is None


def test_parameters_needed_are_read_between_sizes() -> None:
    arms = ("densenet19_k10", "densenet22_k12")
    small, large, control = (log2(n) for n in (139_290, 270_706, 269_722))
    comparison = pair(arms, ("resnet20", "resnet20"), factor="dense", matched="depth", across="network")
    found = given(
        seeds(
            {
                # half-way between; at the smaller's; at the larger's; below both; above both
                "densenet19_k10": (60.0, 61.0, 50.0, 62.0, 50.0),
                "densenet22_k12": (64.0, 64.0, 58.0, 64.0, 55.0),
                "resnet20": (62.0, 61.0, 58.0, 61.0, 58.0),
            }
        )
    )
    needed = parameters_needed(found, "q", comparison)
    expected = [(small + large) / 2 - control, small - control, large - control]
    assert needed.value == pytest.approx(sum(expected) / 3)
    assert (needed.n, needed.dropped) == (3, 2)  # what lies outside of the curve is not told by it
    outside = given(seeds({"densenet19_k10": (60.0,), "densenet22_k12": (64.0,), "resnet20": (70.0,)}))
    assert parameters_needed(outside, "q", comparison) is None
    unknown = given(found.series("q"), "resnet20")
    assert parameters_needed(unknown, "q", comparison) is None


SIZES = ("densenet19_k10", "densenet22_k12")
NEEDED = pair(SIZES, ("resnet20", "resnet20"), factor="dense", matched="depth", across="network")


def answers(shares: Mapping[str, float], images: int, several: int) -> dict[tuple[str, int], np.ndarray]:
    """Simulates arms whose seeds differ in few images, since hard images are hard for every seed."""
    rng = np.random.default_rng(3)
    kept = {}
    for arm, share in shares.items():
        hard = rng.random(images)
        for seed in range(several):
            kept[arm, seed] = hard < share + 0.004 * seed * (-1) ** seed
    return kept


def test_the_images_of_a_square_are_drawn_anew_too() -> None:
    kept = answers({"resnet": 0.6, "resnet_nopool": 0.7, "se_resnet_pool": 0.65, "se_resnet": 0.7}, 1000, 5)
    numbers = {key: {"test_accuracy": float(right.mean())} for key, right in kept.items()}
    arms = dict.fromkeys(arm for arm, _ in kept)
    found = evidence(*arms, seeds=5, right=kept, numbers=numbers)
    effect = interaction(found, "test accuracy", SQUARE)
    # four arms that err independently
    theory = 100 * np.sqrt(sum(p * (1 - p) for p in (0.6, 0.7, 0.65, 0.7)) / 1000)
    assert effect.images_error == pytest.approx(theory, rel=0.1)  # 1,000 images tell a variance to 5 %
    # where it was not kept who was right, that is what is assumed
    older = evidence(*arms, seeds=5, numbers=numbers)
    assumed = interaction(older, "test accuracy", SQUARE)
    assert assumed.value == pytest.approx(effect.value)
    assert assumed.images_error == pytest.approx(theory * np.sqrt(1000 / older.test_images), rel=0.1)


def test_the_images_that_parameters_are_read_off_are_drawn_anew_too() -> None:
    kept = answers({SIZES[0]: 0.5, SIZES[1]: 0.7, "resnet20": 0.62}, 2000, 5)

    def needed(kept: Mapping[tuple[str, int], np.ndarray]) -> Estimate:
        numbers = {key: {"test_accuracy": float(right.mean())} for key, right in kept.items()}
        found = evidence(*SIZES, "resnet20", seeds=5, right=kept, numbers=numbers)
        return parameters_needed(found, "test accuracy", NEEDED)

    effect = needed(kept)
    again = []
    for drawn in np.random.default_rng(4).integers(2000, size=(1000, 2000)):
        small, large, level = ([kept[arm, s][drawn].mean() for s in range(5)] for arm in (*SIZES, "resnet20"))
        ends = log2(139_290), log2(270_706)
        again.append(np.mean([np.interp(level[s], [small[s], large[s]], ends) for s in range(5)]))
    # 1,000 resamples tell a standard deviation to 2 %; the rest is what derivatives leave out
    assert effect.images_error == pytest.approx(np.std(again), rel=0.1)
    assert effect.n == 5
    # where it was not kept who was right, arms are taken to err independently, as they do here
    numbers = {key: {"test_accuracy": float(right.mean())} for key, right in kept.items()}
    older = evidence(*SIZES, "resnet20", seeds=5, numbers=numbers)
    assumed = parameters_needed(older, "test accuracy", NEEDED).images_error
    assert assumed == pytest.approx(effect.images_error * np.sqrt(2000 / older.test_images), rel=0.1)
    # a seed that lies outside of the curve is dropped, and is in nothing
    kept["resnet20", 4] = np.ones(2000, dtype=bool)
    assert (needed(kept).n, needed(kept).dropped) == (4, 1)


def test_the_time_to_a_loss_is_interpolated() -> None:
    curves = {
        "resnet": {0: [[0, 0, 2.0], [1, 10, 1.0], [2, 20, 0.5]]},
        "cnn": {0: [[0, 0, 2.0], [1, 5, 1.4], [2, 10, 1.0]]},
    }
    found = given(curves)
    epochs = time_to_loss(0)(found, "q", pair("resnet", "cnn", factor="network"))
    seconds = time_to_loss(1)(found, "q", pair("resnet", "cnn", factor="network"))
    assert (epochs.value, seconds.value) == pytest.approx((log2(1 / 2), 0.0))  # both at a loss of 1
    curve = curves["resnet"][0]
    assert reached(curve, 2**0.5, 0) == pytest.approx(0.5)
    assert reached(curve, 0.1, 0) is None
    assert reached(curve, 3.0, 0) == 0
    assert reached([[0, 0, 1.0], [1, 5, 1.0]], 1.0, 0) == 1
    never = given({"resnet": {0: [[0, 0, 1.0], [1, 5, 2.0]]}, "cnn": {0: [[0, 0, 9.0], [1, 5, 3.0]]}})
    assert time_to_loss(0)(never, "q", pair("resnet", "cnn", factor="network")) is None


def test_agreement_is_spearmans() -> None:
    # 1 - 6 x (0 + 0 + 1 + 1) / (4 x 15)
    assert ranked([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 40.0, 30.0]) == pytest.approx(0.8)
    for given_, other in (([1.0, 1.0], [1.0, 2.0]), ([1.0], [1.0, 2.0]), ([1.0, None], [1.0, 2.0]), ([], [])):
        assert ranked(given_, other) is None
    ties, others = [3.0, 1.0, 3.0, 2.0, 2.0, 3.0], [1.0, 1.0, 5.0, 2.0, 4.0, 3.0]
    assert ranked(ties, others) == pytest.approx(spearmanr(ties, others).statistic, rel=1e-12)
