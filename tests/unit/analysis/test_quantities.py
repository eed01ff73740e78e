"""Numbers of a run, by hand."""

from math import log2, log10

import pytest
from made_up_evidence import evidence

from skipscope.analysis.quantities import QUANTITIES

FLOW = "gradient_flow"


def of(name: str, *models: str, **more: object) -> dict[str, dict[int, object]]:
    return {arm: dict(seeds) for arm, seeds in evidence(*models, **more).series(name).items()}


def flow(arm: str, seed: int, step: int, norms: dict[str, float]) -> list[tuple]:
    return [(arm, seed, FLOW, step, place, "output_l2", value) for place, value in norms.items()]


def test_gradients_are_of_the_first_stage_over_the_last() -> None:
    norms = {
        "conv1": 50.0,  # a stage of one layer is none
        "layer1.0.conv1": 10.0,
        "layer1.0.conv2": 1000.0,
        "layer2.0.conv1": 7.0,
        "layer2.0.conv2": 7.0,
        "layer3.0.conv1": 1.0,
        "layer3.0.conv2": 10.0,
        "fc": 3.0,
        "first/last": 5.0,
    }
    rows = flow("resnet8", 0, 0, norms)
    rows += [("resnet8", 0, FLOW, 0, "conv1", "output_rms", 9.0)]
    assert of("gradients at the start", "resnet8", rows=rows) == {"resnet8": {0: pytest.approx(2 - 0.5)}}


def test_of_a_network_without_stages_it_is_the_first_layer_over_the_last() -> None:
    rows = flow("cnn", 0, 0, {"conv1": 4.0, "conv2": 2.0, "fc1": 1.0, "first/last": 2.0})
    assert of("gradients at the start", "cnn", rows=rows)["cnn"][0] == pytest.approx(log10(2))


def test_networks_of_further_seeds_are_measured_at_their_start() -> None:
    rows = flow("cnn", 0, 0, {"first/last": 2.0}) + flow("cnn", 0, 8, {"first/last": 100.0})
    start = flow("cnn", 0, 0, {"first/last": 3.0}) + flow("cnn", 1, 0, {"first/last": 8.0})
    start += flow("plain8_nobn", 1, 0, {"first/last": 10.0})
    more = {"rows": rows, "start": start, "initial": ["plain8_nobn"], "initial_seeds": 2}
    found = of("gradients at the start", "cnn", **more)
    assert found["cnn"] == pytest.approx({0: log10(2), 1: log10(8)})  # what the run itself read comes first
    assert found["plain8_nobn"] == pytest.approx({1: 1})
    assert set(of("gradients in training", "cnn", **more)) == {"cnn"}
    assert of("gradients in training", "cnn", **more)["cnn"][0] == pytest.approx(2)


def test_in_training_the_median_of_steps_counts() -> None:
    rows = [
        row
        for step, ratio in ((1, 10.0), (2, 100.0), (4, 1000.0))
        for row in flow("cnn", 0, step, {"first/last": ratio})
    ]
    assert of("gradients in training", "cnn", rows=rows)["cnn"][0] == pytest.approx(2)


@pytest.mark.parametrize("lost", [0.0, None])
def test_a_gradient_that_vanished_wholly_is_not_passed_over(lost: float | None) -> None:
    stages = {"layer1.0.conv1": 1.0, "layer1.0.conv2": 1.0, "layer2.0.conv1": 1.0, "layer2.0.conv2": 1.0}
    whole = {**stages, "first/last": 1.0}
    for place in ("layer1.0.conv1", "layer2.0.conv2", "first/last"):
        rows = flow("resnet8", 0, 0, {**whole, place: lost}) + flow("resnet8", 1, 0, whole)
        found = of("gradients at the start", "resnet8", rows=rows, seeds=2)
        assert found == {"resnet8": {0: None, 1: 0.0}}
    rows = flow("cnn", 0, 1, {"first/last": 2.0}) + flow("cnn", 0, 2, {"first/last": lost})
    assert of("gradients in training", "cnn", rows=rows) == {"cnn": {0: None}}


def test_a_pair_whose_gradient_vanished_leaves_the_part_open() -> None:
    from skipscope.claims.contrasts import mean_difference
    from skipscope.spec.comparison import Comparison

    start = [row for seed in range(6) for row in flow("resnet8", seed, 0, {"first/last": 1.0})]
    for seed in range(6):
        start += flow("plain8", seed, 0, {"first/last": 0.1 * (1 + seed / 100) if seed else 0.0})
    found = evidence("resnet8", "plain8", start=start, initial_seeds=6)
    pair = Comparison(treated=("resnet8",), control=("plain8",), factor="shortcut")
    effect = mean_difference(found, "gradients at the start", pair)
    assert (effect.n, effect.dropped) == (5, 1)


def test_training_error_is_of_the_last_epoch() -> None:
    epochs = [
        {"arm": "cnn", "seed": 0, "kind": "epoch", "step": e, "epoch": e, "train_accuracy": 0.25 * e}
        for e in (1, 2)
    ]
    assert of("training error", "cnn", metrics=epochs) == {"cnn": {0: 50.0}}


