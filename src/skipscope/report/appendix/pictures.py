"""Shows pictures: what a kernel does to an image step by step, and the feature maps of stages."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis import pictures as seen
from skipscope.figures.rendering import raster
from skipscope.report.appendix.predictions import all_predictions, predictions_of, shared_errors
from skipscope.report.appendix.readings import missing_note, paragraph
from skipscope.report.context import Context
from skipscope.report.document import Block, Section, Tile
from skipscope.report.words import Inline, code, rounded

STEP = 128
"""Side of a step's picture in pixels; smaller maps are enlarged to it."""
CELL = 32
"""Approximate side in pixels of one picture among many."""
FEW = 16


def pictures(context: Context, number: str) -> Section:
    """The section with one image in all networks, and the images that all of them get wrong."""
    blocks = [*missing(context), *one_image(context), *shared_errors(context)]
    title = context.words("pictures.title")
    return Section(id="pictures", number=number, title=title, blocks=tuple(blocks))


def pictures_of(context: Context, arm: str) -> list[Block]:
    """One network's pictures: a kernel step by step, all kernels, its predictions and surest errors."""
    found = context.tables.pictures.get(arm, {})
    return [*step_by_step(context, arm, found), *kernels(context, arm, found), *predictions_of(context, arm)]


def missing(context: Context) -> list[Block]:
    """Names finished runs without pictures or predictions, and the commands that add them."""
    tables = context.tables
    answered = set(all_predictions(context)["arm"])
    without = {
        entry.arm: entry.run
        for entry in reversed(tables.entries)
        if entry.state == "done" and not (entry.arm in tables.pictures and entry.arm in answered)
    }
    return missing_note(context, "pictures.missing", without)


