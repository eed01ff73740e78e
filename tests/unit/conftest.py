"""Made-up studies for tests of whatever reads a workspace: built once per test run, copied into each test."""

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import made_up_readings
import pytest
from built_once import built_once
from made_up_workspace import write_workspace

from skipscope.records.store import Workspace


@pytest.fixture
def made_up(shared: Path, tmp_path: Path) -> Callable[..., Workspace]:
    """`made_up(seeds=3, diverged=("densenet",))`: a workspace of the test's own, which it may change.

    What may vary are the arguments of `made_up_workspace.write_workspace`.
    """

    def make(**variant: object) -> Workspace:
        name = sha256(repr(sorted(variant.items())).encode()).hexdigest()[:16]
        built = built_once(shared / f"made-up-{name}", lambda folder: write_workspace(folder, **variant))  # type: ignore[arg-type]
        return Workspace(shutil.copytree(built, tmp_path / "workspace", dirs_exist_ok=True))

    return make


@pytest.fixture
def with_readings(shared: Path) -> Callable[..., Workspace]:
    """`with_readings(made_up())`: the same workspace with readings of every probe, a sample and pictures."""

    def add(workspace: Workspace, **numbers: int) -> Workspace:
        def build(folder: Path) -> None:
            shutil.copytree(workspace.path, folder)
            made_up_readings.with_readings(Workspace(folder), **numbers)

        built = built_once(shared / f"readings-{_content(workspace.path, numbers)}", build)
        return Workspace(shutil.copytree(built, workspace.path, dirs_exist_ok=True))

    return add


def _content(folder: Path, numbers: dict[str, int]) -> str:
    """Tells workspaces apart by every byte in them, since a test may have changed its own."""
    digest = sha256(repr(sorted(numbers.items())).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
