"""A workspace in an archive is read as the folder that it was made from."""

import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import skipscope
from skipscope.analysis.tables import gather
from skipscope.claims.calibration.calibrate import save_calibration
from skipscope.cli import app
from skipscope.errors import WorkspaceError
from skipscope.records import archived
from skipscope.records.store import Workspace


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "bztar", "xztar"])
def test_every_kind_of_archive_reads_as_its_folder(
    made_up: Callable[..., Workspace], tmp_path: Path, kind: str
) -> None:
    folder = made_up()
    made = shutil.make_archive(str(tmp_path / "kept"), kind, folder.path.parent, folder.path.name)
    store = Workspace(made)
    assert store.runs() == folder.runs()
    assert store.studies() == folder.studies()
    assert gather(store, None).metrics.equals(gather(folder, None).metrics)
    assert store.typed("skipscope status") == f"skipscope status -w {made}"
    assert repr(skipscope.Workspace(made)) == f"Workspace('{made}')"


def test_commands_read_it_and_write_beside_it(
    made_up: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_up()
    made = shutil.make_archive(str(tmp_path / "kept"), "xztar", folder.path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    typed = CliRunner().invoke
    claims = [typed(app, ["claims", "--json", "-w", str(where)]) for where in (folder.path, made)]
    assert claims[0].exit_code == claims[1].exit_code == 0
    assert claims[1].stdout == claims[0].stdout.replace(f"-w {folder.path}", f"-w {made}")
    assert typed(app, ["report", "--format", "html", "-w", made]).exit_code == 0
    assert Path("skipscope-out/reports/lab/report.html").exists()


def test_what_would_change_it_is_refused(made_up: Callable[..., Workspace], tmp_path: Path) -> None:
    store = Workspace(shutil.make_archive(str(tmp_path / "kept"), "zip", made_up().path))
    for arguments in (["run", "demo"], ["probe", store.runs()[0].id]):
        result = CliRunner().invoke(app, [*arguments, "-w", str(store.given)])
        assert isinstance(result.exception, WorkspaceError)
        assert "an archive, which can be read and not changed" in str(result.exception)
        assert "kept.zip" in str(result.exception)
    with pytest.raises(WorkspaceError, match="not changed"):
        save_calibration(store, {})


def _archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tape:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tape.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tape.addfile(link)
    return path


def test_nothing_is_written_outside_of_the_folder(tmp_path: Path) -> None:
    names = ("../escaped", "/tmp/escaped-too", "a/../../escaped", "studies/a.json")
    folder = archived.unpacked(_archive(tmp_path / "odd.tar.gz", dict.fromkeys(names, b"{}")))
    assert [file.name for file in folder.rglob("*") if not file.is_dir()] == ["a.json"]
    assert not (folder.parent / "escaped").exists()
    assert not Path("/tmp/escaped-too").exists()


def test_what_is_no_workspace_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkspaceError, match="no study in this archive"):
        Workspace(_archive(tmp_path / "other.tgz", {"notes.txt": b"nothing"}))
    half = tmp_path / "half.tar.gz"
    half.write_bytes(_archive(tmp_path / "whole.tar.gz", {"studies/a.json": bytes(10_000)}).read_bytes()[:90])
    with pytest.raises(WorkspaceError, match="cannot be unpacked"):
        Workspace(half)
    monkeypatch.setattr(archived, "LARGEST", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("studies/a.json", bytes(2000))
    with pytest.raises(WorkspaceError, match="holds more than"):
        Workspace(tmp_path / "bomb.zip")
