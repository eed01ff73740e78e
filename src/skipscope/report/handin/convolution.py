"""Explains convolution: its equation, one number worked out on an image of the report, and its cost."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from string import Template
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis.tables import ArmSummary
from skipscope.analysis.worked_convolution import WorkedConvolution, worked
from skipscope.figures.rendering import raster
from skipscope.records.network_card import Stage, StemLayer
from skipscope.records.printed import anatomy_of
from skipscope.report.context import Context
from skipscope.report.document import Block, Equation, Section
from skipscope.report.families import told_apart
from skipscope.report.galleries import Gallery, Tile
from skipscope.report.handin.prose import Prose, prose_of
from skipscope.report.statements import Source
from skipscope.report.words import Inline, code, count, literal

EXACT, LECUN = Source(basis="exact", key="params"), Source(basis="known", key="lecun1998")
IMAGE = 3, 32, 32
TILE = 128
"""Side of a picture in pixels."""
SIGNS = ("→", "×", "=", "Σ →")
"""What leads from the image to its window, and on to one number of the map."""


def convolution(context: Context) -> Section:
    """Writes the chapter."""
    prose = prose_of(context)
    say = prose.say
    example = example_of(context)
    blocks: list[Block] = [
        prose.paragraph(say("convolution.what")),
        Equation(lines=tuple(context.words.raw("convolution.equation"))),
        prose.paragraph(say("convolution.sharing", LECUN), say("convolution.terms")),
    ]
    if example:
        blocks += worked_out(prose, *example)
    blocks += sizes(prose, example[0] if example else None)
    return context.section("convolution-chapter", "convolution", blocks)


def example_of(context: Context) -> tuple[str, WorkedConvolution] | None:
    """Finds the arm whose first convolution has the smallest kernel that can be written out."""
    card = context.tables.record.data
    if card.mean is None or card.std is None:
        return None
    pictures = context.tables.pictures
    found = [(arm, made) for arm in pictures if (made := worked(pictures[arm], card.mean, card.std))]
    return min(found, key=lambda each: each[1].weights.shape[-1], default=None)


def worked_out(prose: Prose, arm: str, example: WorkedConvolution) -> list[Block]:
    """Shows the window, the kernel and the map, and writes the numbers of one channel out."""
    words, channel = prose.context.words, example.channel
    told: dict[str, object] = {
        "arm": code(arm),
        "kernel": example.kernel + 1,
        "side": example.weights.shape[-1],
        "row": example.row + 1,
        "column": example.column + 1,
        "channel": words(f"convolution.channel.{channel}"),
        "name": prose.context.class_name(class_of(prose.context, arm)),
    }
    shown = gallery(prose, arm, example, told)
    first = prose.say("convolution.example", figure=prose.figure(shown), **told)
    total = prose.say("convolution.total", own(prose), value=decimal(example.value), **told)
    return [prose.paragraph(first), Equation(lines=tuple(in_numbers(example))), prose.paragraph(total), shown]


def in_numbers(example: WorkedConvolution) -> Iterator[str]:
    """Writes window and kernel of the channel that contributes most, their sum, and the whole."""
    channel, sums = example.channel, example.sums
    yield rf"X = {matrix(example.window[channel])}, \quad W = {matrix(example.weights[channel])},"
    others = [total for index, total in enumerate(sums) if index != channel]
    terms = [sums[channel], *others, example.bias]
    total = f"{' + '.join(map(bracketed, terms))} \\approx {decimal(sum(terms))}."
    yield rf"\sum_{{u,v}} X_{{uv}} W_{{uv}} \approx {decimal(sums[channel])}, \qquad {total}"


def matrix(values: NDArray[Any]) -> str:
    """Writes a matrix in TeX, to two decimals."""
    rows = r" \\ ".join(" & ".join(decimal(value) for value in row) for row in values)
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def decimal(value: float) -> str:
    """Writes a number to two decimals, without a negative zero."""
    return f"{round(float(value), 2) + 0.0:.2f}"


def bracketed(value: float) -> str:
    """Puts a negative term in brackets."""
    written = decimal(value)
    return f"({written})" if written.startswith("-") else written


def gallery(prose: Prose, arm: str, example: WorkedConvolution, told: dict[str, object]) -> Gallery:
    """Shows the image with the window, the window's and the kernel's channel, their product and the map."""
    context, channel, side = prose.context, example.channel, example.weights.shape[-1]
    window, weights = example.window[channel], example.weights[channel]
    uneven = raster.lopsided(window)
    image = context.tables.pictures[arm]["image"]
    framed = raster.framed(image, top=example.top, left=example.left, side=side, times=TILE // 32)
    zoom = max(1, TILE // max(example.map.shape))
    pixel = {"top": example.row, "left": example.column, "side": 1, "times": zoom}
    pictures = {
        "image": framed,
        "window": raster.spread(window) if uneven else raster.grey(window),
        "weights": raster.grey(weights),
        "product": raster.grey(window * weights),
        "map": raster.framed(raster.grey(example.map), **pixel),
    }
    shown = {"window": window, "weights": weights, "product": window * weights, "map": example.map}
    spans = {key: (decimal(values.min()), decimal(values.max())) for key, values in shown.items()}
    tiles = [
        Tile(
            picture=picture,
            zoom=max(1, round(TILE / picture.shape[1])),
            caption=context.words(f"convolution.tile.{key}", **told, **span_of(spans.get(key))),
        )
        for key, picture in pictures.items()
    ]
    table = pl.DataFrame(
        [(*at, float(window[at]), float(weights[at])) for at in np.ndindex(window.shape)],
        schema=["row", "column", "window", "weight"],
        orient="row",
    )
    spread = Inline(context.words.raw("convolution.spread")) if uneven else ""
    caption = context.words("convolution.caption", **told, spread=spread)
    made = context.gallery("convolution", tiles, table, caption=caption, spoken=caption)
    return replace(made, steps=True, signs=SIGNS)


def span_of(ends: tuple[str, str] | None) -> dict[str, object]:
    """Names the ends of a grey scale as texts are filled with them."""
    return dict(zip(("low", "high"), (literal(end.replace("-", "−")) for end in ends or ()), strict=False))


def sizes(prose: Prose, arm: str | None) -> list[Block]:
    """Works out size, parameters and multiply-adds of a first convolution, and what full connection takes."""
    summaries = [each for each in told_apart(prose.context.tables.summaries) if arm in (None, each.arm)]
    found = next((first for each in summaries if (first := first_convolution(each))), None)
    if found is None:
        return []
    summary, stage, stem = found
    (inputs, outputs), kernel = stem.channels, stem.kernel[0]
    bias = stage.params > kernel**2 * inputs * outputs
    filled = {
        "side": IMAGE[-1],
        "padding": stem.padding[0],
        "stride": stem.stride[0],
        "kernel": kernel,
        "inputs": inputs,
        "outputs": outputs,
        "out": stage.shape[-1],
        "plus": r" + C_{\text{out}}" if bias else "",
        "bias": f" + {outputs}" if bias else "",
        "params": tex(stage.params),
        "macs": tex(stage.macs),
    }
    lines = (Template(line).substitute(filled) for line in prose.context.words.raw("convolution.in_numbers"))
    told = {"weights": count(kernel**2 * inputs * outputs), "dense": count(prod(IMAGE) * prod(stage.shape))}
    return [
        prose.paragraph(prose.say("convolution.sizes", arm=code(summary.arm))),
        Equation(lines=tuple(lines)),
        prose.paragraph(prose.say("convolution.dense", EXACT, **told)),
    ]


def first_convolution(summary: ArmSummary) -> tuple[ArmSummary, Stage, StemLayer] | None:
    """Finds a network's first convolution if it is square and the formulas give what was counted."""
    card = summary.network
    stem = anatomy_of(card).stem if card else ()
    if card is None or not stem or stem[0].kind != "conv":
        return None
    first = stem[0]
    stage = next((stage for stage in card.stages if stage.name == first.module), None)
    (inputs, outputs), (kernel, same), (stride, _), (padding, _) = (
        first.channels,
        first.kernel,
        first.stride,
        first.padding,
    )
    out = (IMAGE[-1] + 2 * padding - kernel) // stride + 1
    if stage is None or kernel != same or inputs != IMAGE[0] or stage.shape != (outputs, out, out):
        return None
    weights = kernel**2 * inputs * outputs
    agrees = stage.params - weights in (0, outputs) and stage.macs == weights * out**2
    return (summary, stage, first) if agrees else None


def tex(number: int) -> str:
    """Writes a whole number in TeX, as text: its commas are no punctuation."""
    return rf"\text{{{number:,}}}"


def class_of(context: Context, arm: str) -> str:
    """Names the class of an arm's image."""
    classes = context.tables.record.data.classes
    label = int(context.tables.pictures[arm].get("image_label", np.array(-1)))
    return classes[label] if 0 <= label < len(classes) else str(label)


def own(prose: Prose) -> Source:
    """What this workspace's runs recorded."""
    return Source(basis="own", key="pictures", study=prose.evidence.study)
