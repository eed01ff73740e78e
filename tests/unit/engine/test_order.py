"""A run as a file: written, read, trained elsewhere; and what is wrong with other files."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from skipscope.cli import main
from skipscope.data import own, store
from skipscope.data.dataset import load as load_data
from skipscope.data.dataset import named
from skipscope.engine.local import execute
from skipscope.engine.order import RunOrder, read_order, write_orders
from skipscope.engine.plan import plan
from skipscope.errors import DataError, SpecError, UsageError
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec


@pytest.fixture
def order(small: StudySpec, workspace: Workspace, tmp_path: Path) -> Path:
    """The file of the small study's run."""
    (path,) = write_orders(plan(small, workspace, command="x"), tmp_path / "specs")
    return path


@pytest.mark.usefixtures("workers_in_process")
def test_work_leaves_what_the_study_leaves(
    small: StudySpec,
    workspace: Workspace,
    order: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here,) = execute(plan(small, workspace, command="x"), workspace, on_event=id, interrupted=list)
    elsewhere = Workspace(tmp_path / "elsewhere")
    monkeypatch.setattr("sys.argv", ["skipscope", "work", str(order), "--into", str(elsewhere.path)])
    for _ in range(2):  # the second finds it done
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert str(elsewhere.run_folder(here.id).path) in capsys.readouterr().out.replace("\n", "")
    there = elsewhere.run(here.id)
    assert there.state == "done"
    assert there.spec == here.spec
    weights = (load_file(each.run_folder(here.id).model_file) for each in (workspace, elsewhere))
    mine, theirs = weights
    assert all(mine[name].equal(theirs[name]) for name in mine)
    # the study takes it, and only measures
    (left,) = plan(small, elsewhere, command="x").waiting
    assert not left.trains


def test_a_bare_spec_is_an_order(order: Path, tmp_path: Path) -> None:
    written = read_order(order)
    bare = tmp_path / "bare.json"
    bare.write_text(written.spec.model_dump_json(), encoding="utf-8")
    assert read_order(bare) == RunOrder(spec=written.spec)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ('{"model": "cnn"}', "Field required"),
        ('{"schema": 99, "spec": {}}', "A newer skipscope wrote this"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "spec.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SpecError, match=said):
        read_order(path)
    with pytest.raises(UsageError, match="There is no such file"):
        read_order(tmp_path / "none.json")


def test_a_spec_of_other_kinds_of_choices_is_refused(order: Path) -> None:
    """As one that another version wrote."""
    content = json.loads(order.read_bytes())
    content["spec"]["recipe"]["sharpness"] = 1
    order.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SpecError, match="sharpness"):
        read_order(order)


def test_data_are_found_by_their_checksum(tmp_path: Path) -> None:
    shapes = load_data("shapes")
    images, labels = shapes.train.take(shapes.train.rows[:400])
    written = store.write(
        "mine",
        images,
        labels.astype("uint8"),
        train=300,
        source="a test",
        data_dir=tmp_path,
        classes=shapes.classes,
    )
    assert own.names(tmp_path) == ["mine"]
    assert named("theirs", written.index.sha256, data_dir=tmp_path) == "mine"
    assert named("mine", written.index.sha256, data_dir=tmp_path) == "mine"
    with pytest.raises(DataError, match="another checksum"):
        named("mine", "0" * 64, data_dir=tmp_path)
    with pytest.raises(DataError, match="CIFAR-10 is not there yet"):
        named("cifar10", "0" * 64, data_dir=tmp_path)
