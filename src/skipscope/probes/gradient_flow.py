"""How much of the loss gradient reaches each layer (He et al. 2015, section 4.1).

Weights learn from the gradient at their convolution's output. In a plain network it is a product of all later
layers' Jacobians; with shortcuts it is a sum that contains the identity (He et al. 2016, eq. 5).
"""

from collections.abc import Iterable

from skipscope.probes.base import Probe, Reading, StepView, ratio, several


def measure(view: StepView) -> Iterable[Reading]:
    """Reads gradient norms by output and by weight, signal to noise, and the ratio of first layer to last."""
    calls = [
        (call, call.gradient, call.gradient_rms)
        for call in view.of("conv", "linear")
        if call.gradient is not None and call.gradient_rms is not None
    ]
    for call, norm, rms in calls:
        yield from several({"output_l2": norm, "output_rms": rms, "depth": call.depth}, module=call.module)
        if call.signal is not None and call.noise:
            yield Reading(module=call.module, quantity="signal_to_noise", value=call.signal / call.noise)
    for weight in view.weights:
        if weight.gradient is not None and weight.gradient_rms is not None:
            lengths = {"weight_l2": weight.gradient, "weight_rms": weight.gradient_rms}
            yield from several(lengths, module=weight.module)
    convolutions = [(norm, rms) for call, norm, rms in calls if call.kind == "conv"]
    if len(convolutions) > 1:
        l2, rms = map(ratio, convolutions[0], convolutions[-1])
        yield from several({"output_l2_ratio": l2, "output_rms_ratio": rms})


GRADIENT_FLOW = Probe(
    name="gradient_flow",
    when=frozenset({"step", "initial"}),
    measure=measure,
    units={
        "output_l2": "L2 norm of the loss gradient by the layer's output, whole batch",
        "output_rms": "the same, root mean square over its numbers",
        "output_l2_ratio": "output_l2 of the first convolution over that of the last",
        "output_rms_ratio": "output_rms of the first convolution over that of the last",
        "weight_l2": "L2 norm of the loss gradient by the layer's weight, before clipping",
        "weight_rms": "the same, root mean square over its numbers",
        "signal_to_noise": "norm of the images' mean gradient by the output over their spread around it",
        "depth": "convolutions and linear layers up to and with this one",
    },
    source="He et al. 2015, section 4.1; Glorot and Bengio 2010, section 4.2.1",
    passes=lambda _images: 500,
    cost="reads each output and its gradient once at a measured step; one layer's output in fp32",
)
