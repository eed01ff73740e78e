"""Files that somebody made to do harm: an error of ours or success, nothing else, whatever is in them.

Bytes that once were a sound file, changed at random, and files made by hand for what random changes do not
find. Each is read with an alarm set (a hang fails), and memory is looked at when all of a kind were read.
"""

import io
import json
import signal
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from injected import LONG
from PIL import Image
from safetensors.numpy import save as packed

from skipscope.analysis.tables import gather
from skipscope.data import archive, formats, parquet, picture
from skipscope.engine.trained import network
from skipscope.errors import SkipscopeError
from skipscope.models.registry import build
from skipscope.records.store import READINGS, RunFolder, Workspace
from skipscope.spec import load_study, shipped_studies

CORPUS = Path(__file__).parent / "corpus"
OLD = Path(__file__).parent / "old"
EXAMPLES = 3000 if LONG else 60
HANG_SECONDS = 60
"""Many times what any of these files takes."""
MEMORY = 1 << 30

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # a hostile file need not be a small one
    suppress_health_check=list(HealthCheck),
    database=None,
)


@st.composite
def changed(draw: st.DrawFn, content: bytes) -> bytes:
    """A few bytes of it flipped, cut out, put in, doubled, or its end cut off."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("flip", "cut", "put", "double", "end", "number"))):
            case "flip" if place < len(data):
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[place : place + draw(st.integers(1, 40))]
            case "put":
                data[place:place] = draw(st.binary(min_size=1, max_size=16))
            case "double":
                data[place:place] = data[place : place + draw(st.integers(1, 64))]
            case "end":
                del data[place:]
            case "number":
                data[place : place + 4] = draw(
                    st.sampled_from((b"\xff" * 4, b"\x7f\xff\xff\xff", b"9999", b"\0" * 4))
                )
    return bytes(data)


@contextmanager
def harmless() -> Iterator[None]:
    """An error of ours or none, and no hang."""

    def hang(*_: object) -> None:
        raise AssertionError(f"it takes more than {HANG_SECONDS} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(HANG_SECONDS)
    try:
        with suppress(SkipscopeError):
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def no_flood_of_memory() -> Iterator[None]:
    """The most this process held while a test ran is less than a gigabyte above what it held before."""
    status = Path("/proc/self/status")
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = _kib(status, "VmRSS")
    yield
    assert (_kib(status, "VmHWM") - before) << 10 < MEMORY


def _kib(status: Path, key: str) -> int:
    return int(status.read_text().partition(f"{key}:")[2].split()[0])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One run and one study, as records."""
    import shutil

    return Workspace(shutil.copytree(OLD, tmp_path / "out"))


def read_all(place: Workspace) -> None:
    """What status and report read of a workspace."""
    for record in place.runs():
        place.run_folder(record.id).last_epoch()
        place.run_folder(record.id).last_step()
    place.metrics()
    place.readings()
    tables = gather(place, None)
    for _ in (tables.summaries, tables.steps):
        pass


# Studies


