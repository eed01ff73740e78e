"""Loss and accuracy of a network on a split."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skipscope.data.dataset import Split
from skipscope.spec import Recipe
from skipscope.training.batches import BatchMaker
from skipscope.training.precision import computing

BATCH = 250
"""Images in a forward pass: few enough for its maps to stay in the cache. It affects rounding only."""


class Evaluation(NamedTuple):
    """How well a network classifies a split of N images."""

    loss: float
    """Mean cross-entropy, without label smoothing."""
    accuracy: float
    """In 0..1."""
    right: Tensor
    """N: whether each image is classified correctly."""


def evaluate(model: nn.Module, split: Split, batches: BatchMaker, recipe: Recipe) -> Evaluation:
    """Computes loss and accuracy on the split; leaves the model in training mode."""
    loss_sum, right = 0.0, []
    model.eval()
    # not inference mode: a tensor that the network caches meanwhile could not be trained with
    with torch.no_grad(), computing(recipe, batches.device):
        for start in range(0, len(split), BATCH):
            x, target = batches(split, np.arange(start, min(start + BATCH, len(split))))
            logits = model(x).float()
            loss_sum += cross_entropy(logits, target, reduction="sum").item()
            right.append((logits.argmax(1) == target).cpu())
    model.train()
    every = torch.cat(right)
    return Evaluation(loss_sum / len(split), int(every.sum()) / len(split), every)
