"""BatchNorms that have not been trained: their statistics of 0 and 1 would normalise nothing.

Shapes: B images of 3 x H x W.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from skipscope.probes.base import View, copied

IMAGES = 250
"""Images for the statistics of an untrained BatchNorm."""


def settled(view: View) -> View:
    """Returns the view of the network with statistics for untrained BatchNorms, from the first images."""
    return replace(view, model=normalised(view.model, view.first(IMAGES).images))


def normalised(model: nn.Module, images: Tensor) -> nn.Module:
    """Returns the network, or a copy whose untrained BatchNorms have the statistics of images B 3 H W."""
    return normalise(copied(model), images) if fresh_norms(model) else model


def normalise(model: nn.Module, images: Tensor) -> nn.Module:
    """Gives a network's untrained BatchNorms the statistics of images B 3 H W; returns it for evaluation.

    One pass does for all of them: each normalises by the batch's statistics, and passes that on to the next.
    """
    model.eval()
    fresh = fresh_norms(model)
    for module in fresh:
        module.momentum = None  # type: ignore[assignment] # a mean over batches, of which there is one
        module.train()
    if fresh:
        with torch.no_grad():
            model(images.clone())  # the network may overwrite it
    return model.eval()


def fresh_norms(model: nn.Module) -> list[nn.Module]:
    """Returns the BatchNorms that have not counted a batch yet."""
    return [
        module
        for module in model.modules()
        if isinstance(counted := getattr(module, "num_batches_tracked", None), Tensor) and not counted
    ]
