"""From bytes to what a network sees in one pass: taken, cropped, mirrored, normalised.

Written for `vectors.py`. Torch and numpy go over a batch six times for it, out of memory and into it. To the
last bit it is what `Split.take`, `augment.moved` and `Inputs` make without it.

Shapes: B images of N; C = 3 channels, H x W = 32 x 32.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from llvmlite import ir
from numpy.typing import NDArray
from torch import Tensor

from skipscope.data.augment import MARGIN, AugmentParams
from skipscope.errors import MachineError
from skipscope.kernels.vectors import INDEX, Function, Program, Value, Writer, compiled, index

CHANNELS, SIDE = 3, 32
ROW = SIDE * CHANNELS
PIECE = 16
"""Bytes that are numbers of one vector. Three such are 16 pixels, whose channels change in the same order."""
ALIGN = 64
"""Bytes, of every tensor that torch makes for a processor, and of a vector."""
PADDED = (SIDE + 2 * MARGIN) * CHANNELS
BYTE = ir.IntType(8)
BYTES = ir.VectorType(BYTE, PIECE)

Pass = Callable[[NDArray[np.uint8], NDArray[np.int64], AugmentParams | None, Tensor, Tensor], Tensor]


@cache
def compiled_pass(on: torch.device) -> Pass | None:
    """(images N C H W uint8, B of their rows, moves, mean and scale H*W*C) -> B C H W float32, channels_last.

    None where numpy and torch have to do it: on another device, or where no code can be made.
    """
    if on.type != "cpu":
        return None
    try:
        return partial(_seen, compiled(write, torch.float32, {"see": (6, 1)}, of={})["see"])
    except MachineError:
        return None


def _seen(
    see: Function,
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    moves: AugmentParams | None,
    mean: Tensor,
    scale: Tensor,
) -> Tensor:
    pixels = images.transpose(0, 2, 3, 1)  # N H W C, as they lie in memory
    if not pixels.flags.c_contiguous:
        pixels, rows = np.ascontiguousarray(pixels[rows]), np.arange(len(rows))
    if pixels.shape[1:] != (SIDE, SIDE, CHANNELS):
        raise ValueError(f"images are {SIDE} x {SIDE} pixels of {CHANNELS} channels")
    wanted = np.zeros((len(rows), len(Wanted._fields)), np.int64)
    wanted[:, 0] = rows
    if moves is not None:
        wanted[:, 1] = moves.top - MARGIN
        wanted[:, 2] = moves.left - MARGIN
        wanted[:, 3] = moves.flip
    zeros = np.zeros(PADDED + ROW, np.uint8)
    x = torch.empty((len(rows), CHANNELS, SIDE, SIDE), memory_format=torch.channels_last)
    numbers = (tensor.data_ptr() for tensor in (mean, scale, x))
    see(*(array.ctypes.data for array in (pixels, wanted, zeros)), *numbers, len(rows))
    return x


class Wanted(NamedTuple):
    """Of an image of a batch."""

    row: Value
    down: Value
    """Rows from the image's first to the crop's; `right`: columns."""
    right: Value
    mirrored: Value


def write(program: Program) -> None:
    """See: N H W C bytes and B `Wanted` -> B H W C numbers."""
    with program.function("see") as (w, (pixels, wanted, zeros, mean, scale, x, batch)):
        do = w.do
        padded, black = zeros, _byte(w, zeros, index(PADDED))  # a row with its margins; one outside
        means, scales = (
            [w.load(w.place(each, index(piece * PIECE))) for piece in range(CHANNELS)]
            for each in (mean, scale)
        )
        with w.loop(index(0), batch) as image:
            of = _wanted(w, wanted, image.at)
            mirrored = do.icmp_signed("!=", of.mirrored, index(0))
            crop = _byte(w, padded, w.product(w.total(of.right, index(MARGIN)), index(CHANNELS)))
            with w.loop(index(0), index(SIDE)) as line:
                seen = w.total(line.at, of.down)
                inside = do.icmp_unsigned("<", seen, index(SIDE))  # below 0 is far above
                source = do.select(inside, _byte(w, pixels, _line(w, of.row, seen)), black)
                for piece in range(0, ROW, PIECE):
                    _put(w, _load(w, source, piece), padded, MARGIN * CHANNELS + piece)
                for piece in range(0, ROW, PIECE):
                    values = do.select(mirrored, _mirrored(w, crop, piece), _load(w, crop, piece))
                    order = piece // PIECE % CHANNELS
                    numbers = do.fsub(do.uitofp(values, w.vector), means[order])
                    place = w.place(x, _line(w, image.at, line.at), index(piece))
                    _write_through(w, do.fmul(numbers, scales[order]), place)


def _write_through(w: Writer, numbers: Value, place: Value) -> None:
    """Not by way of the cache, which a batch would fill before any of it is read again."""
    once = w.do.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
    w.do.store(numbers, place, align=ALIGN).set_metadata("nontemporal", once)


def _line(w: Writer, image: Value, line: Value) -> Value:
    """Where it begins, in bytes or in numbers."""
    return w.product(w.total(w.product(image, index(SIDE)), line), index(ROW))


def _wanted(w: Writer, wanted: Value, image: Value) -> Wanted:
    count = len(Wanted._fields)
    places = (w.total(w.product(image, index(count)), index(number)) for number in range(count))
    each = (w.do.gep(wanted, [place], source_etype=INDEX) for place in places)
    return Wanted(*(w.do.load(pointer, align=8, typ=INDEX) for pointer in each))


def _byte(w: Writer, pointer: Value, number: Value) -> Value:
    return w.do.gep(pointer, [number], source_etype=BYTE)


def _load(w: Writer, pointer: Value, number: int) -> Value:
    return w.do.load(_byte(w, pointer, index(number)), align=1, typ=BYTES)


def _put(w: Writer, piece: Value, pointer: Value, number: int) -> None:
    w.do.store(piece, _byte(w, pointer, index(number)), align=1)


def _mirrored(w: Writer, row: Value, piece: int) -> Value:
    """The bytes from `piece` on of the row whose last pixel comes first."""
    from_ = [ROW - CHANNELS - at + 2 * (at % CHANNELS) for at in range(piece, piece + PIECE)]
    low = min(from_)
    high = max(from_) - PIECE + 1  # the pixels that they belong to are longer than a piece
    there = [at - low if at - low < PIECE else PIECE + at - high for at in from_]
    order = ir.Constant(ir.VectorType(ir.IntType(32), PIECE), there)
    return w.do.shuffle_vector(_load(w, row, low), _load(w, row, high), order)
