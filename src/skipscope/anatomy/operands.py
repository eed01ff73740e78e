"""Identify a call's operands, and check that they fit the kind of call its name suggests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from skipscope.anatomy.traces import tensors_in

Key = int | str
"""Position or name of an argument."""


def key_of(args: Sequence[Any], position: int, name: str) -> Key:
    """Returns the key of an argument that may be given by position or by name."""
    return position if position < len(args) else name


class Window(NamedTuple):
    """How a convolution or pooling moves over a map, by height and width."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    """Zeros above and to the left of the map."""
    dilation: tuple[int, int] = (1, 1)
    """Steps between a kernel's pixels; of a pooling it is not read."""


def window_of(kind: str, inputs: Sequence[Tensor], args: Any, kwargs: Any) -> Window | None:
    """Returns the window of a convolution or pooling, else None."""
    if kind not in ("conv", "pool"):
        return None
    first = 3 if kind == "conv" else 2

    def argument(position: int, name: str, default: Any) -> Any:
        return args[position] if position < len(args) else kwargs.get(name, default)

    kernel = inputs[1].shape[2:] if kind == "conv" else argument(1, "kernel_size", 1)
    stride = argument(first, "stride", None) or (1 if kind == "conv" else kernel)
    padding = argument(first + 1, "padding", 0)
    dilation = _pair(argument(5, "dilation", 1)) if kind == "conv" else (1, 1)
    if isinstance(padding, str):
        sides = zip(_pair(kernel), dilation, strict=True)
        padding = [(size - 1) * step // 2 if padding == "same" else 0 for size, step in sides]
    return Window(_pair(kernel), _pair(stride), _pair(padding), dilation)


def _pair(size: Any) -> tuple[int, int]:
    """Expands a size given once for both directions."""
    both = (size, size) if isinstance(size, int) else tuple(size)
    return (both[0], both[-1])


def operands_of(kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[Key, Tensor]:
    """Returns a call's operands in order; those of a concatenation are numbered."""
    if kind == "concat":
        tensors = args[0] if args else kwargs.get("tensors")
        return dict(enumerate(tensors_in(tensors))) if isinstance(tensors, (list, tuple)) else {}
    keys = [key_of(args, position, name) for position, name in enumerate(("input", "weight"))]
    found = {key: args[key] if isinstance(key, int) else kwargs.get(key) for key in keys}
    return {key: x for key, x in found.items() if isinstance(x, Tensor)}


def with_others(
    func: Callable[..., Tensor], args: Sequence[Any], kwargs: Mapping[str, Any], others: Mapping[Key, Any]
) -> Tensor:
    """Repeats a call with some arguments replaced."""
    positional = [others.get(index, argument) for index, argument in enumerate(args)]
    named = {name: others.get(name, argument) for name, argument in kwargs.items()}
    return func(*positional, **named)


def may_overwrite(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tells whether a call may overwrite an operand with its output."""
    if name == "relu":
        return bool(kwargs.get("inplace", len(args) > 1 and args[1]))
    in_place = name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
    return in_place or kwargs.get("out") is not None


def order_of(kind: str, inputs: Sequence[Tensor], args: Any, kwargs: Any) -> Sequence[int] | None:
    """Returns the order in which a call reports its operands; None if they do not fit its kind."""
    if kind == "concat":
        by_channel = len(inputs) > 1 and all(x.ndim == 4 for x in inputs)
        return range(len(inputs)) if by_channel and joined_axis(args, kwargs) in (1, -3) else None
    return [0] if inputs else None


def joined_axis(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Returns the axis along which `cat` concatenates."""
    return args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis", 0))


def is_a_product(inputs: Sequence[Tensor]) -> bool:
    """Tells whether a convolution is a matrix product: 1x1 on 1x1 maps, as in a gate."""
    return len(inputs) == 2 and inputs[0].shape[2:] == inputs[1].shape[2:] == (1, 1)
