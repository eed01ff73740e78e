"""Records a network's forward and backward pass once, as CUDA graphs, and replays them.

A small network's operators take a GPU less time than a processor needs to ask for them; a graph is asked for
once. It holds torch's own operators, so a replayed step and one that probes record should have the same bits;
`torch.compile` rounds otherwise. What a network draws or decides on the processor would be replayed, too, so
that only networks of ours are tried so by themselves. **Not run on a GPU yet.**
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skipscope.spec import Recipe


class _Called(nn.Module):
    """Calls a network, whose `forward` stays its own: torch replaces that of what it records."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Any:
        return self.model(x)


def replays(recipe: Recipe, on: torch.device) -> bool:
    """Tells whether a recipe asks for graphs and the device has them; else the stock operators compute."""
    return recipe.kernels == "graphs" and on.type == "cuda"


def replayed(model: nn.Module) -> Callable[[Tensor], Any]:
    """Returns what computes as `model` does in training, recorded at the first call for batches like it."""
    recorded: list[Callable[[Tensor], Any]] = []

    def compute(x: Tensor) -> Any:
        if not recorded:
            buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
            called = _Called(model).train()
            recorded.append(torch.cuda.make_graphed_callables(called, (x.clone(),), allow_unused_input=True))
            with torch.no_grad():
                for buffer, before in buffers:  # trial passes before the recording moved BatchNorm's means
                    buffer.copy_(before)
        return recorded[0](x)

    return compute
