"""Arrays in files: what is read is arrays, and nothing is run."""

from pathlib import Path

import numpy as np
import pytest

from skipscope.errors import WorkspaceError
from skipscope.records.arrays import read_arrays


def test_a_pickle_among_the_pictures_is_never_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "pictures.npz", tmp_path / "was-run"

    class Planted:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (mark,)  # type: ignore[return-value]

    with path.open("wb") as file:
        np.savez(file, filters=np.array([Planted()], dtype=object))
    with pytest.raises(WorkspaceError):
        read_arrays(path, hint="delete it")
    assert not mark.exists()
