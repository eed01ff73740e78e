"""Shows pictures: what a kernel does to an image step by step, and the feature maps of stages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis import pictures as seen
from skipscope.figures.rendering import raster
from skipscope.report.appendix.predictions import all_predictions, predictions_of, shared_errors
from skipscope.report.appendix.readings import missing_note, paragraph
from skipscope.report.context import Context
from skipscope.report.document import Block, Section
from skipscope.report.galleries import Tile
from skipscope.report.words import Inline, code, rounded

STEP = 128
"""Side of a step's picture in pixels; smaller maps are enlarged to it."""
CELL = 32
"""Approximate side in pixels of one picture among many."""
FEW = 16


def pictures(context: Context) -> Section:
    """Builds the section with one image in all networks, and the images that all of them get wrong."""
    blocks = [*missing(context), *one_image(context), *shared_errors(context)]
    return context.section("pictures", "pictures", blocks)


def pictures_of(context: Context, arm: str) -> list[Block]:
    """Shows a network's first kernel step by step, all kernels, its predictions and surest errors."""
    found = context.tables.pictures.get(arm, {})
    return [*step_by_step(context, arm, found), *kernels(context, arm, found), *predictions_of(context, arm)]


def missing(context: Context) -> list[Block]:
    """Names finished runs without pictures or predictions, and the commands that add them."""
    complete = context.tables.pictures.keys() & set(all_predictions(context)["arm"])
    finished = (entry for entry in context.tables.entries if entry.state == "done")
    return missing_note(context, "pictures.missing", (each for each in finished if each.arm not in complete))


def step_by_step(context: Context, arm: str, found: Mapping[str, NDArray[Any]]) -> list[Block]:
    """Shows an image, the window where a kernel responds most, its feature map, and later stages' maps."""
    step = seen.first_step(found)
    if step is None:
        return []
    words, stages = context.words, maps_of(found)
    image, side = found["image"], step.weights.shape[-1]
    window = {"top": step.top, "left": step.left, "side": side}
    said = {
        "side": side,
        "kernel": step.kernel + 1,
        "of": len(found["filters"]),
        "name": context.class_name(label_of(context, found)),
        "shape": "{}×{}".format(*step.answer.shape),
        "low": rounded(float(step.answer.min())),
        "high": rounded(float(step.answer.max())),
        "row": step.row + 1,
        "column": step.column + 1,
    }
    framed = raster.framed(image, **window, times=STEP // len(image))
    tiles = [
        Tile(picture=framed, caption=words("pictures.step_image", **said)),
        step_tile(raster.window(image, **window), words("pictures.step_window", **said)),
        step_tile(raster.kernel(step.weights), words("pictures.step_kernel", **said)),
        step_tile(raster.grey(step.answer), words("pictures.step_map", **said)),
        *(map_tile(context, "stage_tile", stage, maps) for stage, maps in stages),
    ]
    table = pl.DataFrame(
        [(stage, *maps.shape, float(maps.min()), float(maps.max())) for stage, maps in stages],
        schema=["stage", "maps", "height", "width", "smallest", "largest"],
        orient="row",
    )
    text = words("pictures.steps_text", **said, stage=code(stages[0][0]))
    name, caption = f"steps-{context.file_of(arm)}", words("pictures.steps_caption", arm=code(arm))
    gallery = context.gallery(name, tiles, table, caption=caption, spoken=text)
    return [paragraph(context, text), replace(gallery, steps=True)]


def kernels(context: Context, arm: str, found: Mapping[str, NDArray[Any]]) -> list[Block]:
    """Shows all kernels of the first convolution."""
    if "filters" not in found:
        return []
    words, filters = context.words, found["filters"]
    number, norms = len(filters), np.sqrt((filters.astype(np.float64) ** 2).sum(axis=(1, 2, 3))).round(4)
    table = pl.DataFrame({"kernel": np.arange(1, number + 1), "norm": norms})
    smallest, largest = (table["norm"].sort()[end] for end in (0, -1))
    times = rounded(largest / smallest) if smallest else "∞"
    text = words("pictures.kernels_text", number=number, times=times)
    cell = CELL if number > FEW else 2 * CELL
    sheet = raster.sheet([raster.kernel(each) for each in filters], columns=16, cell=cell)
    tile = Tile(picture=sheet, caption=words("pictures.kernels_tile", number=number, side=filters.shape[-1]))
    name, caption = f"kernels-{context.file_of(arm)}", words("pictures.kernels_caption", arm=code(arm))
    return [paragraph(context, text), context.gallery(name, [tile], table, caption=caption, spoken=text)]


def one_image(context: Context) -> list[Block]:
    """Shows the feature maps of one image after each network's first and last recorded stage."""
    words, drawn = context.words, {arm: maps_of(found) for arm, found in context.tables.pictures.items()}
    ends = {arm: (maps[0], maps[-1]) for arm, maps in drawn.items() if len(maps) > 1}
    if not ends:
        return []
    found = context.tables.pictures[next(iter(ends))]
    name = context.class_name(label_of(context, found))
    shown = [(arm, stage, maps) for arm, pair in ends.items() for stage, maps in pair]
    enlarged = raster.enlarged(found["image"], STEP // 32)
    image = Tile(picture=enlarged, caption=words("pictures.image", name=name))
    tiles = [map_tile(context, "arm_tile", stage, maps, arm=code(arm)) for arm, stage, maps in shown]
    sides = {arm: " → ".join(size_of(maps) for _, maps in pair) for arm, pair in ends.items()}
    text = words("pictures.one_text", name=name, sides=words.by_arm(sides))
    table = pl.DataFrame(
        [(arm, stage, *maps.shape) for arm, stage, maps in shown],
        schema=["arm", "stage", "maps", "height", "width"],
        orient="row",
    )
    caption = words("pictures.one_caption")
    gallery = context.gallery("one-image", [image, *tiles], table, caption=caption, spoken=text)
    return [paragraph(context, text), gallery]


def maps_of(found: Mapping[str, NDArray[Any]]) -> list[tuple[str, NDArray[Any]]]:
    """Returns the stages with their feature maps, in the order of the network."""
    return [(key.removeprefix(seen.MAPS), maps) for key, maps in found.items() if key.startswith(seen.MAPS)]


def label_of(context: Context, found: Mapping[str, NDArray[Any]]) -> str:
    """Writes the class of the image that the maps belong to."""
    classes = context.tables.record.data.classes
    label = int(found.get("image_label", np.array(-1)))
    return classes[label] if 0 <= label < len(classes) else str(label)


def size_of(maps: NDArray[Any]) -> str:
    """Formats height and width of maps (C, H, W) as 8×8."""
    return f"{maps.shape[1]}×{maps.shape[2]}"


def map_tile(context: Context, key: str, stage: str, maps: NDArray[Any], **told: Inline) -> Tile:
    """Shows the channels of a stage on one sheet."""
    told |= {"stage": code(stage), "shape": Inline(size_of(maps))}
    caption = context.words(f"pictures.{key}", number=len(maps), **told)
    return Tile(picture=raster.sheet(raster.greys(maps), columns=4, cell=CELL), caption=caption)


def step_tile(picture: raster.Picture, caption: Inline) -> Tile:
    """Enlarges a picture to about `STEP` pixels."""
    return Tile(picture=picture, zoom=max(1, round(STEP / picture.shape[1])), caption=caption)
