"""Event files, read by TensorBoard's own reader."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from skipscope.exports.event_file import Scalar, crc32c, event_file

SCALARS = [
    Scalar("loss/batch", 1, 2.5, 100.0),
    Scalar("loss/batch", 300, -1e-20, 101.5),  # a step of two bytes
    Scalar("loss/batch", 3_000_000_000, 0.1, 102.0),  # and one past 32 bits
    Scalar("准确率", 0, 1.0, 1_795_959_180.25),
]


def read(content: bytes, folder: Path) -> EventAccumulator:
    (folder / "events.out.tfevents.1.test").write_bytes(content)
    return EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    found = read(event_file(SCALARS, began=99.0), tmp_path)
    assert found.file_version == 2.0
    assert found.FirstEventTimestamp() == 99.0
    assert found.Tags()["scalars"] == ["loss/batch", "准确率"]
    for given, event in zip(SCALARS, [*found.Scalars("loss/batch"), *found.Scalars("准确率")], strict=True):
        assert (event.step, event.wall_time) == (given.step, given.seconds)
        assert event.value == pytest.approx(given.value, rel=2**-24)  # its numbers are floats of 32 bits


def test_a_longer_name_than_127_bytes_has_a_length_of_two(tmp_path: Path) -> None:
    name = "probe/" + "module." * 40
    assert read(event_file([Scalar(name, 1, 2.0, 0.0)], began=0.0), tmp_path).Tags()["scalars"] == [name]


@pytest.mark.parametrize("at", [4, 40, -10])
def test_tensorboard_stops_at_a_changed_byte(tmp_path: Path, at: int) -> None:
    """It compares the checksums, so they are right in the other tests."""
    content = bytearray(event_file(SCALARS[:2], began=0.0))
    content[at] ^= 1
    found = read(bytes(content), tmp_path)
    steps = found.Scalars("loss/batch") if found.Tags()["scalars"] else []
    assert len(steps) < 2


@pytest.mark.parametrize(("content", "crc"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)])
def test_checksums_are_those_of_the_standard(content: bytes, crc: int) -> None:
    """The last is from RFC 3720, appendix B.4."""
    assert crc32c(content) == crc
