"""Records of a network's calls: one call while it is made, and what is kept of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from skipscope.anatomy.channels import Source
from skipscope.anatomy.joins import Reason
from skipscope.anatomy.operands import Window
from skipscope.anatomy.traces import Scale, trace_of

Kind = Literal[
    "conv",
    "linear",
    "norm",
    "other_norm",
    "relu",
    "pool",
    "shortcut",
    "gate",
    "concat",
    "unfollowed",
    "module",
]
"""`norm` is BatchNorm; `other_norm` is any other normalisation; `unfollowed` joins maps in another way."""
NUMBERED: frozenset[Kind] = frozenset(("conv", "linear", "pool", "shortcut", "gate", "concat", "unfollowed"))
"""Layers, poolings and joins, which are numbered in the order of calls: what a map passes and is drawn."""
CallKey = tuple[Kind, str]
"""Kind and name of a call, which identify it within a pass."""


@dataclass(kw_only=True)
class Call:
    """One call of an operator, while it is made."""

    kind: Kind
    module: str = ""
    """Qualified name of its layer or of the module around it and its kind; `:2`, ... where it is repeated."""
    operator: str
    """The torch function's name without underscores, or `module`."""
    depth: int = 0
    inputs: tuple[Tensor, ...]
    """shortcut: (f(x), x); gate: (values, gate); concat, unfollowed: all operands; any other kind: (x,)."""
    sources: tuple[Source, ...] = ()
    """Sources of the first input's channels, of a concatenation all inputs'; empty where unknown."""
    weight: Tensor | None = None
    """conv: O I/groups h w; linear: O I (O I 1 1 for a 1x1 convolution on 1x1 maps)."""
    bias: Tensor | None = None
    """conv, linear: O, if there is one."""
    window: Window | None = None
    """How a conv or pool moves over its map."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    again: Callable[..., Tensor] = field(repr=False)
    """`again(*inputs)` applies the operator to other inputs, in the order of `inputs`."""
    reweighted: Callable[[Tensor], Tensor] | None = field(default=None, repr=False)
    """conv, linear: applies the operator to its input with another weight."""
    reason: Reason | None = None
    """Why the call is `unfollowed`."""

    @property
    def key(self) -> CallKey:
        """Identifies the call."""
        return self.kind, self.module

    @property
    def depths(self) -> tuple[int | None, ...]:
        """Returns the depth of each input; None of one that does not come from the image."""
        return tuple(None if (trace := trace_of(x)) is None else trace.depth for x in self.inputs)


Edit = Callable[[Call], "Tensor | None"]
"""Returns a replacement for a call's output, or None to keep it."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A call that a network makes in every pass."""

    kind: Kind
    module: str
    operator: str
    depth: int
    inputs: tuple[tuple[int, ...], ...]
    """Shapes of the inputs, without the batch."""
    depths: tuple[int | None, ...]
    """`Call.depths`."""
    output: tuple[int, ...]
    sources: tuple[Source, ...]
    skips: bool = False
    """Whether the input with fewest layers before it is what others were computed from: the x of f(x) + x
    passed no layer of its own, a concatenation appends to its first maps."""
    window: Window | None = None
    reason: Reason | None = None
    """Why it is `unfollowed`."""
    scale: Scale = "none"
    """What weighs its first input, f(x) of a shortcut, that does not come from the image."""
    number: int = -1
    """Its own if it is of the kinds `NUMBERED`."""
    reads: tuple[int, ...] = ()
    """The last numbered calls that its inputs passed; -1 for the image."""

    @property
    def key(self) -> CallKey:
        """Identifies the call."""
        return self.kind, self.module

    @classmethod
    def of(cls, call: Call) -> "Site":
        """Summarises a call that was just made."""
        return cls(
            kind=call.kind,
            module=call.module,
            operator=call.operator,
            depth=call.depth,
            inputs=tuple(tuple(x.shape[1:]) for x in call.inputs),
            depths=call.depths,
            output=tuple(call.output.shape[1:]),
            sources=call.sources,
            skips=_skips(call.inputs),
            window=call.window,
            reason=call.reason,
            scale=trace.scale if call.inputs and (trace := trace_of(call.inputs[0])) else "none",
            number=trace.call if call.kind in NUMBERED and (trace := trace_of(call.output)) else -1,
            reads=tuple(trace.call for x in call.inputs if (trace := trace_of(x)) is not None),
        )


def _skips(inputs: Sequence[Tensor]) -> bool:
    """Tells whether some of these maps were computed from the last layer of another one."""
    traces = [trace for x in inputs if (trace := trace_of(x)) is not None]
    return any(trace.behind >> other.origin & 1 for trace in traces for other in traces)


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """What a network does with an image, in the order in which it does it.

    `shortcuts`, `gates`, `concatenations` and `unfollowed` have one entry an addition, product or
    concatenation, a `Site`: the qualified name of its module (`:2`, ... where that makes several), the torch
    function, the shapes of its inputs and output.
    """

    sites: tuple[Site, ...]
    depth: int | None
    """Convolutions and linear layers on the longest way to the output; None if it could not be followed."""

    def of(self, *kinds: Kind) -> tuple[Site, ...]:
        """Selects the sites of these kinds."""
        return tuple(site for site in self.sites if site.kind in kinds)

    @property
    def shortcuts(self) -> tuple[Site, ...]:
        """Selects the additions f(x) + x, with inputs (f(x), x)."""
        return self.of("shortcut")

    @property
    def gates(self) -> tuple[Site, ...]:
        """Selects the products of a map and a gate of its channels, with inputs (map, gate)."""
        return self.of("gate")

    @property
    def concatenations(self) -> tuple[Site, ...]:
        """Selects the concatenations of maps by channel, if two of them at least come from the image."""
        return tuple(
            site for site in self.of("concat") if sum(depth is not None for depth in site.depths) > 1
        )

    @property
    def unfollowed(self) -> tuple[Site, ...]:
        """Selects what joins maps in another way, or cannot be seen; `reason` says which."""
        return self.of("unfollowed")