STUDIES = [path.read_bytes() for path in shipped_studies().values()]
KEYS = ("name", "title", "data", "train_limit", "seeds", "initial_seeds", "recipe", "probes", "arm", "odd")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@fuzzed
@given(data=st.data())
def test_a_changed_study(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = shared(tmp_path_factory) / "study.toml"
    path.write_bytes(data.draw(changed(data.draw(st.sampled_from(STUDIES)))))
    with harmless():
        load_study(path)


@fuzzed
@given(table=st.dictionaries(st.sampled_from(KEYS), values, max_size=5))
def test_a_study_of_any_keys_and_values(table: dict[str, object]) -> None:
    from skipscope.spec import parse_study

    with harmless():
        parse_study(table, where="a test")


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


@fuzzed
@given(data=st.data())
def test_changed_records_and_metrics(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    place = Workspace(shared(tmp_path_factory) / "records")
    files = sorted(path.relative_to(OLD) for path in OLD.rglob("*.json*"))
    chosen = data.draw(st.sampled_from(files))
    for file in files:
        path = place.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        content = (OLD / file).read_bytes()
        path.write_bytes(data.draw(changed(content)) if file == chosen else content)
    with harmless():
        read_all(place)


@fuzzed
@given(data=st.data())
def test_records_with_other_values(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Sound JSON that says something else at one place."""
    place = Workspace(shared(tmp_path_factory) / "values")
    files = sorted(path.relative_to(OLD) for path in OLD.rglob("*.json*"))
    chosen = data.draw(st.sampled_from(files))
    for file in files:
        path = place.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (OLD / file).read_text()
        if file == chosen:
            rows = [json.loads(row) for row in (text.splitlines() if file.suffix == ".jsonl" else [text])]
            data.draw(st.sampled_from(rows)).update(poisoned(data, rows[0]))
            text = "\n".join(json.dumps(row) for row in rows) + "\n"
        path.write_text(text)
    with harmless():
        read_all(place)


def poisoned(data: st.DataObject, table: dict[str, object]) -> dict[str, object]:
    """One key of it, or of a table in it, with another value."""
    key = data.draw(st.sampled_from(sorted(table)))
    inner = table[key]
    if isinstance(inner, dict) and inner and data.draw(st.booleans()):
        return {key: inner | poisoned(data, inner)}
    return {key: data.draw(values)}


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
    import shutil

    (folder,) = (workspace.path / "runs").iterdir()
    shutil.copytree(folder, folder.with_name(f"{folder.name} (copy)"))
    assert [record.id for record in workspace.runs()] == [folder.name]


# Tables, arrays, weights


def a_table() -> bytes:
    row = {"run": "a", "probe": "p", "step": 1, "place": "x", "quantity": "q", "value": 0.5}
    content = io.BytesIO()
    pl.DataFrame([row] * 50, schema=READINGS).write_parquet(content)
    return content.getvalue()


def an_archive_of_arrays() -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, filters=np.ones((2, 3)), **{"maps/a": np.zeros((4, 8, 8))})
    return content.getvalue()


@fuzzed
@given(data=st.data())
def test_changed_readings(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = RunFolder(shared(tmp_path_factory) / "readings")
    folder.path.mkdir(exist_ok=True)
    folder.readings_file.write_bytes(data.draw(changed(a_table())))
    with harmless():
        folder.readings()


@fuzzed
@given(data=st.data())
def test_changed_pictures(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = RunFolder(shared(tmp_path_factory) / "pictures")
    folder.path.mkdir(exist_ok=True)
    folder.pictures_file.write_bytes(data.draw(changed(an_archive_of_arrays())))
    with harmless():
        folder.pictures()


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
    place = content.find(b"PK\x01\x02")
    content[place + 24 : place + 28] = (1000).to_bytes(4, "little")  # and lies about it
    folder.pictures_file.write_bytes(content)
    with harmless():
        folder.pictures()


WEIGHTS = packed({"fc3.bias": np.ones(10, np.float32), "fc3.weight": np.ones((10, 84), np.float32)})


def loads(folder: Workspace, content: bytes) -> None:
    record = folder.runs()[0]
    folder.run_folder(record.id).model_file.write_bytes(content)
    with harmless():
        network(folder, record)


@fuzzed
@given(data=st.data())
def test_changed_weights(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    import shutil

    place = shared(tmp_path_factory) / "weights"
    if not place.exists():
        shutil.copytree(OLD, place)
    loads(Workspace(place), data.draw(changed(WEIGHTS)))


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
def test_headers_of_weights_made_by_hand(header: bytes, length: int | None, workspace: Workspace) -> None:
    size = len(header) if length is None else length
    loads(workspace, size.to_bytes(8, "little") + header + b"\0" * 4)


# CIFAR-10, in three forms


def small_tar() -> bytes:
    import tarfile

    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name in ("cifar-10-batches-bin/data_batch_1.bin", "cifar-10-batches-bin/batches.meta.txt"):
            member = tarfile.TarInfo(name)
            member.size = 3073
            tar.addfile(member, io.BytesIO(bytes(3073)))
    return content.getvalue()


@fuzzed
@given(data=st.data(), packed_again=st.booleans())
def test_changed_archives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, packed_again: bool
) -> None:
    import gzip

    path = shared(tmp_path_factory) / "cifar.tar.gz"
    content = small_tar()
    path.write_bytes(
        gzip.compress(data.draw(changed(gzip.decompress(content))), compresslevel=1)
        if packed_again
        else data.draw(changed(content))
    )
    with harmless():
        for _ in formats.batches(archive.members(path, formats.is_batch), path):
            pass


PICKLES = sorted(CORPUS.glob("*.pickle"))


@fuzzed
@given(data=st.data())
def test_changed_python_batches(data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(PICKLES)).read_bytes()
    with harmless():
        formats._python("data_batch_1", data.draw(changed(content)), Path("x"))


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


@fuzzed
@given(data=st.data())
def test_changed_parquet_files(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = shared(tmp_path_factory) / "parquet"
    folder.mkdir(exist_ok=True)
    (folder / "train-0.parquet").write_bytes(data.draw(changed(images_in_a_table())))
    with harmless():
        parquet._row_count(folder / "train-0.parquet")
        parquet._parquet(folder / "train-0.parquet", 0)


def images_in_a_table() -> bytes:
    image, content = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (32, 32)).save(image, "PNG")
    cell = {"bytes": image.getvalue(), "path": "x.png"}
    pl.DataFrame({"img": [cell] * 3, "label": [1, 2, 3]}).write_parquet(content)
    return content.getvalue()


# Images for `predict`


def images() -> dict[str, bytes]:
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    made = {}
    for name in picture._formats():
        file = io.BytesIO()
        Image.fromarray(noise).save(file, name)
        made[name] = file.getvalue()
    return made


@fuzzed
@given(data=st.data())
def test_changed_images(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = shared(tmp_path_factory) / "image"
    path.write_bytes(data.draw(changed(images()[data.draw(st.sampled_from(sorted(images())))])))
    with harmless():
        picture.read(path)


def test_the_corpus_of_images(tmp_path: Path) -> None:
    """Files that were made to do harm to those who read images, or to Pillow."""
    found = sorted((CORPUS / "images").iterdir())
    assert found
    for path in found:
        with harmless():
            picture.read(path)


def shared(factory: pytest.TempPathFactory) -> Path:
    """A folder that all examples of the module use in turn."""
    if not hasattr(shared, "folder"):
        shared.folder = factory.mktemp("fuzzed")  # type: ignore[attr-defined]
    return shared.folder  # type: ignore[attr-defined,no-any-return]


def test_examples_are_really_changed() -> None:
    """The strategy's own: without it, all of the above would read sound files."""
    seen = set()

    @settings(max_examples=50, database=None, phases=(Phase.generate,))
    @given(changed(b"0123456789" * 20))
    def collect(data: bytes) -> None:
        seen.add(data)

    collect()
    assert len(seen) > 25
