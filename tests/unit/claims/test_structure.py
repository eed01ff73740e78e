"""What networks are compared by, from their recorded anatomy and, for older records, from their print."""

from functools import cache

import pytest
import torch
from torch import nn

from skipscope.anatomy.describe import describe
from skipscope.claims import structure
from skipscope.models.registry import NETWORKS as SHIPPED
from skipscope.models.registry import build
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import anatomy_of, printed_modules

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
    "densenet": ("conv 7x7/2, max-pool 2x2/2", "8x8, 4x4", "32, 64", "BatchNorm2d", "none", "dense", "none"),
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
    "densenet_bc16_k8": ("conv 3x3", "32x32, 16x16, 8x8", "8, 8, 8", "BatchNorm2d", "none", "dense", "none"),
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


def older(card: NetworkCard) -> NetworkCard:
    """The card as it was written before it had an anatomy."""
    return card.model_copy(update={"anatomy": None})


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_compared_by_what_they_are(name: str) -> None:
    for each in (card(name), older(card(name))):
        assert tuple(read(each) for read in READ) == NETWORKS[name]
        assert structure.depth(each) == DEPTHS[name]


# the controls of shortcuts and of a gate's contrast are younger than cards with an anatomy
YOUNG = ("_noskip", "_static", "_half")
OLD = {name for name in (*NETWORKS, *SHIPPED) if not name.endswith(YOUNG)}


@pytest.mark.parametrize("name", sorted({*OLD, "se_resnet14_b_nobn", "densenet16_k12"}))
def test_an_older_record_has_the_anatomy_that_is_captured_now(name: str) -> None:
    captured, printed = card(name).anatomy, anatomy_of(older(card(name)))
    assert captured is not None
    if "densenet_bc" in name:  # the last convolution at a size halves the channels before the pooling
        assert [size[1:] for size in captured.maps] == [size[1:] for size in printed.maps]
        printed = printed.model_copy(update={"maps": captured.maps})
    assert printed == captured.model_copy(update={"calls": ()})


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_kept_is_what_convolutions_are_given(name: str) -> None:
    model, given = build(name).eval(), []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda _module, inputs: given.append(inputs[0].numel()))
    with torch.no_grad():
        model(torch.zeros(1, 3, 32, 32))
    assert structure.kept(card(name)) == sum(given)


def test_equal_modules_that_are_printed_once_are_listed_one_by_one() -> None:
    text = "  (a): ModuleList(\n    (0-1): 2 x Block(\n      (c): Conv2d(1, 2)\n    )\n  )\n)"
    found = printed_modules(text.splitlines())
    assert [(".".join(module.path), module.opens) for module in found] == [
        ("a", True),
        ("a.0", True),
        ("a.0.c", False),
        ("a.1", True),
        ("a.1.c", False),
    ]


def test_a_custom_print_without_modules_tells_nothing() -> None:
    own = NetworkCard(name="Net", structure="Net(\n  my network\n)", params=1, macs=1, stages=())
    assert list(printed_modules(own.structure.splitlines()[1:])) == []
    assert structure.depth(own) == structure.kept(own) == 0
    assert (structure.stem(own), structure.maps(own), structure.width(own)) == ("", "", "")
    assert structure.shortcut(own) == structure.gate(own) == structure.concatenation(own) == "none"


@pytest.mark.parametrize(
    ("name", "weighed"),
    [
        ("se_resnet_pool", "SE"),
        ("se_resnet_pool_static", "static"),
        ("se_resnet8_half", "constant"),
        ("resnet8", "none"),
    ],
)
def test_only_what_an_image_can_change_is_a_gate(name: str, weighed: str) -> None:
    assert structure.gate(card(name)) == weighed
    assert structure.gates(card(name)) == ("SE" if weighed == "SE" else "none")
