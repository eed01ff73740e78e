"""SGD with momentum, a fused step of it (Sutskever et al. 2013, eq. 1 to 4, in torch's formulation).

`torch.optim.SGD` takes the same step, bit for bit (there is a test for it), but imports torch's compiler: a
second in every worker. The fused kernel copies non-contiguous parameters, so it is given contiguous views.
"""

from typing import Any

import torch
from torch import Tensor, nn

from skipscope.spec import Recipe

SCALE = 2.0**12
"""What losses are multiplied by in fp16, at first: gradients below 6e-8 are 0 there."""


class SGD:
    """Updates a network's weights; weight decay applies to matrices and kernels only.

    `scaler` scales losses in fp16, and passes them through otherwise. What it asks of an optimizer are
    `param_groups`, and that a step whose gradients overflowed (`found_inf`) changes nothing.
    """

    _step_supports_amp_scaling = True
    grad_scale: Tensor | None = None
    found_inf: Tensor | None = None

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        weights = list(model.parameters())
        on = weights[0].device.type if weights else "cpu"
        self.scaler: Any = torch.amp.GradScaler(on, init_scale=SCALE, enabled=recipe.precision == "fp16")
        self.param_groups = [{"params": weights}]
        decayed, spared = [w for w in weights if w.ndim > 1], [w for w in weights if w.ndim <= 1]
        self.weights = [*decayed, *spared]
        self.groups = ((decayed, recipe.weight_decay), (spared, 0.0))
        self.momentum, self.nesterov = recipe.momentum, recipe.nesterov
        self.velocities: dict[nn.Parameter, Tensor] = {}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Takes one update at the learning rate `rate`, and drops the gradients."""
        for weights, decay in self.groups:
            reached = [weight for weight in weights if weight.grad is not None]
            # a weight's first step makes its velocity; some are reached later than others (layers left out)
            new = [weight for weight in reached if weight not in self.velocities]
            known = [weight for weight in reached if weight in self.velocities]
            for weight in new if self.momentum else ():  # zeros: a step that overflowed leaves them so
                self.velocities[weight] = torch.zeros_like(_in_memory_order(weight, weight.detach()))
            self._step(new, decay, rate, first=True)
            self._step(known, decay, rate, first=False)
            for weight in reached:
                weight.grad = None

    def _step(self, weights: list[nn.Parameter], decay: float, rate: float, *, first: bool) -> None:
        """Updates weights whose velocities are all new (`first`), or all known."""
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
                found_inf=self.found_inf,
            )

    def state_dict(self) -> dict[str, Any]:
        """Returns the velocities in the order of the weights, None for one that was never updated."""
        velocities = {"velocities": [self.velocities.get(weight) for weight in self.weights]}
        return velocities | ({"scaler": self.scaler.state_dict()} if self.scaler.is_enabled() else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        for weight, velocity in zip(self.weights, state["velocities"], strict=True):
            if velocity is not None:
                like = _in_memory_order(weight, weight.detach())
                self.velocities[weight] = torch.empty_like(like).copy_(velocity)
        if "scaler" in state:
            self.scaler.load_state_dict(state["scaler"])


def _in_memory_order(weight: Tensor, x: Tensor) -> Tensor:
    """Returns a contiguous view of `x` (the weight or its gradient): in channels_last, O I K L as O K L I.

    Complex numbers are viewed as pairs: the kernel takes real ones only, and updates both parts alike.
    """
    if not weight.is_contiguous():
        x = x.permute(sorted(range(weight.ndim), key=weight.stride, reverse=True))
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
