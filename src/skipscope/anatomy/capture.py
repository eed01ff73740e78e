"""The one place where a network is listened to: which operators it calls, on what, and what comes out.

A network is not asked for its class. A mode that stands in for torch's functions sees every call, and from
the calls alone it is known what is a shortcut (an addition of two maps that lie a different number of
convolutions from the image), a gate (a map times a sigmoid's output), a dense connection (a concatenation)
and which source each channel of a map comes from. So networks that somebody else wrote, functional ReLUs
and sigmoids and in-place operators are heard as well. Everything is taken away when the scope ends.

Shapes: B images, C channels, H x W pixels.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from skipscope.anatomy.channels import Source, behind, parts
from skipscope.anatomy.operands import is_a_product, key_of, may_overwrite, operands_of, order_of, with_others
from skipscope.anatomy.traces import (
    Trace,
    all_sources,
    as_input,
    copied,
    first_known,
    is_news,
    mark,
    tensors_in,
    trace_of,
    unmark,
)

Kind = Literal["conv", "linear", "norm", "relu", "shortcut", "gate", "concat", "module"]

NAMES: dict[str, str] = {
    "conv2d": "conv",
    "linear": "linear",
    "batch_norm": "norm",
    "relu": "relu",
    "add": "shortcut",
    "iadd": "shortcut",
    "radd": "shortcut",
    "mul": "gate",
    "imul": "gate",
    "rmul": "gate",
    "cat": "concat",
    "concat": "concat",
    "concatenate": "concat",
}
"""What a torch function may be, by its name without underscores: sums and products need a second look."""
OF_THEIR_OWN: dict[str, type[nn.Module] | tuple[type[nn.Module], ...]] = {
    "conv": nn.Conv2d,
    "linear": (nn.Linear, nn.Conv2d),
    "norm": nn.Module,
    "relu": nn.ReLU,
}
"""A call inside a module made for it has the module's name; any other, that of the module around it."""
SQUASH = {"sigmoid", "hardsigmoid"}
SAME_VALUES = {"view", "reshape", "expand", "expand_as", "unsqueeze", "getitem", "chunk", "split", "unbind"}


@dataclass(kw_only=True)
class Call:
    """One call of an operator, while it is made."""

    kind: Kind
    place: str
    depth: int
    inputs: tuple[Tensor, ...]
    """conv, linear, norm, relu, module: (x,); shortcut: (f(x), x); gate: (values, gate); concat: all."""
    sources: tuple[Source, ...]
    """Of the first input's channels; of a concatenation, of all; none where they are not known."""
    weight: Tensor | None = None
    """conv: O I/groups h w; linear: O I (a 1x1 convolution's: O I 1 1)."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    again: Callable[..., Tensor] = field(repr=False)
    """`again(*inputs)`: the operator on other inputs, in the order of `inputs`."""

    @property
    def depths(self) -> tuple[int, ...]:
        """Of each input; 0 of one that does not come from the image."""
        return tuple(0 if (trace := trace_of(x)) is None else trace.depth for x in self.inputs)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A call that a network makes every time it computes."""

    kind: Kind
    place: str
    depth: int
    inputs: tuple[tuple[int, ...], ...]
    """Shapes, without the batch."""
    output: tuple[int, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """What a network does with an image, in the order in which it does it."""

    sites: tuple[Site, ...]

    def of(self, *kinds: Kind) -> tuple[Site, ...]:
        """The sites of these kinds."""
        return tuple(site for site in self.sites if site.kind in kinds)


Edit = Callable[[Call], "Tensor | None"]
"""What takes the place of a call's output; None leaves it."""


@contextmanager
def capture(
    model: nn.Module, see: Callable[[Call], None] | None = None, *, edit: Edit | None = None
) -> Iterator[None]:
    """While it is on, `see` is shown every call of `model`, after `edit` could change its output.

    The place of a call that is made several times in a pass is followed by `:2`, `:3`, ... Inputs are as
    they were before an in-place operator overwrote them (a module's, if
    there is an `edit`). A hook on `call.output` ends with the graph.
    """
    listener = _Listener(model, see, edit)
    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_pre_hook(listener.entering(name)).remove)
            hook = module.register_forward_hook(listener.leaving(name), always_call=True)
            stack.callback(hook.remove)
        stack.callback(_unmark, model)
        stack.enter_context(listener)
        yield


