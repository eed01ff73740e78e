"""Initial weights of the papers' networks."""

import torch
from torch import nn

from skipscope.models.blocks import SE, Projection


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
