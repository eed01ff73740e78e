"""Tabulates the layers of the networks, so that a reader could build them: kernels, channels, strides, sizes.

A network is grouped as its drawing is (`diagrams/layout.py`); layers are read from `print(net)`.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from skipscope.diagrams.layout import grouped
from skipscope.diagrams.wiring import Step, wired
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import PrintedModule, printed_modules
from skipscope.report.document import Column, Table
from skipscope.report.handin.prose import Prose
from skipscope.report.words import Inline, Words, code, literal

MOST = 4
"""Networks in the table: a column more is too narrow for its layers."""
JOINS = ("shortcut", "append", "beside")
Layer = tuple[str, bool]
"""What it is, and whether it has a stride of 2 or more."""


def layer_table(prose: Prose, networks: Sequence[tuple[str, NetworkCard]]) -> Table:
    """Builds the table of the first networks: a row a stage, a column a network; the last row is its end."""
    words = prose.context.words
    shown = networks[:MOST]
    cells = [list(_stages(card, words)) or [Inline("–")] for _, card in shown]
    most = max(map(len, cells))
    filled = [[*each[:-1], *[Inline("–")] * (most - len(each)), each[-1]] for each in cells]
    rows = tuple(
        (words("layers.row", number=number), *row)
        for number, row in enumerate(zip(*filled, strict=True), start=1)
    )
    titles = [words("layers.stage"), *(code(name) for name, _ in shown)]
    columns = tuple(Column(title=title) for title in titles)
    caption = words("layers.caption")
    return prose.context.tabled(Table(columns=columns, rows=rows, caption=caption))


def _stages(card: NetworkCard, words: Words) -> Iterator[Inline]:
    """Writes each stage of a network: its layers, and the shape of its output."""
    steps = wired(card).steps
    printed = {".".join(each.path): each for each in printed_modules(card.structure.splitlines()[1:])}
    for part in grouped(card, steps, pools=False):
        inside = steps[part.first : part.after]
        layers = words.raw("layers.then").join(_repeated(_blocks(inside, printed, words)))
        shape = "×".join(map(str, inside[-1].call.shape))
        yield words("layers.cell", layers=literal(layers), shape=shape)


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
    """Writes blocks, equal ones but for their strides once: [3×3, 64; 3×3, 64] × 2."""
    for names, run in groupby(blocks, key=lambda block: tuple(name for name, _ in block)):
        found = list(run)
        told = "; ".join(names)
        if len(found) > 1 or len(names) > 1:
            told = f"[{told}]"
        told += f" × {len(found)}" if len(found) > 1 else ""
        yield told + (" /2" if any(strided for block in found for _, strided in block) else "")


def _layer(step: Step, printed: dict[str, PrintedModule], words: Words) -> Layer:
    """Names a layer by its kernel and its channels, a fully connected one by its outputs."""
    module = printed.get(step.call.module.partition(":")[0])
    if step.kind == "gate":
        return "SE", False
    if step.kind == "linear":
        return str(words("layers.linear", outputs=step.call.shape[0])), False
    key = "kernel_size"
    if module is None or key not in module.arguments:
        return str(words(f"layers.{'pool' if step.kind == 'pool' else 'conv'}", kernel="")).strip(), False
    kernel = "×".join(map(str, module.size(key, 1)))
    if step.kind == "conv":
        return f"{kernel}, {module.channels[1]}", module.size("stride", 1)[0] > 1
    kind = "max" if module.kind.startswith("Max") else "mean"
    return str(words(f"layers.{kind}", kernel=kernel)), module.size("stride", module.size(key, 1)[0])[0] > 1
