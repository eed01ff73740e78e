"""What studies, arms and users' networks may be called, and where their files are found."""

import json
from pathlib import Path

import pytest

from skipscope.engine.plan import plan
from skipscope.errors import SpecError
from skipscope.models.registry import NETWORKS, maker
from skipscope.records.schema import StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, load_study, parse_study
from skipscope.spec.names import refusal
from skipscope.spec.network import distinct_name

NET = """
from torch import nn
def resnet20(): return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
def Mine(): return resnet20()
def 网络(): return resnet20()
"""
GOOD = ["lab", "v1.2_b-c", "我的研究", "Übung", "уровень", "हिन्दी", "9", "_x", "console", "com10", "aux_net"]
BAD = {
    "": "begins with",
    ".hidden": "begins with",
    "-option": "begins with",
    "a.": "ends in a dot",
    "con": "'con' is a device on Windows",
    "NUL.txt": "'NUL' is a device on Windows",
    "Com1": "'Com1' is a device",
    "a/b": "'/' cannot be in a name",
    "a:b": "':' cannot be in a name",
    "a\\b": "cannot be in a name",
    "a?b": "'?' cannot be in a name",
    "a b": "' ' cannot be in a name",
    "a\nb": "cannot be in a name",
    "🙂": "cannot be in a name",
    "x" * 65: "at most 64 characters",
    "𠀀" * 64: "200 bytes",
}


@pytest.mark.parametrize("name", GOOD)
def test_names_of_every_script_are_files_everywhere(name: str, tmp_path: Path) -> None:
    assert refusal(name) is None
    toml = tmp_path / f"{name}.toml"
    toml.write_text(f'[[arm]]\nmodel = "cnn"\nname = "{name}"\n', encoding="utf-8")
    study = load_study(toml)
    assert (study.name, study.arm[0].label) == (name, name)


@pytest.mark.parametrize(("name", "says"), BAD.items())
def test_other_names_are_refused_with_a_sentence(name: str, says: str) -> None:
    for table in ({"name": name}, {"name": "x", "arm": [{"model": "cnn", "name": name}]}):
        with pytest.raises(SpecError) as caught:
            parse_study({"arm": [{"model": "cnn"}]} | table, where="a test")
        assert says in caught.value.what


def test_a_record_from_before_windows_was_thought_of_is_read() -> None:
    assert StudySpec.model_validate({"name": "aux.", "arm": [{"model": "cnn"}]}).name == "aux."


def test_an_accent_is_an_accent_however_it_is_spelt() -> None:
    arms = [{"model": "cnn", "name": "e\u0301te\u0301"}, {"model": "resnet"}]
    study = parse_study(
        {
            "name": "x",
            "arm": arms,
            "comparison": [{"treated": "resnet", "control": "\u00e9t\u00e9", "factor": "network"}],
        },
        where="a test",
    )
    assert study.comparison[0].control == (study.arm[0].label,) == ("\u00e9t\u00e9",)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("net.py:resnet20", "own_resnet20"),
        ("net.py:se_resnet", "own_se_resnet"),
        ("net.py:densenet40_k12", "own_densenet40_k12"),
        ("net.py:ResNet20", "ResNet20"),
        ("net.py:resnets", "resnets"),
        ("net.py:网络", "网络"),
        ("resnet20", "resnet20"),
    ],
)
def test_a_users_network_is_not_called_as_ours(model: str, name: str) -> None:
    assert distinct_name(model) == name


def test_no_name_of_ours_is_a_users() -> None:
    families = [
        "plain8",
        "resnet20",
        "resnet20_b",
        "se_resnet56_nobn",
        "densenet40_k12",
        "densenet_bc100_k12",
    ]
    for name in [*NETWORKS, *families]:
        assert callable(maker(name))
        assert distinct_name(f"net.py:{name}") == f"own_{name}"


@pytest.fixture
def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study of a user's networks, from beside which it is planned."""
    folder = tmp_path / "course" / "studies"
    folder.mkdir(parents=True)
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "own.toml").write_text(
        'data = "shapes"\ntrain_limit = 60\n[recipe]\nepochs = 1\nprecision = "fp32"\nkernels = "stock"\n'
        'memory_format = "contiguous"\nthreads = 1\n[[arm]]\nmodel = "net.py:resnet20"\n'
        '[[arm]]\nmodel = "resnet20"\nname = "ours"\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(folder.parent)
    return folder


def planned(workspace: Path | str = "out", study: str = "studies/own.toml") -> StudyRecord:
    folder = Workspace(workspace)
    record = plan(load_study(study), folder, command="x").record
    folder.write_study(record)
    return record


def test_ids_and_comparisons_do_not_take_it_for_ours(studies: Path) -> None:
    record = planned()
    assert [member.run.split("-")[0] for member in record.members] == ["own_resnet20", "resnet20"]
    assert record.study.arm[0].label == "resnet20"  # as the user calls it
    assert {comparison.factor for comparison in record.study.comparisons} == {"network"}
    assert studies.is_dir()


def test_an_older_run_of_it_is_found_under_its_id(studies: Path) -> None:
    record = planned()
    own = record.members[0].run
    older = Workspace("out").path / "runs" / own.removeprefix("own_")
    older.mkdir(parents=True)
    assert planned().members[0].run == older.name
    assert Workspace("out").run_folder(own).path == older
    (older.parent / own).mkdir()  # both: each is what it says
    assert planned().members[0].run == own
    assert studies.is_dir()


def test_a_network_is_stored_relative_and_found_from_any_folder(
    studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = planned()
    assert before.study.arm[0].model.startswith(f"{Path('studies/net.py')}:resnet20@")
    written = json.loads((studies.parent / "out" / "studies" / "own.json").read_bytes())
    assert written["study"]["arm"][0]["model"].startswith("../../studies/net.py:resnet20@")
    assert written["networks"][0]["name"] == written["study"]["arm"][0]["model"]
    assert Workspace("out").study() == before  # the same from here

    monkeypatch.chdir(tmp_path)
    there = Workspace("course/out").study().study.arm[0].model
    assert there.startswith(str(Path("course/studies/net.py")))
    (tmp_path / "course").rename(tmp_path / "moved")  # the workspace and the network's file together
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    record = Workspace("../moved/out").study()
    assert record.study.arm[0].model.startswith(str(tmp_path / "moved" / "studies" / "net.py"))
    assert record.networks[0].name == record.study.arm[0].model


def test_an_older_record_names_its_file_as_seen_from_where_it_was_planned(studies: Path) -> None:
    record = planned()
    file = studies.parent / "out" / "studies" / "own.json"
    file.write_bytes(file.read_bytes().replace(b"../../studies/net.py", b"studies/net.py"))
    assert Workspace("out").study() == record
