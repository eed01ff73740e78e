"""Files that somebody made to do harm: reading one succeeds or raises an error of ours, and nothing else.

These are made by hand, or were found by fuzzing once (the corpus). An alarm fails a hang, and each test may
take a gigabyte of memory. `test_random_changes.py` changes sound files at random.
"""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from harmless import harmless
from readers import CORPUS, OLD, READERS, corpus, read_all, sound, weights

from skipscope.data import formats
from skipscope.errors import SkipscopeError
from skipscope.models.registry import build
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import load_study

pytestmark = pytest.mark.usefixtures("bounded_memory")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One run and one study, as records."""
    return Workspace(shutil.copytree(OLD, tmp_path / "out"))


# Every kind of file


@pytest.mark.parametrize(
    ("reader", "path"), [(reader, path) for reader in READERS for path in corpus(reader)], ids=str
)
def test_the_corpus(reader: str, path: Path, tmp_path: Path) -> None:
    """Files to begin with, files made to do harm, and what fuzzing once found."""
    with harmless():
        READERS[reader](tmp_path)(path.read_bytes())


def test_the_corpus_has_no_folder_that_nobody_reads() -> None:
    assert {folder.name for folder in CORPUS.iterdir() if folder.is_dir()} <= set(READERS)
    for reader in READERS:
        assert sound(reader), reader


# Studies


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{a = " * 50_000,
        "a = " + "9" * 100_000,
        "a." * 50_000 + "a = 1",
        "a = 1\n" * 100_000,
        "'a' . \"a\"." * 3000 + "a = 1",
        "a = " + "[" * 300 + "]" * 300,
        "\0",
        "seeds = 1000000000\n[[arm]]\nmodel = 'cnn'",
        "initial_seeds = 1000000000000\n[[arm]]\nmodel = 'cnn'",
        "[recipe]\nlearning_rate = inf\n[[arm]]\nmodel = 'cnn'",
        "[recipe]\nclip_norm = nan\n[[arm]]\nmodel = 'cnn'",
        "name = '../../x'\n[[arm]]\nmodel = 'cnn'",
        "name = '/etc/x'\n[[arm]]\nmodel = 'cnn'",
        "[[arm]]\nmodel = 'cnn'\nname = '../x'",
        "[[arm]]\nmodel = 'cnn'\nname = '<b>'",
    ],
)
def test_a_study_made_by_hand(text: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SkipscopeError):
        load_study(path)


@pytest.mark.parametrize(
    "name", ["resnet9998", "densenet9997_k999", "densenet_bc9994_k999", "cnn\0", "../cnn"]
)
def test_a_network_by_a_name_that_would_fill_the_memory(name: str) -> None:
    with harmless(), pytest.raises(SkipscopeError):
        build(name)


# Records


def test_deep_json(workspace: Workspace) -> None:
    for path in workspace.path.rglob("*.json*"):
        before = path.read_bytes()
        path.write_bytes(b"[" * 200_000 + b"\n")
        with pytest.raises(SkipscopeError):
            read_all(workspace)
        path.write_bytes(before)


@pytest.mark.parametrize(
    "id", ["../../../evil", "/tmp/evil", "..", ".", "", "a/b", "a\\b", "a\0b", "x" * 300]
)
def test_a_record_whose_id_leads_elsewhere(id: str, workspace: Workspace) -> None:
    (file,) = workspace.path.glob("runs/*/run.json")
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"id": id}))
    with pytest.raises(SkipscopeError, match="damaged"):
        workspace.runs()
    (study,) = workspace.path.glob("studies/*.json")
    table = json.loads(study.read_bytes())
    table["members"][0]["run"] = id
    study.write_text(json.dumps(table))
    with pytest.raises(SkipscopeError, match="damaged"):
        workspace.studies()


def test_a_copy_of_a_runs_folder_is_no_other_run(workspace: Workspace) -> None:
    (folder,) = (workspace.path / "runs").iterdir()
    shutil.copytree(folder, folder.with_name(f"{folder.name} (copy)"))
    assert [record.id for record in workspace.runs()] == [folder.name]


# Tables, arrays, weights


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


@pytest.mark.parametrize(
    "array",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000,)}"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\x04N."),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"),
        npy("{'descr': [('a', '<f8')] * 9, 'fortran_order': False, 'shape': (1,)}"),
        npy("__import__('os').abort()"),
        npy("(" * 100),
        b"",
        b"\0" * 100,
        b"zeros",
    ],
)
def test_arrays_made_by_hand(array: bytes, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with zipfile.ZipFile(folder.pictures_file, "w") as packed_up:
        packed_up.writestr("filters.npy", array)
    with harmless():
        for found in folder.pictures().values():
            assert found.nbytes < 1000


def test_an_archive_that_unpacks_to_more_than_a_memory_holds(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with (
        zipfile.ZipFile(folder.pictures_file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb,
        bomb.open("filters.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1200000000,)}"))
        for _ in range(1200):
            member.write(bytes(1_000_000))
    with pytest.raises(SkipscopeError, match="unpacks to"):
        folder.pictures()
    content = bytearray(folder.pictures_file.read_bytes())
    entry = content.find(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")  # and lies about it
    folder.pictures_file.write_bytes(content)
    with harmless():
        folder.pictures()


@pytest.mark.parametrize(
    "header",
    [
        b'{"fc1.weight":{"dtype":"F32","shape":[99999999,99999999],"data_offsets":[0,4]}}',
        b'{"fc1.weight":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
        b'{"fc1.weight":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}',
        b"[" * 10_000,
        b"{}",
        b"",
        b"null",
    ],
)
@pytest.mark.parametrize("length", [None, 2**63, 2**40, 0])
def test_headers_of_weights_made_by_hand(header: bytes, length: int | None, tmp_path: Path) -> None:
    size = len(header) if length is None else length
    read = weights(tmp_path)
    with harmless():
        read(size.to_bytes(8, "little") + header + b"\0" * 4)


# CIFAR-10 as pickles


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02Nr\xff\xff\xff\x7f.",  # LONG_BINPUT: room for two thousand million objects
        b"\x80\x02p4000000000\n.",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",  # a string without end
        b"\x80\x02\x8b\xff\xff\xff\x7f",  # a whole number without end
        b"\x80\x02" + b"(" * 1_000_000 + b".",
        b"\x80\x02" + b"]" * 100_000 + b".",
        b"\x80\x02cnumpy\ndtype\nX\x03\x00\x00\x00O8,\x85R.",
        b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.",
        b"\x80\x02cnumpy\ndtype\n}b.",
    ],
)
def test_python_batches_made_by_hand(data: bytes) -> None:
    with harmless(), pytest.raises(SkipscopeError):
        formats._python("data_batch_1", data, Path("x"))


def test_labels_that_are_lists_of_themselves(tmp_path: Path) -> None:
    """Each level holds the one below twice: to look at all of them takes for ever."""
    import pickle

    labels: list[object] = [1]
    for _ in range(40):
        labels = [labels, labels]
    data = pickle.dumps({"data": np.zeros((10_000, 3072), np.uint8), "labels": labels}, protocol=4)
    with harmless(), pytest.raises(SkipscopeError, match="no `labels`"):
        formats._python("data_batch_1", data, tmp_path)
