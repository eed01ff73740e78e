"""No file from elsewhere runs code: a pickle in every file that is read, code that a record names, names."""

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from injected import CNN, LONG, Zygote, study
from markdown_it import MarkdownIt

from skipscope.data import cifar10, picture, store
from skipscope.data.likeness import EXACT
from skipscope.engine.autotune import Autotuner
from skipscope.engine.trained import network
from skipscope.engine.trust import refuse_unless_trusted, trust
from skipscope.errors import NetworkError, SkipscopeError
from skipscope.models.registry import build
from skipscope.models.user import pinned
from skipscope.records.files import whole_lines
from skipscope.records.frames import read_draft
from skipscope.records.lock import holder
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import Recipe, load_study
from skipscope.training import checkpoint
from skipscope.training.optimizer import SGD


class Planted:
    """Whoever unpickles this leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def forms(mark: Path) -> dict[str, bytes]:
    """The pickle as it is, as torch's two formats have it, and as numpy's two have it."""
    made = {"plain": pickle.dumps(Planted(mark)), "old": pickle.dumps(Planted(mark), protocol=0)}
    for name, zipped in (("torch", True), ("torch-legacy", False)):
        file = io.BytesIO()
        torch.save({"model": Planted(mark)}, file, _use_new_zipfile_serialization=zipped)
        made[name] = file.getvalue()
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, np.array([Planted(mark)], dtype=object))
    np.savez(npz, images=np.array([Planted(mark)], dtype=object), filters=np.array([Planted(mark)]))
    return made | {"npy": npy.getvalue(), "npz": npz.getvalue()}


def test_the_trap_works(tmp_path: Path) -> None:
    """Or the test below would see nothing, whatever is read."""
    mark = tmp_path / "mark"
    pickle.loads(forms(mark)["plain"])
    assert mark.exists()
    mark.unlink()
    torch.load(io.BytesIO(forms(mark)["torch"]), weights_only=False)
    assert mark.exists()
    mark.unlink()
    np.load(io.BytesIO(forms(mark)["npz"]), allow_pickle=True)["filters"]
    assert mark.exists()


@pytest.fixture
def run(undisturbed: Callable[[int], RunFolder], tmp_path: Path) -> RunFolder:
    source = undisturbed(4)
    return RunFolder(shutil.copytree(source.path, tmp_path / "out" / "runs" / source.read().id))


def readers(run: RunFolder, data: Path) -> dict[Path, Callable[[], object]]:
    """Every file that the program reads, and what reads it."""
    workspace = Workspace(run.path.parents[1])
    record = run.read()
    cnn = build("cnn")

    def resume() -> object:
        return checkpoint.load(run, cnn, SGD(cnn, Recipe()), steps=1, on_event=print)

    stored = store.write(
        "cifar10",
        np.zeros((60, 32, 32, 3), np.uint8),
        np.zeros(60, np.uint8),
        train=50,
        source="",
        data_dir=data,
        likeness=EXACT,
    )
    batches = data / "batches"
    batches.mkdir()
    sample = record.spec.data.sha256
    return {
        run.record_file: workspace.runs,
        run.metrics_file: workspace.metrics,
        run.readings_draft: lambda: read_draft(run.readings_draft, whole_lines(run.readings_draft)),
        run.readings_file: run.readings,
        run.pictures_file: run.pictures,
        run.model_file: lambda: network(workspace, record),
        run.state_file: resume,
        run.state_before: resume,
        run.path / "SHA256SUMS": run.readings,
        run.path / ".holder.json": lambda: holder(run.path),
        workspace.path / "studies" / "x.json": workspace.studies,
        workspace.sample_file(sample): lambda: workspace.sample(sample),
        workspace.start_file("cnn"): lambda: workspace.start_readings("cnn"),
        workspace.path / "x.toml": lambda: load_study(workspace.path / "x.toml"),
        workspace.path / "x.png": lambda: picture.read(workspace.path / "x.png"),
        stored.folder / "images.npy": lambda: cifar10.open_store(data),
        stored.folder / "labels.npy": lambda: cifar10.open_store(data),
        stored.folder / "index.json": lambda: cifar10.open_store(data),
        data / "x.tar.gz": lambda: cifar10.import_from(data / "x.tar.gz", data_dir=data),
        batches / "data_batch_1": lambda: cifar10.import_from(batches, data_dir=data),
        batches / "data_batch_1.bin": lambda: cifar10.import_from(batches, data_dir=data),
        batches / "train-0.parquet": lambda: cifar10.import_from(batches, data_dir=data),
        Autotuner(None).file: lambda: Autotuner(None),  # type: ignore[arg-type]
        Autotuner(None).file.with_name("networks.json"): lambda: refuse_unless_trusted(  # type: ignore[arg-type]
            "a.py:Net@0123456789abcdef"
        ),
    }


def test_a_pickle_in_every_file_that_is_read_is_never_run(run: RunFolder, tmp_path: Path) -> None:
    mark, data = tmp_path / "was-run", tmp_path / "data"
    (run.path / "SHA256SUMS").unlink()  # whoever plants a file plants its checksum, too
    for path, read in readers(run, data).items():
        before = path.read_bytes() if path.exists() else None
        for form, content in forms(mark).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            with suppress(SkipscopeError):
                read()
            assert not mark.exists(), (path.name, form)
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)


def test_an_archive_of_arrays_with_a_pickle_beside_them(run: RunFolder, tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    (run.path / "SHA256SUMS").unlink()
    with zipfile.ZipFile(run.pictures_file, "a") as packed:
        packed.writestr("data.pkl", forms(mark)["plain"])
    with pytest.raises(SkipscopeError):
        run.pictures()
    assert not mark.exists()


NET = """
from pathlib import Path
from torch import nn
Path(MARK).touch()
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(3072, 10))
"""


def test_code_that_a_record_names_is_not_run_before_a_study_of_the_users_named_it(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace that somebody sent, with a file beside it that its record asks for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mark, file = tmp_path / "was-run", run.path.parents[1] / "net.py"
    file.write_text(NET.replace("MARK", repr(str(mark))), encoding="utf-8")
    model = pinned(f"{file}:Net")
    record = run.read()
    hostile = record.model_copy(update={"spec": record.spec.model_copy(update={"model": model})})
    workspace = Workspace(run.path.parents[1])
    with pytest.raises(NetworkError, match="Refusing to run untrusted code") as caught:
        network(workspace, hostile)
    assert caught.value.where == str(file)
    assert not mark.exists()
    trust([model, "cnn"])
    with pytest.raises(SkipscopeError, match="weights"):  # they are of another network
        network(workspace, hostile)
    assert mark.exists()
    file.write_text(file.read_text() + "# changed", encoding="utf-8")
    mark.unlink()
    with pytest.raises(NetworkError, match="has changed since this run was planned"):
        network(workspace, hostile)
    assert not mark.exists()


def elements(page: str) -> list[str]:
    """What in the page would do something that a name asked for."""
    found: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.script = tag == "script"
            for name, value in attributes:
                if name.startswith("on") or (value or "").lower().startswith("javascript:"):
                    found.append(f"<{tag} {name}={value}")

        def handle_data(self, data: str) -> None:
            if getattr(self, "script", False) and data.startswith("alert("):
                found.append(data)

    Parser().feed(page)
    return found


def test_what_would_do_something_is_found() -> None:
    assert elements("<p>a</p><script>alert(1)</script>")
    assert elements("<img src=x onerror=alert(2)>")
    assert elements(MarkdownIt("commonmark").render("[x](JavaScript:alert)")) == []  # it makes no such link
    assert elements("<a href='javascript:alert(3)'>")
    assert elements(MarkdownIt("commonmark").render("a <img src=x onerror=alert(2)>"))


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>|`x`](javascript:alert(3))$(touch pwned);`id`"


def test_names_reach_neither_a_shell_nor_raw_html(zygote: Zygote, tmp_path: Path) -> None:
    """Hostile text in a title, arms, classes, a failure and the command of a study's records."""
    toml, out = study(tmp_path, arms=CNN), tmp_path / "out"
    assert zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out)).wait().code == 0
    (path,) = (out / "studies").iterdir()
    table = json.loads(path.read_bytes())
    table["study"]["title"] = {"en": HOSTILE, "zh": HOSTILE}
    table["command"] = f"skipscope run {HOSTILE}"
    table["data"]["classes"] = [f"{HOSTILE}{number}" for number in range(10)]
    table["data"]["source"] = HOSTILE
    table["study"]["arm"].append(
        {"model": f"nets/{HOSTILE.replace('/', '')}.py:Net", "name": None, "recipe": {}}
    )
    (record,) = Workspace(out).runs()
    failed = json.loads((out / "runs" / record.id / "run.json").read_bytes())
    failed |= {"id": "odd-s0-1", "state": "failed", "result": None}
    failed["failure"] = {"kind": "error", "message": HOSTILE, "numbers": {}}
    failed["network"]["structure"] = failed["network"]["name"] = HOSTILE
    failed["environment"]["versions"]["torch"] = failed["environment"]["machine"]["processor"] = HOSTILE
    (out / "runs" / "odd-s0-1").mkdir()
    (out / "runs" / "odd-s0-1" / "run.json").write_text(json.dumps(failed), encoding="utf-8")
    table["members"].append({"arm": HOSTILE, "seed": 0, "run": "odd-s0-1"})
    path.write_text(json.dumps(table), encoding="utf-8")
    before = {file for file in tmp_path.rglob("*") if out / "reports" not in file.parents}
    # Markdown with its charts in `make faults`; tests/unit/report renders it of such names, too
    formats = "html,md" if LONG else "html"
    ended = zygote.skipscope("report", "-w", out, "--format", formats, cwd=tmp_path).wait()
    assert ended.code == 0, ended.said
    report = out / "reports" / "tiny"
    page = (report / "report.html").read_text(encoding="utf-8")
    assert page.count("alert(1)") > 5  # it is shown, and means nothing
    assert elements(page) == []
    for language in ("en", "zh") if LONG else ():
        parts = sorted(report.glob(f"*.{language}.md"))
        text = "\n".join(part.read_text(encoding="utf-8") for part in parts)
        assert text.count("alert(1)") > 5
        assert elements(MarkdownIt("commonmark").enable("table").render(text)) == []
    for svg in (report / "figures").glob("*.svg"):
        assert "<script" not in svg.read_text(encoding="utf-8")
    after = {file for file in tmp_path.rglob("*") if out / "reports" not in file.parents}
    assert after - before <= {out / "reports"}
    assert not list(tmp_path.rglob("pwned"))
