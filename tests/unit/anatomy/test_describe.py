"""Multiply-adds and shapes against counts made by hand."""

from pathlib import Path

import pytest

from skipscope.anatomy.describe import describe
from skipscope.errors import UnknownName
from skipscope.models.registry import build


def test_cnn_stage_by_stage() -> None:
    stages = [(stage.name, stage.shape, stage.params, stage.macs) for stage in describe("cnn").stages]
    assert stages == [
        ("conv1", (6, 32, 32), 6 * (3 * 25 + 1), 32 * 32 * 6 * 3 * 25),
        ("pool", (6, 16, 16), 0, 0),
        ("conv2", (16, 12, 12), 16 * (6 * 25 + 1), 12 * 12 * 16 * 6 * 25),
        ("pool", (16, 6, 6), 0, 0),
        ("fc1", (120,), 120 * 577, 120 * 576),
        ("fc2", (84,), 84 * 121, 84 * 120),
        ("fc3", (10,), 850, 840),
    ]


def test_se_resnet_without_the_pool_does_almost_four_times_the_arithmetic_of_resnet() -> None:
    resnet, se_resnet = describe("resnet"), describe("se_resnet")
    sides = {
        card.name: [stage.shape[1] for stage in card.stages if stage.name.startswith("layer")]
        for card in (resnet, se_resnet)
    }
    assert sides == {"resnet": [8, 4, 2, 1], "se_resnet": [16, 8, 4, 2]}
    # the stem is the same in both; every later convolution sees four times the positions
    assert se_resnet.macs / resnet.macs == pytest.approx(3.8, abs=0.05)


def test_unknown_network_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'resnet'") as caught:
        build("resnt")
    assert "densenet" in caught.value.hint


def test_a_network_of_a_user_in_lists_tuples_and_tokens_adds_up(tmp_path: Path) -> None:
    """A list is never called, a layer gives two tensors, is called on each token, or past its module."""
    file = tmp_path / "odd.py"
    file.write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Two(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x, x\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.convs = nn.ModuleList([nn.Conv2d(3, 4, 8, stride=8), nn.Conv2d(4, 6, 1)])\n"
        "        self.two = Two()\n"
        "        self.tokens = nn.Linear(6, 5)\n"
        "        self.head = nn.Sequential(nn.Linear(5, 10, bias=False))\n"
        "    def forward(self, x):\n"
        "        for conv in self.convs:\n"
        "            x = conv(x)\n"
        "        x, _ = self.two(x)\n"
        "        x = self.tokens(x.flatten(2).transpose(1, 2))\n"
        "        return self.head[0](x.mean(1))\n"
    )
    card = describe(f"{file}:Net")
    assert [(stage.name, stage.shape, stage.params, stage.macs) for stage in card.stages] == [
        ("convs.0", (4, 4, 4), 4 * (3 * 64 + 1), 4 * 4 * 4 * 3 * 64),
        ("convs.1", (6, 4, 4), 6 * 5, 4 * 4 * 6 * 4),
        ("two", (), 0, 0),
        ("tokens", (16, 5), 5 * 7, 16 * 5 * 6),
        ("rest", (10,), 0, 5 * 10),
    ]
    assert card.params == 4 * 193 + 6 * 5 + 5 * 7 + 50


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("resnet21", "resnet20"),
        ("plain58_nobn", "plain56_nobn"),
        ("densenet41_k12", "densenet40_k12"),
        ("densenet_bc99_k12", "densenet_bc100_k12"),
        ("resnet5", "resnet8"),
    ],
)
def test_a_name_beside_a_familys_suggests_the_next_member(name: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean .*'{meant}'"):
        describe(name)
