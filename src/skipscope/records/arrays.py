"""Arrays by name, as .npz files have them."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from skipscope.errors import WorkspaceError
from skipscope.records.checksums import read_checksummed
from skipscope.records.files import reading

ARRAYS_BYTES = 400_000_000
"""More than the arrays of any network's pictures have: what unpacks to more was made to fill a memory."""


def packed_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Packs arrays by name into the bytes of a .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def read_arrays(path: Path, *, hint: str) -> dict[str, NDArray[Any]]:
    """Reads what `packed_arrays` packed; nothing if there is no file. Nothing in it is executed.

    Raises:
        WorkspaceError: the file is damaged or too large; says `hint`.
    """
    if not path.exists():
        return {}
    with reading(path):
        content = read_checksummed(path, hint=hint)
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


def read_bits(path: Path, *, hint: str) -> NDArray[np.bool_] | None:
    """Reads what `packed_bits` packed; None if there is no file.

    Raises:
        WorkspaceError: the file is damaged; says `hint`.
    """
    kept = read_arrays(path, hint=hint)
    return np.unpackbits(kept["right"], count=int(kept["images"])).astype(bool) if kept else None
