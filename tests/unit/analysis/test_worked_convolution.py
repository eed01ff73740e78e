"""One number of a first convolution, worked out from what a run records."""

import numpy as np
import pytest

from skipscope.analysis.worked_convolution import worked

MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


def convolved(image, weights, bias, *, stride, padding):
    """The map, one position at a time."""
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    side = weights.shape[-1]
    size = (image.shape[-1] + 2 * padding - side) // stride + 1
    found = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            top, left = row * stride, column * stride
            found[row, column] = bias + sum(
                float(padded[c, top + u, left + v] * weights[c, u, v])
                for c in range(len(image))
                for u in range(side)
                for v in range(side)
            )
    return found


def recorded(*, side, stride=1, kernels=2, seed=0):
    """What a run keeps: an image of 12 pixels, kernels and their maps."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    filters = random.normal(size=(kernels, 3, side, side)).astype(np.float32)
    seen = ((image / 255 - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1)
    maps = [
        convolved(seen, weights, 0.1 + number, stride=stride, padding=side // 2)
        for number, weights in enumerate(filters)
    ]
    return {"image": image, "filters": filters, "maps/conv1": np.array(maps, dtype=np.float32)}


@pytest.mark.parametrize(("side", "stride"), [(3, 1), (5, 1), (3, 2), (5, 2)])
def test_sums_and_bias_make_the_recorded_number(side, stride):
    pictures = recorded(side=side, stride=stride)
    found = worked(pictures, MEAN, STD)
    assert found is not None
    # float32 maps, float64 sums: a few rounding errors of 2^-24 of numbers up to 100
    assert sum(found.sums) + found.bias == pytest.approx(found.value, abs=1e-4)
    assert found.bias == pytest.approx(0.1 + found.kernel, abs=1e-4)
    assert found.kernel == pictures["maps/conv1"].std(axis=(1, 2)).argmax()
    assert max(map(abs, found.sums)) == abs(found.sums[found.channel])


def test_the_window_lies_within_the_image_and_is_what_stands_there():
    pictures = recorded(side=5, seed=3)
    found = worked(pictures, MEAN, STD)
    assert found is not None
    assert 0 <= found.top <= 12 - 5
    assert 0 <= found.left <= 12 - 5
    cut = pictures["image"][found.top : found.top + 5, found.left : found.left + 5, 0]
    assert np.allclose(found.window[0] * STD[0] + MEAN[0], cut / 255)
    inner = pictures["maps/conv1"][found.kernel][2:-2, 2:-2]
    assert found.value == inner.max()


def test_none_where_the_record_is_not_of_this_convolution():
    pictures = recorded(side=3)
    changed = pictures["maps/conv1"].copy()
    changed[:, 4, 4] += 0.5
    assert worked(pictures | {"maps/conv1": changed}, MEAN, STD) is None
    assert worked(pictures, (0.0, 0.0, 0.0), STD) is None  # at the edge, zeros are no longer the mean
    assert worked(pictures | {"maps/conv1": np.full_like(changed, np.nan)}, MEAN, STD) is None
    assert worked({"image": pictures["image"]}, MEAN, STD) is None


def test_none_where_the_kernel_is_too_large_to_be_written_out():
    assert worked(recorded(side=7), MEAN, STD) is None
