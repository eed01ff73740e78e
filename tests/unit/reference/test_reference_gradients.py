"""The gradients that ship are medians of the records, and what the diagram of them shows."""

import runpy
from pathlib import Path

import polars as pl
import pytest

from skipscope.analysis import measured
from skipscope.diagrams.wiring import wired
from skipscope.reference import shipped
from skipscope.reference.gradients import DRAWN, KINDS, STEPS, gradients_of
from skipscope.reference.losses import KEPT

ROOT = Path(__file__).parents[3]
MAKER = runpy.run_path(str(ROOT / "tools" / "reference.py"), run_name="reference")


@pytest.fixture(scope="module")
def depth_study():
    return {tables.record.study.name: tables for tables in MAKER["sources"]()}["depth"]


def test_what_ships_is_made_from_the_records(depth_study) -> None:
    assert gradients_of(depth_study) == shipped.gradients()


def test_means_are_those_of_the_readings(depth_study) -> None:
    found, rows = shipped.gradients(), depth_study.readings.filter("counted", arm="plain56")
    curve = found.curves["plain56"]
    for index in (0, 7):
        step = curve.steps[index]
        ratio = 10 ** measured.series(rows, "gradient ratio").filter(step=step)["value"].log10().mean()
        assert curve.ratios[index] == pytest.approx(ratio, rel=1e-3)  # four digits are kept
        norms = measured.series(rows, "gradient norm").filter(pl.col("module") == "layer2.0.conv1", step=step)
        norm = 10 ** norms["value"].log10().mean()
        assert 10 ** (curve.hundredths[index][1 + 2 * 9] / 100) == pytest.approx(
            norm, rel=0.012
        )  # hundredths


def test_losses_are_smoothed_means_of_the_recorded_steps(depth_study) -> None:
    """Smoothed anew from the single steps: a weight halves over three steps, and all add up to 1."""
    members = {each.run: each.seed for each in depth_study.entries if each.arm == "plain56"}
    curve = shipped.gradients().losses["plain56"]
    steps = depth_study.metrics.filter(pl.col("run").is_in(list(members)), kind="step").sort("run", "step")
    found = {}
    for (run,), rows in steps.group_by("run"):
        weights = [0.5 ** ((138 - step) / 3) for step in rows["step"]]
        found[members[run]] = sum(w * x for w, x in zip(weights, rows["loss"], strict=True)) / sum(weights)
    assert curve.steps[-1] == 138
    assert curve.last == pytest.approx([found[seed] for seed in sorted(found)], abs=6e-4)
    assert curve.means[-1] == pytest.approx(sum(found.values()) / 5, abs=6e-4)


def test_losses_ship_of_matched_networks_of_two_depths() -> None:
    losses = shipped.gradients().losses
    assert losses.keys() == {f"{kind}{depth}" for kind in KINDS for depth in DRAWN}
    assert len({curve.steps for curve in losses.values()}) == 1
    for curve in losses.values():
        assert curve.steps[0] == 1
        assert len(curve.steps) == len(curve.means) <= KEPT + 1
        assert len(curve.last) == shipped.gradients().seeds


def test_it_covers_every_depth_and_every_convolution_in_few_bytes() -> None:
    found = shipped.gradients()
    assert found.depths == (8, 20, 32, 56)
    assert (found.study, found.initial_seeds, found.seeds) == ("depth", 20, 5)
    assert found.curves.keys() == {f"{kind}{depth}" for kind in KINDS for depth in found.depths}
    for depth, card in found.cards.items():
        layers = [step for step in wired(card).steps if step.kind == "conv"]
        for kind in KINDS:
            curve = found.curves[f"{kind}{depth}"]
            assert {len(norms) for norms in curve.hundredths} == {len(layers)} == {depth - 1}
            assert curve.steps[0] == 0
            assert len(curve.steps) == len(curve.hundredths) == len(curve.ratios) <= STEPS
    assert len({curve.steps for curve in found.curves.values()}) == 1
    file = ROOT / "src" / "skipscope" / "reference" / shipped.GRADIENTS
    assert file.stat().st_size < 60_000


def test_the_smallest_gradient_is_found_over_all_steps_and_convolutions() -> None:
    for name, curve in shipped.gradients().curves.items():
        shares = [
            10 ** ((norm - row[-1]) / 100)
            for row in curve.hundredths
            for norm in row
            if norm is not None and row[-1] is not None
        ]
        assert curve.least == pytest.approx(min(shares)), name