def test_branches_are_averaged_as_factors_at_the_last_step() -> None:
    rows = [
        ("resnet8", 0, "activations", step, place, "branch_ratio", value)
        for step, place, value in ((1, "a", 9.0), (5, "a", 2.0), (5, "b", 0.125))
    ]
    assert of("branches", "resnet8", rows=rows) == {"resnet8": {0: -1.0}}


def test_deletions_are_of_one_block_each() -> None:
    places = {"layer1.0": -0.1, "layer1.1": -0.3, "layer1.0 + layer1.1": -0.9, "3 blocks, draw 1": -0.9}
    rows = [("resnet8", 0, "block_deletion", 5, p, "accuracy_change", v) for p, v in places.items()]
    rows += [("resnet8", 0, "block_deletion", 5, "layer1.0", "loss_change", 7.0)]
    assert of("deletions", "resnet8", rows=rows)["resnet8"][0] == pytest.approx(20)


def test_shattering_is_averaged_over_lags() -> None:
    rows = [
        ("cnn", 0, "shattering", step, f"lag {lag}", "autocorrelation", value)
        for step, lag, value in ((0, 1, 0.5), (0, 2, 0.1), (5, 1, 0.9), (5, 2, 0.7))
    ]
    assert of("shattering at the start", "cnn", rows=rows)["cnn"][0] == pytest.approx(0.3)
    assert of("shattering", "cnn", rows=rows)["cnn"][0] == pytest.approx(0.8)


def test_landscapes_are_told_by_their_rise() -> None:
    line = {
        "loss@-1.00": 90.0,
        "loss@-0.50": 3.0,
        "loss@+0.00": 1.0,
        "loss@+0.50": 5.0,
        "accuracy@+0.50": 0.1,
    }
    plane = {"loss@+0.00,+0.00": 2.0, "loss@-0.50,+0.00": 4.0}
    rows = [("cnn", 0, "landscape", 5, "a", q, v) for q, v in line.items()]
    rows += [("cnn", 0, "landscape", 5, "a,b", q, v) for q, v in plane.items()]
    rows += [("cnn", 0, "curvature", 5, "hessian", "top_eigenvalue", 100.0)]
    assert of("slice", "cnn", rows=rows)["cnn"][0] == pytest.approx(log10(3))
    assert of("plane", "cnn", rows=rows)["cnn"][0] == pytest.approx(log10(1.5))
    assert of("eigenvalue", "cnn", rows=rows)["cnn"][0] == pytest.approx(2)


def test_a_value_that_was_not_finite_stays_in_view() -> None:
    rows = [("cnn", 0, "curvature", 5, "hessian", "top_eigenvalue", None)]
    assert of("eigenvalue", "cnn", rows=rows) == {"cnn": {0: None}}


def test_reuse_is_told_by_the_least_read_source_and_by_what_is_missed() -> None:
    weights = {"c3 <- c1": 1.0, "c3 <- c2": 3.0, "c4 <- c1": 2.0, "c4 <- c2": 2.0, "c4 <- c3": 2.0}
    rows = [("densenet", 0, "reuse_by_weight", 5, p, "weight", v) for p, v in weights.items()]
    rows += [("densenet", 0, "reuse_by_weight", 5, p, "share", 0.5) for p in weights]
    costs = {"c3 <- c1": 0.5, "c3 <- c2": 0.0005, "c4 <- c1": -0.1, "c4 <- c2": 0.01, "all <- c1": 9.0}
    rows += [("densenet", 0, "reuse_by_ablation", 5, p, "loss_change", v) for p, v in costs.items()]
    assert of("reuse by weight", "densenet", rows=rows)["densenet"][0] == pytest.approx((0.5 + 1) / 2)
    assert of("reuse by ablation", "densenet", rows=rows)["densenet"][0] == 0.5


def test_new_channels_are_those_of_a_blocks_last_convolution() -> None:
    shares = {
        "conv1": 0.9,
        "layer1.0.conv1": 0.1,
        "layer1.0.conv2": 0.4,
        "layer2.0.conv1": 0.1,
        "layer2.0.conv2": 0.6,
        "layer2.0.shortcut.0": 0.9,
        "layer2.0.se.fc": 0.9,
    }
    rows = [("resnet8", 0, "redundancy", 5, p, "effective_rank_share", v) for p, v in shares.items()]
    rows += [("resnet8", 0, "redundancy", 5, f"layer{k}.0", "largest_correlation", 0.1 * k) for k in (1, 2)]
    assert of("rank", "resnet8", rows=rows)["resnet8"][0] == pytest.approx(0.5)
    assert of("correlation", "resnet8", rows=rows)["resnet8"][0] == pytest.approx(0.15)


