"""A workspace, and the lab page that serves it: in the test's process, through a real socket."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import browsing, free_port
from made_up_workspace import write_workspace

from skipscope.live import stream, watcher
from skipscope.live.control import Control
from skipscope.live.serve import Served, serving
from skipscope.records.store import Workspace


def written(folder: Path) -> Workspace:
    """Two arms with two seeds of 300 steps; the last run of one failed, that of the other is not finished."""
    return write_workspace(
        folder / "my 实验",
        arms=("cnn", "resnet"),
        seeds=2,
        epochs=3,
        steps=100,
        unfinished=("resnet",),
        diverged=("cnn",),
    )


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Looks more often, so that a test need not wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "UPDATE_SECONDS", 0.02)
        patch.setattr(watcher, "LOOK_SECONDS", 0.0)
        yield


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Iterator[Served]:
    """A page that tests of a module share: they change nothing."""
    control = Control(written(tmp_path_factory.mktemp("served")))
    with serving(control, language="en", port=free_port()) as page:
        yield page


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    """A browser that has the page's cookie."""
    with browsing(served) as client:
        yield client


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace of a test's own."""
    return written(tmp_path)


@pytest.fixture
def own(workspace: Workspace) -> Iterator[httpx.Client]:
    """A browser on the page of a test's own workspace."""
    control = Control(workspace)
    with serving(control, language="en", port=free_port()) as page, browsing(page) as client:
        yield client
    control.end(10)
