"""What holds for every registered network."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from skipscope.anatomy.describe import describe
from skipscope.models.registry import NETWORKS, build

NAMES = [
    *NETWORKS,
    "plain20",
    "resnet20",
    "se_resnet20",
    "resnet14_b",
    "se_resnet14_b_nobn",
    "plain14_nobn",
    "se_resnet8_nobn",
    "se_resnet8_static",
    "se_resnet14_half_b_nobn",
    "densenet16_k12",
    "densenet_bc22_k12",
    "chain16_k12",
]
"""All that have a fixed name, and a few of the families."""
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("name", NAMES)
def test_maps_images_to_logits_and_every_weight_learns(name: str) -> None:
    model = build(name)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    logits = model(x)
    assert logits.shape == (2, 10)
    cross_entropy(logits, torch.tensor([3, 7])).backward()
    without = [key for key, weight in model.named_parameters() if weight.grad is None]
    assert without == []


@pytest.mark.parametrize("name", NAMES)
def test_initialisation_is_a_function_of_the_seed_alone(name: str) -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = build(name, seed=3).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    same, other = build(name, seed=3).state_dict(), build(name, seed=4).state_dict()
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", NAMES)
def test_description_adds_up(name: str) -> None:
    card = describe(name)
    assert card.params == sum(stage.params for stage in card.stages)
    assert card.macs == sum(stage.macs for stage in card.stages)
    assert card.stages[-1].shape == (10,)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_prints_as_the_handout_does_or_as_it_did_when_it_was_written(path: Path) -> None:
    assert str(build(path.stem)) == path.read_text(encoding="utf-8").removesuffix("\n")


@pytest.mark.parametrize(
    ("name", "params"),
    [("cnn", 83_126), ("resnet", 11_181_642), ("densenet", 1_753_546), ("se_resnet", 11_270_722)],
)
def test_has_the_parameters_of_the_handout(name: str, params: int) -> None:
    assert describe(name).params == params


CHANNELS = 2 * (64 + 128 + 256 + 512)
"""How many the classroom's eight blocks add: one number each in a static gate."""


@pytest.mark.parametrize("stem", ["", "_pool"])
@pytest.mark.parametrize(("gate", "params"), [("_static", 11_181_642 + CHANNELS), ("_half", 11_181_642)])
def test_the_gate_s_controls_have_its_stem_and_start_and_no_more_than_a_number_a_channel(
    stem: str, gate: str, params: int
) -> None:
    card, gated = describe(f"se_resnet{stem}{gate}"), describe(f"se_resnet{stem}")
    assert card.params == params
    assert [(stage.name, stage.shape) for stage in card.stages] == [
        (stage.name, stage.shape) for stage in gated.stages
    ]
    one, other = build(card.name, seed=5).state_dict(), build(gated.name, seed=5).state_dict()
    gates = {key for key in other if ".se." in key}
    assert other.keys() - gates == {key for key in one if ".se." not in key}
    assert all(torch.equal(one[key], other[key]) for key in other.keys() - gates)


@pytest.mark.parametrize(("pooled", "bare"), [("resnet", "resnet_nopool"), ("se_resnet_pool", "se_resnet")])
def test_the_stem_s_cells_differ_in_the_pool_alone(pooled: str, bare: str) -> None:
    one, other = describe(pooled), describe(bare)
    assert one.params == other.params
    kinds = [stage.kind for stage in one.stages if stage.kind != "MaxPool2d"]
    assert kinds == [stage.kind for stage in other.stages]
    sides = [
        next(stage.shape[-1] for stage in card.stages if stage.name == "layer1") for card in (one, other)
    ]
    assert sides == [8, 16]


def test_the_control_of_resnet_has_its_layers_and_weights_without_a_shortcut() -> None:
    residual, plain = build("resnet", seed=5), build("resnet_noskip", seed=5)
    one, other = residual.state_dict(), plain.state_dict()
    assert one.keys() - other.keys() == {key for key in one if ".downsample." in key}
    assert all(torch.equal(one[key], other[key]) for key in other)
    assert describe("resnet_noskip").params == 11_007_818
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    x = plain.maxpool(plain.relu(plain.bn(plain.conv1(images))))
    for stage in range(1, 5):
        for block in plain.get_submodule(f"layer{stage}"):
            x = torch.relu(block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x))))))
    expected = plain.fc(x.mean((2, 3)))
    torch.testing.assert_close(plain(images), expected)
