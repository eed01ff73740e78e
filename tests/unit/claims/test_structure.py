"""What is read off a network's print is what the network is."""

from functools import cache

import pytest
import torch
from torch import nn

from skipscope.anatomy.describe import describe
from skipscope.claims import structure
from skipscope.models.registry import build
from skipscope.records.schema import NetworkCard

READ = (
    structure.stem,
    structure.maps,
    structure.width,
    structure.normalisation,
    structure.shortcut,
    structure.concatenation,
    structure.gate,
)
NETWORKS = {
    "cnn": ("conv 5x5, max-pool 2x2/2", "12x12, 6x6", "16, 16", "none", "none", "none", "none"),
    "resnet": (
        "conv 7x7/2, max-pool 3x3/2",
        "8x8, 4x4, 2x2, 1x1",
        "64, 128, 256, 512",
        "BatchNorm2d",
        "projection",
        "none",
        "none",
    ),
    "se_resnet": (
        "conv 7x7/2",
        "16x16, 8x8, 4x4, 2x2",
        "64, 128, 256, 512",
        "BatchNorm2d",
        "projection",
        "none",
        "SE",
    ),
    "densenet": (
        "conv 7x7/2, max-pool 2x2/2",
        "8x8, 4x4",
        "32, 64",
        "BatchNorm2d",
        "none",
        "dense",
        "none",
    ),
    "plain20": ("conv 3x3", "32x32, 16x16, 8x8", "16, 32, 64", "BatchNorm2d", "none", "none", "none"),
    "resnet20": ("conv 3x3", "32x32, 16x16, 8x8", "16, 32, 64", "BatchNorm2d", "identity", "none", "none"),
    "se_resnet14_b": (
        "conv 3x3",
        "32x32, 16x16, 8x8",
        "16, 32, 64",
        "BatchNorm2d",
        "projection",
        "none",
        "SE",
    ),
    "plain8_nobn": ("conv 3x3", "32x32, 16x16, 8x8", "16, 32, 64", "none", "none", "none", "none"),
    "densenet_bc16_k8": (
        "conv 3x3",
        "32x32, 16x16, 8x8",
        "8, 8, 8",
        "BatchNorm2d",
        "none",
        "dense",
        "none",
    ),
}
DEPTHS = {
    "cnn": 5,
    "resnet": 18,
    "se_resnet": 18,
    "densenet": 27,
    "plain20": 20,
    "resnet20": 20,
    "se_resnet14_b": 14,
    "plain8_nobn": 8,
    "densenet_bc16_k8": 16,
}


@cache
def card(name: str) -> NetworkCard:
    return describe(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_what_their_print_says(name: str) -> None:
    assert tuple(read(card(name)) for read in READ) == NETWORKS[name]
    assert structure.depth(card(name)) == DEPTHS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_kept_is_what_convolutions_are_given(name: str) -> None:
    model, given = build(name).eval(), []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda _module, inputs: given.append(inputs[0].numel()))
    with torch.no_grad():
        model(torch.zeros(1, 3, 32, 32))
    assert structure.kept(card(name)) == sum(given)


def test_equal_modules_that_are_printed_once_count_as_often_as_they_are_there() -> None:
    found = structure.modules(
        "Net(\n  (a): ModuleList(\n    (0-2): 3 x Block(\n      (c): Conv2d(1, 2)\n    )\n  )\n)"
    )
    assert [(module.path, module.times, module.opens) for module in found] == [
        (("a",), 1, True),
        (("a", "0-2"), 3, True),
        (("a", "0-2", "c"), 3, False),
    ]


def test_a_print_of_ones_own_is_passed_over() -> None:
    own = NetworkCard(name="Net", structure="Net(\n  my network\n)", params=1, macs=1, stages=())
    assert structure.modules(own.structure) == ()
    assert structure.depth(own) == structure.kept(own) == 0
    assert (structure.stem(own), structure.maps(own), structure.width(own)) == ("", "", "")
    assert structure.shortcut(own) == structure.gate(own) == structure.concatenation(own) == "none"