def step_by_step(context: Context, arm: str, found: Mapping[str, NDArray[Any]]) -> list[Block]:
    """Shows an image, the window where a kernel responds most, its feature map, and later stages' maps."""
    step = seen.first_step(found)
    if step is None:
        return []
    words, (first, *later) = context.words, maps_of(found)
    image, side = found["image"], step.weights.shape[-1]
    name = context.class_name(label_of(context, found))
    window = {"top": step.top, "left": step.left, "side": side}
    low, high = rounded(float(step.answer.min())), rounded(float(step.answer.max()))
    shape = f"{step.answer.shape[0]}×{step.answer.shape[1]}"
    number, of = str(step.kernel + 1), str(len(found["filters"]))
    said: dict[str, object] = {"side": side, "kernel": number, "of": of, "name": name, "shape": shape}
    said |= {"low": low, "high": high, "row": step.row + 1, "column": step.column + 1}
    tiles = [
        Tile(
            picture=raster.framed(image, **window, times=STEP // len(image)),
            caption=words("pictures.step_image", **said),
        ),
        step_tile(raster.window(image, **window), words("pictures.step_window", **said)),
        step_tile(raster.kernel(step.weights), words("pictures.step_kernel", **said)),
        step_tile(raster.grey(step.answer), words("pictures.step_map", **said)),
        *(map_tile(context, stage, maps) for stage, maps in (first, *later)),
    ]
    table = pl.DataFrame(
        [(stage, *maps.shape, float(maps.min()), float(maps.max())) for stage, maps in (first, *later)],
        schema=["stage", "maps", "height", "width", "smallest", "largest"],
        orient="row",
    )
    text = words("pictures.steps_text", **said, stage=code(first[0]))
    gallery = context.gallery(
        f"steps-{context.file_of(arm)}",
        tiles,
        table,
        caption=words("pictures.steps_caption", arm=code(arm)),
        spoken=text,
        steps=True,
    )
    return [paragraph(context, text), gallery]


def kernels(context: Context, arm: str, found: Mapping[str, NDArray[Any]]) -> list[Block]:
    """Shows all kernels of the first convolution."""
    if "filters" not in found:
        return []
    words, filters = context.words, found["filters"]
    sheet = raster.sheet(
        [raster.kernel(each) for each in filters], columns=16, cell=CELL if len(filters) > FEW else 2 * CELL
    )
    table = pl.DataFrame(
        {
            "kernel": np.arange(1, len(filters) + 1),
            "norm": np.sqrt((filters.astype(np.float64) ** 2).sum(axis=(1, 2, 3))).round(4),
        }
    )
    largest, smallest = (table.sort("norm")["norm"][end] for end in (-1, 0))
    text = words(
        "pictures.kernels_text", number=len(filters), times=rounded(largest / smallest) if smallest else "∞"
    )
    tile = Tile(
        picture=sheet, caption=words("pictures.kernels_tile", number=len(filters), side=filters.shape[-1])
    )
    gallery = context.gallery(
        f"kernels-{context.file_of(arm)}",
        [tile],
        table,
        caption=words("pictures.kernels_caption", arm=code(arm)),
        spoken=text,
    )
    return [paragraph(context, text), gallery]


def one_image(context: Context) -> list[Block]:
    """Shows the feature maps of one image after each network's first and last recorded stage."""
    words, drawn = context.words, {arm: maps_of(found) for arm, found in context.tables.pictures.items()}
    drawn = {arm: maps for arm, maps in drawn.items() if len(maps) > 1}
    if not drawn:
        return []
    found = context.tables.pictures[next(iter(drawn))]
    name = context.class_name(label_of(context, found))
    ends = {arm: (maps[0], maps[-1]) for arm, maps in drawn.items()}
    tiles = [
        Tile(picture=raster.enlarged(found["image"], STEP // 32), caption=words("pictures.image", name=name))
    ]
    tiles += [map_tile(context, stage, maps, arm=arm) for arm, pair in ends.items() for stage, maps in pair]
    sides = {
        arm: f"{first[1].shape[1]}×{first[1].shape[2]} → {last[1].shape[1]}×{last[1].shape[2]}"
        for arm, (first, last) in ends.items()
    }
    text = words(
        "pictures.one_text",
        name=name,
        sides=words.listed([words("overlay.item", arm=code(arm), value=side) for arm, side in sides.items()]),
    )
    table = pl.DataFrame(
        [(arm, stage, *maps.shape) for arm, pair in ends.items() for stage, maps in pair],
        schema=["arm", "stage", "maps", "height", "width"],
        orient="row",
    )
    caption = words("pictures.one_caption")
    return [
        paragraph(context, text),
        context.gallery("one-image", tiles, table, caption=caption, spoken=text),
    ]


def maps_of(found: Mapping[str, NDArray[Any]]) -> list[tuple[str, NDArray[Any]]]:
    """The stages with their feature maps, in the order of the network."""
    return [(key.removeprefix(seen.MAPS), maps) for key, maps in found.items() if key.startswith(seen.MAPS)]


def label_of(context: Context, found: Mapping[str, NDArray[Any]]) -> str:
    """The class of the image that the maps belong to."""
    classes = context.tables.record.data.classes
    label = int(found.get("image_label", np.array(-1)))
    return classes[label] if 0 <= label < len(classes) else str(label)


def map_tile(context: Context, stage: str, maps: NDArray[Any], *, arm: str | None = None) -> Tile:
    """Shows the channels of a stage on one sheet."""
    shape = f"{maps.shape[1]}×{maps.shape[2]}"
    told = {"stage": code(stage), "number": len(maps), "shape": shape}
    caption = (
        context.words("pictures.stage_tile", **told)
        if arm is None
        else context.words("pictures.arm_tile", **told, arm=code(arm))
    )
    return Tile(picture=raster.sheet(raster.greys(maps), columns=4, cell=CELL), caption=caption)


def step_tile(picture: raster.Picture, caption: Inline) -> Tile:
    """Enlarges a picture to about `STEP` pixels."""
    return Tile(picture=picture, zoom=max(1, round(STEP / picture.shape[1])), caption=caption)
