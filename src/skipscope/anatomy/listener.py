"""The torch function mode and module hooks behind `capture`."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from skipscope.anatomy.calls import NUMBERED, Call, Edit
from skipscope.anatomy.channels import parts
from skipscope.anatomy.described import described
from skipscope.anatomy.flow import MAKERS, SHAPED_AS, trace_after
from skipscope.anatomy.operands import may_overwrite
from skipscope.anatomy.traces import (
    Trace,
    as_input,
    copied,
    first_known,
    is_marked,
    is_new,
    maps_written,
    mark,
    tensors_in,
    trace_of,
    unmark_kept,
)

LAYERS: dict[str, type[nn.Module] | tuple[type[nn.Module], ...]] = {
    "conv": nn.Conv2d,
    "linear": (nn.Linear, nn.Conv2d),
    "norm": nn.Module,
    "relu": nn.ReLU,
    "other_norm": nn.Module,
    "pool": nn.Module,
}
"""A call inside a layer of its own is named after the layer; any other, after the module around it."""
CHANNELS_KEPT = {"norm", "other_norm", "relu", "pool", "unfollowed"}


class Listener(TorchFunctionMode):
    """Sees every torch function that a network calls, and marks tensors with where they come from."""

    def __init__(
        self, model: nn.Module, see: Callable[[Call], None] | None, edit: Edit | None, *, keeps_inputs: bool
    ) -> None:
        """`keeps_inputs` says whether a module's input is copied in case the module overwrites it."""
        super().__init__()
        self.root, self.see, self.edit, self.keeps_inputs = model, see, edit, keeps_inputs
        self.inside: list[tuple[str, nn.Module, Tensor | None, Tensor | None]] = []
        """Modules being called, outermost first: name, module, input, and the input before it changed."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self.origins = 0
        self.calls = 0
        """The calls of the kinds `NUMBERED`, in this pass."""
        self.kept: set[int] = set()
        """The tensors, by `id`, that the network keeps between passes."""

    def enter(self, name: str, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Notes, as a hook before it, that the module of this name is called; marks a network's images."""
        marked = None
        if not self.inside:
            self.counts.clear()
            self.origins = self.calls = 0
            self.kept = set(map(id, unmark_kept(self.root)))
            inputs = marked = tuple(map(as_input, inputs))
        first = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], Tensor) else None
        given = first
        if first is not None and self.keeps_inputs and not _is_layer(module):
            given = copied(first)  # a block may overwrite its input, and an edit may pass that on
        self.inside.append((name, module, first, given))
        return marked

    def leave(self, module: nn.Module, _inputs: Any, output: Any) -> Any:
        """Reports, as a hook after it, the call of a module that is a block."""
        if not self.inside or self.inside[-1][1] is not module:
            return None
        name, _, first, given = self.inside.pop()
        if given is None or not isinstance(output, Tensor) or not self.inside:
            return None
        if self._is_unseen(output) and (known := trace_of(first)) is not None:
            return self._hidden(name, module, given, output, known)
        if _is_layer(module):
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

    def _hidden(self, name: str, module: nn.Module, given: Tensor, output: Tensor, before: Trace) -> Tensor:
        """Reports a module whose output comes from code that is not seen: another language, numpy."""
        layers = sum(weight.ndim > 1 for weight in module.parameters())
        ancestors = before.behind | 1 << before.origin
        trace = before._replace(
            depth=before.depth + layers, sources=(), origin=self._fresh(), behind=ancestors, stacked=()
        )
        trace = self._counted(trace)
        mark(output, trace)
        call = Call(
            kind="unfollowed",
            module=self._numbered("unfollowed", name),
            operator="module",
            depth=trace.depth,
            inputs=(given,),
            sources=(),
            again=lambda _x: output,
            reason="hidden",
        )
        return self._report(call, output, trace, None)

    def _fresh(self) -> int:
        self.origins += 1
        return self.origins

    def _counted(self, trace: Trace) -> Trace:
        """Gives the trace the number of the call that is being made."""
        self.calls += 1
        return trace._replace(call=self.calls - 1)

    def _is_unseen(self, x: Tensor) -> bool:
        """Tells whether no function that was seen made it, and the network does not keep it."""
        return not is_marked(x) and not isinstance(x, nn.Parameter) and id(x) not in self.kept

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Calls the function, marks its outputs, and reports it if it is of one of the `KINDS`."""
        kwargs = kwargs or {}
        word = getattr(func, "__name__", "").strip("_")
        into = kwargs.get("out")  # it may have a trace of what it was before
        read = args[:1] if word in SHAPED_AS else (args, kwargs)
        given = [x for x in tensors_in(read) if x is not into] if self.inside else []
        if word in MAKERS or all(trace_of(x) is None for x in given):
            return self._constant(func(*args, **kwargs), (*given, into))
        call = described(word, func, args, kwargs, given, self._is_unseen)
        if call is not None:
            name = self._name(word if call.kind == "unfollowed" else call.kind)
            call.module = self._numbered(call.kind, name)
        output, target = self._compute(call, func, args, kwargs)
        trace = self._mark_output(word, call, given, output, args, kwargs)
        if word == "setitem":
            self._report_whole(args[0])
        if call is None or trace is None:
            return output
        call.depth = trace.depth
        if any(output is x for x in (*given, into)):
            target = output
        return self._report(call, output, trace, target)

    def _report_whole(self, x: Tensor) -> None:
        """Reports maps that were written side by side into the channels of one, once that is full."""
        trace = trace_of(x)
        if trace is None or sum(part.shape[1] for part in trace.written) != x.shape[1]:
            return
        call = Call(
            kind="concat",
            module=self._numbered("concat", self._name("concat")),
            operator="setitem",
            depth=trace.depth,
            inputs=trace.written,
            again=lambda *others: torch.cat(others, 1),
        )
        mark(x, self._counted(trace._replace(written=())))
        self._report(call, x, trace, x)

    def _constant(self, output: Any, given: Sequence[Any]) -> Any:
        """Marks what does not come from the image, unless it was there before."""
        if self.inside:
            for x in tensors_in(output):
                if not is_marked(x) and id(x) not in self.kept and not any(x is other for other in given):
                    mark(x, None)
        return output

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

    def _mark_output(
        self, word: str, call: Call | None, given: Sequence[Tensor], output: Any, args: Any, kwargs: Any
    ) -> Trace | None:
        """Marks what a function returned or wrote into; returns the trace if it returned one tensor."""
        if isinstance(output, Tensor):
            trace = self._trace_after(word, call, given, output, args, kwargs)
            if call is not None and call.kind in NUMBERED:
                trace = self._counted(trace)
            mark(output, trace)
            whole = output._base  # noqa: SLF001 - of a view that was written into, as by copy_
            if whole is not None and trace_of(whole) is None and any(output is x for x in args[:1]):
                mark(whole, trace._replace(sources=()))
            return trace
        if isinstance(output, (list, tuple)):
            outputs = [x for x in tensors_in(output) if not any(x is operand for operand in given)]
            first, before = first_known(given)
            for x, sources in zip(outputs, parts(word, first, before.sources, outputs), strict=True):
                mark(x, self._trace_after(word, None, given, x, args, kwargs)._replace(sources=sources))
        elif word == "setitem" and trace_of(args[2]) is not None and is_new(*args):
            # a part was overwritten: which channels come from where is no longer known
            after = self._trace_after(word, None, given, args[0], args, kwargs)
            mark(args[0], after._replace(sources=(), written=maps_written(*args)))
        return None

    def _trace_after(
        self, word: str, call: Call | None, given: Sequence[Tensor], output: Tensor, args: Any, kwargs: Any
    ) -> Trace:
        """Derives an output's trace from its operands', of which at least one is known."""
        kind = None if call is None else call.kind
        after = trace_after(word, given, output, args, kwargs, self._fresh())
        if call is not None and kind == "gate" and (gated := trace_of(call.inputs[0])) is not None:
            # a gate only weighs a map: it adds no depth
            behind = gated.behind | after.behind & ~(1 << gated.origin)
            return gated._replace(squashed=False, behind=behind, stacked=())
        if call is None or kind in CHANNELS_KEPT:
            return after
        if kind == "concat":
            return after._replace(sources=call.sources)
        if word == "linear" and output.ndim != 2:
            return after._replace(sources=())  # of tokens, whose channels are the last axis
        channels = output.shape[1] if output.ndim > 1 else 1
        return after._replace(sources=((call.module, channels),))

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
