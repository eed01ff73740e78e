"""Which number format and memory layout a machine trains in, and the scope that applies it.

`auto` is resolved before a run is planned, the same for all arms of a study, from what the processor
has in hardware: without its own bfloat16 instructions a convolution in bf16 is emulated, many times slower.
"""

from contextlib import AbstractContextManager

import torch
from torch import nn

from skipscope.spec import MemoryFormat, Precision, Recipe

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def device() -> torch.device:
    """The machine's accelerator if it has one, else its processor."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator or torch.device("cpu")


def has_bf16(on: torch.device) -> bool:
    """Whether bfloat16 convolutions run in hardware there."""
    if on.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if on.type == "cpu":
        return torch.backends.cpu.get_cpu_capability().startswith("AVX512") and bool(
            torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 - torch has no public name for it
        )
    return False


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with every `auto` replaced by this machine's choice."""
    precision: Precision = "bf16" if has_bf16(device()) else "fp32"
    memory_format: MemoryFormat = "channels_last"
    return recipe.model_copy(
        update={
            "precision": precision if recipe.precision == "auto" else recipe.precision,
            "memory_format": memory_format if recipe.memory_format == "auto" else recipe.memory_format,
        }
    )


def place(model: nn.Module, recipe: Recipe, on: torch.device) -> nn.Module:
    """The network on its device, with its kernels in the recipe's memory format."""
    return model.to(on).to(memory_format=FORMATS[recipe.memory_format])  # type: ignore[call-overload,no-any-return]


def autocast(recipe: Recipe, on: torch.device) -> AbstractContextManager[object]:
    """The scope in which a forward pass runs: bf16 autocast, or nothing."""
    return torch.autocast(on.type, dtype=torch.bfloat16, enabled=recipe.precision == "bf16")
