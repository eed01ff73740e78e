"""Everything that a probe could change of a network and of the process, and passes through a network."""

import random
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from skipscope.probes.base import View


def state(view: View) -> dict[str, Any]:
    """Everything that a probe could change."""
    model = view.model
    return {
        "weights and buffers": {name: value.clone() for name, value in model.state_dict().items()},
        "which weights learn": [weight.requires_grad for weight in model.parameters()],
        "gradients": [weight.grad for weight in model.parameters()],
        "layout": [weight.stride() for weight in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "hooks": [
            len(hooks)
            for module in model.modules()
            for name, hooks in vars(module).items()
            if name.endswith("_hooks")
        ],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "images": view.images.clone(),
        "labels": view.labels.clone(),
        "names on images": sorted(vars(view.images)),
        "torch's chance": torch.get_rng_state(),
        "numpy's chance": np.random.get_state()[1].tolist(),  # noqa: NPY002 - the global one is the point
        "python's chance": random.getstate(),
        "modes of torch": (
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.overrides._get_current_function_mode(),
        ),
    }


def changed(before: Any, after: Any) -> list[str]:
    """The names of what differs."""
    return [name for name in before if not _same(before[name], after[name])]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


class Passes:
    """Counts passes through a network and keeps what went in; may break off in the middle of one."""

    def __init__(self, model: nn.Module) -> None:
        self.inputs: list[Tensor] = []
        self.fails_at: int | None = None
        layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        self.handles = [
            model.register_forward_pre_hook(self._begins),
            layers[len(layers) // 2].register_forward_pre_hook(self._within),
        ]

    def _begins(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.inputs.append(inputs[0].detach().clone())

    def _within(self, _module: nn.Module, _inputs: object) -> None:
        if len(self.inputs) == self.fails_at:
            raise RuntimeError("in the middle")

    def __deepcopy__(self, _memo: object) -> "Passes":
        return self  # a copy of the network is counted with it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()
