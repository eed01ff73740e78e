"""What a network is, read off its run's record: stem, maps, depth, width, what connects its layers.

`run.json` keeps `print(net)` and the stages with their shapes; that is enough, so networks of any earlier run
can be compared too, without torch.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from skipscope.records.schema import NetworkCard, Stage
from skipscope.spec import Frozen

_LINE = re.compile(r"^(?P<indent> *)\((?P<name>[^)]+)\): (?:(?P<times>\d+) x )?(?P<kind>\w+)\((?P<rest>.*)$")
_SIZE = r"{}=\(?(\d+)"
BESIDE = {"shortcut", "downsample", "se"}
"""Modules that lie beside the way from the image to the answer, and do not make it longer."""


class Module(Frozen):
    """A line of `print(net)`."""

    path: tuple[str, ...]
    kind: str
    arguments: str
    opens: bool
    """Whether other modules are in it."""
    times: int
    """How often it is there: torch prints equal modules of a list once."""


@cache
def modules(structure: str) -> tuple[Module, ...]:
    """The modules in the order in which they are printed; lines of a print of one's own are passed over."""
    return tuple(_modules(structure))


def _modules(structure: str) -> Iterator[Module]:
    above: list[tuple[str, int]] = []
    for line in structure.splitlines()[1:]:
        found = _LINE.match(line)
        if found is None:
            continue
        level = len(found["indent"]) // 2 - 1
        times = int(found["times"] or 1)
        del above[level:]
        above.append((found["name"], times))
        product = 1
        for _, each in above:
            product *= each
        yield Module(
            path=tuple(name for name, _ in above),
            kind=found["kind"],
            arguments=found["rest"].removesuffix(")"),
            opens=not found["rest"],
            times=product,
        )


def depth(card: NetworkCard) -> int:
    """Convolutions and linear layers on the way; those of shortcuts and gates lie beside it."""
    return sum(
        module.times
        for module in modules(card.structure)
        if module.kind in ("Conv2d", "Linear") and not BESIDE & set(module.path)
    )


def stem(card: NetworkCard) -> str:
    """The first convolution and the pooling before the next: `conv 7x7/2, max-pool 3x3/2`."""
    parts = [_part(stage, printed) for stage, printed in _called(card)[: _trunk(card)]]
    return ", ".join(part for part in parts if part)


def maps(card: NetworkCard) -> str:
    """Sizes of the maps after the stem, each once: `32x32, 16x16, 8x8`."""
    sizes = (f"{stage.shape[1]}x{stage.shape[2]}" for stage in _maps(card))
    return ", ".join(size for size, _ in groupby(sizes))


def width(card: NetworkCard) -> str:
    """Channels that blocks make at each map size, `16, 32, 64`; of a dense network what its layers append."""
    if concatenation(card) == "dense":
        return ", ".join(_growth(card))
    return ", ".join(
        str(list(stages)[-1].shape[0])
        for _, stages in groupby(_maps(card), key=lambda stage: stage.shape[1:])
    )


@cache
def normalisation(card: NetworkCard) -> str:
    """The kinds of layers that normalise, or `none`."""
    return _listed({module.kind for module in modules(card.structure) if "Norm" in module.kind})


@cache
def shortcut(card: NetworkCard) -> str:
    """`none`, `identity` or `projection` where shapes change; of a user's network, as our names tell it."""
    found = modules(card.structure)
    named = [module for module in found if {"shortcut", "downsample"} & set(module.path)]
    if any(module.kind == "Conv2d" for module in named):
        return "projection"
    return "identity" if named or any(module.kind == "BasicBlock" for module in found) else "none"


@cache
def concatenation(card: NetworkCard) -> str:
    """`dense` or `none`; of a user's network, as our names tell it."""
    names = (name for module in modules(card.structure) for name in module.path)
    return "dense" if any(name.startswith("denseblock") for name in names) else "none"


@cache
def gate(card: NetworkCard) -> str:
    """`SE` or `none`; of a user's network, as our names tell it."""
    found = any(module.kind == "SE" or module.path[-1] == "se" for module in modules(card.structure))
    return "SE" if found else "none"


def kept(card: NetworkCard) -> int:
    """Numbers of one image that its convolutions are given, and keep until the backward pass.

    Every convolution of a stage gives maps of the stage's size, but for strides and pools behind it; those
    of gates get one number a channel.
    """
    found = 0
    for stage in {stage.name: stage for stage in card.stages if len(stage.shape) == 3}.values():
        side = max(stage.shape[1:])
        for module in reversed([m for m in modules(card.structure) if m.path[0] == stage.name]):
            if module.kind == "Conv2d":
                before = 1 if "se" in module.path else _side_before(module, side)
                found += module.times * int(module.arguments.split(", ")[0]) * before**2
            if module.kind in ("Conv2d", "AvgPool2d", "MaxPool2d") and not BESIDE & set(module.path):
                side *= _size(module, "stride", 1)
    return found


def _side_before(module: Module, after: int) -> int:
    """Of the map that a convolution is given, from that of the map it gives."""
    stride = _size(module, "stride", 1)
    unpadded = (after - 1) * stride + _size(module, "kernel_size", 1) - 2 * _size(module, "padding", 0)
    return max(after * stride, unpadded)


def _size(module: Module, key: str, default: int) -> int:
    found = re.search(_SIZE.format(key), module.arguments)
    return int(found[1]) if found else default


def _growth(card: NetworkCard) -> list[str]:
    """How many channels each dense block's layers append: outputs of the last convolution of each."""
    last: dict[str, dict[tuple[str, ...], str]] = {}
    for module in modules(card.structure):
        if module.kind == "Conv2d" and module.path[0].startswith("denseblock"):
            last.setdefault(module.path[0], {})[module.path[:-1]] = module.arguments.split(", ")[1]
    return ["/".join(dict.fromkeys(layers.values())) for layers in last.values()]


def _called(card: NetworkCard) -> list[tuple[Stage, Module | None]]:
    """The stages in the order of their calls, each with its line of the print."""
    printed = {".".join(module.path): module for module in modules(card.structure)}
    return [(stage, printed.get(stage.name)) for stage in card.stages]


def _trunk(card: NetworkCard) -> int:
    """Where the stem ends: at the first stage with modules in it, or at the second convolution."""
    convolutions = 0
    for place, (stage, printed) in enumerate(_called(card)):
        convolutions += stage.kind in ("Conv2d", "Linear")
        if convolutions > 1 or (printed is not None and printed.opens):
            return place
    return len(card.stages)


def _maps(card: NetworkCard) -> list[Stage]:
    """The stages behind the stem that give maps, without the pooling before the classifier."""
    return [
        stage
        for stage in card.stages[_trunk(card) :]
        if len(stage.shape) == 3 and not stage.kind.startswith("Adaptive")
    ]


def _part(stage: Stage, printed: Module | None) -> str:
    if printed is None or not ("Pool" in stage.kind or stage.kind == "Conv2d"):
        return ""
    kernel, stride = _size(printed, "kernel_size", 0), _size(printed, "stride", 1)
    kind = {"Conv2d": "conv", "MaxPool2d": "max-pool", "AvgPool2d": "mean-pool"}.get(stage.kind, stage.kind)
    size = f" {kernel}x{kernel}" if kernel else ""
    return kind + size + (f"/{stride}" if stride > 1 else "")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