def test_gates() -> None:
    values = {"class_share": (0.1, 0.3), "low": (0.1, 0.2), "high": (0.3, 0.0)}
    rows = [
        ("se_resnet8", 0, "gates", 5, f"b{k}", q, v) for q, vs in values.items() for k, v in enumerate(vs)
    ]
    rows += [("se_resnet8", 0, "gates", 5, "b0 channel 0", "gate:3", 0.9)]
    for by, change in (("one", 3.0), ("mean", 0.2), ("other", 0.4)):
        rows += [("se_resnet8", 0, "gate_surgery", 5, p, f"loss_change:{by}", change) for p in ("all", "b0")]
    assert of("class share", "se_resnet8", rows=rows)["se_resnet8"][0] == pytest.approx(0.2)
    assert of("saturation", "se_resnet8", rows=rows)["se_resnet8"][0] == pytest.approx(0.3)
    assert of("gates of one", "se_resnet8", rows=rows)["se_resnet8"][0] == 3
    assert of("mean gates", "se_resnet8", rows=rows)["se_resnet8"][0] == 0.2
    assert of("gates of another", "se_resnet8", rows=rows)["se_resnet8"][0] == 0.4


def test_results() -> None:
    numbers = {("cnn", 0): {"test_accuracy": 0.5, "val_accuracy": 0.55, "train_accuracy": 0.75}}
    more = {"numbers": numbers | {("cnn", 1): {"train_accuracy": None}}, "seeds": 2}
    assert of("test accuracy", "cnn", **more)["cnn"] == pytest.approx({0: 50, 1: 60})
    assert of("gap", "cnn", **more)["cnn"] == {0: pytest.approx(-20)}  # an older record has no such accuracy
    assert of("seconds per image", "cnn", **more)["cnn"] == {0: 0.01, 1: 0.01}
    assert of("validation accuracy", "cnn", **more)["cnn"] == pytest.approx({0: 55, 1: 60})
    assert of("test accuracy", "cnn", missing=[("cnn", 0)]) == {}


def test_the_course_of_the_loss() -> None:
    steps = [2.3, 1.0, 0.5, 1.0, 2.0]
    metrics = [
        {"arm": "cnn", "seed": 0, "kind": "step", "step": k, "epoch": 1, "loss": loss}
        for k, loss in enumerate(steps, start=1)
    ]
    metrics.append(
        {"arm": "cnn", "seed": 0, "kind": "epoch", "step": 5, "epoch": 1, "train_loss": 1.4, "seconds": 7.0}
    )
    assert of("loss curve", "cnn", metrics=metrics)["cnn"][0] == [[0, 0, 2.3], [1, 7, 1.4]]
    assert of("unsteadiness", "cnn", metrics=metrics)["cnn"][0] == pytest.approx(
        log2(abs(log2(2)) * 0.6931471805599453)
    )


def test_early_and_late_layers_move() -> None:
    depths = {"a": 1, "b": 2, "c": 3, "d": 4}
    rows = [("cnn", 0, FLOW, 1, place, "depth", depth) for place, depth in depths.items()]
    for step, scale in ((1, 1.0), (2, 4.0), (4, 16.0)):
        for place, ratio in {"a": 8.0 * scale, "b": 2.0 * scale, "c": 1.0, "d": 4.0}.items():
            rows.append(("cnn", 0, "update_ratio", step, place, "ratio", ratio))
    # log2: (3 + 1) / 2 and (0 + 2) / 2, plus two for each factor of four
    assert of("early over late", "cnn", rows=rows)["cnn"][0] == pytest.approx(1 + 2)


@pytest.mark.parametrize("lost", [0.0, None])
def test_a_layer_that_does_not_move_at_all_is_not_passed_over(lost: float | None) -> None:
    depths = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}
    for still in ("a", "f"):  # of the first third, of the last
        rows = []
        for seed in (0, 1):
            rows += [("cnn", seed, FLOW, 1, place, "depth", depth) for place, depth in depths.items()]
            for step in (1, 2, 4):
                moved = dict.fromkeys(depths, 1.0) | ({still: lost} if (seed, step) == (0, 2) else {})
                rows += [("cnn", seed, "update_ratio", step, p, "ratio", value) for p, value in moved.items()]
        assert of("early over late", "cnn", rows=rows, seeds=2) == {"cnn": {0: None, 1: 0.0}}
    # what is between them is in neither third
    rows = [("cnn", 0, FLOW, 1, place, "depth", depth) for place, depth in depths.items()]
    rows += [("cnn", 0, "update_ratio", 1, p, "ratio", lost if p in "cd" else 1.0) for p in depths]
    assert of("early over late", "cnn", rows=rows) == {"cnn": {0: 0.0}}


def test_orders_of_learning() -> None:
    rows = [
        ("cnn", 0, "learning_order", step, f"class {label}", "accuracy", value)
        for step, values in ((5, (0.1, 0.5)), (9, (0.5, 0.7)))
        for label, value in enumerate(values)
    ]
    rows += [
        ("cnn", 0, "learning_order", 9, f"validation {image}", "right_since", since)
        for image, since in enumerate((2, 0, 1))
    ]
    assert of("class order", "cnn", rows=rows)["cnn"][0] == pytest.approx([0.3, 0.6])
    assert of("image order", "cnn", rows=rows)["cnn"][0] == [2, 3, 1]


def test_every_quantity_can_be_asked_of_nothing() -> None:
    empty = evidence("cnn")
    for name in set(QUANTITIES) - {"test accuracy", "validation accuracy", "seconds per image", "gap"}:
        assert empty.series(name) == {}, name
