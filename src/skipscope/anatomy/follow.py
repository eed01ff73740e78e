"""Follows a network that a user hands over, and says in words what could not be followed.

Shapes: N images of C x H x W.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from skipscope.anatomy.calls import Anatomy
from skipscope.anatomy.capture import anatomy
from skipscope.anatomy.joins import Reason
from skipscope.anatomy.modes import uncompiled
from skipscope.errors import SkipscopeError, UsageError

CHANNELS_LAST = "they seem to be N x H x W x channels: pass images.permute(0, 3, 1, 2)"
REASONS: Mapping[Reason, str] = {
    "by_pixel": "multiplies maps pixel by pixel, which is no gate of channels",
    "whole_map": "weighs a whole map by one number",
    "broadcast": "adds maps of different shapes",
    "vectors": "concatenates what are no maps",
    "function": "joins maps by another function than a sum, a product or a concatenation",
    "hidden": "computes where torch cannot see it",
}
"""What a module that was not followed does, by its `Reason`."""


def follow(model: nn.Module, images: Any) -> Anatomy:
    """Finds what a network is made of: shortcuts, gates and concatenations, from its calls.

    Args:
        model: Any network. It is not changed; a compiled one is followed as it was written.
        images: N C H W as the network takes them, a tensor or what `torch.as_tensor` takes; two are enough.

    Returns:
        An `Anatomy`: `shortcuts`, `gates`, `concatenations`, and what is neither or cannot be seen in
        `unfollowed`, each with an entry an addition, product or concatenation.

    Raises:
        UsageError: it is no network, or cannot be applied to the images.
    """
    model = as_written(model)
    weight = next(model.parameters(), torch.zeros(0))
    try:
        x = torch.as_tensor(images).to(weight.device, weight.dtype if weight.is_floating_point() else None)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"A {type(images).__name__} is no tensor of images.", hint="pass N x C x H x W numbers"
        ) from error
    with torch.random.fork_rng(devices=[]), uncompiled(), applied_to(x):
        return anatomy(model, x[:2])


def in_words(anatomy: Anatomy) -> list[str]:
    """Says what was not followed, a sentence a reason: which modules, and what they do."""
    modules: dict[Reason, list[str]] = {}
    for site in anatomy.unfollowed:
        if site.reason is not None:
            modules.setdefault(site.reason, []).append(site.module)
    return [f"Not followed: {', '.join(names)} ({REASONS[reason]})." for reason, names in modules.items()]


def as_written(model: nn.Module) -> nn.Module:
    """Returns the module whose calls can be followed: the original of a compiled one."""
    model = getattr(model, "_orig_mod", model)
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise UsageError(
            f"{model.__name__} is the class of a network, not a network.", hint=f"pass {model.__name__}(...)"
        )
    if not isinstance(model, nn.Module):
        raise UsageError(f"Expected a torch.nn.Module, got a {type(model).__name__}.")
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise UsageError("TorchScript modules cannot be traced.", hint="pass the original torch.nn.Module")
    return model


@contextmanager
def applied_to(images: Tensor) -> Iterator[None]:
    """Explains an error of the network's first forward pass by the images.

    Raises:
        UsageError: the network raised it; gives its reason and the shape that it was given.
    """
    try:
        yield
    except (SkipscopeError, MemoryError):  # these explain themselves
        raise
    except Exception as error:
        shape = tuple(images.shape[1:])
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        likely = CHANNELS_LAST if shape[2] in {1, 4} and shape[0] > 4 else ""
        raise UsageError(
            f"The network cannot be applied to images of shape {shape}: {type(error).__name__}: {reason}.",
            hint=likely or "pass images as it was trained on; the traceback above says where it failed",
        ) from error
