"""What the program reads of files that others made: one reader a kind of file, and files to begin with.

A reader is given a folder of its own to work in, and then, again and again, a file's bytes. Whatever they
are, it ends, with a SkipscopeError or without: anything else is a finding.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from skipscope.analysis.tables import gather
from skipscope.data import cifar10, parquet, picture
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import load_study, shipped_studies

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
OLD = HERE / "old"
"""A workspace of one run and one study."""
RUN = next((OLD / "runs").iterdir()).name

Read = Callable[[bytes], object]


def read_all(workspace: Workspace) -> None:
    """What status and report read of a workspace."""
    for record in workspace.runs():
        workspace.run_folder(record.id).last_epoch()
        workspace.run_folder(record.id).last_step()
    workspace.metrics()
    workspace.readings()
    tables = gather(workspace, None)
    for _ in (tables.summaries, tables.steps):
        pass


def a_file(name: str, read: Callable[[Path], object]) -> Callable[[Path], Read]:
    """A reader of a file of this name, alone in the folder."""

    def reader(folder: Path) -> Read:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)

        def written(data: bytes) -> object:
            path.write_bytes(data)
            return read(path)

        return written

    return reader


def of_a_workspace(name: str) -> Callable[[Path], Read]:
    """A reader of a workspace in which this file was changed."""

    def reader(folder: Path) -> Read:
        workspace = Workspace(shutil.copytree(OLD, folder / "out"))
        return a_file(name, lambda _: read_all(workspace))(workspace.path)

    return reader


def weights(folder: Path) -> Read:
    """Reads the weights of the old workspace's run, as `predict` and `probe` load them."""
    from skipscope.engine.trained import network  # torch: nobody else here needs it

    workspace = Workspace(shutil.copytree(OLD, folder / "out"))
    (record,) = workspace.runs()
    return a_file("model.safetensors", lambda _: network(workspace, record))(workspace.run_folder(RUN).path)


def readings(folder: Path) -> Read:
    """As a report reads them, and status."""
    workspace = Workspace(shutil.copytree(OLD, folder / "out"))
    return a_file("readings.parquet", lambda _: workspace.readings())(workspace.run_folder(RUN).path)


def batches(folder: Path) -> Read:
    """A pickle among the official python batches."""
    return a_file("b/data_batch_1", lambda path: cifar10.import_from(path.parent, data_dir=folder))(folder)


def archives(folder: Path) -> Read:
    """A tar archive, packed by gzip or not."""
    return a_file("cifar.tar.gz", lambda path: cifar10.import_from(path, data_dir=folder))(folder)


def images_in_a_table(path: Path) -> None:
    """One file of a split; its classes are read of what is sound."""
    data = path.read_bytes()
    parquet._row_count(data, path.name, path)
    parquet._parquet(data, path.name, path)
    parquet._classes(data)


READERS: dict[str, Callable[[Path], Read]] = {
    "study": a_file("study.toml", load_study),
    "run": of_a_workspace(f"runs/{RUN}/run.json"),
    "study-record": of_a_workspace("studies/old.json"),
    "metrics": of_a_workspace(f"runs/{RUN}/metrics.jsonl"),
    "readings": readings,
    "arrays": a_file("pictures.npz", lambda path: RunFolder(path.parent).pictures()),
    "weights": weights,
    "archive": archives,
    "batch": batches,
    "parquet": a_file("train-0.parquet", images_in_a_table),
    "images": a_file("image", picture.read),
}


def planted(_: Path) -> Read:
    """A reader with a fault, for the fuzzer's own test: bytes that begin with FUZZ are a key it has not."""

    def read(data: bytes) -> object:
        if data[:1] == b"F" and data[1:2] == b"U" and data[2:3] == b"Z" and data[3:4] == b"Z":  # a step each
            return {}[data]
        return None

    return read


def after_a_while(do: Callable[[], object]) -> Callable[[Path], Read]:
    """A reader that does this once it was given a few bytes."""
    return lambda _: lambda data: do() if len(data) > 3 else None


FAULTS: dict[str, Callable[[Path], Read]] = {
    "planted": planted,
    "writes": after_a_while(lambda: Path("/tmp/pwned").open("ab").close()),
    "begins": after_a_while(lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)),
    "fills": after_a_while(lambda: HELD.append(b"x" * (1200 << 20))),
}
"""Readers that do what none may, for the tests of the fuzzer itself."""
HELD: list[bytes] = []


def corpus(reader: str) -> list[Path]:
    """Files to begin with: sound ones, ones made by hand, and whatever once was a finding."""
    more = {
        "study": list(shipped_studies().values()),
        "run": [OLD / "runs" / RUN / "run.json"],
        "study-record": [OLD / "studies" / "old.json"],
        "metrics": [OLD / "runs" / RUN / "metrics.jsonl"],
    }
    kept = CORPUS / reader
    return [*more.get(reader, []), *(sorted(kept.iterdir()) if kept.exists() else [])]


def sound(reader: str) -> list[bytes]:
    """Those of the corpus that can be read."""
    return [
        path.read_bytes()
        for path in corpus(reader)
        if path.name.startswith("sound") or CORPUS not in path.parents
    ]
