"""What a network is, in numbers: structure, shapes, parameters and multiply-adds per stage."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from skipscope.models.registry import build
from skipscope.models.user import attribute_errors_to
from skipscope.records.schema import NetworkCard, Stage
from skipscope.spec import UserNetwork


def describe(name: str) -> NetworkCard:
    """The network `name` on one image of 3 x 32 x 32.

    Multiply-adds count convolutions and matrix products; BatchNorm, activations, pooling and additions
    are left out, as in He et al. 2015, Table 1.

    Raises:
        UnknownName: no network has this name.
        NetworkError: a user's file gives no network.
    """
    # a network of ours is what it is; the file of a user's may have changed
    return _ours(name) if UserNetwork.parse(name) is None else _described(name)


@cache
def _ours(name: str) -> NetworkCard:
    return _described(name)


def _described(name: str) -> NetworkCard:
    model = build(name).eval()
    with attribute_errors_to(name, "on one image"):
        stages = tuple(_stages(model))
    return NetworkCard(
        name=name,
        structure=str(model),
        params=parameters(model),
        macs=sum(stage.macs for stage in stages),
        stages=stages,
    )


def parameters(module: nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(weight.numel() for weight in module.parameters())


def multiply_adds(module: nn.Module, output: Tensor) -> int:
    """Of one call of a convolution or linear layer, per image; 0 for any other module."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        return output[0].numel() * math.prod(module.weight.shape[1:])
    return 0


def _stages(model: nn.Module) -> Iterator[Stage]:
    """One stage a call of a top-level module (or of one in a top-level list), in the order of the calls."""
    seen = {model}
    for name, module, shape, macs in _calls(model):
        yield Stage(
            name=name,
            kind=type(module).__name__,
            shape=shape,
            params=0 if module in seen else parameters(module),
            macs=macs,
        )
        seen.add(module)


def _calls(model: nn.Module) -> list[tuple[str, nn.Module, tuple[int, ...], int]]:
    """Name, module, output shape and multiply-adds of every call of a stage."""
    calls: list[tuple[str, nn.Module, tuple[int, ...], int]] = []
    macs = 0

    def after_any(module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal macs
        macs += multiply_adds(module, output)

    def after_stage(module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal macs
        shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
        calls.append((names[module], module, shape, macs))
        macs = 0

    names = dict(_named_stages(model))
    with _hooks(model, after_any, names, after_stage), _one_thread(), torch.inference_mode():
        logits = model(torch.zeros(1, 3, 32, 32))
    if macs:  # of parts called past the module around them
        calls.append(("rest", model, tuple(logits.shape[1:]), macs))
    return calls


@contextmanager
def _one_thread() -> Iterator[None]:
    """On one image, threads wait for each other: on a busy machine thirty times as long as they compute."""
    given = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(given)


def _named_stages(model: nn.Module, prefix: str = "") -> Iterator[tuple[nn.Module, str]]:
    """The top-level modules; of a list, which is never called itself, the modules in it."""
    for name, module in model.named_children():
        if isinstance(module, (nn.ModuleList, nn.ModuleDict)):
            yield from _named_stages(module, f"{prefix}{name}.")
        else:
            yield module, f"{prefix}{name}"


@contextmanager
def _hooks(model: nn.Module, after_any: Any, stages: Iterable[nn.Module], after_stage: Any) -> Iterator[None]:
    # a top-level leaf has both hooks: they run in the order in which they were put in
    handles = [module.register_forward_hook(after_any) for module in model.modules()]
    handles += [module.register_forward_hook(after_stage) for module in stages]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
