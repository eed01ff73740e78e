"""Where a network's stages end: of ours, and of networks that others write in their own ways."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.anatomy.capture import anatomy
from skipscope.anatomy.stages import stages
from skipscope.models.registry import build


def ends(model: nn.Module, side: int = 32) -> list[tuple[str, tuple[int, ...]]]:
    return [(site.module, site.output) for site in stages(anatomy(model, torch.randn(2, 3, side, side)))]


BASIC = [
    ("relu", (16, 32, 32)),
    ("layer1.2.relu:2", (16, 32, 32)),
    ("layer2.2.relu:2", (32, 16, 16)),
    ("layer3.2.relu:2", (64, 8, 8)),
]
OURS = {
    "cnn": [("relu", (6, 32, 32)), ("relu:2", (16, 12, 12))],
    "resnet": [("relu", (64, 16, 16))]
    + [(f"layer{k}.1.relu:2", (32 * 2**k, 16 // 2**k, 16 // 2**k)) for k in (1, 2, 3, 4)],
    "se_resnet": [("relu", (64, 16, 16))]
    + [(f"layer{k}.1.relu:2", (32 * 2**k, 32 // 2**k, 32 // 2**k)) for k in (1, 2, 3, 4)],
    "densenet": [("relu", (32, 16, 16)), ("conv1", (64, 8, 8)), ("denseblock2.denseblock.5", (448, 4, 4))],
    "plain20": BASIC,
    "resnet20": BASIC,
    "se_resnet20": BASIC,
    "resnet20_nobn": BASIC,
}


@pytest.mark.parametrize("name", OURS)
def test_the_stem_and_every_size_of_the_map_have_one_end(name: str) -> None:
    assert ends(build(name)) == OURS[name]


class Bottleneck(nn.Module):
    """Its shortcut is made small before the branch begins, and a gate squeezes on the side."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.short = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 1, stride=2)
        self.first, self.second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.squeeze = nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.stem(x))
        short = self.short(x)
        f = self.second(relu(self.first(x)))  # larger than the shortcut, and not the way
        f = f * torch.sigmoid(relu(self.squeeze(f.mean((2, 3), keepdim=True))))
        return relu(f + short).mean((2, 3))


def test_what_lies_beside_the_way_ends_no_stage() -> None:
    assert ends(Bottleneck(), 8) == [("relu", (4, 8, 8)), ("relu:4", (8, 4, 4))]


def test_a_network_that_ends_with_maps_of_one_pixel_has_them_as_a_stage() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 2), nn.ReLU(), nn.Conv2d(5, 2, 1))
    assert ends(model, 4) == [("1", (4, 2, 2)), ("3", (5, 1, 1))]  # the last is a linear layer in effect


def test_a_network_of_one_size_has_its_stem_and_its_end() -> None:
    layers = [layer for _ in range(3) for layer in (nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())]
    assert ends(nn.Sequential(*layers), 4) == [("1", (3, 4, 4)), ("5", (3, 4, 4))]


def test_a_network_without_maps_has_no_stages() -> None:
    assert ends(nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.ReLU()), 4) == []
