"""What tests of every kind share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from skipscope.data import cifar10

ARCHIVE = "cifar-10-binary.tar.gz"


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set in the shell of whoever runs the tests reaches them."""
    for name in ("SKIPSCOPE_WORKSPACE", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def data_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data and a cache folder for the session: the user's own are neither read nor written."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKIPSCOPE_DATA", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield folder


@pytest.fixture(scope="session")
def cifar_archive() -> Path:
    """The real CIFAR-10: named by SKIPSCOPE_CIFAR_ARCHIVE, or in shared/data beside the checkout."""
    beside = Path(__file__).parents[2] / "shared" / "data" / ARCHIVE
    path = Path(os.environ.get("SKIPSCOPE_CIFAR_ARCHIVE", beside))
    if not path.exists():
        pytest.skip(f"needs the real CIFAR-10: set SKIPSCOPE_CIFAR_ARCHIVE to a {ARCHIVE}")
    return path


@pytest.fixture(scope="session")
def cifar_dir(cifar_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the real CIFAR-10 in it."""
    folder = tmp_path_factory.mktemp("cifar")
    cifar10.import_from(cifar_archive, data_dir=folder)
    return folder
