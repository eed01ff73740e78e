"""Archives of CIFAR-10 that are hostile, too large, truncated or damaged."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from refusal import refuses

from skipscope.data import archive, cifar10, store
from skipscope.errors import DataError

pytestmark = pytest.mark.usefixtures("taken_for_cifar10")

UNSAFE = [
    ("../data_batch_1.bin", {}),
    ("a/../../data_batch_1.bin", {}),
    ("/etc/data_batch_1.bin", {}),
    ("C:\\data_batch_1.bin", {}),
    ("a\\..\\..\\b", {}),
    ("data_batch_1.bin", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
    ("data_batch_1.bin", {"type": tarfile.LNKTYPE, "linkname": "other"}),
    ("readme", {"type": tarfile.FIFOTYPE}),
    ("readme", {"type": tarfile.CHRTYPE}),
]


@pytest.mark.parametrize(("name", "kind"), UNSAFE)
def test_an_unsafe_member_is_refused(name: str, kind: dict[str, object], tar_of: Callable[..., Path]) -> None:
    refuses(tar_of(("harmless", b"x", {}), (name, b"", kind)), "Nothing of it was used")


def test_an_archive_of_something_else_has_no_batch(tar_of: Callable[..., Path]) -> None:
    refuses(tar_of(("holiday.txt", b"sea", {})), "no copy of CIFAR-10")


def test_a_huge_member(tar_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MEMBER_BYTES", 1_000)
    refuses(tar_of(("data_batch_1.bin", b"x" * 1_001, {})), "too large")


def test_an_archive_that_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TOTAL_BYTES", 100_000)
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("harmless")
        member.size = 1_000_000
        tar.addfile(member, io.BytesIO(b"\0" * member.size))
    refuses(path, "unpacks to more than 100,000 bytes")


@pytest.mark.parametrize("share", [0.00001, 0.3, 0.999])
def test_a_truncated_archive_leaves_what_was_there(
    share: float, binary_archive: Path, tmp_path: Path, own: Path
) -> None:
    before = cifar10.open_store(own).index
    path = tmp_path / "cut.tar.gz"
    data = binary_archive.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataError, match="truncated or damaged"):
        cifar10.import_from(path, data_dir=own)
    assert cifar10.open_store(own).index == before
    store.check(cifar10.open_store(own))


def test_a_truncated_tar(tmp_path: Path, fake: object) -> None:
    path = tmp_path / "cut.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("data_batch_1.bin")
        member.size = 30_730_000
        tar.addfile(member, io.BytesIO(fake.binary(0)))  # type: ignore[attr-defined]
    path.write_bytes(path.read_bytes()[:1_000_000])
    refuses(path, "truncated or damaged")


def test_a_changed_byte_in_the_packed_archive(binary_archive: Path, tmp_path: Path) -> None:
    # the stored checksum is at the very end: the archive must be read until there
    data = bytearray(binary_archive.read_bytes())
    data[-6] ^= 1
    path = tmp_path / "changed.tar.gz"
    path.write_bytes(data)
    refuses(path, r"truncated or damaged: CRC check failed")


def test_a_gzip_file_that_is_no_tar(tmp_path: Path) -> None:
    path = tmp_path / "letter.gz"
    path.write_bytes(gzip.compress(b"dear reader" * 100))
    refuses(path, "truncated or damaged")


def test_what_follows_the_end_of_the_archive_is_read_but_means_nothing(
    tmp_path: Path, tar_of: object
) -> None:
    path = tmp_path / "padded.tar.gz"
    path.write_bytes(gzip.compress(tar_of().read_bytes() + bytes(3_000_000)))  # type: ignore[operator]
    refuses(path, "no copy of CIFAR-10")
