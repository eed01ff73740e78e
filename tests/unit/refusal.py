"""What a copy of CIFAR-10 that is refused must leave behind: nothing."""

from pathlib import Path

import pytest

from skipscope.data import cifar10, store
from skipscope.errors import DataError


def refuses(path: Path, message: str) -> None:
    with pytest.raises(DataError, match=message):
        cifar10.import_from(path)
    data = store.data_folder()
    assert not data.exists() or list(data.iterdir()) == []
