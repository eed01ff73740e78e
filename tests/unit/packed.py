"""A made-up data set of few images, packed as people have theirs."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from skipscope.data.layouts import BATCHES

INNER = "cifar-10-batches-py"


def png(pixels: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", **options)
    return stream.getvalue()


def tarred(few: Any, folder: Path, name: str = "cifar-10-python.tar.gz", inner: str = INNER) -> Path:
    """The official archive, packed as the name says."""
    gz = partial(gzip.compress, mtime=0)  # the same bytes whenever it is packed
    pack = {"gz": gz, "bz2": bz2.compress, "xz": lzma.compress}.get(name[-3:].strip("."), bytes)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for index, batch in enumerate(BATCHES):
            member = tarfile.TarInfo(f"{inner}/{batch}")
            member.size = len(few.pickled(index))
            tar.addfile(member, io.BytesIO(few.pickled(index)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(pack(plain.getvalue()))
    return folder / name


def zipped(
    few: Any, folder: Path, *, prefix: str = f"{INNER}/", more: dict[str, bytes] | None = None
) -> Path:
    with zipfile.ZipFile(folder / "archive.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in (more or {}).items():
            made.writestr(name, data)
        for index, batch in enumerate(BATCHES):
            made.writestr(f"{prefix}{batch}", few.pickled(index))
    return folder / "archive.zip"
