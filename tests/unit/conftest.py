"""Made-up studies for tests of whatever reads a workspace: built once per test run.

A test that changes its study takes a copy (`made_up`, `with_readings`), one that reads it `study_tables`.
"""

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import made_up_readings
import pytest
from built_once import built_once
from fake_accelerator import accelerator
from fake_ray import fake_ray
from fonts_here import fonts_forgotten, no_chinese
from forked_workers import forked_workers
from made_up_workspace import write_workspace
from workers_in_process import workers_in_process

from skipscope.analysis.tables import StudyTables, gather
from skipscope.records.store import Workspace

__all__ = ["accelerator", "fake_ray", "fonts_forgotten", "forked_workers", "no_chinese", "workers_in_process"]


@pytest.fixture
def made_up(shared: Path, tmp_path: Path) -> Callable[..., Workspace]:
    """`made_up(seeds=3, diverged=("densenet",))`: a workspace of the test's own, which it may change.

    What may vary are the arguments of `made_up_workspace.write_workspace`.
    """

    def make(**variant: Any) -> Workspace:
        built = _written(shared, variant)
        return Workspace(shutil.copytree(built, tmp_path / "workspace", dirs_exist_ok=True))

    return make


@pytest.fixture
def with_readings(shared: Path) -> Callable[..., Workspace]:
    """`with_readings(made_up())`: the same workspace with readings of every probe, a sample and pictures."""

    def add(workspace: Workspace, **numbers: int) -> Workspace:
        built = _measured(shared, workspace.path, numbers)
        return Workspace(shutil.copytree(built, workspace.path, dirs_exist_ok=True))

    return add


@pytest.fixture(scope="session")
def study_tables(shared: Path) -> Callable[..., StudyTables]:
    """`study_tables(seeds=2, readings=True)`: the tables of a made-up study, gathered once, to read only.

    Derive a changed study with `dataclasses.replace`; the workspace behind it is every test's.
    """
    gathered: dict[str, StudyTables] = {}

    def tables(*, readings: bool = False, **variant: Any) -> StudyTables:
        name = f"{readings} {sorted(variant.items())}"
        if name not in gathered:
            path = _written(shared, variant)
            gathered[name] = gather(Workspace(_measured(shared, path, {}) if readings else path), None)
        return gathered[name]

    return tables


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keeps a developer's own name out of what is tested."""
    monkeypatch.setattr("skipscope.spec.author.user_config_path", lambda _: tmp_path / "no-settings")


def _written(shared: Path, variant: dict[str, Any]) -> Path:
    name = sha256(repr(sorted(variant.items())).encode()).hexdigest()[:16]
    return built_once(shared / f"made-up-{name}", lambda folder: write_workspace(folder, **variant))


def _measured(shared: Path, workspace: Path, numbers: dict[str, int]) -> Path:
    def build(folder: Path) -> None:
        shutil.copytree(workspace, folder)
        made_up_readings.with_readings(Workspace(folder), **numbers)

    return built_once(shared / f"readings-{_content(workspace, numbers)}", build)


def _content(folder: Path, numbers: dict[str, int]) -> str:
    """Tells workspaces apart by every byte in them, since a test may have changed its own."""
    digest = sha256(repr(sorted(numbers.items())).encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
