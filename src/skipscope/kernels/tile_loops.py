"""Emits the loops of `tiles.py`: 3x3 convolutions and their gradients, a block of tiles at a time.

Channels come in panels as wide as a vector; products are summed in registers, over the channels or, for the
weights' gradient, over the tiles.

Shapes: B images; maps of I -> O channels and H x W -> h x w pixels; P points of a tile; v lanes of a vector.
"""

from skipscope.kernels.codegen import FunctionBuilder, ModuleBuilder, Signatures, Value, integer
from skipscope.kernels.minimal_filters import KERNEL, Filter
from skipscope.kernels.tile_transforms import (
    FeatureMap,
    Panels,
    TileRange,
    Transform,
    emit_gather,
    emit_scatter,
    transforms,
)

TILES = 6
"""Tiles whose products are summed at once: two registers each, and three for factors, of AVX2's sixteen."""
GRADIENTS = 6
"""Channels whose weights' gradients are summed at once, or as many as are left of a vector."""

SIGNATURES: Signatures = {
    "transpose_kernel": (2, 2),
    "forward_kernel": (3, 2),
    "forward": (7, 10),
    "grad_input_kernel": (3, 2),
    "grad_input": (7, 10),
    "grad_weight": (6, 12),
    "grad_weight_output": (3, 2),
}


def emit(
    module: ModuleBuilder, forward: tuple[Filter, Filter], grad_input: tuple[Filter, Filter], *, partial: bool
) -> None:
    """Emits all of `SIGNATURES`, for the filters of rows and of columns.

    Kernels have channels in whole vectors; where `partial`, those of maps may end within one.
    """
    _emit_transpose_kernel(module)
    for name, filters in (("forward", forward), ("grad_input", grad_input)):
        of_input, of_kernel, of_output = transforms(*filters)
        _emit_kernel_transform(module, f"{name}_kernel", of_kernel)
        _emit_convolution(module, name, of_input, of_output, partial=partial)
    of_input, of_kernel, of_output = transforms(*forward)
    _emit_grad_weight(module, of_input, of_output.transposed(), partial=partial)
    _emit_grad_weight_output(module, of_kernel.transposed())


def _emit_transpose_kernel(module: ModuleBuilder) -> None:
    """Emits O 3 3 I -> I 3 3 O."""
    with module.function("transpose_kernel") as (b, (kernel, transposed, outputs, inputs)):
        one, taps = integer(1), integer(KERNEL**2)
        source, to = (FeatureMap(at, one, taps, n, n) for at, n in ((kernel, inputs), (transposed, outputs)))
        with (
            b.loop(integer(0), outputs, b.lanes) as block,
            b.loop(integer(0), taps) as tap,
            b.loop(integer(0), inputs, b.lanes) as panel,
        ):
            lines, columns = (
                [map_.pixel(b, b.sum(at, integer(row)), integer(0), tap.index) for row in range(b.lanes)]
                for map_, at in ((source, block.index), (to, panel.index))
            )
            rows = b.transpose([b.load_vector(b.offset(line, panel.index)) for line in lines])
            for row, column in zip(rows, columns, strict=True):
                b.store_vector(row, b.offset(column, block.index))


def _emit_kernel_transform(module: ModuleBuilder, name: str, of_kernel: Transform) -> None:
    """Emits I 3 3 O -> P O/v I v."""
    with module.function(name) as (b, (kernel, zeros, weights, inputs, outputs)):
        source = FeatureMap(kernel, integer(KERNEL), integer(KERNEL), outputs, outputs)
        emit_gather(b, of_kernel, source, Panels(weights, inputs, outputs), zeros, TileRange(inputs))


def _emit_grad_weight_output(module: ModuleBuilder, to_kernel: Transform) -> None:
    """Emits P I/v O v -> O 3 3 I."""
    with module.function("grad_weight_output") as (b, (sums, zeros, kernel, outputs, inputs)):
        to = FeatureMap(kernel, integer(KERNEL), integer(KERNEL), inputs, inputs)
        emit_scatter(b, to_kernel, Panels(sums, outputs, inputs), to, zeros, TileRange(outputs))


