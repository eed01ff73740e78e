"""The table `[snapshots]` of a study."""

import re
from pathlib import Path

import pytest

from skipscope.errors import SpecError
from skipscope.spec import Snapshots, load_study


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_snapshots_are_a_table_and_no_part_of_a_run(tmp_path: Path) -> None:
    head = 'name = "mine"\n[[arm]]\nmodel = "cnn"\n[snapshots]\n'
    study = load_study(write(tmp_path, head + "losses = [2, 1.5]\nepochs = true"))
    assert study.snapshots == Snapshots(losses=(2.0, 1.5), epochs=True)
    assert load_study(write(tmp_path, head)).snapshots == Snapshots()
    assert load_study("stem").snapshots is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("losses = [1.0, 1.5]", "snapshots: losses descend"),
        ("losses = [1.0, 0]", "snapshots.losses.1: Input should be greater than 0"),
        (f"losses = {[20 - n for n in range(17)]}", "snapshots.losses: sixteen at most"),
        ("epoch = true", "snapshots.epoch: there is no such key; did you mean 'epochs'"),
    ],
)
def test_impossible_snapshots_are_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=re.escape(says)):
        load_study(write(tmp_path, f'[[arm]]\nmodel = "cnn"\n[snapshots]\n{text}\n'))
