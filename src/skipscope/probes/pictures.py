"""Arrays for pictures of what a network does to one image: its first filters, its maps stage by stage."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skipscope.anatomy.capture import Call, capture
from skipscope.anatomy.stages import stages
from skipscope.probes.base import View

MOST_MAPS = 16
"""Of a stage: its first channels."""


def pictures(view: View, image: int = 0) -> dict[str, NDArray[Any]]:
    """Of the view's image of this number.

    Returns:
        `filters` (O I K K), the weight of the first convolution; `maps/PLACE` (C h w), its output, as the
        first, and the map at the end of the stem and of each stage; C is at most 16. Nothing for a network
        without convolutions.
    """
    convolutions = view.anatomy.of("conv")
    if not convolutions:
        return {}
    first = convolutions[0]
    wanted = {(site.kind, site.place) for site in (first, *stages(view.anatomy))}
    arrays: dict[str, NDArray[Any]] = {}

    def keep(call: Call) -> None:
        if (call.kind, call.place) not in wanted:
            return
        if (call.kind, call.place) == (first.kind, first.place) and call.weight is not None:
            arrays["filters"] = _array(call.weight)
        arrays[f"maps/{call.place}"] = _array(call.output[0, :MOST_MAPS])

    with torch.no_grad(), capture(view.model, keep):
        view.model(view.images[image : image + 1])
    return arrays


def _array(x: torch.Tensor) -> NDArray[Any]:
    """A copy: the network may overwrite its map, and goes on computing with its weight."""
    return np.array(x.detach().float().cpu().numpy(), order="C")
