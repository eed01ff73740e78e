"""Arrays for pictures: a network's first filters, and its maps of one image stage by stage."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skipscope.anatomy.calls import Call
from skipscope.anatomy.stages import stages
from skipscope.probes.base import View
from skipscope.probes.evaluation import observe

MOST_MAPS = 16
"""Channels shown of a stage, the first ones."""


def pictures(view: View, image: int = 0) -> dict[str, NDArray[Any]]:
    """Collects the arrays for the view's image of this number.

    Returns:
        `filters` (O I K K), the weight of the first convolution; `maps/MODULE` (C h w), first its output, and
        the map at the end of the stem and of each stage, with C at most 16. Empty for a network without
        convolutions.
    """
    convolutions = view.anatomy.of("conv")
    if not convolutions:
        return {}
    first = convolutions[0]
    wanted = {site.key for site in (first, *stages(view.anatomy))}
    arrays: dict[str, NDArray[Any]] = {}

    def keep(call: Call) -> None:
        if call.key not in wanted:
            return
        if call.key == first.key and call.weight is not None:
            arrays["filters"] = _array(call.weight)
        arrays[f"maps/{call.module}"] = _array(call.output[0, :MOST_MAPS])

    observe(replace(view, images=view.images[image : image + 1], labels=view.labels[image : image + 1]), keep)
    return arrays


def _array(x: torch.Tensor) -> NDArray[Any]:
    """Copies to numpy: the network may overwrite its map, and goes on computing with its weight."""
    return np.array(x.detach().float().cpu().numpy(), order="C")
