"""How much more of the signal than of the gradient a layer lets through, in training mode.

BatchNorm divides the gradient by the deviation of the channel that it normalises. A convolution whose inputs
are uncorrelated gives its output o the variance `sum_c |w_oc|^2 Var(x_c)`; weights that are aligned with the
directions in which their inputs vary together give it more, and the gradient shrinks by as much. The same
holds on the way back, `sum_oc |w_oc|^2 |g_o|^2`, for weights aligned with the gradient. In a chain of
convolution, BatchNorm and ReLU, one more layer multiplies the squared gradient by about
`backward_gain / forward_gain * gradient_kept / variance_kept`: before training 1 and pi / (pi - 1), the
factor of Yang et al. The means over channels are weighted by the squared gradient there, since it is the
channels that carry the gradient of which it is asked by how much BatchNorm divides it.

Shapes: B images; maps B C H W; weights O I h w.
"""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from skipscope.anatomy.calls import Call
from skipscope.anatomy.capture import capture
from skipscope.probes.base import Probe, Reading, View, logits, ratio, several
from skipscope.probes.step import as_in_training

IMAGES = 32
"""One batch, as long as a step's."""


def measure(view: View) -> Iterable[Reading]:
    """Measures gains of every convolution and shares of every ReLU, in the order of the calls."""
    found: dict[tuple[str, str], dict[str, float]] = {}

    def keep(call: Call) -> None:
        """Has a call's numbers computed when the gradient comes by its output."""
        hooks = {"conv": _convolution, "relu": _relu}
        if call.kind in hooks and call.output.ndim == 4 and call.output.requires_grad:
            numbers = found[call.key] = {}
            call.output.register_hook(partial(hooks[call.kind](call), numbers))  # type: ignore[no-untyped-call]

    few = view.first(IMAGES)
    with as_in_training(view.model), torch.enable_grad():
        with capture(view.model, keep):
            output = view.model(few.images.clone())
        loss = cross_entropy(logits(output, few.images).float(), few.labels)
        learning = list(view.model.parameters())
        if loss.requires_grad:
            torch.autograd.grad(loss, learning, allow_unused=True)
    return [each for (_, module), numbers in found.items() for each in several(numbers, module=module)]


def _convolution(call: Call) -> Callable[[dict[str, float], Tensor], None]:
    """Returns what adds a convolution's gains, once its output's gradient is known."""
    (x,), again, weight = call.inputs, call.again, call.weight
    if weight is None:
        raise ValueError(call.module)
    squares = weight.detach().double().square().sum((2, 3))  # O I, of one group of channels
    alone = uncorrelated(squares, variance(x))
    gains = variance(call.output) / alone  # O
    weights = squares.sum(1)

    def add(numbers: dict[str, float], gradient: Tensor) -> None:
        arrives = power(gradient)  # O
        with torch.enable_grad():
            given = x.detach().requires_grad_()
            # a scalar's gradient: for any other, torch imports symbolic shapes, half a second in each process
            (back,) = torch.autograd.grad((again(given) * gradient).sum(), given)
        numbers["forward_gain"] = weighted(gains, arrives)
        numbers["backward_gain"] = ratio(power(back).sum().item(), (weights * arrives).sum().item())
        numbers["output_l2"] = arrives.sum().sqrt().item()

    return add


def _relu(call: Call) -> Callable[[dict[str, float], Tensor], None]:
    """Returns what adds the shares that a ReLU keeps, once its output's gradient is known."""
    (x,) = call.inputs
    shares, open_ = variance(call.output) / variance(x), call.output.detach() > 0

    def add(numbers: dict[str, float], gradient: Tensor) -> None:
        arrives = power(gradient)  # C
        numbers["variance_kept"] = weighted(shares, arrives)
        numbers["gradient_kept"] = ratio(power(gradient * open_).sum().item(), arrives.sum().item())

    return add


def uncorrelated(squares: Tensor, variances: Tensor) -> Tensor:
    """Returns the variance of a convolution's outputs if its inputs were uncorrelated: O I, C -> O."""
    groups = len(variances) // squares.shape[1]
    rows = squares.view(groups, -1, squares.shape[1])  # G O/G I
    return torch.einsum("goi,gi->go", rows, variances.view(groups, -1)).flatten()


def variance(x: Tensor) -> Tensor:
    """Returns each channel's variance over images and pixels."""
    maps = x.detach()
    return (maps - maps.mean((0, 2, 3), keepdim=True)).square().mean((0, 2, 3)).double()


def power(gradient: Tensor) -> Tensor:
    """Returns each channel's sum of squares."""
    return gradient.detach().square().sum((0, 2, 3)).double()


def weighted(values: Tensor, weights: Tensor) -> float:
    """Averages over the channels in which there is a value: nothing varies in the others."""
    known = values.isfinite()
    return ratio((values * weights)[known].sum().item(), weights[known].sum().item())


SIGNAL_ALIGNMENT = Probe(
    name="signal_alignment",
    when=frozenset({"initial", "frozen"}),
    applies_to=lambda anatomy: anatomy.of("conv"),
    measure=measure,
    units={
        "forward_gain": "variance of a convolution's output over what it would be if its inputs were "
        "uncorrelated (1: nothing is aligned), mean over channels weighted by the squared gradient there",
        "backward_gain": "squared norm of the gradient that a convolution passes back over what it would be "
        "if the gradient at its outputs were uncorrelated",
        "output_l2": "L2 norm of the loss gradient by a convolution's output, whole batch",
        "variance_kept": "variance of a ReLU's output over its input's, mean over channels weighted alike",
        "gradient_kept": "share of the squared gradient that a ReLU passes back",
    },
    source="Yang et al. 2019 (BatchNorm divides the gradient by the batch's deviation), taken layer by layer",
    passes=lambda images: 8.0 * min(images, IMAGES),
    cost=f"forward and backward of {IMAGES} images, each convolution twice; a ReLU's signs",
)
