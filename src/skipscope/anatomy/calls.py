"""Records of a network's calls: one call while it is made, and what is kept of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from skipscope.anatomy.channels import Source
from skipscope.anatomy.operands import Window
from skipscope.anatomy.traces import trace_of

Kind = Literal["conv", "linear", "norm", "other_norm", "relu", "pool", "shortcut", "gate", "concat", "module"]
"""`norm` is BatchNorm; `other_norm` is any other normalisation."""
CallKey = tuple[Kind, str]
"""Kind and name of a call, which identify it within a pass."""


@dataclass(kw_only=True)
class Call:
    """One call of an operator, while it is made."""

    kind: Kind
    module: str
    """Qualified name of its layer or of the module around it and its kind; `:2`, ... where it is repeated."""
    operator: str
    """The torch function's name without underscores, or `module`."""
    depth: int
    inputs: tuple[Tensor, ...]
    """shortcut: (f(x), x); gate: (values, gate); concat: all operands; any other kind: (x,)."""
    sources: tuple[Source, ...]
    """Sources of the first input's channels, of a concatenation all inputs'; empty where unknown."""
    weight: Tensor | None = None
    """conv: O I/groups h w; linear: O I (O I 1 1 for a 1x1 convolution on 1x1 maps)."""
    window: Window | None = None
    """How a conv or pool moves over its map."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    again: Callable[..., Tensor] = field(repr=False)
    """`again(*inputs)` applies the operator to other inputs, in the order of `inputs`."""

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
    shortcut_sources: tuple[Source, ...] = ()
    """At f(x) + x, the sources of x."""
    window: Window | None = None

    @property
    def key(self) -> CallKey:
        """Identifies the call."""
        return self.kind, self.module

    @classmethod
    def of(cls, call: Call) -> "Site":
        """Summarises a call that was just made."""
        added = trace_of(call.inputs[1]) if call.kind == "shortcut" else None
        return cls(
            kind=call.kind,
            module=call.module,
            operator=call.operator,
            depth=call.depth,
            inputs=tuple(tuple(x.shape[1:]) for x in call.inputs),
            depths=call.depths,
            output=tuple(call.output.shape[1:]),
            sources=call.sources,
            shortcut_sources=() if added is None else added.sources,
            window=call.window,
        )


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """What a network does with an image, in the order in which it does it."""

    sites: tuple[Site, ...]
    depth: int | None
    """Convolutions and linear layers on the longest way to the output; None if it could not be followed."""

    def of(self, *kinds: Kind) -> tuple[Site, ...]:
        """Selects the sites of these kinds."""
        return tuple(site for site in self.sites if site.kind in kinds)

    @property
    def gates(self) -> tuple[Site, ...]:
        """Selects the sites where a map is gated."""
        return tuple(site for site in self.of("gate") if len(site.inputs[1]) == 3)