def held(module: nn.Module) -> Iterator[Tensor]:
    """The tensors that a module itself keeps: weights, buffers, a map of its last pass, lists of such."""
    for value in vars(module).values():
        several = value.values() if isinstance(value, dict) else value
        within = several if isinstance(value, dict | list | tuple) else (value,)
        yield from (x for x in within if isinstance(x, Tensor))


def _unmark(model: nn.Module) -> None:
    """What a network keeps from a pass (a running mean, a map) comes from nowhere in another."""
    for module in model.modules():
        for x in held(module):
            unmark(x)


def anatomy(model: nn.Module, images: Tensor) -> Anatomy:
    """What the network does with these images (B 3 H W; two are enough); nothing of it is changed."""
    sites: list[Site] = []

    def note(call: Call) -> None:
        sites.append(
            Site(
                kind=call.kind,
                place=call.place,
                depth=call.depth,
                inputs=tuple(tuple(x.shape[1:]) for x in call.inputs),
                output=tuple(call.output.shape[1:]),
                sources=call.sources,
            )
        )

    with evaluating(model), torch.no_grad(), capture(model, note):
        model(images)
    return Anatomy(sites=tuple(sites))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The network in evaluation mode; every module is put back into the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


class _Listener(TorchFunctionMode):
    """Between a network and torch's functions."""

    def __init__(self, model: nn.Module, see: Callable[[Call], None] | None, edit: Edit | None) -> None:
        super().__init__()
        self.root, self.see, self.edit = model, see, edit
        self.inside: list[tuple[str, nn.Module, Tensor | None, Tensor | None]] = []
        """Name, module, its input, and that as it was."""
        self.counts: Counter[tuple[str, str]] = Counter()

    def entering(self, name: str) -> Callable[..., Any]:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            marked = None
            if not self.inside:
                self.counts.clear()
                _unmark(self.root)
                inputs = marked = tuple(map(as_input, inputs))
            first = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], Tensor) else None
            given = first
            if first is not None and self.edit is not None and not _is_layer(module):
                given = copied(first)  # a block may overwrite its input, and an edit may hand that on
            self.inside.append((name, module, first, given))
            return marked

        return hook

    def leaving(self, name: str) -> Callable[..., Any]:
        def hook(module: nn.Module, _inputs: Any, output: Any) -> Any:
            if not self.inside or self.inside[-1][1] is not module:
                return None
            _, _, first, given = self.inside.pop()
            if given is None or not isinstance(output, Tensor) or not self.inside or _is_layer(module):
                return None
            trace, before = trace_of(output), trace_of(given)
            if trace is None or before is None:
                return None
            call = Call(
                kind="module",
                place=self._counted("module", name),
                depth=trace.depth,
                inputs=(given,),
                sources=before.sources,
                again=lambda _x: output,
            )
            return self._done(call, output, trace, output if output is first else None)

        return hook

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        word = name.strip("_")
        into = kwargs.get("out")  # it may have a trace of what it was before
        given = [x for x in tensors_in((args, kwargs)) if x is not into] if self.inside else []
        if all(trace_of(x) is None for x in given):
            return func(*args, **kwargs)
        kind = NAMES.get(word)
        call = None if kind is None else self._call(kind, func, args, kwargs)
        trace = None
        output, place = self._computed(call, func, args, kwargs)
        if isinstance(output, Tensor):
            trace = _after(word, call, given, output, args, kwargs)
            mark(output, trace)
            whole = output._base  # noqa: SLF001 - of a part that was written into, as by copy_
            if whole is not None and trace_of(whole) is None and any(output is x for x in args[:1]):
                mark(whole, trace._replace(sources=()))
        elif isinstance(output, (list, tuple)):
            outputs = [x for x in tensors_in(output) if not any(x is operand for operand in given)]
            first, before = first_known(given)
            for x, sources in zip(outputs, parts(word, first, before.sources, outputs), strict=True):
                mark(x, _after(word, None, given, x, args, kwargs)._replace(sources=sources))
        elif word == "setitem" and trace_of(args[2]) is not None and is_news(*args):
            # into a part of it: it is not known which of its channels come from where
            mark(args[0], _after(word, None, given, args[0], args, kwargs)._replace(sources=()))
        if call is None or trace is None:
            return output
        call.depth = trace.depth
        if any(output is x for x in (*given, into)):
            place = output
        return self._done(call, output, trace, place)

    def _computed(
        self, call: Call | None, func: Callable[..., Any], args: Any, kwargs: Any
    ) -> tuple[Any, Tensor | None]:
        """The output, and the operand in whose place it is still to be put."""
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

    def _done(self, call: Call, output: Tensor, trace: Trace, into: Tensor | None) -> Tensor:
        """The output, or what `edit` put in its place; `see` has seen it.

        `into`: the operand that the call overwrites. The network may go on with that tensor and not look at
        what the call returned, so the output is written into it.
        """
        call.output = output
        if self.edit is not None and (other := self.edit(call)) is not None:
            # the network may overwrite what it is given: an input in an output's place must be a copy
            call.output = other.clone() if any(other is x for x in call.inputs) else other
        if into is not None and call.output is not into and call.output.shape == into.shape:
            call.output = into.copy_(call.output)  # autograd follows a copy
        if call.output is not output:
            mark(call.output, trace)
        if self.see is not None:
            self.see(call)
        return call.output

    def _call(self, kind: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Call | None:
        """What this call is, if it is one of those that are told of."""
        operands = operands_of(kind, args, kwargs)
        keys, inputs = list(operands), list(operands.values())
        if kind == "conv" and is_a_product(inputs):
            kind = "linear"
        order = order_of(kind, inputs, args, kwargs)
        if order is None:
            return None
        chosen = tuple(inputs[place] for place in order)
        if trace_of(chosen[0]) is None:
            return None

        def again(*others: Tensor) -> Tensor:
            if kind == "concat":
                return with_others(func, args, kwargs, {key_of(args, 0, "tensors"): list(others)})
            return with_others(
                func, args, kwargs, {keys[place]: x for place, x in zip(order, others, strict=True)}
            )

        return Call(
            kind=kind,  # type: ignore[arg-type]
            place=self._counted(kind, self._place(kind)),
            depth=0,
            inputs=chosen,
            sources=all_sources(chosen if kind == "concat" else chosen[:1]),
            weight=operands.get(key_of(args, 1, "weight")) if kind in ("conv", "linear") else None,
            again=again,
        )

    def _place(self, kind: str) -> str:
        name, module, *_ = self.inside[-1]
        of_its_own = OF_THEIR_OWN.get(kind)
        if kind in ("shortcut", "gate", "concat"):
            return name or kind
        if of_its_own is not None and isinstance(module, of_its_own) and _is_layer(module):
            return name or kind
        return f"{name}.{kind}" if name else kind

    def _counted(self, kind: str, place: str) -> str:
        self.counts[kind, place] += 1
        times = self.counts[kind, place]
        return place if times == 1 else f"{place}:{times}"


def _is_layer(module: nn.Module) -> bool:
    """Whether no other modules are in it, but for what its weight may be made by (`weight_norm`)."""
    return all(name == "parametrizations" for name, _ in module.named_children())


def _after(
    word: str, call: Call | None, given: Sequence[Tensor], output: Tensor, args: Any, kwargs: Any
) -> Trace:
    """Where an operator's output comes from; of the tensors it was given, one at least is known."""
    first, before = first_known(given)
    depth = max(trace.depth for x in given if (trace := trace_of(x)) is not None)
    kind = None if call is None else call.kind
    if call is not None and kind == "gate" and (gated := trace_of(call.inputs[0])) is not None:
        return gated._replace(squashed=False)  # a gate weighs what there is: it lies on no way
    squashed = word in SQUASH or (word in SAME_VALUES and before.squashed)
    if call is None or kind in ("norm", "relu"):
        return Trace(depth, squashed, behind(word, first, before.sources, output, args, kwargs))
    if kind == "concat":
        return Trace(depth, squashed, call.sources)
    deeper = depth + (kind in ("conv", "linear"))
    if word == "linear" and output.ndim != 2:
        return Trace(deeper, squashed, ())  # of tokens, whose channels are the last axis
    channels = output.shape[1] if output.ndim > 1 else 1
    return Trace(deeper, squashed, ((call.place, channels),))
