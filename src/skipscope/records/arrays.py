"""Arrays by name, as .npz files have them."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from skipscope.errors import WorkspaceError
from skipscope.records.files import write_whole

ARRAYS_BYTES = 400_000_000
"""More than the arrays of any network's pictures have: what unpacks to more was made to fill a memory."""


def packed_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Packs arrays by name into the bytes of a .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays to `path`, whole or not at all.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    write_whole(path, packed_arrays(arrays))


def read_arrays(path: Path, *, hint: str) -> dict[str, NDArray[Any]]:
    """Reads arrays by name; none if there is no file. Executes nothing in it, and compares its checksums.

    Raises:
        WorkspaceError: the file is damaged or too large; says `hint`.
    """
    if not path.exists():
        return {}
    try:
        return unpacked_arrays(path.read_bytes(), path, hint=hint)
    except OSError as error:
        raise WorkspaceError(f"This cannot be read: {error.strerror}.", where=str(path)) from None


def unpacked_arrays(content: bytes, path: Path, *, hint: str) -> dict[str, NDArray[Any]]:
    """Unpacks what `packed_arrays` packed, which was read from `path`. Nothing in it is executed.

    Raises:
        WorkspaceError: the file is damaged or too large; says `hint`.
    """
    try:
        with ZipFile(io.BytesIO(content)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        with np.load(io.BytesIO(content), allow_pickle=False) as file:  # unpacks what is asked of it
            arrays = dict(file) if size <= ARRAYS_BYTES else {}
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes zipfile and numpy raise
        raise WorkspaceError(f"This file is damaged ({error}).", where=str(path), hint=hint) from None
    if size > ARRAYS_BYTES:
        what = f"This file unpacks to {size:,} bytes: no network's pictures have so many."
        raise WorkspaceError(what, where=str(path), hint=hint)
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):  # numpy gives other files' bytes
        raise WorkspaceError("This file holds something else than arrays.", where=str(path), hint=hint)
    return arrays


def packed_bits(bits: NDArray[np.bool_]) -> bytes:
    """Packs an array of truth values, eight to a byte."""
    return packed_arrays({"right": np.packbits(bits), "images": np.array(len(bits))})


def unpacked_bits(content: bytes, path: Path, *, hint: str) -> NDArray[np.bool_]:
    """Unpacks what `packed_bits` packed, which was read from `path`.

    Raises:
        WorkspaceError: the file is damaged; says `hint`.
    """
    kept = unpacked_arrays(content, path, hint=hint)
    return np.unpackbits(kept["right"], count=int(kept["images"])).astype(bool)
