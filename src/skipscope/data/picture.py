"""A picture of a user's, as a network sees it: upright, in RGB over white, its centre, 32 x 32 pixels.

The file is not trusted: only formats that Pillow decodes by itself are opened (no PostScript), its size is
read from the header before a pixel is decoded, and whatever a broken file raises says which file it was.
Up to a gigabyte is held for a moment for the largest picture that is taken.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from skipscope.errors import PictureError

SIDE = 32
"""Pixels a side of what every network sees."""
SHOWN = 512
"""Pixels a side, at most, of what is kept of the picture as it was given."""
MEGAPIXELS = 50
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture of each EXIF orientation but the first upright."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file's first picture."""

    path: Path
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    shown: NDArray[np.uint8]
    """H W 3: the whole of it, made smaller if it was larger than `SHOWN`."""
    pixels: NDArray[np.uint8]
    """32 32 3: what networks see of it."""
    notes: tuple[str, ...]
    """What was done to it that its owner may not expect, in sentences."""

    def normalised(self, mean: Triple, std: Triple) -> NDArray[np.float32]:
        """3 32 32 as the network was given its training images: with the data set's `mean` and `std`."""
        shares = self.pixels.astype(np.float32) / 255
        normalised = (shares - np.array(mean, dtype=np.float32)) / np.array(std, dtype=np.float32)
        return np.ascontiguousarray(normalised.transpose(2, 0, 1))


def read(path: Path) -> Picture:
    """The picture in this file.

    Raises:
        PictureError: there is no such file, it is no image, is larger than 50 megapixels, or breaks half-way.
    """
    with _understood(path), _opened(path) as file:
        image: Image.Image = Image.open(file, formats=_formats())
        width, height = image.size
        if width * height > MEGAPIXELS * 1_000_000:
            raise _too_large(path, f"{width:,} x {height:,} pixels")
        image.load()
        notes = list(_notes(image))
        image = _rgb(_upright(image), notes)
    shown = image.copy()
    shown.thumbnail((SHOWN, SHOWN))
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    if side < SIDE:
        notes.append(f"It is smaller than {SIDE} pixels a side, and was enlarged.")
    # Pillow's bicubic filter is as wide as a new pixel: nothing in between is passed over
    seen = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))
    return Picture(
        path=path,
        size=(width, height),
        shown=np.array(shown),
        pixels=seen,
        notes=tuple(notes),
    )


def _opened(path: Path) -> IO[bytes]:
    """The file, if it is one: a pipe or a device would be waited for."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise PictureError(
            f"There is no such file ({error.strerror}).", where=str(path), hint="check the path"
        ) from None
    if not S_ISREG(mode):
        raise PictureError(
            f"This is {'a folder' if S_ISDIR(mode) else 'no file of its own'}, not an image.",
            where=str(path),
            hint="name an image file",
        )
    return path.open("rb")


def _formats() -> list[str]:
    """Those of `FORMATS` that this Pillow has."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


@contextmanager
def _understood(path: Path) -> Iterator[None]:
    """Turns what Pillow raises on a hostile file into a sentence; its warnings are for programmers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(path, "so many pixels that Pillow does not open it") from None
    except UnidentifiedImageError:
        raise PictureError(
            "This is no image, a broken one, or of a format that is not read.",
            where=str(path),
            hint=f"save it as one of {', '.join(_formats())}",
        ) from None
    except PermissionError:
        raise PictureError(
            "There is no right to read this file.", where=str(path), hint="give yourself the right to"
        ) from None
    except MemoryError:
        raise PictureError(
            "There is not enough memory for this image.", where=str(path), hint="make it smaller"
        ) from None
    except Exception as error:
        raise PictureError(
            f"This image is damaged or breaks off half-way ({str(error) or type(error).__name__}).",
            where=str(path),
            hint="get it again, or open it in an image program and save it anew",
        ) from error


def _too_large(path: Path, what: str) -> PictureError:
    return PictureError(
        f"This image has {what}; up to {MEGAPIXELS} megapixels are read.",
        where=str(path),
        hint=f"make it smaller: a network sees {SIDE} x {SIDE} of it",
    )


def _notes(image: Image.Image) -> Iterator[str]:
    if getattr(image, "is_animated", False):
        yield "There are several pictures in it: this is the first."


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held; a picture whose EXIF cannot be read is taken as it is.

    Pillow's `exif_transpose` writes the EXIF anew, too, and fails on what else is wrong with it.
    """
    turned = None
    with suppress(Exception):
        turned = UPRIGHT.get(image.getexif()[ExifTags.Base.Orientation])
    return image if turned is None else image.transpose(turned)


def _rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """Any mode as RGB, what is transparent over white; adds what has to be said to `notes`."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bits(image, notes).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGB", layer.size, "white")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """Greys of 16 bits, or of 32 bits or floats, which have no white of their own."""
    values: NDArray[Any] = np.nan_to_num(np.asarray(image).astype(np.float32))
    low, high = 0.0, 65535.0
    if image.mode == "F" or values.min() < low or values.max() > high:
        low, high = float(values.min()), float(values.max())
        notes.append("Its values have no white of their own: the largest is shown as white.")
    return Image.fromarray(np.rint((values - low) / max(high - low, 1e-30) * 255).astype(np.uint8))