def _emit_convolution(
    module: ModuleBuilder, name: str, of_input: Transform, of_output: Transform, *, partial: bool
) -> None:
    """Emits B H W I and P O/v I v -> B h w O, for tiles `first` to `last`."""
    with module.function(name) as (b, arguments):
        x, weights, bias, zeros, y, transformed, products, first, last, block, *sizes = arguments
        height, width, rows, columns, inputs, outputs, pixel_stride = sizes
        whole_inputs, whole_outputs = b.whole_vectors(inputs), b.whole_vectors(outputs)
        source, to = Panels(transformed, block, whole_inputs), Panels(products, block, whole_outputs)
        kernels = Panels(weights, whole_inputs, whole_outputs)
        x_map = FeatureMap(x, height, width, inputs, pixel_stride, partial)
        y_map = FeatureMap(y, rows, columns, outputs, outputs, partial)
        with b.loop(first, last, block) as body:
            tiles = TileRange(b.minimum(b.sub(last, body.index), block), body.index)
            emit_gather(b, of_input, x_map, source, zeros, tiles)
            with (
                b.loop(integer(0), of_input.points) as point,
                b.loop(integer(0), whole_outputs, b.lanes) as panel,
            ):
                _emit_products(b, source, kernels, to, point.index, panel.index, tiles.count)
            emit_scatter(b, of_output, to, y_map, bias, tiles)


def _emit_grad_weight(
    module: ModuleBuilder, of_input: Transform, of_gradient: Transform, *, partial: bool
) -> None:
    """Emits B H W I and B h w O -> P I/v O v, for output channels `first` to `last`."""
    with module.function("grad_weight") as (b, arguments):
        x, gradient, sums, zeros, transformed, spreads, first, last, count, block, *sizes = arguments
        height, width, rows, columns, inputs, outputs, pixel_stride, gradient_stride = sizes
        whole_inputs, whole_outputs = b.whole_vectors(inputs), b.whole_vectors(outputs)
        source, spread = Panels(transformed, block, whole_inputs), Panels(spreads, block, whole_outputs)
        totals = Panels(sums, whole_outputs, whole_inputs)
        x_map = FeatureMap(x, height, width, inputs, pixel_stride, partial)
        gradients = FeatureMap(gradient, rows, columns, outputs, gradient_stride, partial)
        with b.loop(integer(0), count, block) as body:
            tiles = TileRange(b.minimum(b.sub(count, body.index), block), body.index)
            emit_gather(b, of_input, x_map, source, zeros, tiles)
            is_first = b.icmp_signed("==", body.index, integer(0))
            emit_gather(b, of_gradient, gradients, spread, zeros, tiles, (first, last))
            with (
                b.loop(integer(0), of_input.points) as point,
                b.loop(first, last, b.lanes) as panel,
                b.loop(integer(0), whole_inputs, b.lanes) as other,
            ):
                at = point.index, panel.index, other.index
                _emit_correlation(b, spread, source, totals, *at, tiles.count, is_first)


def _emit_products(
    b: FunctionBuilder, source: Panels, kernels: Panels, to: Panels, point: Value, panel: Value, count: Value
) -> None:
    """At one point, multiplies tiles (up to whole `TILES`) by a panel's kernels, summed over the channels."""
    with b.loop(integer(0), count, TILES) as some:
        lines = [b.product(b.sum(some.index, integer(row)), integer(b.lanes)) for row in range(TILES)]
        weights = kernels.panel(b, point, panel)
        with b.loop(integer(0), source.channels, b.lanes, [b.splat(0)] * TILES) as channels:
            numbers = source.panel(b, point, channels.index)
            vectors = b.offset(weights, b.product(channels.index, integer(b.lanes)))
            for lane in range(b.lanes):
                vector = b.load_vector(b.offset(vectors, integer(lane * b.lanes)))
                channels.carried = [
                    b.multiply_add(b.load_splat(b.offset(numbers, line, integer(lane))), vector, total)
                    for line, total in zip(lines, channels.carried, strict=True)
                ]
        for line, total in zip(lines, channels.carried, strict=True):
            b.store_vector(total, b.offset(to.panel(b, point, panel), line))


def _emit_correlation(
    b: FunctionBuilder,
    spread: Panels,
    source: Panels,
    totals: Panels,
    point: Value,
    panel: Value,
    other: Value,
    count: Value,
    is_first: Value,
) -> None:
    """At one point, multiplies each of a panel's channels by the other's vector, summed over the tiles."""
    numbers, vectors = spread.panel(b, point, panel), source.panel(b, point, other)
    for first in range(0, b.lanes, GRADIENTS):
        channels = [b.sum(panel, integer(one)) for one in range(first, min(first + GRADIENTS, b.lanes))]
        into = totals.panel(b, point, other)
        cells = [b.offset(into, b.product(channel, integer(b.lanes))) for channel in channels]
        before = [b.select(is_first, b.splat(0), b.load_vector(cell)) for cell in cells]
        with b.loop(integer(0), count, 1, before) as tile:
            line = b.product(tile.index, integer(b.lanes))
            vector = b.load_vector(b.offset(vectors, line))
            tile.carried = [
                b.multiply_add(b.load_splat(b.offset(numbers, line, integer(first + one))), vector, total)
                for one, total in enumerate(tile.carried)
            ]
        for cell, total in zip(cells, tile.carried, strict=True):
            b.store_vector(total, cell)
