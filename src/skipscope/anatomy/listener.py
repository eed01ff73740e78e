"""The torch function mode and module hooks behind `capture`."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from skipscope.anatomy.calls import Call, Edit, Kind
from skipscope.anatomy.channels import behind, parts
from skipscope.anatomy.operands import (
    is_a_product,
    key_of,
    may_overwrite,
    operands_of,
    order_of,
    window_of,
    with_others,
)
from skipscope.anatomy.traces import (
    Trace,
    all_sources,
    as_input,
    copied,
    first_known,
    is_new,
    mark,
    tensors_in,
    trace_of,
    unmark_kept,
)

FUNCTIONS: dict[Kind, str] = {
    "conv": "conv2d",
    "linear": "linear",
    "norm": "batch_norm",
    "other_norm": "group_norm layer_norm instance_norm rms_norm local_response_norm",
    "relu": "relu",
    "pool": "max_pool2d avg_pool2d",
    "shortcut": "add iadd radd",
    "gate": "mul imul rmul",
    "concat": "cat concat concatenate",
}
KINDS = {word: kind for kind, words in FUNCTIONS.items() for word in words.split()}
"""Kind of a torch function by its name without underscores; `order_of` then checks the operands."""
LAYERS: dict[str, type[nn.Module] | tuple[type[nn.Module], ...]] = {
    "conv": nn.Conv2d,
    "linear": (nn.Linear, nn.Conv2d),
    "norm": nn.Module,
    "relu": nn.ReLU,
    "other_norm": nn.Module,
    "pool": nn.Module,
}
"""A call inside a layer of its own is named after the layer; any other, after the module around it."""
CHANNELS_KEPT = {"norm", "other_norm", "relu", "pool"}
SQUASH = {"sigmoid", "hardsigmoid"}
SAME_VALUES = {"view", "reshape", "expand", "expand_as", "unsqueeze", "getitem", "chunk", "split", "unbind"}


class Listener(TorchFunctionMode):
    """Sees every torch function that a network calls, and marks tensors with where they come from."""

    def __init__(self, model: nn.Module, see: Callable[[Call], None] | None, edit: Edit | None) -> None:
        super().__init__()
        self.root, self.see, self.edit = model, see, edit
        self.inside: list[tuple[str, nn.Module, Tensor | None, Tensor | None]] = []
        """Modules being called, outermost first: name, module, input, and the input before it changed."""
        self.counts: Counter[tuple[str, str]] = Counter()

    def enter(self, name: str, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Notes, as a hook before it, that the module of this name is called; marks a network's images."""
        marked = None
        if not self.inside:
            self.counts.clear()
            unmark_kept(self.root)
            inputs = marked = tuple(map(as_input, inputs))
        first = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], Tensor) else None
        given = first
        if first is not None and self.edit is not None and not _is_layer(module):
            given = copied(first)  # a block may overwrite its input, and an edit may pass that on
        self.inside.append((name, module, first, given))
        return marked

    def leave(self, module: nn.Module, _inputs: Any, output: Any) -> Any:
        """Reports, as a hook after it, the call of a module that is a block."""
        if not self.inside or self.inside[-1][1] is not module:
            return None
        name, _, first, given = self.inside.pop()
        if given is None or not isinstance(output, Tensor) or not self.inside or _is_layer(module):
            return None
        trace, before = trace_of(output), trace_of(given)
        if trace is None or before is None:
            return None
        call = Call(
            kind="module",
            module=self._numbered("module", name),
            operator="module",
            depth=trace.depth,
            inputs=(given,),
            sources=before.sources,
            again=lambda _x: output,
        )
        return self._report(call, output, trace, output if output is first else None)

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Calls the function, marks its outputs, and reports it if it is of one of the `KINDS`."""
        kwargs = kwargs or {}
        word = getattr(func, "__name__", "").strip("_")
        into = kwargs.get("out")  # it may have a trace of what it was before
        given = [x for x in tensors_in((args, kwargs)) if x is not into] if self.inside else []
        if all(trace_of(x) is None for x in given):
            return func(*args, **kwargs)
        kind = KINDS.get(word)
        call = None if kind is None else self._call(kind, word, func, args, kwargs)
        output, target = self._compute(call, func, args, kwargs)
        trace = _mark_output(word, call, given, output, args, kwargs)
        if call is None or trace is None:
            return output
        call.depth = trace.depth
        if any(output is x for x in (*given, into)):
            target = output
        return self._report(call, output, trace, target)

    def _compute(
        self, call: Call | None, func: Callable[..., Any], args: Any, kwargs: Any
    ) -> tuple[Any, Tensor | None]:
        """Returns the output, and the operand that still has to be overwritten with it."""
        if call is None:
            return func(*args, **kwargs), None
        own = call.inputs[0]
        if may_overwrite(getattr(func, "__name__", ""), args, kwargs):
            call.inputs = tuple(map(copied, call.inputs))
        if call.kind == "relu" and self.edit is not None and torch.is_grad_enabled():
            # a ReLU in place keeps its output for its gradient, so a replacement must not overwrite that
            aside = own.clone()
            output = call.again(aside)
            return output, own if output is aside else None
        return func(*args, **kwargs), None

    def _report(self, call: Call, output: Tensor, trace: Trace, target: Tensor | None) -> Tensor:
        """Lets `edit` replace the output and `see` look at it; returns what the network goes on with.

        `target` is the operand that the call overwrites. The network may go on with that tensor and ignore
        what the call returned, so the output is written into it.
        """
        call.output = output
        if self.edit is not None and (other := self.edit(call)) is not None:
            # the network may overwrite the output, so an input returned in its stead must be a copy
            call.output = other.clone() if any(other is x for x in call.inputs) else other
        if target is not None and call.output is not target and call.output.shape == target.shape:
            call.output = target.copy_(call.output)  # autograd follows a copy
        if call.output is not output:
            mark(call.output, trace)
        if self.see is not None:
            self.see(call)
        return call.output

    def _call(self, kind: Kind, word: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Call | None:
        """Describes the call; None if its operands show that it is not of this kind."""
        operands = operands_of(kind, args, kwargs)
        keys, inputs = list(operands), list(operands.values())
        if kind == "conv" and is_a_product(inputs):
            kind = "linear"
        order = order_of(kind, inputs, args, kwargs)
        if order is None:
            return None
        chosen = tuple(inputs[index] for index in order)
        if trace_of(chosen[0]) is None:
            return None

        def again(*others: Tensor) -> Tensor:
            if kind == "concat":
                return with_others(func, args, kwargs, {key_of(args, 0, "tensors"): list(others)})
            changed = {keys[index]: x for index, x in zip(order, others, strict=True)}
            return with_others(func, args, kwargs, changed)

        return Call(
            kind=kind,
            module=self._numbered(kind, self._name(kind)),
            operator=word,
            depth=0,
            inputs=chosen,
            sources=all_sources(chosen if kind == "concat" else chosen[:1]),
            weight=operands.get(key_of(args, 1, "weight")) if kind in ("conv", "linear") else None,
            window=window_of(kind, inputs, args, kwargs),
            again=again,
        )

    def _name(self, kind: str) -> str:
        """Names a call after its layer, or the module around it and its kind."""
        name, module, *_ = self.inside[-1]
        layer = LAYERS.get(kind)
        named_by_module = layer is None or (isinstance(module, layer) and _is_layer(module))
        return f"{name}.{kind}" if name and not named_by_module else name or kind

    def _numbered(self, kind: str, name: str) -> str:
        """Adds `:2`, `:3`, ... to the name of a repeated call."""
        self.counts[kind, name] += 1
        times = self.counts[kind, name]
        return name if times == 1 else f"{name}:{times}"


def _is_layer(module: nn.Module) -> bool:
    """Tells whether it holds no other modules but those that make its weight (`weight_norm`)."""
    return all(name == "parametrizations" for name, _ in module.named_children())


def _mark_output(
    word: str, call: Call | None, given: Sequence[Tensor], output: Any, args: Any, kwargs: Any
) -> Trace | None:
    """Marks what a function returned or wrote into; returns the trace if it returned one tensor."""
    if isinstance(output, Tensor):
        trace = _trace_after(word, call, given, output, args, kwargs)
        mark(output, trace)
        whole = output._base  # noqa: SLF001 - of a view that was written into, as by copy_
        if whole is not None and trace_of(whole) is None and any(output is x for x in args[:1]):
            mark(whole, trace._replace(sources=()))
        return trace
    if isinstance(output, (list, tuple)):
        outputs = [x for x in tensors_in(output) if not any(x is operand for operand in given)]
        first, before = first_known(given)
        for x, sources in zip(outputs, parts(word, first, before.sources, outputs), strict=True):
            mark(x, _trace_after(word, None, given, x, args, kwargs)._replace(sources=sources))
    elif word == "setitem" and trace_of(args[2]) is not None and is_new(*args):
        # a part was overwritten: which channels come from where is no longer known
        mark(args[0], _trace_after(word, None, given, args[0], args, kwargs)._replace(sources=()))
    return None


def _trace_after(
    word: str, call: Call | None, given: Sequence[Tensor], output: Tensor, args: Any, kwargs: Any
) -> Trace:
    """Derives an output's trace from its operands', of which at least one is known."""
    first, before = first_known(given)
    depth = max(trace.depth for x in given if (trace := trace_of(x)) is not None)
    kind = None if call is None else call.kind
    if call is not None and kind == "gate" and (gated := trace_of(call.inputs[0])) is not None:
        return gated._replace(squashed=False)  # a gate only weighs a map: it adds no depth
    squashed = word in SQUASH or (word in SAME_VALUES and before.squashed)
    if call is None or kind in CHANNELS_KEPT:
        return Trace(depth, squashed, behind(word, first, before.sources, output, args, kwargs))
    if kind == "concat":
        return Trace(depth, squashed, call.sources)
    deeper = depth + (kind in ("conv", "linear"))
    if word == "linear" and output.ndim != 2:
        return Trace(deeper, squashed, ())  # of tokens, whose channels are the last axis
    channels = output.shape[1] if output.ndim > 1 else 1
    return Trace(deeper, squashed, ((call.module, channels),))
