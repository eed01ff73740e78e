"""Weights from elsewhere: a state dict of torchvision, timm or one's own, where the structure is the same.

Tensors are matched by name, and by the names that other libraries have for the same module.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as unpacked
from torch import Tensor, nn

from skipscope.errors import UsageError

SYNONYMS = (("bn1", "bn"), ("linear", "fc"), ("downsample", "shortcut"), ("shortcut", "downsample"))
"""What a part of a name is called elsewhere, and here: torchvision's `bn1` of the stem is `bn`."""
PREFIXES = "module", "_orig_mod"
"""What DataParallel and torch.compile put before every name."""
WRAPPERS = "state_dict", "model"
"""Under which keys training scripts put a state dict into a checkpoint."""
SHOWN = 6
"""Modules that an error names."""


def load_weights(
    network: nn.Module, weights: os.PathLike[str] | str | Mapping[str, Any], *, without: Collection[str] = ()
) -> None:
    """Loads weights into a network of the same structure; nothing is loaded where a module does not fit.

    Args:
        network: takes the weights.
        weights: a state dict, or the path of one: safetensors, or what torch.save wrote.
        without: modules that keep their own weights, such as a classifier of other classes.

    Raises:
        UsageError: the file cannot be read, or modules do not fit: names them, with both shapes.
    """
    where = "" if isinstance(weights, Mapping) else str(Path(weights))
    given = _tensors(weights if isinstance(weights, Mapping) else _read(Path(weights)), where)
    own = network.state_dict()
    theirs = {name: each for name, each in _renamed(given, own).items() if not _within(name, without)}
    wanted = {
        name: each
        for name, each in own.items()
        # counts batches, for a momentum that our networks do not use; old files have none
        if not _within(name, without) and not name.endswith("num_batches_tracked")
    }
    if unfit := _unfit(wanted, theirs, own):
        more = f"; and {len(unfit) - SHOWN} more" if len(unfit) > SHOWN else ""
        raise UsageError(
            f"These weights are of another structure: {'; '.join(unfit[:SHOWN])}{more}.",
            where=where,
            hint="choose the network they were trained as, or name what keeps its own weights: without=[...]",
        )
    network.load_state_dict({name: each for name, each in theirs.items() if name in own}, strict=False)


def _unfit(
    wanted: Mapping[str, Tensor], theirs: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> list[str]:
    """Says for each module with a tensor that does not fit what the first such is there and here."""
    found: dict[str, str] = {}
    for name in [*wanted, *(name for name in theirs if name not in own)]:
        here, there = wanted.get(name), theirs.get(name)
        if here is None or there is None or here.shape != there.shape:
            module, _, _ = name.rpartition(".")
            found.setdefault(module or name, f"{module or name} ({_shape(there)} there, {_shape(here)} here)")
    return [*found.values()]


def _shape(tensor: Tensor | None) -> str:
    return "nothing" if tensor is None else " x ".join(map(str, tensor.shape)) or "a number"


def _renamed(given: Mapping[str, Tensor], own: Collection[str]) -> dict[str, Tensor]:
    return {_here(name, own): tensor for name, tensor in given.items()}


def _here(name: str, own: Collection[str]) -> str:
    """Returns a tensor's name in our network; its own where there is none."""
    for prefix in PREFIXES:
        name = name.removeprefix(f"{prefix}.")
    parts = name.split(".")
    others = (".".join(here if part == there else part for part in parts) for there, here in SYNONYMS)
    return next((each for each in (name, *others) if each in own), name)


def _within(name: str, modules: Iterable[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


def _tensors(content: Mapping[str, Any], where: str) -> dict[str, Tensor]:
    """Finds the state dict in what a training script saved."""
    for key in WRAPPERS:
        if isinstance(inside := content.get(key), Mapping):
            content = inside
    tensors = {str(name): each for name, each in content.items() if isinstance(each, Tensor)}
    if not tensors:
        raise UsageError(
            "There are no weights in it.",
            where=where,
            hint="give a state dict: torch.save(net.state_dict(), PATH)",
        )
    return tensors


def _read(path: Path) -> Mapping[str, Any]:
    """Reads a file of tensors; no code in it is run."""
    try:
        if path.suffix == ".safetensors":
            return unpacked(path.read_bytes())
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UsageError(f"These weights cannot be read: {error.strerror}.", where=str(path)) from None
    except Exception as error:  # what a broken pickle makes of itself
        raise UsageError(
            "These weights cannot be read: the file is damaged, or holds more than tensors.",
            where=str(path),
            hint="save the state dict alone: torch.save(net.state_dict(), PATH)",
        ) from error
    return content if isinstance(content, Mapping) else {}
