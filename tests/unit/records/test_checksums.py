"""The list of checksums beside a run's files: whatever bit of it flips, the run is known to be damaged."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_up_record import RECORD

from skipscope.errors import WorkspaceError
from skipscope.records.checksums import SUMS
from skipscope.records.readings import READINGS
from skipscope.records.run_folder import RunFolder


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    """Every file that a finished run has, each as small as it can be."""
    folder = RunFolder(tmp_path / RECORD.id)
    folder.make()
    folder.metrics.append([{"kind": "step", "step": 1}])
    folder.write_model(b"weights")
    folder.write_pictures({"x": np.zeros(1)})
    folder.write_right(np.ones(8, bool))
    folder.write_readings(pl.DataFrame(schema=READINGS))
    folder.write(RECORD.model_copy(update={"state": "done"}))
    return folder


def test_the_list_is_what_sha256sum_reads(finished: RunFolder) -> None:
    names = [path.name for path in sorted(finished.path.iterdir()) if path.name != SUMS]
    lines = [f"{sha256((finished.path / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    assert len(names) == 6
    assert (finished.path / SUMS).read_text(encoding="ascii") == "".join(lines)
    assert finished.damaged() == []


def test_whichever_bit_of_the_list_flips_the_run_is_damaged(finished: RunFolder) -> None:
    sums = finished.path / SUMS
    content = sums.read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        sums.write_bytes(flipped)
        line = content[: bit // 8].count(b"\n")
        name = content.splitlines()[line].split()[1].decode()
        # a digit that became another is the file's word against the list's: the file is trained again
        assert finished.damaged() in ([SUMS], [name]), bit
        if name == "run.json":
            record = finished.read_if_sound()
            assert record is None or record.state == "done"
    sums.write_bytes(content)
    assert finished.damaged() == []


@pytest.mark.parametrize("content", [b"0" * 64 + b" what is this", "\N{SNOWMAN}".encode(), b"\n", b""])
def test_a_run_that_begins_again_replaces_a_damaged_list(content: bytes, finished: RunFolder) -> None:
    (finished.path / SUMS).write_bytes(content)
    with pytest.raises(WorkspaceError, match="list of checksums is damaged"):
        finished.write(RECORD.model_copy(update={"state": "done"}))
    with pytest.raises(WorkspaceError, match="list of checksums is damaged"):
        finished.read()
    assert finished.read_if_sound() is None
    finished.write(RECORD)
    assert finished.read_if_sound() == RECORD
    assert finished.damaged() == []


@pytest.mark.parametrize(
    "name", ["run.json", "model.safetensors", "pictures.npz", "test.npz", "metrics.jsonl"]
)
def test_a_file_that_is_gone_is_damage(name: str, finished: RunFolder) -> None:
    (finished.path / name).unlink()
    assert finished.damaged() == [name]


def test_a_damaged_record_is_no_record_and_a_newer_one_is_refused(finished: RunFolder) -> None:
    content = finished.record_file.read_bytes()
    finished.record_file.write_bytes(content.replace(b"done", b"gone"))
    assert finished.read_if_sound() is None
    assert finished.damaged() == ["run.json"]
    finished.record_file.write_bytes(content.replace(b'"schema": ', b'"schema": 9'))
    (finished.path / SUMS).unlink()
    with pytest.raises(WorkspaceError, match="A newer skipscope"):
        finished.read_if_sound()
