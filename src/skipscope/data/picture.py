"""Reads a user's picture as a network sees it: upright, in RGB over white, cropped to its centre, 32 x 32.

The file is not trusted: only formats that Pillow decodes by itself are opened (no PostScript), its size is
read from the header before a pixel is decoded, and every error names the file. The largest picture that is
accepted needs up to a gigabyte for a moment.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from skipscope.data.store import Triple
from skipscope.errors import PictureError

SIDE = 32
"""Pixels per side of a network's input."""
SHOWN = 512
"""Pixels per side, at most, of the copy that is shown."""
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
"""The transposition that turns each EXIF orientation but the first upright."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Holds a file's first picture."""

    path: Path
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    shown: NDArray[np.uint8]
    """H W 3: the whole picture, scaled down if it is larger than `longest`."""
    pixels: NDArray[np.uint8]
    """32 32 3: what networks see."""
    notes: tuple[str, ...]
    """Sentences on what was done to it that its owner may not expect."""

    def normalised(self, mean: Triple, std: Triple) -> NDArray[np.float32]:
        """Normalises with the data set's `mean` and `std`, as training does: 3 32 32."""
        return normalised(self.pixels, mean, std)


def normalised(pixels: NDArray[np.uint8], mean: Triple, std: Triple) -> NDArray[np.float32]:
    """Normalises with a data set's `mean` and `std`, as training does: ... H W 3 -> ... 3 H W."""
    shares = pixels.astype(np.float32) / 255
    centred = (shares - np.array(mean, dtype=np.float32)) / np.array(std, dtype=np.float32)
    return np.ascontiguousarray(np.moveaxis(centred, -1, -3))


def read(path: Path, *, longest: int = SHOWN) -> Picture:
    """Reads the picture in this file; the copy that is shown has at most `longest` pixels a side.

    Raises:
        PictureError: the file is missing, no image, larger than 50 megapixels, or damaged.
    """
    with _errors_explained(path), _opened(path) as file:
        return _picture(path, file, longest)


def from_bytes(content: bytes, *, longest: int = SHOWN) -> Picture:
    """Reads the picture that these bytes are; nothing is written.

    Raises:
        PictureError: they are no image, one larger than 50 megapixels, or damaged.
    """
    path = Path()
    with _errors_explained(path):
        return _picture(path, BytesIO(content), longest)


def _picture(path: Path, file: IO[bytes], longest: int) -> Picture:
    image: Image.Image = Image.open(file, formats=_formats())
    width, height = image.size
    if width * height > MEGAPIXELS * 1_000_000:
        raise _too_large(path, f"{width:,} x {height:,} pixels")
    image.load()
    several = getattr(image, "is_animated", False)
    notes = ["There are several pictures in it: this is the first."] if several else []
    image = _rgb(_upright(image), notes)
    shown = image.copy()
    shown.thumbnail((longest, longest))
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    if side < SIDE:
        notes.append(f"It is smaller than {SIDE} pixels a side, and was enlarged.")
    # Pillow's bicubic filter is as wide as a new pixel: nothing in between is passed over
    seen = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))
    return Picture(path=path, size=(width, height), shown=np.array(shown), pixels=seen, notes=tuple(notes))


def _opened(path: Path) -> IO[bytes]:
    """Opens the file if it is a regular one: reading a pipe or device could block."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        what = f"There is no such file ({error.strerror})."
        raise PictureError(what, where=str(path), hint="check the path") from None
    if not S_ISREG(mode):
        what = f"This is {'a folder' if S_ISDIR(mode) else 'no file of its own'}, not an image."
        raise PictureError(what, where=str(path), hint="name an image file")
    return path.open("rb")


def _formats() -> list[str]:
    """Lists those of `FORMATS` that this Pillow supports."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


@contextmanager
def _errors_explained(path: Path) -> Iterator[None]:
    """Turns what Pillow raises on a hostile file into a message; silences its warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "so many pixels that Pillow does not open it") from error
    except Exception as error:
        match error:
            case UnidentifiedImageError():
                what = "This is no image, a broken one, or of a format that is not read."
                hint = f"save it as one of {', '.join(_formats())}"
            case PermissionError():
                what, hint = "Permission denied.", "make the file readable"
            case MemoryError():
                what, hint = "There is not enough memory for this image.", "make it smaller"
            case _:
                why = str(error) or type(error).__name__
                what = f"This image is damaged or breaks off half-way ({why})."
                hint = "get it again, or open it in an image program and save it anew"
        raise PictureError(what, where=str(path), hint=hint) from error


def _too_large(path: Path, what: str) -> PictureError:
    return PictureError(
        f"This image has {what}; up to {MEGAPIXELS} megapixels are read.",
        where=str(path),
        hint=f"make it smaller: a network sees {SIDE} x {SIDE} of it",
    )


def _upright(image: Image.Image) -> Image.Image:
    """Turns the picture as the camera was held; without readable EXIF it stays as it is.

    Pillow's `exif_transpose` also rewrites the EXIF, and fails on other defects in it.
    """
    turned = None
    with suppress(Exception):
        turned = UPRIGHT.get(image.getexif()[ExifTags.Base.Orientation])
    return image if turned is None else image.transpose(turned)


def _rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """Converts any mode to RGB, transparency over white; may add to `notes`."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bits(image, notes).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGB", layer.size, "white")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """Converts greys of 16 bits, and of 32 bits or floats, which have no fixed white."""
    values: NDArray[Any] = np.nan_to_num(np.asarray(image).astype(np.float32))
    low, high = 0.0, 65535.0
    if image.mode == "F" or values.min() < low or values.max() > high:
        low, high = float(values.min()), float(values.max())
        notes.append("Its values have no fixed white: the largest is shown as white.")
    return Image.fromarray(np.rint((values - low) / max(high - low, 1e-30) * 255).astype(np.uint8))
