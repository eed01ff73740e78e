"""Bits that flipped on the disk: noticed by checksum, named with the file, mended by the command it says."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from injected import EPOCHS, LONG, Zygote, same, study
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.data import cifar10, dataset, fetch, store
from skipscope.data.likeness import EXACT
from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.engine.trained import network
from skipscope.errors import DataError, WorkspaceError
from skipscope.records.checksums import SUMS
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import load_study

FLIPS = 40 if LONG else 6
"""Bits flipped in each file, at random offsets."""


def flip(path: Path, offset: int, bit: int = 0) -> None:
    """One bit of a file; a file that hard links share is not written into."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    path.unlink()
    path.write_bytes(content)


@pytest.fixture
def run(undisturbed: Callable[[int], RunFolder], tmp_path: Path) -> RunFolder:
    """A finished run of a workspace, with a study's name for it."""
    source = undisturbed(4)
    folder = RunFolder(tmp_path / "out" / "runs" / source.read().id)
    shutil.copytree(source.path, folder.path)
    return folder


READERS = {
    "model.safetensors": lambda folder: network(Workspace(folder.path.parents[1]), folder.read()),
    "readings.parquet": RunFolder.readings,
    "metrics.jsonl": lambda folder: Workspace(folder.path.parents[1]).metrics(),
    "pictures.npz": RunFolder.pictures,
    "run.json": RunFolder.read,
}


@pytest.mark.parametrize("name", READERS)
def test_a_flipped_bit_of_a_finished_run_is_noticed_and_named(name: str, run: RunFolder) -> None:
    path, chance = run.path / name, random.Random(name)
    READERS[name](run)
    size = path.stat().st_size
    for offset in [0, size - 1, *(chance.randrange(size) for _ in range(FLIPS))]:
        flip(path, offset, bit := chance.randrange(8))
        with pytest.raises(WorkspaceError, match="checksum") as caught:
            READERS[name](run)
        assert caught.value.where == str(path)
        assert caught.value.hint
        flip(path, offset, bit)
    READERS[name](run)


def test_damaged_checksums_are_no_reason_to_believe_a_file(run: RunFolder) -> None:
    (run.path / SUMS).write_bytes(b"0" * 64 + b" what is this")
    with pytest.raises(WorkspaceError, match="list of checksums is damaged") as caught:
        run.readings()
    assert caught.value.where == str(run.path / SUMS)
    assert run.damaged()


@pytest.mark.parametrize(
    ("name", "bit"),
    [(SUMS, 7), (SUMS, 0), ("run.json", 0), ("model.safetensors", 0)]  # 7: no longer ASCII; 0: another digit
    + [("readings.parquet", 0), ("metrics.jsonl", 0)] * LONG,
)
def test_a_damaged_finished_run_is_trained_again(
    name: str, bit: int, zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    folder = RunFolder(shutil.copytree(undisturbed(4).path, tmp_path / "run"))
    flip(folder.path / name, 200, bit)
    damaged = folder.damaged()
    assert damaged == [name] or (name == SUMS and not bit)
    ended = zygote.train(folder.path, epochs=4).wait()
    assert ended.code == 0, ended.said
    assert f"{damaged[0]} damaged or missing (compared with {SUMS}): training it again" in ended.said
    same(undisturbed(4), folder)
    assert folder.damaged() == []


def test_a_study_says_what_of_it_is_damaged_and_trains_it_again(zygote: Zygote, tmp_path: Path) -> None:
    toml, workspace = study(tmp_path), Workspace(tmp_path / "out")

    def carry_out() -> tuple[list[str | None], str]:
        planned = plan(load_study(toml), workspace, command="skipscope run tiny.toml")
        ended = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(workspace.path)).wait()
        assert ended.code == 0, ended.said
        return [run.state for run in planned.runs], ended.said

    assert carry_out()[0] == [None]
    (record,) = workspace.runs()
    folder = workspace.run_folder(record.id)
    before = folder.model_file.read_bytes()
    assert carry_out()[0] == ["done"]
    flip(folder.path / SUMS, 64)  # behind the first checksum
    states, said = carry_out()
    assert states == [None]
    assert f"{SUMS} damaged or missing" in said
    assert folder.model_file.read_bytes() == before
    assert carry_out()[0] == ["done"]
    flip(folder.model_file, 64)  # the record itself is sound
    assert [run.state for run in plan(load_study(toml), workspace, command="x").runs] == [None]


