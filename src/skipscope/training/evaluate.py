"""Loss and accuracy of a network on a split."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from skipscope.data.dataset import Split
from skipscope.probes.evaluation import Evaluation
from skipscope.spec import Recipe
from skipscope.training.backend import computing
from skipscope.training.batches import BatchMaker

BATCH = 250
"""Images in a forward pass: few enough for its maps to stay in the cache. It affects rounding only."""


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
    return Evaluation(loss=loss_sum / len(split), accuracy=int(every.sum()) / len(split), right=every)
