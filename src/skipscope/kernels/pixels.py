"""From bytes to a network's input in one compiled pass: gathered, cropped, mirrored, normalised.

Torch and numpy make six passes over a batch for it. The result is theirs to the last bit.

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

from skipscope.errors import MachineError
from skipscope.kernels.codegen import INT, FunctionBuilder, ModuleBuilder, Value, integer
from skipscope.kernels.jit import Function, compile_functions

CHANNELS, SIDE = 3, 32
ROW = SIDE * CHANNELS
CHUNK = 16
"""Bytes that become the numbers of one vector. Three such are 16 pixels, channels in the same order."""
ALIGN = 64
"""Bytes: torch aligns every tensor on a processor to a vector."""
BYTE = ir.IntType(8)
BYTES = ir.VectorType(BYTE, CHUNK)

Crop = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]
"""B each: the top row and left column of the crop in the padded image, and whether it is then mirrored."""
Pass = Callable[[NDArray[np.uint8], NDArray[np.int64], Crop | None, Tensor, Tensor], Tensor]


@cache
def compiled_pass(device: torch.device, margin: int) -> Pass | None:
    """(images N H W C uint8, B of their rows, crop, mean and scale H*W*C) -> B C H W float32, channels_last.

    `margin` is how many black pixels are added on each side before the crop. None where numpy and torch have
    to do it: on another device, or where no code can be compiled.
    """
    if device.type != "cpu":
        return None
    try:
        functions = compile_functions(emit, torch.float32, {"read": (6, 1)}, margin=margin)
    except MachineError:
        return None
    return partial(_read, functions["read"], margin)


def _read(
    read: Function,
    margin: int,
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    crop: Crop | None,
    mean: Tensor,
    scale: Tensor,
) -> Tensor:
    images = np.ascontiguousarray(images)
    if images.shape[1:] != (SIDE, SIDE, CHANNELS):
        raise ValueError(f"images are {SIDE} x {SIDE} pixels of {CHANNELS} channels")
    asked = requests(rows, crop, margin)
    zeros = np.zeros(_padded(margin) + ROW, np.uint8)
    x = torch.empty((len(rows), CHANNELS, SIDE, SIDE), memory_format=torch.channels_last)
    numbers = (tensor.data_ptr() for tensor in (mean, scale, x))
    read(*(array.ctypes.data for array in (images, asked, zeros)), *numbers, len(rows))
    return x


class Request(NamedTuple):
    """An image of a batch."""

    row: Value
    down: Value
    """Rows from the image's first to the crop's; `right`: columns."""
    right: Value
    mirrored: Value


def requests(rows: NDArray[np.int64], crop: Crop | None, margin: int) -> NDArray[np.int64]:
    """Writes what a batch is made of into one array: B rows and their crops -> B 4, as `Request` has it."""
    asked = np.zeros((len(rows), len(Request._fields)), np.int64)
    asked[:, 0] = rows
    if crop is not None:
        top, left, flip = crop
        asked[:, 1:] = np.stack([top - margin, left - margin, flip], axis=1)
    return asked


def emit(module: ModuleBuilder, margin: int) -> None:
    """Emits `read`: N H W C bytes and B requests -> B H W C numbers."""
    with module.function("read") as (b, (pixels, requests, zeros, mean, scale, x, batch)):
        padded, black = zeros, _byte(b, zeros, integer(_padded(margin)))  # a row with margins; one outside
        means, scales = (
            [b.load_vector(b.offset(each, integer(chunk * CHUNK))) for chunk in range(CHANNELS)]
            for each in (mean, scale)
        )
        with b.loop(integer(0), batch) as image:
            request = _request(b, requests, image.index)
            mirrored = b.icmp_signed("!=", request.mirrored, integer(0))
            crop = _byte(b, padded, b.product(b.sum(request.right, integer(margin)), integer(CHANNELS)))
            with b.loop(integer(0), integer(SIDE)) as line:
                row = b.sum(line.index, request.down)
                inside = b.icmp_unsigned("<", row, integer(SIDE))  # as unsigned, what is below 0 is large
                source = b.select(inside, _byte(b, pixels, _line(b, request.row, row)), black)
                for chunk in range(0, ROW, CHUNK):
                    bytes_ = _load(b, source, chunk)
                    b.store(bytes_, _byte(b, padded, integer(margin * CHANNELS + chunk)), align=1)
                for chunk in range(0, ROW, CHUNK):
                    values = b.select(mirrored, _load_mirrored(b, crop, chunk), _load(b, crop, chunk))
                    order = chunk // CHUNK % CHANNELS
                    numbers = b.fsub(b.uitofp(values, b.vector), means[order])
                    to = b.offset(x, _line(b, image.index, line.index), integer(chunk))
                    _store_past_cache(b, b.fmul(numbers, scales[order]), to)


def _padded(margin: int) -> int:
    """Bytes of a row with its margins."""
    return (SIDE + 2 * margin) * CHANNELS


def _store_past_cache(b: FunctionBuilder, numbers: Value, to: Value) -> None:
    """Stores past the cache, which a batch would fill before any of it is read again."""
    once = b.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
    b.store(numbers, to, align=ALIGN).set_metadata("nontemporal", once)


def _line(b: FunctionBuilder, image: Value, line: Value) -> Value:
    """Returns where a line of an image begins, in bytes or in numbers."""
    return b.product(b.sum(b.product(image, integer(SIDE)), line), integer(ROW))


def _request(b: FunctionBuilder, requests: Value, image: Value) -> Request:
    count = len(Request._fields)
    fields = (b.sum(b.product(image, integer(count)), integer(number)) for number in range(count))
    pointers = (b.gep(requests, [field], source_etype=INT) for field in fields)
    return Request(*(b.load(pointer, align=8, typ=INT) for pointer in pointers))


def _byte(b: FunctionBuilder, pointer: Value, number: Value) -> Value:
    return b.gep(pointer, [number], source_etype=BYTE)


def _load(b: FunctionBuilder, pointer: Value, number: int) -> Value:
    return b.load(_byte(b, pointer, integer(number)), align=1, typ=BYTES)


def _load_mirrored(b: FunctionBuilder, row: Value, first: int) -> Value:
    """Loads a chunk, from byte `first` on, of the row with its pixels from right to left."""
    sources = [ROW - CHANNELS - to + 2 * (to % CHANNELS) for to in range(first, first + CHUNK)]
    low = min(sources)
    high = max(sources) - CHUNK + 1  # the pixels that they belong to are longer than a chunk
    mask = [at - low if at - low < CHUNK else CHUNK + at - high for at in sources]
    order = ir.Constant(ir.VectorType(ir.IntType(32), CHUNK), mask)
    return b.shuffle_vector(_load(b, row, low), _load(b, row, high), order)
