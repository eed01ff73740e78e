"""Describe a network: its structure, anatomy, and per stage its shapes, parameters and multiply-adds."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from skipscope.anatomy.arithmetic import Counter, counted
from skipscope.anatomy.capture import anatomy
from skipscope.anatomy.card import anatomy_card
from skipscope.anatomy.modes import evaluating, uncompiled
from skipscope.models.registry import build
from skipscope.models.user import attribute_errors_to
from skipscope.records.network_card import NetworkCard, Stage
from skipscope.spec import UserNetwork
from skipscope.torch_threads import torch_threads

IMAGES = 2
"""Images that are computed: some networks cannot be applied to one alone."""


def describe(name: str) -> NetworkCard:
    """Describes the network `name`, applied to one image of 3 x 32 x 32.

    Multiply-adds count convolutions and matrix products, those of attention among them; BatchNorm,
    activations, pooling and additions are left out, as in He et al. 2015, Table 1.

    Raises:
        UnknownName: no network has this name.
        NetworkError: a user's file does not define a valid network.
    """
    # a shipped network never changes; a user's file may
    return (_describe if UserNetwork.parse(name) is None else _describe.__wrapped__)(name)


@cache
def _describe(name: str) -> NetworkCard:
    model = build(name).eval()
    stages: list[Stage] = []
    one_thread = torch_threads(1)  # on one image, threads wait for each other up to thirty times as long
    with attribute_errors_to(name, "on one image"), one_thread, uncompiled():
        with evaluating(model), torch.no_grad(), counted() as counter, _stages_into(stages, model, counter):
            model(torch.zeros(IMAGES, 3, 32, 32))
        followed = anatomy(model, torch.zeros(1, 3, 32, 32))
    return NetworkCard(
        name=name,
        structure=str(model),
        params=parameters(model),
        macs=sum(stage.macs for stage in stages),
        stages=tuple(stages),
        anatomy=anatomy_card(followed),
    )


def parameters(module: nn.Module) -> int:
    """Counts the numbers that are learnt."""
    return sum(weight.numel() for weight in module.parameters())


@contextmanager
def _stages_into(stages: list[Stage], model: nn.Module, counter: Counter) -> Iterator[None]:
    """Appends a stage for every call of a top-level module (or of one in a top-level list).

    What is computed between two of them belongs to the later one.
    """
    names = dict(_named_stages(model))
    seen = {model}
    before = 0

    def after_stage(module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal before
        stages.append(
            Stage(
                name=names.get(module, "rest"),
                kind=type(module).__name__,
                shape=tuple(output.shape[1:]) if isinstance(output, Tensor) else (),
                params=0 if module in seen else parameters(module),
                macs=(counter.macs - before) // IMAGES,
            )
        )
        seen.add(module)
        before = counter.macs

    def after_all(module: nn.Module, inputs: Any, output: Any) -> None:
        if counter.macs > before:  # by parts that are called without the module around them
            after_stage(module, inputs, output)

    handles = [module.register_forward_hook(after_stage) for module in names]
    handles.append(model.register_forward_hook(after_all))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _named_stages(model: nn.Module, prefix: str = "") -> Iterator[tuple[nn.Module, str]]:
    """Yields the top-level modules; for a list, which is never called itself, the modules in it."""
    for name, module in model.named_children():
        if isinstance(module, (nn.ModuleList, nn.ModuleDict)):
            yield from _named_stages(module, f"{prefix}{name}.")
        else:
            yield module, f"{prefix}{name}"
