"""One image through a finished network: layers, maps and kernels, one pixel, the answer and its grounds.

Kernels may be edited by hand meanwhile. Shapes: an image 3 32 32, normalised; maps C h w; weight O R h w.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skipscope.anatomy.calls import Call, Site
from skipscope.anatomy.capture import capture
from skipscope.engine.dissection.networks import Opened
from skipscope.errors import UnknownName, UsageError
from skipscope.models.user import attribute_errors_to
from skipscope.probes.gates import replacing
from skipscope.probes.grad_cam import HeatMap, grad_cam
from skipscope.probes.interventions import Kernel, kerneling
from skipscope.probes.one_pixel import Pixel, one_pixel

SHOWN = ("conv", "norm", "relu", "pool", "shortcut", "gate", "concat")
"""Kinds of calls whose maps are shown."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A call whose output are maps."""

    name: str
    """Kind and module, which identify it: conv:layer1.0.conv1."""
    kind: str
    module: str
    shape: tuple[int, ...]
    reads: tuple[int, ...]
    """Shape of its first input."""
    kernel: tuple[int, int] | None = None
    """conv, pool."""
    stride: tuple[int, int] | None = None
    padding: tuple[int, int] | None = None
    dilation: tuple[int, int] | None = None


def layers(opened: Opened) -> list[Layer]:
    """Lists the calls that make maps, in the network's order."""
    return [_layer(site) for site in opened.view.anatomy.of(*SHOWN) if len(site.output) == 3]  # type: ignore[arg-type]


def _layer(site: Site) -> Layer:
    window = {} if site.window is None else site.window._asdict()
    return Layer(
        name=f"{site.kind}:{site.module}",
        kind=site.kind,
        module=site.module,
        shape=site.output,
        reads=site.inputs[0],
        **window,
    )


@dataclass(frozen=True, kw_only=True)
class Look:
    """A pass of one image, with what was asked of one layer."""

    shares: NDArray[np.float64]
    """K: the probability of each class."""
    asked: Any
    """What the question about the layer returned; None if there was none."""


def look(
    opened: Opened,
    image: Tensor,
    kernels: Sequence[Kernel] = (),
    *,
    layer: str | None = None,
    ask: Callable[[Call], object] | None = None,
) -> Look:
    """Passes one image through the network with these kernels, and asks something of a layer's call.

    Raises:
        UnknownName: the network has no such layer.
    """
    found: list[object] = []

    def see(call: Call) -> None:
        if ask is not None and layer == f"{call.kind}:{call.module}":
            found.append(ask(call))

    edit = kerneling(kernels) if kernels else None
    spec = opened.run.record.spec
    with (
        attribute_errors_to(spec.model, "asked of one picture"),
        torch.no_grad(),
        capture(opened.view.model, see, edit=edit, edits_modules=False),
    ):
        logits = opened.view.model(image[None])[0].double()
    if layer is not None and not found:
        raise UnknownName("layer with maps", layer, [each.name for each in layers(opened)])
    return Look(shares=logits.softmax(0).numpy(), asked=found[0] if found else None)


def maps(call: Call) -> NDArray[np.float32]:
    """Asks for a call's output: C h w."""
    return _array(call.output[0])


def one_map(filter: int) -> Callable[[Call], NDArray[np.float32]]:
    """Asks for one map of a call's output: h w.

    Raises, when it is asked:
        UsageError: the layer has no such map.
    """

    def ask(call: Call) -> NDArray[np.float32]:
        if filter >= call.output.shape[1]:
            raise UsageError(f"{call.module} has no map {filter + 1}.")
        return _array(call.output[0, filter])

    return ask


def kernel(filter: int) -> Callable[[Call], NDArray[np.float32]]:
    """Asks for a filter's kernels: R h w.

    Raises, when it is asked:
        UsageError: the layer has no such filter.
    """

    def ask(call: Call) -> NDArray[np.float32]:
        if call.kind != "conv" or call.weight is None or filter >= len(call.weight):
            raise UsageError(f"{call.module} has no filter {filter + 1}.")
        return _array(call.weight[filter])

    return ask


def pixel(filter: int, row: int, column: int) -> Callable[[Call], Pixel]:
    """Asks for one pixel of a convolution.

    Raises, when it is asked:
        UsageError: the layer has no such pixel.
    """

    def ask(call: Call) -> Pixel:
        try:
            return one_pixel(call, filter, row, column)
        except IndexError as error:
            raise UsageError(f"{error}.") from None

    return ask


def _array(x: Tensor) -> NDArray[np.float32]:
    """Copies to numpy: the network may overwrite it."""
    return np.array(x.detach().float().numpy(), order="C")


def heat(opened: Opened, image: Tensor, label: int | None = None) -> HeatMap | None:
    """Draws where the network looks (Grad-CAM), for the class it predicts or the one of this number."""
    with attribute_errors_to(opened.run.record.spec.model, "asked of one picture"):
        return grad_cam(opened.view.model, image, label)


def swapped(opened: Opened, images: Sequence[Tensor], blocks: Sequence[str]) -> NDArray[np.float64]:
    """Returns the probabilities K of two images, each with the other's gates in these blocks: 2 K."""
    edit = replacing(blocks, lambda call: call.inputs[1].flip(0))
    with torch.no_grad(), capture(opened.view.model, edit=edit, edits_modules=False):
        shares: NDArray[np.float64] = opened.view.model(torch.stack(list(images))).double().softmax(1).numpy()
    return shares
