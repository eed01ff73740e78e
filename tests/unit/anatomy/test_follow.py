"""`skipscope.anatomy` follows anybody's network, and says in a sentence what it cannot follow."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import skipscope
from skipscope.anatomy.follow import REASONS, in_words
from skipscope.errors import UsageError

IMAGES = np.zeros((2, 3, 8, 8))


class Pixelwise(nn.Module):
    """Weighs pixels, as spatial attention does."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.mask, self.h = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1, 1), nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c(x)
        return self.h((x * torch.sigmoid(self.mask(x))).mean((2, 3)))


def test_the_package_is_a_function_and_leaves_the_network_as_it_was() -> None:
    model = skipscope.build("se_resnet20").train()
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.random.get_rng_state()
    found = skipscope.anatomy(model, np.zeros((3, 3, 32, 32)))
    assert isinstance(found, skipscope.Anatomy)
    assert (len(found.shortcuts), len(found.gates), len(found.concatenations)) == (9, 9, 0)
    assert found.gates[0].inputs == ((16, 32, 32), (16, 1, 1))
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("model", "images", "expected"),
    [
        (nn.Linear, IMAGES, "is the class of a network"),
        (None, IMAGES, "Expected a torch.nn.Module"),
        (nn.Linear(1, 1), "images", "is no tensor of images"),
        (nn.Conv2d(4, 1, 1), IMAGES, r"cannot be applied to images of shape \(3, 8, 8\)"),
    ],
)
def test_what_is_no_network_and_no_images_is_told(model: object, images: object, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        skipscope.anatomy(model, images)


def test_what_was_not_followed_is_said_by_module() -> None:
    (said,) = in_words(skipscope.anatomy(Pixelwise(), IMAGES))
    assert said == f"Not followed: mul ({REASONS['by_pixel']})."
    with pytest.warns(UserWarning, match="Not followed: mul"):
        skipscope.probe(Pixelwise(), np.zeros((4, 3, 8, 8)), [0, 1, 2, 3], probes=["answers"])
