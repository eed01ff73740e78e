"""Where in an image a network finds its answer: Grad-CAM (Selvaraju et al. 2017, equations 1 and 2).

Shapes: one image of 3 x H x W; at the place looked at, K maps A of h x w. It is no probe: an overlay is
looked at, not counted.
"""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from skipscope.anatomy.capture import Anatomy, Call, Site, anatomy, capture, evaluating


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """How much each region speaks for a class."""

    place: str
    """Whose maps were looked at."""
    values: Tensor
    """h w in 0..1, where 1 is the region that says most; all 0 where none speaks for the class."""


def grad_cam(model: nn.Module, image: Tensor, label: int | None = None) -> HeatMap | None:
    """The regions that raise the logit y of class `label`, by default of the answer; the network is kept.

    Weights a_k = mean over h w of dy/dA_k (equation 1); map = ReLU(sum_k a_k A_k) (equation 2), over its
    largest value. Equation 1 is taken at `last_map`. None for a network without such a place.
    """
    site = last_map(anatomy(model, image[None]))
    if site is None:
        return None
    held: list[Tensor] = []

    def hold(call: Call) -> Tensor | None:
        if (call.kind, call.place) != (site.kind, site.place):
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
    return HeatMap(place=site.place, values=heat / heat.max().clamp_min(torch.finfo(heat.dtype).tiny))


def last_map(anatomy: Anatomy) -> Site | None:
    """The last place where there are maps larger than 1 x 1 that convolutions made.

    It is the output of a whole stage where a network has stages; in one whose last maps are 1 x 1, such as
    the classroom's `resnet`, of the stage before.
    """
    places = [
        site
        for site in anatomy.of("conv", "norm", "relu", "shortcut", "gate", "concat", "module")
        if site.depth and len(site.output) == 3 and prod(site.output[1:]) > 1
    ]
    return places[-1] if places else None
