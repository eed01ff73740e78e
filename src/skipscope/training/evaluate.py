"""Loss and accuracy of a network on a split."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from skipscope.data.dataset import Split
from skipscope.probes.evaluation import Evaluation
from skipscope.spec import Recipe
from skipscope.training.backend import computing
from skipscope.training.batches import BatchMaker

BATCH = 250
"""Images in a forward pass: few enough for its maps to stay in the cache. It affects rounding only."""


def evaluate(
    model: nn.Module, split: Split, batches: BatchMaker, recipe: Recipe, *, of_batch: bool = False
) -> Evaluation:
    """Computes loss and accuracy on the split; leaves the model in training mode.

    BatchNorm normalises by its running averages, or, `of_batch`, by the mean and variance of the batch at
    hand, as in training. Batches are strided: they are alike in images that are sorted by class.
    """
    losses, right = list[Tensor](), list[Tensor]()
    parts = -(-len(split) // BATCH)
    model.eval()
    # not inference mode: a tensor that the network caches meanwhile could not be trained with
    with torch.no_grad(), computing(recipe, batches.device), _by_batch(model if of_batch else None):
        for part in range(parts):
            whole = np.arange(part * BATCH, min((part + 1) * BATCH, len(split)))
            x, target = batches(split, np.arange(part, len(split), parts) if of_batch else whole)
            logits = model(x).float()
            losses.append(cross_entropy(logits, target, reduction="sum"))
            right.append(logits.argmax(1) == target)
    model.train()
    # fetched once: a number that is asked for stops an accelerator's queue
    loss_sum, every = 0.0, torch.cat(right).cpu()
    for loss in torch.stack(losses).tolist():  # `sum` rounds otherwise since Python 3.12
        loss_sum += loss
    return Evaluation(loss=loss_sum / len(split), accuracy=int(every.sum()) / len(split), right=every)


def normalises(model: nn.Module) -> bool:
    """Tells whether a BatchNorm of the model keeps running averages."""
    return bool(_averaging(model))


def _averaging(model: nn.Module | None) -> list[_BatchNorm]:
    modules = model.modules() if model else ()
    return [each for each in modules if isinstance(each, _BatchNorm) and each.running_mean is not None]


@contextmanager
def _by_batch(model: nn.Module | None) -> Iterator[None]:
    """Lets BatchNorm use the batch's statistics, and neither read nor change its running averages."""
    found = [(each, each.track_running_stats) for each in _averaging(model)]
    for norm, _ in found:
        norm.training, norm.track_running_stats = True, False
    try:
        yield
    finally:
        for norm, tracks in found:
            norm.training, norm.track_running_stats = False, tracks
