"""Sound files changed at random: reading one succeeds or raises an error of ours, and nothing else.

`make faults` runs these; `make test` reads the corpus and what was made by hand (`test_hostile.py`).
"""

import gzip
import json

import pytest
from harmless import harmless
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from injected import LONG
from readers import OLD, READERS, Read, read_all, sound

from skipscope.records.store import Workspace
from skipscope.spec import parse_study

if not LONG:
    pytest.skip("`make faults` changes files at random", allow_module_level=True)
pytestmark = pytest.mark.usefixtures("bounded_memory")

fuzzed = settings(
    max_examples=3000,
    phases=(Phase.explicit, Phase.generate),  # a hostile file need not be a small one
    suppress_health_check=list(HealthCheck),
    database=None,
)


@st.composite
def changed(draw: st.DrawFn, content: bytes) -> bytes:
    """A few bytes of it flipped, cut out, put in, doubled, or its end cut off."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("flip", "cut", "put", "double", "end", "number"))):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "put":
                data[at:at] = draw(st.binary(min_size=1, max_size=16))
            case "double":
                data[at:at] = data[at : at + draw(st.integers(1, 64))]
            case "end":
                del data[at:]
            case "number":
                data[at : at + 4] = draw(
                    st.sampled_from((b"\xff" * 4, b"\x7f\xff\xff\xff", b"9999", b"\0" * 4))
                )
    return bytes(data)


@pytest.mark.parametrize("reader", READERS)
@fuzzed
@given(data=st.data())
def test_a_changed_file(reader: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    read = shared(reader, tmp_path_factory)
    content = data.draw(changed(data.draw(st.sampled_from(sound(reader)))))
    with harmless():
        read(content)


@fuzzed
@given(data=st.data())
def test_an_archive_changed_before_it_was_packed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = gzip.compress(data.draw(changed(gzip.decompress(sound("archive")[-1]))), compresslevel=1)
    with harmless():
        shared("archive", tmp_path_factory)(content)


KEYS = ("name", "title", "data", "train_limit", "seeds", "initial_seeds", "recipe", "probes", "arm", "odd")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@fuzzed
@given(table=st.dictionaries(st.sampled_from(KEYS), values, max_size=5))
def test_a_study_of_any_keys_and_values(table: dict[str, object]) -> None:
    with harmless():
        parse_study(table, where="a test")


@fuzzed
@given(data=st.data())
def test_records_with_other_values(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Sound JSON that says something else under one key."""
    workspace = Workspace(tmp_path_factory.getbasetemp() / "values")
    files = sorted(path.relative_to(OLD) for path in OLD.rglob("*.json*"))
    chosen = data.draw(st.sampled_from(files))
    for file in files:
        path = workspace.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (OLD / file).read_text()
        if file == chosen:
            rows = [json.loads(row) for row in (text.splitlines() if file.suffix == ".jsonl" else [text])]
            data.draw(st.sampled_from(rows)).update(poisoned(data, rows[0]))
            text = "\n".join(json.dumps(row) for row in rows) + "\n"
        path.write_text(text)
    with harmless():
        read_all(workspace)


def poisoned(data: st.DataObject, table: dict[str, object]) -> dict[str, object]:
    """One key of it, or of a table in it, with another value."""
    key = data.draw(st.sampled_from(sorted(table)))
    inner = table[key]
    if isinstance(inner, dict) and inner and data.draw(st.booleans()):
        return {key: inner | poisoned(data, inner)}
    return {key: data.draw(values)}


MADE: dict[str, Read] = {}


def shared(reader: str, factory: pytest.TempPathFactory) -> Read:
    """A reader that all examples use in turn."""
    if reader not in MADE:
        MADE[reader] = READERS[reader](factory.mktemp(reader))
    return MADE[reader]


def test_examples_are_really_changed() -> None:
    """The strategy's own: without it, all of the above would read sound files."""
    seen = set()

    @settings(max_examples=50, database=None, phases=(Phase.generate,))
    @given(changed(b"0123456789" * 20))
    def collect(data: bytes) -> None:
        seen.add(data)

    collect()
    assert len(seen) > 25