@pytest.mark.parametrize("name", ["state.pt", "metrics.jsonl", "readings.jsonl"])
def test_a_damaged_checkpoint_or_journal_goes_back_to_the_checkpoint_before(
    name: str, zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    stopped(zygote, folder)
    flip(folder.path / name, -1 if name != "state.pt" else 100_000, 4)  # of a journal, its last row
    ended = zygote.train(folder.path, epochs=EPOCHS).wait()
    assert ended.code == 0, ended.said
    assert "its last checkpoint is damaged" in ended.said
    assert name in ended.said
    same(undisturbed(EPOCHS), folder)


def test_with_both_checkpoints_damaged_it_says_so_and_starts_anew_when_told_again(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    stopped(zygote, folder)
    flip(folder.state_file, 5000)
    flip(folder.state_before, 5000)
    ended = zygote.train(folder.path, epochs=EPOCHS).wait()
    assert ended.code != 0
    assert "This checkpoint is damaged (its checksum is not" in ended.said
    assert str(folder.state_file) in ended.said
    assert "the same command again trains this run from its start" in ended.said
    ended = zygote.train(folder.path, epochs=EPOCHS).wait()
    assert ended.code == 0, ended.said
    assert folder.model_file.read_bytes() == undisturbed(EPOCHS).model_file.read_bytes()
    assert sorted(path.name for path in folder.path.glob("*.damaged")) == [
        "state.before.damaged",
        "state.damaged",
    ]


def stopped(zygote: Zygote, folder: RunFolder) -> None:
    """A run that was killed after two checkpoints and was at rest then: its journals end with the last."""
    while not folder.state_before.exists():
        process = zygote.train(folder.path, epochs=EPOCHS, stop_after=EPOCHS)
        assert process.wait().code == 3, process.said


@pytest.fixture
def imported(tmp_path: Path) -> store.Store:
    """Sixty made-up images in the place of CIFAR-10."""
    images = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3)).astype(np.uint8)
    labels = (np.arange(60) % 10).astype(np.uint8)
    return store.write(
        cifar10.NAME, images, labels, train=50, source="made up", data_dir=tmp_path / "data", likeness=EXACT
    )


@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
def test_a_flipped_bit_of_the_data_set_is_noticed_before_anything_is_trained(
    name: str, imported: store.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(imported.folder / name, -1)
    with pytest.raises(DataError, match=f"{name} is damaged: its checksum") as caught:
        dataset.check("cifar10", data_dir=tmp_path / "data")
    assert caught.value.where == str(imported.folder / name)
    assert "skipscope data check --repair" in caught.value.hint

    def get(*, data_dir: Path | None, progress: fetch.Progress) -> store.Store:
        return store.write(
            cifar10.NAME,
            imported.images[::-1],
            imported.labels,
            train=50,
            source="again",
            data_dir=data_dir,
            likeness=EXACT,
        )

    monkeypatch.setattr(fetch, "get", get)
    result = CliRunner().invoke(app, ["data", "check", "--data-dir", str(tmp_path / "data")])
    assert isinstance(result.exception, DataError)
    result = CliRunner().invoke(app, ["data", "check", "--repair", "--data-dir", str(tmp_path / "data")])
    assert result.exit_code == 0, result.output
    assert f"{name} is damaged" in result.output
    dataset.check("cifar10", data_dir=tmp_path / "data")


def test_a_study_is_not_begun_on_a_damaged_data_set(
    imported: store.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(load_study(study(tmp_path)), Workspace(tmp_path / "out"), command="x")
    table = planned.record.study.model_copy(update={"data": "cifar10"})
    broken = planned.record.model_copy(update={"study": table})
    object.__setattr__(planned, "record", broken)
    flip(imported.folder / "images.npy", -1)
    with pytest.raises(DataError, match=r"images\.npy is damaged"):
        execute(
            planned,
            Workspace(tmp_path / "out"),
            on_event=lambda _: None,
            interrupted=lambda: None,
            data_dir=tmp_path / "data",
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("left", ["new", "old"])
def test_a_data_set_between_two_names_is_found_again(left: str, imported: store.Store) -> None:
    """Killed after the old one was put aside and before the new one had its name."""
    room = imported.folder.parent / ".cifar10-abc"
    room.mkdir()
    imported.folder.rename(room / left)
    found = store.read(cifar10.NAME, data_dir=imported.folder.parent)
    assert found is not None
    assert found.index == imported.index
    assert imported.folder.exists()
