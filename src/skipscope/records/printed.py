"""Read an anatomy from `print(net)` and the stages, for records written before cards had one.

It knows modules by the names our networks give them, and of a user's network finds what is named likewise.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

from skipscope.records.network_card import AnatomyCard, Concatenation, Gate, NetworkCard, Shortcut, StemLayer
from skipscope.spec import Frozen

_LINE = re.compile(r"^(?P<indent> *)\((?P<name>[^)]+)\): (?:(?P<times>\d+) x )?(?P<kind>\w+)\((?P<rest>.*)$")
_SIZE = r"{}=\(?(\d+)(?:, (\d+))?"
SHORTCUTS = {"shortcut", "downsample"}
OFF_TRUNK = SHORTCUTS | {"se"}
KINDS = {"Conv2d": "conv", "MaxPool2d": "max-pool", "AvgPool2d": "mean-pool"}


class PrintedModule(Frozen):
    """A line of `print(net)`."""

    path: tuple[str, ...]
    kind: str
    arguments: str
    opens: bool
    """Whether other modules are in it."""

    def size(self, key: str, default: int) -> tuple[int, int]:
        """An argument such as `kernel_size=(3, 3)` or `stride=2`, by height and width."""
        found = re.search(_SIZE.format(key), self.arguments)
        return (int(found[1]), int(found[2] or found[1])) if found else (default, default)

    @property
    def channels(self) -> tuple[int, int]:
        """A convolution's channels, in and out."""
        inputs, outputs, *_ = self.arguments.split(", ")
        return int(inputs), int(outputs)


def anatomy_of(card: NetworkCard) -> AnatomyCard:
    """The recorded anatomy, or that of an older card as its print and stages tell it."""
    return card.anatomy or _printed_anatomy(card)


def printed_modules(lines: Sequence[str], above: tuple[str, ...] = ()) -> Iterator[PrintedModule]:
    """Yields the modules in the order they are printed; skips lines of a custom print."""
    found = [(index, _LINE.match(line)) for index, line in enumerate(lines)]
    heads = [(i, match) for i, match in found if match and len(match["indent"]) == 2 * len(above) + 2]
    ends = [*(index for index, _ in heads[1:]), len(lines)]
    for (head, match), end in zip(heads, ends, strict=False):
        names = [match["name"]]
        if match["times"]:  # torch prints equal modules of a list once: `(0-2): 3 x Block(`
            first, last = map(int, match["name"].split("-"))
            names = [str(number) for number in range(first, last + 1)]
        for name in names:
            path = (*above, name)
            arguments = match["rest"].removesuffix(")")
            yield PrintedModule(path=path, kind=match["kind"], arguments=arguments, opens=not match["rest"])
            yield from printed_modules(lines[head + 1 : end], path)


@cache
def _printed_anatomy(card: NetworkCard) -> AnatomyCard:
    modules = tuple(printed_modules(card.structure.splitlines()[1:]))
    shapes = {stage.name: stage.shape for stage in card.stages}
    return AnatomyCard(
        depth=sum(m.kind in ("Conv2d", "Linear") and not OFF_TRUNK & set(m.path) for m in modules),
        stem=tuple(_stem(card, modules)),
        maps=tuple(_maps(card, modules)),
        normalisation=tuple(sorted({module.kind for module in modules if "Norm" in module.kind})),
        shortcuts=tuple(_shortcuts(modules, shapes)),
        concatenations=tuple(_concatenations(modules, shapes)),
        gates=tuple(
            Gate(module=".".join(module.path[:-1]), shape=shapes.get(module.path[0], ()))
            for module in modules
            if module.kind == "SE" or module.path[-1] == "se"
        ),
        conv_inputs=_conv_inputs(card, modules),
    )


def _shortcuts(modules: Sequence[PrintedModule], shapes: dict[str, tuple[int, ...]]) -> Iterator[Shortcut]:
    blocks: dict[tuple[str, ...], bool] = {}
    for module in modules:
        if module.kind == "BasicBlock":
            blocks[module.path] = False
        for index in (index for index, name in enumerate(module.path) if name in SHORTCUTS):
            block = module.path[:index]
            blocks[block] = blocks.get(block, False) or module.kind == "Conv2d"
    for path, projected in blocks.items():
        kind = "projection" if projected else "identity"
        yield Shortcut(module=".".join(path), kind=kind, shape=shapes.get(path[0], ()) if path else ())


def _concatenations(
    modules: Sequence[PrintedModule], shapes: dict[str, tuple[int, ...]]
) -> Iterator[Concatenation]:
    """One per layer of a dense block: its last convolution's outputs are appended."""
    convolutions = [m for m in modules if m.kind == "Conv2d" and m.path[0].startswith("denseblock")]
    for stage, within in groupby(convolutions, key=lambda module: module.path[0]):
        layers = {module.path[:-1]: module.channels[1] for module in within}
        channels, *size = shapes.get(stage, (0,))
        channels -= sum(layers.values())
        for path, appended in layers.items():
            channels += appended
            yield Concatenation(module=".".join(path[:-1]), appended=appended, shape=(channels, *size))


def _trunk(card: NetworkCard, modules: Sequence[PrintedModule]) -> int:
    """Index of the first stage after the stem: one with modules in it, or the second convolution."""
    opens = {".".join(module.path) for module in modules if module.opens}
    convolutions = 0
    for index, stage in enumerate(card.stages):
        convolutions += stage.kind in ("Conv2d", "Linear")
        if convolutions > 1 or stage.name in opens:
            return index
    return len(card.stages)


def _stem(card: NetworkCard, modules: Sequence[PrintedModule]) -> Iterator[StemLayer]:
    printed = {".".join(module.path): module for module in modules}
    for stage in card.stages[: _trunk(card, modules)]:
        module, kind = printed.get(stage.name), KINDS.get(stage.kind)
        if module is not None and kind is not None:
            yield StemLayer(
                module=stage.name,
                kind=kind,
                channels=module.channels if kind == "conv" else (stage.shape[0], stage.shape[0]),
                kernel=module.size("kernel_size", 0),
                stride=module.size("stride", 1),
                padding=module.size("padding", 0),
            )


def _maps(card: NetworkCard, modules: Sequence[PrintedModule]) -> Iterator[tuple[int, int, int]]:
    """The end of each size, without the pooling before the classifier."""
    stages = (
        stage.shape
        for stage in card.stages[_trunk(card, modules) :]
        if len(stage.shape) == 3 and not stage.kind.startswith("Adaptive")
    )
    for _, same in groupby(stages, key=lambda shape: shape[1:]):
        channels, height, width = list(same)[-1]
        yield channels, height, width


def _conv_inputs(card: NetworkCard, modules: Sequence[PrintedModule]) -> int:
    """Infers maps' sizes from each stage's output backwards, by strides and pools."""
    total = 0
    for stage in {stage.name: stage for stage in card.stages if len(stage.shape) == 3}.values():
        side = max(stage.shape[1:])
        for module in reversed([module for module in modules if module.path[0] == stage.name]):
            stride = module.size("stride", 1)[0]
            if module.kind == "Conv2d":
                kernel, padding = module.size("kernel_size", 1)[0], module.size("padding", 0)[0]
                unpadded = (side - 1) * stride + kernel - 2 * padding
                before = 1 if "se" in module.path else max(side * stride, unpadded)
                total += module.channels[0] * before**2
            if module.kind in KINDS and not OFF_TRUNK & set(module.path):
                side *= stride
    return total
