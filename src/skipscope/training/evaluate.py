"""Loss and accuracy of a network on a split."""

import numpy as np
import torch
from torch import Tensor, nn
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
    losses, right = list[Tensor](), list[Tensor]()
    model.eval()
    # not inference mode: a tensor that the network caches meanwhile could not be trained with
    with torch.no_grad(), computing(recipe, batches.device):
        for start in range(0, len(split), BATCH):
            x, target = batches(split, np.arange(start, min(start + BATCH, len(split))))
            logits = model(x).float()
            losses.append(cross_entropy(logits, target, reduction="sum"))
            right.append(logits.argmax(1) == target)
    model.train()
    # fetched once: a number that is asked for stops an accelerator's queue
    loss_sum, every = 0.0, torch.cat(right).cpu()
    for loss in torch.stack(losses).tolist():  # `sum` rounds otherwise since Python 3.12
        loss_sum += loss
    return Evaluation(loss=loss_sum / len(split), accuracy=int(every.sum()) / len(split), right=every)
