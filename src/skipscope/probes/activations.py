"""Activations: each layer's mean and spread, dead ReLU units, and the size of f(x) relative to x.

The spread of a layer's responses after BatchNorm is Fig. 7 of He et al. 2015; where a shortcut adds x to
f(x), the ratio of their sizes says how far the block is from the identity.
"""

from collections.abc import Iterable

from skipscope.probes.base import Probe, Reading, StepView, ratio, several


def measure(view: StepView) -> Iterable[Reading]:
    """Reads layers, ReLUs and shortcuts in the order of the calls."""
    for call in view.calls:
        if call.kind == "conv":
            # after the BatchNorm that reads it, if any
            normed = call.normed_mean is not None
            mean, std = (call.normed_mean, call.normed_std) if normed else (call.mean, call.std)
            if mean is not None and std is not None:
                yield from several({"mean": mean, "std": std}, module=call.module)
        elif call.kind == "relu" and call.zeros is not None and call.dead is not None:
            yield from several({"zeros": call.zeros, "dead": call.dead}, module=call.module)
        elif call.kind == "shortcut" and call.branch is not None and call.shortcut:
            yield from several({"branch_ratio": ratio(call.branch, call.shortcut)}, module=call.module)


ACTIVATIONS = Probe(
    name="activations",
    when=frozenset({"step", "initial"}),
    measure=measure,
    units={
        "mean": "mean of a convolution's responses (after the BatchNorm that reads them, if one does)",
        "std": "their standard deviation",
        "zeros": "share of a ReLU's outputs that are 0",
        "dead": "share of a ReLU's channels that are 0 at every pixel of every image of the batch",
        "branch_ratio": "root mean square of f(x) over that of x where a shortcut adds them",
    },
    source="He et al. 2015, Fig. 7 and eq. 1; Lu et al. 2019 for dead ReLUs",
    passes=lambda _images: 500,
    cost="reads each output once at a measured step; one layer's output in fp32",
)
