"""SGD with momentum, a fused step of it (Sutskever et al. 2013, eq. 1 to 4, in torch's formulation).

`torch.optim.SGD` takes the same step, bit for bit (a test holds it to that), but imports torch's compiler
when it is made: a second in every worker. What the step is given are weights in the order of their memory: a
fused step on any others copies each of them to and fro.
"""

from typing import Any

import torch
from torch import Tensor, nn

from skipscope.spec import Recipe


class SGD:
    """Steps a network's weights; weight decay on matrices and kernels only."""

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        """With the recipe's momentum, Nesterov's or not, and weight decay."""
        weights = list(model.parameters())
        decayed, spared = [w for w in weights if w.ndim > 1], [w for w in weights if w.ndim <= 1]
        self.groups = ((decayed, recipe.weight_decay), (spared, 0.0))
        self.momentum, self.nesterov = recipe.momentum, recipe.nesterov
        self.velocities: dict[nn.Parameter, Tensor] = {}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update at the learning rate `rate`; the gradients are gone afterwards."""
        for weights, decay in self.groups:
            reached = [weight for weight in weights if weight.grad is not None]
            # a weight's first step makes its velocity; some are reached later than others (layers left out)
            new = [weight for weight in reached if weight not in self.velocities]
            known = [weight for weight in reached if weight in self.velocities]
            for weight in new if self.momentum else ():
                self.velocities[weight] = torch.empty_like(_in_memory_order(weight, weight.detach()))
            self._step(new, decay, rate, first=True)
            self._step(known, decay, rate, first=False)
            for weight in reached:
                weight.grad = None

    def _step(self, weights: list[nn.Parameter], decay: float, rate: float, *, first: bool) -> None:
        """Of those whose velocities are all new, or all there."""
        if weights:
            torch._fused_sgd_(
                [_in_memory_order(weight, weight.detach()) for weight in weights],
                [_in_memory_order(weight, weight.grad) for weight in weights],  # type: ignore[arg-type]
                [self.velocities[weight] for weight in weights] if self.momentum else [],
                weight_decay=decay,
                momentum=self.momentum,
                lr=rate,
                dampening=0.0,
                nesterov=self.nesterov,
                maximize=False,
                is_first_step=first,
            )

    def state_dict(self) -> dict[str, Any]:
        """The velocities, in the order of the weights; what was not stepped yet has none."""
        return {
            "velocities": [self.velocities.get(weight) for weights, _ in self.groups for weight in weights]
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        weights = [weight for weights, _ in self.groups for weight in weights]
        for weight, velocity in zip(weights, state["velocities"], strict=True):
            if velocity is not None:
                like = _in_memory_order(weight, weight.detach())
                self.velocities[weight] = torch.empty_like(like).copy_(velocity)


def _in_memory_order(weight: Tensor, x: Tensor) -> Tensor:
    """A view of `x` (the weight or its gradient) that is contiguous: in channels_last, O I K L as O K L I."""
    if weight.is_contiguous():
        return x
    return x.permute(sorted(range(weight.ndim), key=weight.stride, reverse=True))
