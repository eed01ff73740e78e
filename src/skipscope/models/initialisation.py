"""Initial weights of the papers' networks."""

import torch
from torch import nn

from skipscope.models.blocks import SE, Projection

GROWTH = 1.176
"""By what factor the loss gradient grows from layer to layer of `plainN` before training (claim S1a)."""
EVEN = GROWTH**0.5
"""The factor of `grade` at which all layers of `plainN` first change by the same share of their weights."""


def drawn() -> torch.Generator:
    """Returns a generator seeded by one draw from torch's; to be called before any layer is made.

    Layers draw weights when they are made: one more gate or bias would shift the draws of all later ones.
    """
    return torch.Generator().manual_seed(int(torch.randint(2**62, ())))


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draws weights from N(0, 2 / fan-in) and sets biases to 0 (He et al. 2015b, eq. 10).

    Gates and projections are drawn last, so the other weights are the same with them or without.
    """
    extras = [module for module in model.modules() if isinstance(module, (SE, Projection))]
    last = {part for extra in extras for part in extra.modules()}
    layers = [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    for layer in sorted(layers, key=last.__contains__):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


@torch.no_grad()
def mirror(model: nn.Module) -> None:
    """Makes half of a chain's channels the negatives of the other half (Balduzzi et al. 2017, section 4).

    A quarter w of each layer's weights stays as it is, and the layer becomes (w, -w; -w, w). What one half of
    the channels loses in a ReLU, the other half passes on with its sign turned, and the next layer takes
    relu(z) - relu(-z) = z: but for BatchNorm's mean and variance, the chain is linear until it is trained
    ("looks linear"). Each weight keeps its distribution. An image has no other half, nor do the classes.
    """
    layers = [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    for layer in layers:
        outputs, inputs = layer.weight.shape[:2]
        if layer is not layers[0]:
            layer.weight[:, inputs // 2 :] = -layer.weight[:, : inputs // 2]
        if layer is not layers[-1]:
            layer.weight[outputs // 2 :] = -layer.weight[: outputs // 2]


@torch.no_grad()
def grade(model: nn.Module, factor: float) -> None:
    """Multiplies each kernel of a chain by `factor` once for each convolution behind it.

    With BatchNorm the chain still computes the same; but the gradient of a kernel that is c times as long is
    1/c times as long, and its first change, as a share of the kernel, 1/c^2 (van Laarhoven 2017, section 2).
    """
    kernels = [module.weight for module in model.modules() if isinstance(module, nn.Conv2d)]
    for behind, kernel in enumerate(reversed(kernels)):
        kernel.mul_(factor**behind)
