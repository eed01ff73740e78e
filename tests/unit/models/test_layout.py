"""A network is held in channels_last where that changes nothing of it, and else not."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from skipscope.models.layout import unfit_for_channels_last

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A convolution, then what a test is about, then a linear layer."""

    def __init__(self, made: nn.Module | None = None) -> None:
        super().__init__()
        self.conv, self.head = made or nn.Conv2d(3, 4, 3), nn.Linear(144, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self.conv(x)))

    def between(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class Viewing(Net):
    def between(self, x: Tensor) -> Tensor:
        return x.view(x.size(0), -1)


class Solid(Net):
    def __init__(self) -> None:
        super().__init__(nn.Conv3d(1, 4, (3, 3, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, None])


class Striding(Net):
    """Reads the pixels by where they lie in memory: other ones, if they lie otherwise."""

    def between(self, x: Tensor) -> Tensor:
        return x.as_strided((len(x), 144), (144, 1))


class Chancy(Net):
    """Leaves out half of the map in evaluation, too."""

    def between(self, x: Tensor) -> Tensor:
        return functional.dropout(x).flatten(1)


class Overwriting(Net):
    def forward(self, x: Tensor) -> Tensor:
        x -= 1
        return super().forward(x)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Viewing, "view size is not compatible with input tensor's size and stride"),
        (Solid, "required rank 4 tensor to use channels_last format"),
        (Striding, "it computes other logits from the same images there"),
        (Net, ""),
        (Chancy, ""),
        (Overwriting, ""),
    ],
)
def test_it_is_held_in_channels_last_if_it_computes_the_same_there(network: type[Net], reason: str) -> None:
    model, images = network().eval(), IMAGES.clone()
    assert unfit_for_channels_last(model, images) == reason
    weights = [weight for weight in model.parameters() if weight.ndim == 4]
    assert all(weight.is_contiguous() == bool(reason) for weight in weights)
    assert torch.equal(images, IMAGES)


def test_a_mistake_is_the_networks_own_in_either() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        unfit_for_channels_last(Viewing().eval(), IMAGES[..., :7])
