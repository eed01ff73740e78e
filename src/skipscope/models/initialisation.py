"""What weights a network of a paper family starts from."""

import torch
from torch import nn

from skipscope.models.blocks import SE, Projection


def drawn() -> torch.Generator:
    """A source of chance of its own, from one draw of torch's: a network takes it before it makes its layers.

    Layers draw weights when they are made, a gate or a bias among them would shift all that come after.
    """
    return torch.Generator().manual_seed(int(torch.randint(2**62, ())))


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Weights from N(0, 2 / fan-in), biases 0 (He et al. 2015b, eq. 10), in the order of the modules.

    Gates and projections come last: with them or without, the other weights are the same.
    """
    extras = [module for module in model.modules() if isinstance(module, (SE, Projection))]
    last = {part for extra in extras for part in extra.modules()}
    layers = [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    for layer in sorted(layers, key=last.__contains__):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
