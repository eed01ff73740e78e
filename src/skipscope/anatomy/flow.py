"""Derive an output's trace from its operands': layers before it, origin, and whether it varies by pixel.

Shapes: B images, C channels, H x W pixels or N tokens.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from skipscope.anatomy.channels import PER_CHANNEL, REDUCES, RESHAPES, behind
from skipscope.anatomy.scales import WEIGHS, scale_of
from skipscope.anatomy.traces import Scale, Trace, first_known, is_vector, trace_of

LAYERS = {
    **dict.fromkeys(("conv2d", "linear", "conv1d", "conv3d", "bilinear", "lstm", "gru"), 1),
    **{f"conv_transpose{axes}d": 1 for axes in (1, 2, 3)},
    "multi_head_attention_forward": 2,
}
"""Layers that a function applies one after the other."""
_PRODUCTS = "matmul imatmul rmatmul mm bmm mv inner tensordot einsum addmm addbmm baddbmm addmv multi_dot"
PRODUCTS = frozenset(_PRODUCTS.split())
"""Matrix products: a layer if one operand is a weight."""
MIXES = PRODUCTS | {"scaled_dot_product_attention", "grid_sample", "cdist"}
"""Functions of several maps' other pixels or channels."""
_SQUASH = "sigmoid hardsigmoid expit softmax sparsemax tanh hardtanh relu6 clamp clip clamp_max"
SQUASH = frozenset(_SQUASH.split())
_MAKERS = "zeros_like ones_like empty_like full_like rand_like randn_like randint_like new_zeros new_ones"
MAKERS = frozenset((*_MAKERS.split(), "new_empty", "new_full", "new_tensor"))
"""Functions that take a tensor's shape, not its numbers."""
SHAPED_AS = {"expand_as", "view_as", "reshape_as", "type_as"}
"""Functions that take the numbers of their first tensor only."""
_REDUCTIONS = "norm vector_norm logsumexp nansum nanmean median std_mean var_mean max min"
REDUCTIONS = REDUCES.union(_REDUCTIONS.split())
_MOVES = "transpose swapaxes swapdims permute movedim moveaxis mT adjoint"
MOVES = frozenset(_MOVES.split())
STEPS = PER_CHANNEL | {"batch_norm", "group_norm", "layer_norm", "instance_norm", "rms_norm"}
UNCHANGED = RESHAPES | MOVES | {"contiguous", "clone", "to", "type", "type_as", "float", "half", "bfloat16"}
"""Functions that leave the numbers what they are, but for rounding."""
SPREADS = {"add", "iadd", "radd", "sub", "isub", "rsub", "subtract", "mul", "imul", "rmul", "multiply"}


def layers_in(word: str, given: Sequence[Tensor]) -> int:
    """Counts the layers that a function of these tensors applies; a product with a weight is one."""
    if word in PRODUCTS:
        return int(any(trace_of(x) is None and x.ndim > 1 for x in given))
    return LAYERS.get(word, 0)


def trace_after(
    word: str, given: Sequence[Tensor], output: Tensor, args: Sequence[Any], kwargs: Any, fresh: int
) -> Trace:
    """Returns the trace of a function's output; at least one of the tensors `given` to it has one.

    `fresh` is the number of the origin that the output becomes if the function is a layer or joins maps.
    """
    first, before = first_known(given)
    followed = [x for x in given if trace_of(x) is not None]
    traces = [trace for x in followed if (trace := trace_of(x)) is not None]
    layers = layers_in(word, given)
    origins = {trace.origin for trace in traces}
    kept = not layers and len(origins) == 1 and word not in MIXES
    ancestors = 0
    for trace in traces:
        ancestors |= trace.behind if kept else trace.behind | 1 << trace.origin
    last = _last_axis(word, first, before, args, kwargs, output)
    reduced = _reduces_pixels(word, first, before, args, kwargs, output)
    spread = word in SPREADS and not is_vector(output.shape) and all(is_vector(x.shape) for x in followed)
    return Trace(
        depth=max(trace.depth for trace in traces) + layers,
        squashed=word in SQUASH or (kept and before.squashed),
        sources=behind(word, first, before.sources, output, args, kwargs),
        origin=before.origin if kept else fresh,
        behind=ancestors,
        steps=max(trace.steps for trace in traces) + (word in STEPS) if kept else 0,
        pools=max(trace.pools for trace in traces) + reduced,
        varies=(any(trace.varies for trace in traces) or spread) and not reduced,
        last=last,
        scores=any(trace.scores for trace in traces) if kept else _scores(word, traces, layers),
        scale=_scale(word, before if kept else None, args, kwargs),
        **_stacked(word, args, kwargs, output),
        call=max(trace.call for trace in traces),
    )


def _scale(word: str, before: Trace | None, args: Sequence[Any], kwargs: Any) -> Scale:
    """Tells what weighs a map after a function; `before` is the only map's trace, None if it had more."""
    found = scale_of(args, kwargs) if word in WEIGHS else None
    return found or (before.scale if before and word in UNCHANGED else "none")


def _scores(word: str, traces: Sequence[Trace], layers: int) -> bool:
    """Tells whether it is a product of two maps of which neither is such a product already."""
    both = word in PRODUCTS and len(traces) > 1 and not layers
    return both and not any(trace.scores for trace in traces)


def _stacked(word: str, args: Sequence[Any], kwargs: Any, output: Tensor) -> dict[str, Any]:
    """Keeps the maps that were stacked."""
    if word != "stack":
        return {}
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    return {"stacked": tuple(args[0] if args else kwargs["tensors"]), "axis": axis % output.ndim}


def _reduces_pixels(
    word: str, x: Tensor, before: Trace, args: Sequence[Any], kwargs: Any, output: Tensor
) -> bool:
    """Tells whether all pixels, or all tokens, become one number a channel."""
    if not is_vector(output.shape) or word in RESHAPES or x.ndim < 2:
        return False
    if word in PER_CHANNEL:
        return True
    if word in REDUCTIONS:
        axes = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
        several = [axes] if isinstance(axes, int) else list(axes or range(1, x.ndim))
        channels = x.ndim - 1 if before.last else 1
        over = {axis % x.ndim for axis in several if isinstance(axis, int)}
        return x.ndim > 2 and (channels not in over or len(over) > 1)
    flattened = word == "linear" and output.ndim == 2
    return before.varies and (flattened or not is_vector(x.shape))


def _last_axis(word: str, x: Tensor, before: Trace, args: Sequence[Any], kwargs: Any, output: Tensor) -> bool:
    """Tells whether the output's channels are its last axis."""
    if word.startswith("conv") or output.ndim < 3:
        return False
    if word in ("linear", "multi_head_attention_forward"):
        return True
    if word not in MOVES or x.ndim != output.ndim:
        return before.last
    channels = x.ndim - 1 if before.last else 1
    order = list(range(x.ndim))
    if word == "permute":
        dims = kwargs.get("dims", args[1:])
        dims = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
        order = [axis % x.ndim for axis in dims]
    elif word in ("mT", "adjoint"):
        order[-1], order[-2] = order[-2], order[-1]
    elif len(args) > 2 and all(isinstance(axis, int) for axis in args[1:3]):
        one, other = (axis % x.ndim for axis in args[1:3])
        if word in ("movedim", "moveaxis"):
            order.insert(other, order.pop(one))
        else:
            order[one], order[other] = other, one
    else:
        return before.last
    return order.index(channels) == x.ndim - 1
