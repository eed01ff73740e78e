"""How large f(x) is beside x where a residual block adds them, in training mode (De and Smith 2020).

Before training, BatchNorm makes the branch of every block about equally large, while the sum on the trunk
grows with each block: f(x) over x falls about as one over the root of the block's index. Both are measured
with the statistics of the batch, before the first step and of the trained network alike, so that their
difference is what training did. `activations` reads the first at steps of the training, on their batches.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from skipscope.anatomy.calls import Call
from skipscope.anatomy.capture import capture
from skipscope.probes.base import Probe, Reading, View, ratio, several
from skipscope.probes.step import as_in_training

IMAGES = 128
"""One batch, as long as a step's."""


def measure(view: View) -> Iterable[Reading]:
    """Measures both ratios at every addition f(x) + x, in the order of the network."""
    found: list[Reading] = []

    def keep(call: Call) -> None:
        if call.kind == "shortcut":
            f, x = (each.detach() for each in call.inputs)
            ratios = {"l2_ratio": ratio(length(f), length(x)), "std_ratio": ratio(spread(f), spread(x))}
            found.extend(several(ratios, module=call.module))

    with as_in_training(view.model), torch.no_grad(), capture(view.model, keep):
        view.model(view.first(IMAGES).images)
    return found


def length(x: Tensor) -> float:
    """Returns the L2 norm over all numbers."""
    return float(torch.linalg.vector_norm(x, dtype=torch.float64))


def spread(x: Tensor) -> float:
    """Returns the root mean square over channels of a channel's standard deviation: B C H W or B C.

    It is taken over images and pixels.
    """
    others = [axis for axis in range(x.ndim) if axis != 1]
    return x.double().var(others, correction=0).mean().sqrt().item()


BRANCH_SCALE = Probe(
    name="branch_scale",
    when=frozenset({"initial", "frozen", "equal_loss"}),
    applies_to=lambda anatomy: anatomy.of("shortcut"),
    measure=measure,
    units={
        "l2_ratio": "L2 norm of f(x) over that of x where a shortcut adds them, whole batch",
        "std_ratio": "standard deviation of f(x) over that of x: of a channel over images and pixels, root "
        "mean square over channels",
    },
    source="De and Smith 2020, section 3 (batch normalisation biases residual blocks towards the identity)",
    passes=lambda images: 1.6 * min(images, IMAGES),
    cost=f"one pass of {IMAGES} images; one block's maps in double precision",
)
