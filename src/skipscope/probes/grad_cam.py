"""Grad-CAM: the regions of an image that speak for a class (Selvaraju et al. 2017, equations 1 and 2).

Shapes: one image of 3 x H x W; K maps A of h x w. It is not a probe: an overlay is for looking at.
"""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from skipscope.anatomy.calls import Anatomy, Call, Site
from skipscope.anatomy.capture import anatomy, capture
from skipscope.anatomy.modes import evaluating


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """How much each region speaks for a class."""

    module: str
    """Name of the call whose maps were used."""
    values: Tensor
    """h w in 0..1, where 1 is the strongest region; all 0 if none speaks for the class."""


def grad_cam(model: nn.Module, image: Tensor, label: int | None = None) -> HeatMap | None:
    """Maps the regions that raise the logit y of class `label`, by default the predicted one.

    Weights a_k = mean over h w of dy/dA_k (equation 1); map = ReLU(sum_k a_k A_k) (equation 2), over its
    largest value, with A from `last_map`. The network is left as it was; None for a network without maps.
    """
    site = last_map(anatomy(model, image[None]))
    if site is None:
        return None
    held: list[Tensor] = []

    def hold(call: Call) -> Tensor | None:
        if call.key != site.key:
            return None
        held.append(call.output.detach().clone().requires_grad_())  # 1 K h w
        return held[-1].clone()  # the network may overwrite it

    with torch.autocast(image.device.type, enabled=False):
        with evaluating(model), torch.enable_grad(), capture(model, edit=hold):
            logits = model(image[None])[0]
            score = logits[logits.argmax() if label is None else label]
            (gradient,) = torch.autograd.grad(score, held, allow_unused=True, materialize_grads=True)
        weights = gradient[0].mean((1, 2))  # K: equation 1
        heat = torch.einsum("k,khw->hw", weights, held[0][0].detach()).relu()  # equation 2
    return HeatMap(module=site.module, values=heat / heat.max().clamp_min(torch.finfo(heat.dtype).tiny))


def last_map(anatomy: Anatomy) -> Site | None:
    """Returns the last call whose output are maps larger than 1 x 1, made by convolutions.

    In a network with stages it is the last stage, or the one before if that has 1 x 1 maps, as in the
    classroom's `resnet`.
    """
    sites = [
        site
        for site in anatomy.of("conv", "norm", "relu", "shortcut", "gate", "concat", "module")
        if site.depth and len(site.output) == 3 and prod(site.output[1:]) > 1
    ]
    return sites[-1] if sites else None
