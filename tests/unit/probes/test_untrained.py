"""Networks before their first step: BatchNorms that have seen nothing, and what gates and layers do there."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.gates import measure as measure_gates
from skipscope.probes.measure import initial_rows, view_of
from skipscope.probes.reuse import by_ablation
from skipscope.probes.untrained import fresh_norms, normalised, settled


def seen(name: str, images: int = 200, side: int = 8) -> View:
    x = torch.randn(images, 3, side, side, generator=torch.Generator().manual_seed(2))
    return view_of(build(name, seed=1), x, torch.arange(images) % 10)


def trained(view: View) -> View:
    """The same, after a training that changed no weight: one pass for statistics."""
    model = deepcopy(view.model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(view.images)
    return View(model=model.eval(), images=view.images, labels=view.labels, anatomy=view.anatomy)


def test_only_untrained_norms_take_statistics() -> None:
    view = seen("resnet8")
    copy = normalised(view.model, view.images)
    assert copy is not view.model
    assert fresh_norms(view.model)
    assert not fresh_norms(copy)
    assert normalised(copy, view.images) is copy
    assert settled(seen("cnn", side=32, images=4)).model is not None  # it has none
    with torch.no_grad():
        assert torch.equal(copy(view.images), trained(view).model(view.images))


def test_class_share_of_an_untrained_network_is_that_of_gates_that_know_no_class() -> None:
    view = seen("se_resnet8", images=300)
    found = [reading.value for reading in measure_gates(view) if reading.quantity == "class_share"]
    noise = 9 / 299  # (classes - 1) / (images - 1), of images and classes without relation
    assert len(found) == 3
    assert all(noise / 3 < value < 3 * noise for value in found)


@pytest.mark.parametrize(
    ("name", "measure", "quantity"),
    [("se_resnet8", measure_gates, "class_share"), ("densenet_bc10_k4", by_ablation, "loss_change")],
)
def test_start_and_end_are_measured_alike(name: str, measure, quantity: str) -> None:
    view = seen(name)
    start, end = (
        [
            (reading.module, reading.source, reading.value)
            for reading in measure(each)
            if reading.quantity == quantity
        ]
        for each in (view, trained(view))
    )
    assert start
    assert start == end


def test_of_an_untrained_network_the_channels_gates_are_left_out() -> None:
    view = seen("se_resnet8", images=20)
    start = {reading.quantity for reading in measure_gates(view)}
    assert start == {"mean", "std", "class_share", "low", "high"}
    assert {reading.quantity for reading in measure_gates(trained(view))} == start | {"gate"}


@pytest.mark.parametrize(
    ("name", "probes"),
    [("se_resnet8", {"gates"}), ("densenet_bc10_k4", {"reuse_by_weight", "reuse_by_ablation"})],
)
def test_gates_and_reuse_are_measured_before_the_first_step(name: str, probes: set[str]) -> None:
    assert probes <= {row["probe"] for row in initial_rows(seen(name, images=20)).rows}
