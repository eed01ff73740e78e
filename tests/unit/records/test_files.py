"""Records as files."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from skipscope.errors import WorkspaceError
from skipscope.records import files, glances, schema
from skipscope.records.store import RunFolder, Workspace


class Named(BaseModel):
    """A record of one text."""

    name: str


@pytest.mark.parametrize(("name", "looked_for"), [("resnet20", 0), ("mynet.py:Net@0123456789abcdef", 1)])
def test_only_records_that_name_a_user_s_network_are_searched_for_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, looked_for: int
) -> None:
    """`status` and `report` read hundreds of records, most of whose texts are parts of networks."""
    path, seen = tmp_path / "record.json", files.as_seen
    path.write_text(f'{{"schema": 1, "name": "{name}"}}')
    calls: list[Path] = []
    monkeypatch.setattr(files, "as_seen", lambda content, of: calls.append(of) or seen(content, of))
    assert files.read_record(path, Named).name == name
    assert len(calls) == looked_for


def test_a_record_as_it_was_written_is_read_without_python_s_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "studies" / "a.json"
    path.parent.mkdir()
    path.write_text('{\n "schema": 1,\n "name": "resnet20"\n}\n')
    whole = files.read_record(path, Named)
    monkeypatch.delattr(files.json, "loads")
    assert files.read_record(path, Named) == whole


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('"name": 3', "name: Input should be a valid string"),
        ('"nome": "x"', "name: Field required"),
        ('"name": "x', "it is not JSON"),
        ('"name": "\xff"', "it is not JSON"),
        ('"name": ' + "[" * 100_000, "it is not JSON"),
    ],
)
def test_what_is_wrong_with_a_record_is_told_where_it_begins_well(
    tmp_path: Path, content: str, says: str
) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b'{\n "schema": 2,\n ' + content.encode("latin-1") + b"\n}\n")
    with pytest.raises(WorkspaceError, match=says):
        files.read_record(path, Named)


def test_runs_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `status` has shown of a run need not be kept while the others are read."""
    for name in ("b", "a"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text("{}")
    read, real = list[str](), RunFolder.read_as
    monkeypatch.setattr(
        RunFolder, "read_as", lambda self, kind: read.append(self.path.name) or real(self, kind)
    )
    runs = Workspace(tmp_path).each_found(glances.RunGlance)
    name, why = next(runs)
    assert (name, read) == ("a", ["a"])
    assert "damaged" in str(why)
    assert [name for name, _ in runs] == ["b"]


def test_glances_have_fields_of_the_records() -> None:
    for glance, record in ((glances.RunGlance, schema.RunRecord), (glances.StudyGlance, schema.StudyRecord)):
        assert _missing(glance, record) == []


def _missing(glance: type[BaseModel], record: type[BaseModel]) -> list[str]:
    """The fields of a glance, at any depth, that its record has as something else.

    Of an optional or repeated part, it looks at the part.
    """
    found = []
    for name, field in glance.model_fields.items():
        here, there = field.annotation, record.model_fields[name].annotation
        if here == there:
            continue
        one, other = ((get_args(each) or (each,))[0] for each in (here, there))
        found += _missing(one, other) if issubclass(one, BaseModel) else [name]
    return found
