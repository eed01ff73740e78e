"""Made-up CIFAR-10s of the full size, none of whose images is real, in every format."""

import gzip
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skipscope.data import cifar10, formats, likeness
from skipscope.data.layouts import BATCHES
from skipscope.records.schema import Likeness


@dataclass(frozen=True)
class Fake:
    """60,000 plain images, each with its number written into its first pixels."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def pixels(self, batch: int) -> NDArray[np.uint8]:
        """A batch as the official files have it, in planes."""
        images = self.images[batch * 10_000 : (batch + 1) * 10_000]
        return images.transpose(0, 3, 1, 2).reshape(10_000, 3072)

    def binary(self, batch: int) -> bytes:
        labels = self.labels[batch * 10_000 : (batch + 1) * 10_000]
        return np.concatenate([labels[:, None], self.pixels(batch)], axis=1).tobytes()

    def python(self, batch: int) -> bytes:
        return python2_pickle(self.pixels(batch), self.labels[batch * 10_000 : (batch + 1) * 10_000])


def python2_pickle(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> bytes:
    """What Python 2 and an old numpy wrote, opcode by opcode: byte strings, and the old module's name."""

    def text(value: bytes) -> bytes:
        return b"U" + struct.pack("<B", len(value)) + value

    def integer(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    dtype = (
        b"cnumpy\ndtype\n"
        + text(b"u1")
        + b"K\x00K\x01\x87R(K\x03"
        + text(b"|")
        + b"NNN"
        + integer(-1) * 2
        + b"K\x00tb"
    )
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    raw = pixels.tobytes()
    state = b"(K\x01" + integer(len(pixels)) + integer(3072) + b"\x86" + dtype + b"\x89"
    state += b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels.tolist()) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + state + text(b"labels") + numbers + b"u."


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("SKIPSCOPE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="session")
def fake() -> Fake:
    images = np.zeros((60_000, 3072), dtype=np.uint8)
    images[:, :4] = np.arange(60_000, dtype="<u4").view(np.uint8).reshape(-1, 4)
    images[:, 4:1024] = 200
    return Fake(
        images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), (np.arange(60_000) % 10).astype(np.uint8)
    )


@pytest.fixture(scope="session")
def binary_folder(fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("binary")
    for place, batch in enumerate(BATCHES):
        (folder / f"{batch}.bin").write_bytes(fake.binary(place))
    (folder / "readme.html").write_text("as the official one has")
    return folder


@pytest.fixture(scope="session")
def python_folder(fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outer") / "cifar-10-batches-py"
    folder.mkdir()
    for place, batch in enumerate(BATCHES):
        (folder / batch).write_bytes(fake.python(place))
    return folder.parent


@pytest.fixture(scope="session")
def binary_archive(fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed as the official one is: the batches in a folder, not in their order."""
    path = tmp_path_factory.mktemp("archive") / "cifar-10-binary.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        add(tar, "cifar-10-batches-bin/batches.meta.txt", b"airplane\n")
        for place in (3, 0, 5, 1, 2, 4):
            add(tar, f"cifar-10-batches-bin/{BATCHES[place]}.bin", fake.binary(place))
    return path


def add(tar: tarfile.TarFile, name: str, data: bytes = b"", **kind: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in kind.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def tar_of(tmp_path: Path) -> Callable[..., Path]:
    """`tar_of(("name", b"data", {"type": tarfile.SYMTYPE}), ...)`: a small archive."""

    def make(*members: tuple[str, bytes, dict[str, object]]) -> Path:
        path = tmp_path / "small.tar"
        with tarfile.open(path, "w") as tar:
            for name, data, kind in members:
                add(tar, name, data, **kind)
        return path

    return make


@pytest.fixture
def spoilt(binary_folder: Path, python_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """`spoilt("python", data_batch_1=b"...")`: a folder with a file replaced, or left out if it is None."""

    def make(kind: str = "binary", /, **files: bytes | None) -> Path:
        folder = tmp_path / "spoilt"
        folder.mkdir()
        source = binary_folder if kind == "binary" else python_folder / "cifar-10-batches-py"
        suffix = ".bin" if kind == "binary" else ""
        for file in source.iterdir():
            if file.stem not in files:
                os.link(file, folder / file.name)
        for name, data in files.items():
            if data is not None:
                (folder / f"{name}{suffix}").write_bytes(data)
        return folder

    return make


@dataclass(frozen=True)
class Few:
    """Noise in CIFAR-10's own format, 20 images a batch."""

    images: NDArray[np.uint8]  # 120 32 32 3
    labels: NDArray[np.uint8]

    def pickled(self, batch: int, protocol: int = 4, labels: object = None) -> bytes:
        rows = slice(batch * 20, (batch + 1) * 20)
        pixels = np.ascontiguousarray(self.images[rows].transpose(0, 3, 1, 2)).reshape(20, 3072)
        numbers = self.labels[rows].tolist() if labels is None else labels
        return pickle.dumps({b"data": pixels, b"labels": numbers}, protocol=protocol)

    def write(self, folder: Path) -> Path:
        """As the python version has them."""
        folder.mkdir(parents=True)
        for index, batch in enumerate(BATCHES):
            (folder / batch).write_bytes(self.pickled(index))
        return folder


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Few:
    monkeypatch.setattr(formats, "BATCH_IMAGES", 20)
    images = np.random.default_rng(0).integers(0, 256, (120, 32, 32, 3), dtype=np.uint8)
    return Few(images, (np.arange(120) * 7 % 10).astype(np.uint8))


NEAR = Likeness(exact=False, labels_in_order=True, images_known=0, mean=0.1, std=0.2)


def take_for_cifar10(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(likeness, "content", lambda *_: None)
    patch.setattr(likeness, "difference", lambda *_: None)
    patch.setattr(likeness, "likeness", lambda _: NEAR)


@pytest.fixture
def taken_for_cifar10(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up images pass for a near copy of CIFAR-10."""
    take_for_cifar10(monkeypatch)


@pytest.fixture(scope="session")
def imported(binary_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the made-up data set in it, to be read only."""
    folder = tmp_path_factory.mktemp("imported")
    with pytest.MonkeyPatch.context() as patch:
        take_for_cifar10(patch)
        cifar10.import_from(binary_folder, data_dir=folder)
    return folder


@pytest.fixture
def own(imported: Path, tmp_path: Path) -> Path:
    """The same, for a test to damage: hard links, so that files are replaced and never written into."""
    folder = tmp_path / "own"
    (folder / "cifar10").mkdir(parents=True)
    for file in (imported / "cifar10").iterdir():
        os.link(file, folder / "cifar10" / file.name)
    return folder
