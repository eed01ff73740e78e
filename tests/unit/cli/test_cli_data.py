"""`skipscope data ...`: what is printed, and that errors reach the top."""

from pathlib import Path

import numpy as np
import pytest
import rich.console
from typer.testing import CliRunner, Result

from skipscope.cli.data import app
from skipscope.data import cifar10, fetch, shapes, store
from skipscope.data.likeness import EXACT
from skipscope.errors import DataError

WIDE = "a-folder-with-a-long-name-that-does-not-fit-into-eighty-columns-of-a-terminal"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / WIDE


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def tiny(folder: Path) -> store.Store:
    images = np.arange(20 * 3072).astype(np.uint8).reshape(20, 32, 32, 3)
    labels = (np.arange(20) % 10).astype(np.uint8)
    return store.write(
        "cifar10", images, labels, train=10, source="made [bold]up", data_dir=folder, likeness=EXACT
    )


def test_info_without_a_data_set_says_what_there_is(folder: Path) -> None:
    result = call("info", "--data-dir", folder)
    assert result.exit_code == 0
    assert shapes.SHA256 in result.output
    assert "train 8,000, validation 1,000, test 1,000 (sealed)" in result.output
    assert f"not there yet: {folder / 'cifar10'}\n" in result.output
    assert "data get" in result.output


def test_info_shows_the_data_set(folder: Path) -> None:
    stored = tiny(folder)
    result = call("info", "--data-dir", folder)
    assert result.exit_code == 0
    for fact in (
        stored.index.sha256,
        "made [bold]up",
        str(stored.folder),
        stored.index.imported,
        "frog",
        "test 10",
    ):
        assert fact in result.output


def test_import_says_what_it_did(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[Path, Path | None]] = []

    def import_from(path: Path, *, data_dir: Path | None) -> store.Store:
        given.append((path, data_dir))
        return tiny(folder)

    monkeypatch.setattr(cifar10, "import_from", import_from)
    result = call("import", tmp_path / "x.tar.gz", "--data-dir", folder)
    assert result.exit_code == 0
    assert given == [(tmp_path / "x.tar.gz", folder)]
    assert f"CIFAR-10 is ready: 10 training and 10 test images in {folder / 'cifar10'}" in result.output


def test_import_of_nothing_raises(folder: Path) -> None:
    result = call("import", folder / "none", "--data-dir", folder)
    assert isinstance(result.exception, DataError)


@pytest.mark.parametrize("terminal", [False, True])
def test_get_shows_where_it_downloads_from(
    *, terminal: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(*, data_dir: Path | None, progress: fetch.Progress) -> store.Store:
        assert data_dir == folder
        for done in (1, 2):
            progress("https://one.example/x.tar.gz", done, 2)
        progress("https://two.example/x.tar.gz", 1, 0)
        return tiny(folder)

    monkeypatch.setattr(fetch, "get", get)
    monkeypatch.setattr(rich.console.Console, "is_terminal", terminal)
    result = call("get", "--data-dir", folder)
    assert result.exit_code == 0, result.exception
    assert "CIFAR-10 is ready" in result.output
    if not terminal:
        assert result.output.count("downloading from one.example") == 1
        assert result.output.count("downloading from two.example") == 1


def test_check_says_that_all_is_sound(folder: Path) -> None:
    stored = tiny(folder)
    result = call("check", "--data-dir", folder)
    assert result.exit_code == 0
    assert "shapes: sound" in result.output
    assert f"cifar10: sound, sha256 {stored.index.sha256}" in result.output


def test_check_raises_on_damage(folder: Path) -> None:
    file = tiny(folder).folder / "images.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    result = call("check", "--data-dir", folder)
    assert isinstance(result.exception, DataError)
    assert "images.npy is damaged" in str(result.exception)


def test_check_raises_where_the_embedded_set_is_drawn_differently(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "SHA256", "0" * 64)
    result = call("check", "--data-dir", folder)
    assert isinstance(result.exception, DataError)
    assert "draws the embedded data set differently" in str(result.exception)


def test_check_without_a_data_set_says_the_ways_out(folder: Path) -> None:
    result = call("check", "--data-dir", folder)
    assert isinstance(result.exception, DataError)
    assert "three ways out" in str(result.exception)
