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


SPELT = {
    "Conv1d": "self.c(x.flatten(2)).mean(2)",
    "Conv3d": "self.c(x[:, None]).mean((2, 3, 4))",
    "functional": "self.head(torch.nn.functional.conv2d(x, self.w).mean((2, 3)))",
    "einsum": "self.head(torch.einsum('bchw,oc->bohw', x, self.w[:, :, 0, 0]).mean((2, 3)))",
    "matmul": "self.head((x.mean((2, 3))[:, None] @ self.w[:, :, 0, 0].T)[:, 0])",
    "attention": "self.head(self.a(*[x.mean(1)] * 3)[0].mean(1))",
    "encoder": "self.head(self.a(x.mean(1).transpose(0, 1)).mean(0))",
    "sdpa": "self.head(nn.functional.scaled_dot_product_attention(*[x[:, :, :9]] * 3).mean((2, 3)))",
    "transposed": "self.c(x).mean((2, 3))",
}
HEAD = 10 * 4
ATTENTION = 4 * 32 * 32 * 32 + 2 * 2 * 32 * 32 * 16
"""Query, key, value and output of 32 tokens of 32 numbers; scores and weighed values of two heads of 16."""
WANTED = {
    "Conv1d": 1020 * 10 * 3 * 5,
    "Conv3d": 2 * 30 * 30 * 10 * 2 * 3 * 3,
    "functional": 32 * 32 * 4 * 3 + HEAD,
    "einsum": 32 * 32 * 4 * 3 + HEAD,
    "matmul": 4 * 3 + HEAD,
    "attention": ATTENTION + 10 * 32,
    "encoder": ATTENTION + 2 * 32 * 32 * 8 + 10 * 32,
    "sdpa": 2 * 3 * 9 * 9 * 32 + 10 * 3,
    "transposed": 32 * 32 * 3 * 10 * 2 * 2,
}
LAYERS = {
    "Conv1d": "self.c = nn.Conv1d(3, 10, 5)",
    "Conv3d": "self.c = nn.Conv3d(1, 10, (2, 3, 3))",
    "transposed": "self.c = nn.ConvTranspose2d(3, 10, 2, stride=2)",
    "attention": "self.head, self.a = nn.Linear(32, 10), nn.MultiheadAttention(32, 2, batch_first=True)",
    "encoder": "self.head, self.a = nn.Linear(32, 10), nn.TransformerEncoderLayer(32, 2, 8)",
    "sdpa": "self.head = nn.Linear(3, 10)",
}


@pytest.mark.parametrize("way", SPELT)
def test_convolutions_and_products_count_however_they_are_spelt(way: str, tmp_path: Path) -> None:
    file = tmp_path / "spelt.py"
    layers = LAYERS.get(way, "self.w, self.head = nn.Parameter(torch.zeros(4, 3, 1, 1)), nn.Linear(4, 10)")
    file.write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        f"        {layers}\n"
        "    def forward(self, x):\n"
        f"        return {SPELT[way]}\n"
    )
    card = describe(f"{file}:Net")
    assert card.macs == WANTED[way]
    assert sum(stage.macs for stage in card.stages) == card.macs
