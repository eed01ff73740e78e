"""Read a network's calls from `print(net)`, the stages and the joins, for cards that have none recorded."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import groupby

from skipscope.records.network_card import (
    CallCard,
    CallKind,
    Concatenation,
    Gate,
    NetworkCard,
    Shortcut,
    Stage,
)
from skipscope.records.printed import KINDS, OFF_TRUNK, SHORTCUTS, PrintedModule, anatomy_of, printed_modules

Path = tuple[str, ...]


def calls_of(card: NetworkCard) -> tuple[CallCard, ...]:
    """The recorded calls, or those of an older card as far as they are known.

    A join is known by the module that makes it, which must make no other of its kind: of two additions in
    one module it is not printed which layers lie between them, and neither is among the calls.
    """
    return anatomy_of(card).calls or _printed_calls(card)


@cache
def _printed_calls(card: NetworkCard) -> tuple[CallCard, ...]:
    modules = tuple(printed_modules(card.structure.splitlines()[1:]))
    joins, calls = _joins(card), list[CallCard]()
    last = -1
    for stage in card.stages:
        path = tuple(stage.name.split("."))
        layers = [each for each in modules if each.path[: len(path)] == path and _kind(each)]
        for block, inside in groupby(layers, lambda layer: _block(layer.path, joins)):
            known = joins.get(block, {}) if block is not None else {}
            last = _append(calls, tuple(inside), stage, layers, known, last)
    return tuple(calls)


def _joins(card: NetworkCard) -> dict[Path, dict[CallKind, CallCard]]:
    """The joins by the module that makes them; none of a kind that a module makes twice."""
    anatomy = anatomy_of(card)
    kinds: tuple[tuple[CallKind, Sequence[Gate | Shortcut | Concatenation]], ...] = (
        ("gate", anatomy.gates),
        ("shortcut", anatomy.shortcuts),
        ("concat", anatomy.concatenations),
    )
    found: dict[Path, dict[CallKind, CallCard]] = {}
    for kind, joins in kinds:
        calls = [CallCard(module=j.module, kind=kind, shape=j.shape, reads=()) for j in joins]
        times = Counter(call.module.partition(":")[0] for call in calls)
        for call in calls:
            if times[call.module] == 1:
                found.setdefault(tuple(call.module.split(".")), {})[kind] = call
    return found


def _append(
    calls: list[CallCard],
    inside: Sequence[PrintedModule],
    stage: Stage,
    layers: Sequence[PrintedModule],
    joins: dict[CallKind, CallCard],
    last: int,
) -> int:
    """Appends the calls of a block; returns the index of its last one, given that of the block before."""
    start, beside, gate = last, last, None
    for layer in inside:
        aside, gates = bool(SHORTCUTS & set(layer.path)), "se" in layer.path
        read = start if aside else gate if gates and gate is not None else last
        calls.append(_call(layer, stage, layers, read))
        if aside:
            beside = len(calls) - 1
        elif gates:
            gate = len(calls) - 1
        else:
            last = len(calls) - 1
    for kind, join in joins.items():
        if kind == "concat":
            reads = (start, last)
        else:
            reads = (last, beside if kind == "shortcut" or gate is None else gate)
        calls.append(join.model_copy(update={"reads": reads}))
        last = len(calls) - 1
    return last


def _call(layer: PrintedModule, stage: Stage, layers: Sequence[PrintedModule], read: int) -> CallCard:
    return CallCard(
        module=".".join(layer.path),
        kind=_kind(layer) or "conv",
        shape=_shape(layer, stage, layers),
        reads=(read,),
    )


def _kind(module: PrintedModule) -> CallKind | None:
    """Tells what kind of a layer a module is; None if it is none."""
    if module.kind == "Linear" or (module.kind == "Conv2d" and "se" in module.path):
        return "linear"
    if module.kind not in KINDS:
        return None
    return "conv" if module.kind == "Conv2d" else "pool"


def _block(path: Path, joins: dict[Path, dict[CallKind, CallCard]]) -> Path | None:
    """Returns the innermost module around a layer that joins maps."""
    return next((path[:end] for end in range(len(path), 0, -1) if path[:end] in joins), None)


def _shape(layer: PrintedModule, stage: Stage, layers: Sequence[PrintedModule]) -> tuple[int, ...]:
    """Infers a layer's output from its stage's, by the strides after it."""
    if layer.kind == "Linear":
        return (layer.size("out_features", 0)[0],)
    if "se" in layer.path:
        return (layer.channels[1], 1, 1)
    channels, *sides = stage.shape if len(stage.shape) == 3 else (0, 1, 1)
    index = layers.index(layer)
    if not SHORTCUTS & set(layer.path):
        for each in layers[index + 1 :]:
            if not OFF_TRUNK & set(each.path) and each.kind in KINDS:
                stride = each.size("stride", 1 if each.kind == "Conv2d" else each.size("kernel_size", 1)[0])
                sides = [side * step for side, step in zip(sides, stride, strict=True)]
    before = (each.channels[1] for each in reversed(layers[: index + 1]) if each.kind == "Conv2d")
    return (next(before, channels), *sides)
