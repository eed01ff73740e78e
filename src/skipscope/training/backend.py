"""The device, number format, memory layout and operators of a run, and the scope that applies them.

Which of them are fastest on a machine is measured when a study is planned (`engine/autotune.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from skipscope.kernels.fast import fast
from skipscope.kernels.winograd import winograd, winograd_any
from skipscope.spec import Recipe

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
OPERATORS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "auto": nullcontext,
    "stock": nullcontext,
    "fast": fast,
    "winograd": winograd,
    "winograd_any": winograd_any,
    "graphs": nullcontext,
}


def device() -> torch.device:
    """Returns the machine's accelerator if it has one, else its processor."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator or torch.device("cpu")


def device_count() -> int:
    """Counts this machine's accelerators; 0 where the processor computes."""
    return 0 if device().type == "cpu" else torch.accelerator.device_count()


def device_memory() -> int | None:
    """Returns the free bytes of the current accelerator; None where it does not tell."""
    try:
        return torch.accelerator.get_memory_info()[0]
    except (AttributeError, RuntimeError):  # an older torch, or another kind of accelerator
        return None


def to_device(model: nn.Module, recipe: Recipe, on: torch.device) -> nn.Module:
    """Moves the network to its device, its convolution weights to the recipe's memory layout."""
    return model.to(on).to(memory_format=FORMATS[recipe.memory_format])  # type: ignore[call-overload,no-any-return]


@contextmanager
def computing(recipe: Recipe, on: torch.device) -> Iterator[None]:
    """Runs a forward pass with the recipe's autocast and operators."""
    narrow = torch.autocast(
        on.type,
        dtype=AUTOCAST.get(recipe.precision, torch.bfloat16),
        enabled=recipe.precision in AUTOCAST,
        cache_enabled=recipe.kernels != "graphs",  # a cast that is kept would be no part of the recording
    )
    with narrow, OPERATORS[recipe.kernels]():
        yield
