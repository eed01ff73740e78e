"""Numbers of a run that claims of the second edition compare, by hand."""

from math import log2

import numpy as np
import polars as pl
import pytest
from made_up_evidence import evidence, of, read


def test_agreement_of_gradients_is_that_before_or_after_training() -> None:
    rows = [
        ("cnn", 0, "gradient_confusion", step, "all", quantity, value)
        for step, quantity, value in (
            (0, "mean_cosine", 0.5),
            (0, "least_cosine", -0.25),
            (9, "mean_cosine", 0.125),
            (9, "least_cosine", -0.5),
        )
    ]
    for name, value in {
        "gradient agreement at the start": 0.5,
        "least gradient agreement at the start": -0.25,
        "gradient agreement": 0.125,
        "least gradient agreement": -0.5,
    }.items():
        assert of(name, "cnn", rows=rows) == {"cnn": {0: pytest.approx(value)}}


def test_a_block_put_back_costs_a_share_of_what_was_learnt() -> None:
    def rows(seed: int, whole: float, *blocks: float) -> tuple[str, int, pl.DataFrame]:
        values = {None: whole} | {f"layer1.{n}": value for n, value in enumerate(blocks)}
        return read("resnet8", seed, "reinitialisation", "accuracy", values)

    runs = [rows(0, 0.6, 0.6, 0.35, 0.1), rows(1, 0.19, 0.1)]
    found = of("share lost when put back", "resnet8", measured=runs, seeds=2)
    assert found == {"resnet8": {0: pytest.approx((0 + 0.5 + 1) / 3), 1: None}}


def test_what_training_did_to_gates_and_reuse_is_told_from_the_start() -> None:
    runs = [
        read("se_resnet8", 0, "gates", "class_share", {"one": value, "two": value + 0.1}, step=step)
        for step, value in ((0, 0.0), (9, 0.5))
    ]
    told = evidence("se_resnet8", measured=runs)
    assert told.series_at_start("class share")["se_resnet8"] == {0: pytest.approx(0.05)}
    assert told.series("class share")["se_resnet8"] == {0: pytest.approx(0.55)}
    runs = [
        (arm, seed, table.with_columns(source=pl.lit("s")))
        for values, step in (((0.0, 0.1), 0), ((0.1, 0.1), 9))
        for arm, seed, table in [
            read(
                "densenet19_k10",
                0,
                "reuse_by_ablation",
                "loss_change",
                dict(zip("ab", values, strict=True)),
                step,
            )
        ]
    ]
    told = evidence("densenet19_k10", measured=runs)
    assert told.series_at_start("reuse by ablation")["densenet19_k10"] == {0: 0.5}
    assert told.series("reuse by ablation")["densenet19_k10"] == {0: 1.0}


def test_branches_are_told_by_block_and_on_the_mean() -> None:
    runs = [
        read("resnet8", 0, "branch_scale", "l2_ratio", {"a": first, "b": second}, step=step)
        for step, first, second in ((0, 1.0, 0.25), (9, 8.0, 0.5))
    ]
    told = evidence("resnet8", measured=runs)
    assert told.series_at_start("branch length")["resnet8"] == {0: -1.0}
    assert told.series("branch length")["resnet8"] == {0: 1.0}
    assert told.series_at_start("branch length by block")["resnet8"] == {0: [0.0, -2.0]}
    assert told.series("branch length by block")["resnet8"] == {0: [3.0, -1.0]}
    lost = [read("resnet8", 0, "branch_scale", "l2_ratio", {"a": 1.0, "b": 0.0})]
    assert of("branch length", "resnet8", measured=lost) == {"resnet8": {0: None}}


def test_shrinkage_of_branches_is_a_slope_over_the_blocks_index() -> None:
    ratios = [1.0, 0.6, 0.7, 0.3]
    blocks = {f"b{index}": value for index, value in enumerate(ratios)}
    runs = [read("resnet8", 0, "branch_scale", "std_ratio", blocks, step=step) for step in (0, 9)]
    runs.append(read("resnet8", 1, "branch_scale", "std_ratio", {"b0": 1.0}, step=0))
    x, y = [log2(index + 1) for index in range(4)], [log2(value) for value in ratios]
    wanted = pytest.approx(float(np.polyfit(x, y, 1)[0]))
    for name in ("branch shrinkage at the start", "branch shrinkage"):
        assert of(name, "resnet8", measured=runs, seeds=2) == {"resnet8": {0: wanted}}
