"""Arrays as pictures."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from skipscope.figures.rendering import raster


def test_a_kernel_is_grey_where_it_is_zero_and_coloured_by_its_weights():
    weights = np.zeros((3, 2, 2))
    weights[0, 0, 0], weights[2, 1, 1] = 0.5, -0.25
    picture = raster.kernel(weights)
    assert picture[0, 1].tolist() == [128, 128, 128]
    assert picture[0, 0].tolist() == [255, 128, 128]
    assert picture[1, 1].tolist() == [128, 128, 64]


def test_a_kernel_for_other_than_three_channels_is_its_mean_in_grey():
    picture = raster.kernel(np.stack([np.eye(2), np.eye(2)]))
    assert picture[..., 0].tolist() == picture[..., 2].tolist() == [[255, 128], [128, 255]]


def test_a_map_goes_from_black_to_white():
    picture = raster.grey(np.array([[-3.0, 1.0], [-1.0, 1.0]]))
    assert picture[..., 1].tolist() == [[0, 255], [128, 255]]
    assert raster.grey(np.full((2, 2), 7.0))[0, 0, 0] == 128


def test_a_lopsided_map_is_spread_until_its_median_is_mid_grey():
    dark = np.array([[0.0, 0.1, 0.1], [0.1, 0.2, 1.0]])
    assert raster.lopsided(dark)
    assert not raster.lopsided(np.array([[0.0, 0.5, 1.0]]))
    assert not raster.lopsided(np.full((2, 2), 7.0))
    shown = raster.spread(dark)[..., 0].tolist()
    assert shown[0][:2] == [0, 128]
    assert shown[1][0] < shown[1][1] < shown[1][2] == 255
    assert raster.spread(np.full((2, 2), 7.0))[0, 0, 0] == 128


def test_maps_of_one_pixel_share_a_scale():
    shown = raster.greys(np.array([0.0, 1.0, 0.5]).reshape(3, 1, 1))
    assert [picture.shape for picture in shown] == [(1, 1, 3)] * 3
    assert [int(picture[0, 0, 0]) for picture in shown] == [0, 255, 128]


def test_a_sheet_keeps_every_pixel_as_a_square():
    parts = [np.full((2, 2, 3), 10 * k, dtype=np.uint8) for k in range(5)]
    sheet = raster.sheet(parts, columns=4, cell=6)
    assert sheet.shape == (2 * 6 + raster.GAP, 4 * 6 + 3 * raster.GAP, 3)
    assert (sheet[:6, 8:14] == 10).all()
    assert (sheet[8:, :6] == 40).all()
    assert (sheet[8:, 8:] == 255).all()


def test_a_window_over_the_edge_shows_the_padding():
    picture = np.arange(1, 49, dtype=np.uint8).reshape(4, 4, 3)
    assert (raster.window(picture, top=1, left=1, side=2) == picture[1:3, 1:3]).all()
    over = raster.window(picture, top=-1, left=3, side=3)
    assert (over[0] == 0).all()
    assert (over[:, 1:] == 0).all()
    assert (over[1:, 0] == picture[:2, 3]).all()


@pytest.mark.parametrize(("top", "left"), [(1, 1), (-2, 6), (7, -1)])
def test_a_frame_leaves_what_it_frames(top, left):
    picture = np.full((8, 8, 3), 7, dtype=np.uint8)
    framed = raster.framed(picture, top=top, left=left, side=3, times=8)
    assert framed.shape == (64, 64, 3)
    inside = framed[max(0, top * 8) : (top + 3) * 8, max(0, left * 8) : (left + 3) * 8]
    assert (inside == 7).all()
    assert (framed != 7).any()


def test_a_file_holds_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    for written in (raster.png(picture), raster.webp(picture)):
        assert (np.asarray(Image.open(BytesIO(written))) == picture).all()
    assert raster.enlarged(picture, 3).shape == (15, 12, 3)
