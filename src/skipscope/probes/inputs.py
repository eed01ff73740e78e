"""Takes what users hand to `skipscope.probe`, and says in a sentence what it cannot take.

Shapes: N images of 3 x H x W, N class numbers.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from skipscope.anatomy.follow import CHANNELS_LAST
from skipscope.errors import UsageError


def tensors(images: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """Returns images N 3 H W in fp32 and labels N as class numbers.

    Raises:
        UsageError: they are not arrays, are laid out in another way, or do not fit each other.
    """
    x, y = _tensor(images, "images"), _tensor(labels, "labels")
    if x.ndim == 4 and x.shape[3] == 3 and x.shape[1] > 4:
        raise UsageError(f"Images of shape {tuple(x.shape)} are laid out in another way.", hint=CHANNELS_LAST)
    if x.ndim == 4 and y.ndim == 2 and len(y) == len(x):
        raise UsageError(
            f"Labels of shape {tuple(y.shape)} are no class numbers.",
            hint="pass N of them; of one-hot rows or probabilities: labels.argmax(1)",
        )
    if x.ndim != 4 or y.shape != x.shape[:1] or not len(y):
        raise UsageError(
            f"Images of shape {tuple(x.shape)} and labels of shape {tuple(y.shape)} do not fit together.",
            hint="pass N x 3 x H x W images and N labels",
        )
    return x.to(torch.float32), y.to(torch.long)


def _tensor(given: Any, what: str) -> Tensor:
    try:
        return torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(given).__name__
        raise UsageError(f"A {kind} is no tensor of {what}.", hint=_instead(given, what)) from error


def _instead(given: Any, what: str) -> str:
    if isinstance(given, DataLoader):
        return "pass one of its batches: images, labels = next(iter(loader))"
    if isinstance(given, Dataset):
        return "pass a batch: images, labels = next(iter(torch.utils.data.DataLoader(data, 500)))"
    if isinstance(given, (list, tuple)) and any(isinstance(each, Tensor) for each in given):
        return f"a batch is unpacked: images, labels = batch; single {what} are stacked: torch.stack({what})"
    return "pass N x 3 x H x W numbers" if what == "images" else "pass N class numbers"
