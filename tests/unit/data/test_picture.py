"""Pictures as users have them, and files that only pretend to be some."""

import io
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skipscope.data.dataset import load
from skipscope.data.picture import SHOWN, Picture, read
from skipscope.errors import PictureError
from skipscope.spec import Recipe
from skipscope.training.batches import BatchMaker

RED, WHITE = (255, 0, 0), (255, 255, 255)


def noise(height: int, width: int, *, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def saved(folder: Path, image: Image.Image, name: str = "picture.png", **options: Any) -> Path:
    path = folder / name
    image.save(path, **options)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(PictureError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


def middle(path: Path) -> tuple[int, ...]:
    return tuple(int(value) for value in read(path).pixels[16, 16])


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png_that_says(width: int, height: int) -> bytes:
    """The header of a large image, and one row of it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compress(b"\0" * (1 + 3 * width))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


def test_an_image_of_32_x_32_pixels_is_seen_as_it_is(tmp_path: Path) -> None:
    image = noise(32, 32)
    picture = read(saved(tmp_path, image))
    assert np.array_equal(picture.pixels, np.asarray(image))
    assert np.array_equal(picture.shown, np.asarray(image))
    assert picture.notes == ()


def test_a_larger_one_is_cropped_to_its_centre_and_averaged(tmp_path: Path) -> None:
    pixels = np.zeros((64, 256, 3), dtype=np.uint8)
    pixels[:, 96:160:2] = 255  # columns in turn, in the central square only
    picture = read(saved(tmp_path, Image.fromarray(pixels)))
    assert picture.size == (256, 64)
    # without a filter as wide as a new pixel, every other column would be all there is: 0 or 255
    assert np.abs(picture.pixels[:, 2:-2].astype(int) - 127).max() <= 2
    assert picture.shown.shape == (64, 256, 3)


def test_what_is_shown_is_small_and_the_whole_of_it(tmp_path: Path) -> None:
    picture = read(saved(tmp_path, noise(600, 1200)))
    assert picture.shown.shape == (SHOWN // 2, SHOWN, 3)
    assert picture.size == (1200, 600)


def test_a_very_long_picture_and_one_pixel_are_pictures(tmp_path: Path) -> None:
    assert read(saved(tmp_path, noise(2, 20_000))).pixels.shape == (32, 32, 3)
    picture = read(saved(tmp_path, Image.new("RGB", (1, 1), RED)))
    assert (picture.pixels == np.array(RED)).all()
    assert "enlarged" in picture.notes[0]


def test_normalised_as_training_images_are() -> None:
    data = load("shapes")
    images, _ = data.validation.take(np.arange(3))
    expected = BatchMaker(data, Recipe(memory_format="contiguous"), torch.device("cpu")).normalise(images)
    for image, row in zip(images, expected, strict=True):
        picture = Picture(path=Path(), size=(32, 32), shown=image, pixels=image, notes=())
        # both in float32, one divides where the other multiplies
        np.testing.assert_allclose(picture.normalised(data.mean, data.std), row.numpy(), atol=2e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_held_as_the_camera_was(orientation: int, tmp_path: Path) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = noise(32, 32)
    stored = upright.transpose(back[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read(saved(tmp_path, stored, exif=exif))
    assert np.array_equal(picture.pixels, np.asarray(upright))


def test_a_damaged_exif_is_no_reason_to_refuse_a_picture(tmp_path: Path) -> None:
    stored = noise(32, 32)
    turned = b"\1\x12\0\3\0\0\0\1\0\3\0\0"  # upside down
    resolution = b"\1\x1a\0\2\0\0\0\4abc\0"  # a text where a fraction should be
    tags = b"MM\0*\0\0\0\x08\0\2" + turned + resolution + b"\0\0\0\0"
    for exif, expected in (
        (b"nonsense", stored),
        (tags[:12], stored),
        (tags, stored.transpose(Image.Transpose.ROTATE_180)),
    ):
        picture = read(saved(tmp_path, stored, exif=b"Exif\0\0" + exif))
        assert np.array_equal(picture.pixels, np.asarray(expected))


def test_what_is_transparent_lies_over_white(tmp_path: Path) -> None:
    half = Image.new("RGBA", (40, 40), (*RED, 128))
    assert middle(saved(tmp_path, half)) == (255, 127, 127)
    assert middle(saved(tmp_path, Image.new("RGBA", (40, 40), (0, 0, 0, 0)))) == WHITE
    assert middle(saved(tmp_path, Image.new("LA", (40, 40), (0, 0)))) == WHITE
    assert middle(saved(tmp_path, Image.new("RGB", (40, 40), RED), transparency=RED)) == WHITE
    palette = Image.new("P", (40, 40), 1)
    palette.putpalette([0, 0, 255, *RED])
    assert middle(saved(tmp_path, palette, transparency=1)) == WHITE
    assert middle(saved(tmp_path, palette, transparency=b"\xff\x00")) == WHITE


def test_every_mode_becomes_rgb(tmp_path: Path) -> None:
    palette = Image.new("P", (40, 40), 1)
    palette.putpalette([0, 0, 255, *RED])
    assert middle(saved(tmp_path, palette)) == RED
    assert middle(saved(tmp_path, Image.new("1", (40, 40), 1))) == WHITE
    assert middle(saved(tmp_path, Image.new("L", (40, 40), 77))) == (77, 77, 77)
    cmyk = middle(saved(tmp_path, Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "picture.jpg", quality=100))
    assert np.abs(np.array(cmyk) - RED).max() <= 3  # JPEG
    assert middle(saved(tmp_path, Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "picture.tif")) == RED


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((40, 40), 0x8080, dtype=np.uint16))
    assert middle(saved(tmp_path, grey)) == (0x80, 0x80, 0x80)
    big_endian = Image.fromarray(np.full((40, 40), 0x8080, dtype=">u2"))
    assert middle(saved(tmp_path, big_endian, "picture.tif")) == (0x80, 0x80, 0x80)
    pgm = tmp_path / "picture.pgm"
    pgm.write_bytes(b"P5 40 40 65535\n" + b"\x80\x80" * 1600)
    assert middle(pgm) == (0x80, 0x80, 0x80)
    header = struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0)  # RGB, as Pillow does not write it
    rows = zlib.compress((b"\0" + b"\x80\x80\xff\xff\x00\x00" * 40) * 40)
    colour = tmp_path / "colour.png"
    colour.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    assert middle(colour) == (0x80, 0xFF, 0)


def test_values_without_a_white_are_stretched_and_it_is_said(tmp_path: Path) -> None:
    ramp = np.linspace(-3, 5, 32 * 32, dtype=np.float32).reshape(32, 32)
    ramp[0, 5] = np.nan
    picture = read(saved(tmp_path, Image.fromarray(ramp), "picture.tif"))
    assert (picture.pixels[0, 0].max(), picture.pixels[31, 31].min()) == (0, 255)
    assert "no fixed white" in picture.notes[0]
    flat = read(saved(tmp_path, Image.fromarray(np.full((32, 32), 7e8, dtype=np.int32)), "flat.tif"))
    assert (flat.pixels == 0).all()


@pytest.mark.parametrize("name", ["picture.gif", "picture.webp", "picture.png", "picture.tif"])
def test_of_several_pictures_it_is_the_first_and_it_is_said(name: str, tmp_path: Path) -> None:
    colours = (RED, (0, 255, 0), (0, 0, 255))
    frames = [Image.new("RGB", (40, 40), colour) for colour in colours]
    options = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], **options)
    assert middle(path) == RED
    assert "this is the first" in read(path).notes[0]


def test_a_name_says_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("RGB", (40, 40), RED), "照片 1.jpg", format="PNG")
    assert middle(path) == RED


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no image"),
        (b"It has been a dark and stormy night.\n" * 50, "no image"),
        (b"\x89PNG\r\n\x1a\n", "no image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n", "no image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'/>", "no image"),
        (png_that_says(7_746, 7_746), "7,746 x 7,746 pixels; up to 50 megapixels"),  # 60 MP
        (png_that_says(10_000, 10_000), "10,000 x 10,000 pixels"),  # Pillow warns from 89 on
        (png_that_says(100_000, 100_000), "pixels that Pillow does not open"),  # and raises from 179
        (b"P6 8000 8000 255\n", "8,000 x 8,000 pixels"),
    ],
    ids=["empty", "text", "signature", "eps", "svg", "60 MP", "100 MP", "10 GP", "ppm"],
)
def test_what_is_no_image_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    assert says in refusal(path)


def test_a_size_is_refused_before_a_pixel_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(image: Image.Image) -> None:
        raise AssertionError("a pixel of it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    path = tmp_path / "picture.png"
    path.write_bytes(png_that_says(50_001, 1_000))
    assert "50,001 x 1,000" in refusal(path)


WAYS: dict[str, dict[str, Any]] = {
    "png": {},
    "jpeg": {"quality": 95},
    "progressive": {"format": "JPEG", "progressive": True, "quality": 95},
    "gif": {},
    "webp": {"lossless": True},
    "bmp": {},
    "tiff": {},
    "ppm": {},
}


@pytest.mark.parametrize("way", WAYS)
def test_an_image_that_breaks_off_is_refused(way: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    noise(64, 64).save(file, **({"format": way.upper()} | WAYS[way]))
    whole = file.getvalue()
    path = tmp_path / "picture"
    path.write_bytes(whole)
    assert read(path).size == (64, 64)
    for share in (0.02, 0.3, 0.5, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        refusal(path)


@given(data=st.data(), way=st.sampled_from(sorted(WAYS)))
@settings(max_examples=60)
def test_damage_is_refused_or_read_but_never_a_crash(
    data: st.DataObject, way: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = io.BytesIO()
    noise(24, 24).save(file, **({"format": way.upper()} | WAYS[way]))
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged-{way}"
    path.write_bytes(bytes(content))
    with suppress(PictureError):
        assert read(path).pixels.shape == (32, 32, 3)


def test_a_folder_a_missing_file_and_a_pipe_are_refused(tmp_path: Path) -> None:
    assert "a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "absent.png")
    assert "no such file" in refusal(tmp_path / ("x" * 400))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        assert "no file of its own" in refusal(tmp_path / "pipe.png")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, noise(32, 32))

    def forbidden(*_: object) -> None:  # root may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    assert "Permission denied" in refusal(path)


def test_memory_that_is_not_there_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, noise(32, 32))

    def exhausted(image: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", exhausted)
    assert "not enough memory" in refusal(path)
