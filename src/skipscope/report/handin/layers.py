"""Tabulates the layers of the networks, so that a reader could build them: kernels, channels, strides, sizes.

A stage has two rows, as in the papers' tables: its layers, and below them the shape of its output.
A network is grouped as its drawing is (`diagrams/layout.py`); layers are read from `print(net)`.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from math import prod

from skipscope.diagrams.layout import grouped
from skipscope.diagrams.wiring import Step, wired
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import PrintedModule, printed_modules
from skipscope.report.document import Column, Table
from skipscope.report.handin.prose import Prose
from skipscope.report.words import NBSP, Inline, Words, code, literal

MOST = 6
"""Networks in the table: a column more is too narrow for its layers."""
JOINS = ("shortcut", "append", "beside")
Layer = tuple[str, int]
"""What it is, and its stride; 1 where that goes without saying."""
THEN, HALVES = "; ", "↓"
"""Written between layers, and after one that has a stride of 2; a larger stride follows the arrow."""
NONE = Inline("–"), Inline("")
"""A stage that a network does not have."""


def layer_table(prose: Prose, networks: Sequence[tuple[str, NetworkCard]]) -> Table:
    """Builds the table of the first networks: two rows a stage, a column a network; the last is its end."""
    words = prose.context.words
    shown = networks[:MOST]
    cells = [list(_stages(card, words)) or [NONE] for _, card in shown]
    most = max(map(len, cells))
    filled = [[*each[:-1], *[NONE] * (most - len(each)), each[-1]] for each in cells]
    rows = [
        row
        for number, stages in enumerate(zip(*filled, strict=True), start=1)
        for row in (
            (words("layers.row", number=number), *(layers for layers, _ in stages)),
            (words("layers.output"), *(shape for _, shape in stages)),
        )
    ]
    titles = [words("layers.stage"), *(code(name) for name, _ in shown)]
    columns = tuple(Column(title=title) for title in titles)
    written = " ".join(map(str, chain.from_iterable(rows)))
    marks = [key for key, mark in (("other", "P="), ("none", "*")) if mark in written]
    exceptions = Inline("".join(words.raw(f"layers.padding.{key}") for key in marks))
    caption = words("layers.caption", exceptions=exceptions)
    return prose.context.tabled(Table(columns=columns, rows=tuple(rows), caption=caption))


def _stages(card: NetworkCard, words: Words) -> Iterator[tuple[Inline, Inline]]:
    """Writes the layers of each stage of a network, and the shape of its output."""
    steps = wired(card).steps
    printed = {".".join(each.path): each for each in printed_modules(card.structure.splitlines()[1:])}
    for part in grouped(card, steps, pools=False):
        inside = steps[part.first : part.after]
        linear = words.raw("layers.linear").partition("{")[0]
        layers = THEN.join(_repeated(_blocks(inside, printed, words)))
        layers = layers.replace(THEN + linear, ", ")  # linear 120, 84, 10
        shape = "×".join(map(str, inside[-1].call.shape)) + _read(
            steps[part.after - 1 : part.after + 1], printed
        )
        yield literal(layers), literal(shape)


def averages(card: NetworkCard) -> bool:
    """Says whether a network's linear layer reads the means of the channels, which no step of it computes."""
    steps = wired(card).steps
    printed = {".".join(each.path): each for each in printed_modules(card.structure.splitlines()[1:])}
    read = (_read(steps[at : at + 2], printed) for at in range(len(steps)))
    return any(told == f" → {step.call.shape[0]}" for told, step in zip(read, steps, strict=True))


def _read(steps: Sequence[Step], printed: dict[str, PrintedModule]) -> str:
    """Says how many numbers of a map the fully connected layer after it reads: all, or channels' means."""
    if len(steps) < 2 or steps[1].kind != "linear" or prod(steps[0].call.shape[1:]) == 1:
        return ""
    module = printed.get(steps[1].call.module.partition(":")[0])
    return f" → {module.size('in_features', 0)[0]}" if module else ""


def _blocks(
    steps: Sequence[Step], printed: dict[str, PrintedModule], words: Words
) -> Iterator[tuple[Layer, ...]]:
    """Yields the layers of each block, up to where its input is joined again; others are alone."""
    joined, block = any(step.kind in JOINS for step in steps), list[Layer]()
    for step in steps:
        if step.kind not in JOINS:
            block.append(_layer(step, printed, words))
        if block and (step.kind in JOINS or not joined):
            yield tuple(block)
            block = []
    if block:
        yield tuple(block)


def _repeated(blocks: Iterator[tuple[Layer, ...]]) -> Iterator[str]:
    """Writes blocks, equal ones but for their strides once: [3×3, 64; 3×3, 64]×2↓."""
    for names, run in groupby(blocks, key=lambda block: tuple(name for name, _ in block)):
        found = list(run)
        told = THEN.join(names)
        if len(found) > 1 or len(names) > 1:
            told = f"[{told}]"
        told += f"×{len(found)}" if len(found) > 1 else ""
        stride = next((stride for block in found for _, stride in block if stride > 1), None)
        yield told + (f"{HALVES}{'' if stride == 2 else stride}" if stride else "")


def _layer(step: Step, printed: dict[str, PrintedModule], words: Words) -> Layer:
    """Names a layer by its kernel and its channels, a fully connected one by its outputs."""
    module = printed.get(step.call.module.partition(":")[0])
    if step.kind == "gate":
        return "SE", 1
    if step.kind == "linear":
        return str(words("layers.linear", outputs=step.call.shape[0])), 1
    key = "kernel_size"
    if module is None or key not in module.arguments:
        return str(words(f"layers.{'pool' if step.kind == 'pool' else 'conv'}", kernel="")).strip(), 1
    kernel = "×".join(map(str, module.size(key, 1)))
    if step.kind == "conv":
        return f"{kernel}{_padding(module)},{NBSP}{module.channels[1]}", module.size("stride", 1)[0]
    kind = "max" if module.kind.startswith("Max") else "mean"
    name = f"{words(f'layers.{kind}', kernel=kernel)}{_padding(module)}"
    return name, module.size("stride", module.size(key, 1)[0])[0]


def _padding(module: PrintedModule) -> str:
    """Tells a padding other than half of what a kernel is wider than a pixel (rounded down); a star: none."""
    if "padding=same" in module.arguments:
        return ""
    kernel, dilation, padding = (
        module.size(*each) for each in (("kernel_size", 1), ("dilation", 1), ("padding", 0))
    )
    usual = tuple(step * (side - 1) // 2 for step, side in zip(dilation, kernel, strict=True))
    told = padding[:1] if padding[0] == padding[1] else padding
    return "" if padding == usual else f"{NBSP}P={'×'.join(map(str, told))}" if any(padding) else "*"
