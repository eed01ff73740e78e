"""What tests of every kind share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

# Before torch and numpy are imported, and for every process that tests start: threads that have nothing to do
# sleep. They spin otherwise, and beside another worker of pytest-xdist a network on one image then takes
# thirty times the processor seconds. What is computed, and on how many threads, stays as it is.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pytest
from built_once import built_once
from hypothesis import settings

from skipscope.data import cifar10
from skipscope.language import speak
from skipscope.records.store import Workspace

# an example of hypothesis takes as long as the machine's other work lets it
settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")

ARCHIVE = "cifar-10-binary.tar.gz"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the folders with the longest tests first: one that starts last would leave a core idle."""
    items.sort(key=lambda item: item.path.parts[-2] not in ("e2e", "faults"))


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing set in the shell of whoever runs the tests reaches them, nor what a test sets the next one."""
    for name in ("SKIPSCOPE_WORKSPACE", "NO_COLOR", "FORCE_COLOR", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_MESSAGES", "C")
    yield
    speak("en")


@pytest.fixture(scope="session", autouse=True)
def one_thread_first() -> None:
    """As a worker trains and measures, before anything of a session is made; each worker has a core."""
    import torch  # not where pytest-xdist only hands out tests

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def one_thread(one_thread_first: None) -> None:
    """Again, after a test that set another number."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the session that all workers of pytest-xdist have in common; see `built_once`."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def data_home(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data and a cache folder for the session: the user's own are neither read nor written.

    The cache is one for all workers: how fast this machine is need not be measured in each.
    """
    folder, cache = tmp_path_factory.mktemp("data"), shared / "cache"
    cache.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKIPSCOPE_DATA", str(folder))
        patch.setenv("XDG_CACHE_HOME", str(cache))
        yield folder


@pytest.fixture(scope="session")
def zoo(shared: Path, data_home: Path, one_thread_first: None) -> Path:
    """A workspace of small trained networks, trained once per test run: see tests/unit/zoo.py for which.

    It is every test's: read it, and change a copy of it (`trained`).
    """
    from zoo import train_zoo

    return built_once(shared / "zoo", train_zoo)


@pytest.fixture
def trained(zoo: Path, tmp_path: Path) -> Workspace:
    """A copy of the zoo, in a folder whose name is not only ASCII, that a test may change as it likes."""
    return Workspace(shutil.copytree(zoo, tmp_path / "my 实验"))


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
