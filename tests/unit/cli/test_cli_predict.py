"""`predict` as it is typed: what the networks say, what is drawn, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.cli.options import console
from skipscope.data.dataset import load
from skipscope.engine.trust import trust
from skipscope.errors import DataError, NetworkError, UnknownName, WorkspaceError
from skipscope.figures.prediction import Panel, _font, _has, overlay, prediction
from skipscope.models.registry import build
from skipscope.records.schema import StudyRecord
from skipscope.records.store import Workspace


def call(*words: str | Path, columns: int = 80) -> Any:
    # a console made where COLUMNS is set, as in a worker of the tests, keeps that width whatever is set later
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "_width", columns)
        return CliRunner().invoke(app, ["predict", *map(str, words)], catch_exceptions=False)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three images of the validation split, as files."""
    folder = tmp_path_factory.mktemp("pictures")
    images, _ = load("shapes").validation.take(np.arange(3))
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"图 {number}.png")
    return sorted(folder.iterdir())


def change(workspace: Workspace, **what: object) -> StudyRecord:
    record = workspace.study().model_copy(update=what)
    workspace.write_study(record)
    return record


def as_json(*words: str | Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(call(*words, "--json").stdout)
    return answer


def test_probabilities_are_those_of_the_finished_networks(trained: Workspace, pictures: list[Path]) -> None:
    [answered] = as_json(pictures[0], "-w", trained.path)["images"]
    assert [answer["arm"] for answer in answered["answers"]] == ["cnn", "skips"]
    assert answered["answers"][0]["run"].startswith("cnn-s1-")  # the first seed that is finished
    assert answered["answers"][1]["run"].startswith("resnet8-s0-")
    data = load("shapes")
    image = data.validation.take(np.arange(1))[0].astype(np.float64) / 255
    image = ((image - np.array(data.mean)) / np.array(data.std)).transpose(0, 3, 1, 2)
    for answer, name in zip(answered["answers"], ["cnn", "resnet8"], strict=True):
        model = build(name).eval()
        model.load_state_dict(load_file(trained.run_folder(answer["run"]).model_file))
        with torch.no_grad():
            shares = model(torch.from_numpy(image).float())[0].softmax(0)
        expected = {data.classes[label]: share for label, share in enumerate(shares.tolist())}
        top = {one["class"]: one["probability"] for one in answer["top"]}
        assert list(top) == sorted(expected, key=lambda label: -expected[label])[:5]
        # fp32, normalised with rounding in another place
        assert top == pytest.approx({label: expected[label] for label in top}, abs=1e-5)
    for key in ("grad_cam_module", "grad_cam_place"):
        assert [answer[key] for answer in answered["answers"]] == ["relu:2", "layer3"]


def test_the_object_has_the_documented_keys(trained: Workspace, pictures: list[Path]) -> None:
    found = as_json(*pictures, "-w", trained.path)
    assert list(found) == ["schema", "study", "data", "images", "refused"]
    assert (found["schema"], found["study"], found["data"], found["refused"]) == (1, "small", "shapes", [])
    assert list(found["images"][0]) == ["image", "drawing", "notes", "answers"]
    assert [Path(image["image"]) for image in found["images"]] == pictures
    keys = ["arm", "run", "test_accuracy", "validation", "top", "grad_cam_module", "grad_cam_place"]
    assert list(found["images"][0]["answers"][0]) == keys


def test_the_networks_stand_side_by_side(trained: Workspace, pictures: list[Path]) -> None:
    done = call(pictures[0], "-w", trained.path)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0] == str(pictures[0])
    assert lines[1].split() == ["cnn", "skips"]
    assert all(line.count("%") == 2 for line in lines[2:7])
    assert "\x1b" not in done.output
    assert f"drawn: {trained.path / 'predictions' / '图 0.png'}" in lines
    said = " ".join(done.output.split())
    assert "cnn at relu:2 (12 x 12), skips at layer3 (8 x 8)" in said
    assert "Without a finished run: plain8." in said


def test_networks_that_do_not_fit_beside_the_others_come_below(
    trained: Workspace, pictures: list[Path]
) -> None:
    lines = call(pictures[0], "-w", trained.path, columns=30).output.splitlines()
    assert max(len(line) for line in lines[1:13]) <= 30
    assert (lines[1].strip(), lines[7].strip()) == ("cnn", "skips")


def test_the_drawing_has_a_place_for_everything(trained: Workspace, pictures: list[Path]) -> None:
    call(pictures[1], "-w", trained.path)
    with Image.open(trained.path / "predictions" / f"{pictures[1].stem}.png") as image:
        drawn = np.asarray(image.convert("RGB"))
    with Image.open(pictures[1]) as image:
        seen = np.asarray(image)
    enlarged = seen.repeat(7, axis=0).repeat(7, axis=1)
    assert np.array_equal(drawn[20:244, 20:244], enlarged)  # as given: 32 x 32 already
    assert np.array_equal(drawn[20:244, 268:492], enlarged)  # as the networks see it
    assert drawn.shape[1] < 800


def test_an_overlay_is_coloured_where_the_heat_is_and_grey_elsewhere() -> None:
    seen = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 3] = 1
    drawn = overlay(seen, heat).astype(int)
    spread = drawn.max(axis=2) - drawn.min(axis=2)
    assert spread[:20, -20:].min() > 100
    assert spread[120:].max() == 0
    assert np.array_equal(overlay(seen, None), overlay(seen, np.zeros((2, 2))))


def test_any_caption_fits_its_picture() -> None:
    white = np.full((32, 32, 3), 255, dtype=np.uint8)
    long = Panel(
        arm="a" * 64, answer="b" * 90, probability=1, test_accuracy=1, module="c" * 300, heat=np.ones((1, 2))
    )
    bare = Panel(arm="mine", answer="b", probability=0.5, test_accuracy=0.5, module="", heat=None)
    dull = Panel(
        arm="dull", answer="b", probability=0.5, test_accuracy=0.5, module="layer1", heat=np.zeros((2, 2))
    )
    sheets = [prediction(white, (32, 32), white, panels) for panels in ([long], [long, bare, dull])]
    assert all(sheet.startswith(b"\x89PNG") for sheet in sheets)
    wide = prediction(np.zeros((1, 512, 3), dtype=np.uint8), (50_000, 1), white, [bare])
    assert wide.startswith(b"\x89PNG")


def test_one_bad_image_does_not_lose_the_answers_for_the_others(
    trained: Workspace, pictures: list[Path], tmp_path: Path
) -> None:
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    given = [pictures[0], text, tmp_path / "absent.png", pictures[1]]
    done = call(*given, "-w", trained.path)
    assert done.exit_code == 1
    assert str(pictures[1]) in done.stdout
    assert "no image" in done.stderr
    assert str(tmp_path / "absent.png") in done.stderr
    machine = call(*given, "-w", trained.path, "--json")
    assert machine.exit_code == 1
    found = json.loads(machine.stdout)
    assert len(found["images"]) == 2
    assert [Path(one["image"]) for one in found["refused"]] == given[1:3]
    assert call(text, "-w", trained.path).stdout == ""


def test_pictures_of_one_name_get_a_drawing_each_and_none_is_overwritten(
    trained: Workspace, pictures: list[Path], tmp_path: Path
) -> None:
    first = shutil.copy(pictures[0], tmp_path / "cat.png")
    (tmp_path / "more").mkdir()
    second = shutil.copy(pictures[1], tmp_path / "more" / "cat.png")
    drawn = [image["drawing"] for image in as_json(first, second, "-w", trained.path)["images"]]
    folder = trained.path / "predictions"
    assert [Path(path) for path in drawn] == [folder / "cat.png", folder / "cat-2.png"]
    before = Path(drawn[0]).read_bytes()
    [again] = as_json(drawn[0], "-w", trained.path)["images"]  # a drawing is a picture, too
    assert Path(again["drawing"]) == folder / "cat-3.png"
    assert Path(drawn[0]).read_bytes() == before
    [later] = as_json(second, "-w", trained.path)["images"]  # by itself, it is drawn where it was
    assert later["drawing"] == drawn[1]


def test_another_format_of_a_picture_has_a_drawing_of_its_own(trained: Workspace, tmp_path: Path) -> None:
    drawn = []
    for name in ("a.tiff", "a.webp", "a.png", "A.PNG"):
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    for names in (["a.tiff"], ["a.webp"], ["a.png", "A.PNG"]):
        images = as_json(*(tmp_path / name for name in names), "-w", trained.path)["images"]
        drawn += [Path(image["drawing"]).name for image in images]
    assert drawn == ["a.tiff.png", "a.webp.png", "a.png", "A-2.png"]  # not every system tells A from a


def test_an_arm_may_be_called_in_another_script() -> None:
    """The fonts are those of `skipscope[zh]`, or the system's."""
    assert not _has(_font("SE-ResNet", 16), "我的网络")  # Pillow's own
    assert _has(_font("我的网络", 16), "我的网络")


def test_what_was_done_to_a_picture_is_said(trained: Workspace, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    done = call(tmp_path / "moves.gif", "-w", trained.path)
    assert "this is the first" in done.output
    assert "enlarged" in done.output


def test_an_older_record_takes_mean_and_std_from_the_data_set(
    trained: Workspace, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = as_json(pictures[0], "-w", trained.path)["images"]
    older = trained.study().data.model_copy(update={"mean": None, "std": None})
    change(trained, data=older)
    assert as_json(pictures[0], "-w", trained.path)["images"] == expected

    def gone(*_: object, **__: object) -> None:
        raise DataError("There is no data set.")

    monkeypatch.setattr("skipscope.engine.trained.load_data", gone)
    with pytest.raises(DataError):
        call(pictures[0], "-w", trained.path)


def test_a_study_can_be_named(trained: Workspace, pictures: list[Path]) -> None:
    study = trained.study()
    one = study.study.model_copy(update={"name": "other", "arm": study.study.arm[:1]})
    change(trained, study=one, planned="2026-11-25T09:00:00Z")
    arms = [answer["arm"] for answer in as_json(pictures[0], "-w", trained.path)["images"][0]["answers"]]
    assert arms == ["cnn"]
    found = as_json(pictures[0], "-w", trained.path, "--study", "small")
    assert len(found["images"][0]["answers"]) == 2
    with pytest.raises(UnknownName):
        call(pictures[0], "-w", trained.path, "--study", "smal")


def test_a_workspace_without_trained_networks_says_what_to_run(
    trained: Workspace, pictures: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(WorkspaceError, match="skipscope demo"):
        call(pictures[0], "-w", tmp_path / "empty")
    shutil.rmtree(trained.path / "runs")
    with pytest.raises(WorkspaceError, match=r"skipscope run small\.toml"):
        call(pictures[0], "-w", trained.path)


def test_weights_that_are_missing_damaged_or_anothers_are_named(
    trained: Workspace, pictures: list[Path]
) -> None:
    runs = {record.spec.model: trained.run_folder(record.id).model_file for record in trained.runs()}
    file = next(path for path in (trained.path / "runs").glob("cnn-s1-*/model.safetensors"))
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"\xff" * 100, runs["resnet8"].read_bytes()):
        file.write_bytes(content)
        with pytest.raises(WorkspaceError, match=r"cannot be read|This file is damaged") as caught:
            call(pictures[0], "-w", trained.path)
        assert str(file) in str(caught.value)
        assert "skipscope run small.toml" in caught.value.hint
    file.unlink()
    with pytest.raises(WorkspaceError, match="are missing"):
        call(pictures[0], "-w", trained.path)


def test_a_users_network_without_maps_answers_and_a_changed_one_does_not(
    trained: Workspace, pictures: list[Path], tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    from skipscope.models.user import pinned
    from skipscope.records.schema import Member
    from skipscope.spec import Arm

    text = "from torch import nn\n\ndef Net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))\n"
    (tmp_path / "mine.py").write_text(text)
    model = pinned(f"{tmp_path / 'mine.py'}:Net")
    record = next(run for run in trained.runs() if run.state == "done")
    spec = record.spec.model_copy(update={"model": model})
    folder = trained.run_folder(spec.id)
    folder.make()
    folder.write(record.model_copy(update={"spec": spec, "id": spec.id}))
    save_file(build(model).state_dict(), folder.model_file)
    study = trained.study().study.model_copy(update={"arm": (Arm(model=model),)})
    change(trained, study=study, members=(Member(arm="Net", seed=0, run=spec.id),))
    with pytest.raises(NetworkError, match="Refusing to run untrusted code"):
        call(pictures[0], "-w", trained.path)
    trust([model])  # as planning a study that names it does
    [answer] = as_json(pictures[0], "-w", trained.path)["images"][0]["answers"]
    assert (answer["arm"], answer["grad_cam_place"], len(answer["top"])) == ("Net", None, 5)
    assert "Drawn in orange" not in call(pictures[0], "-w", trained.path).output
    (tmp_path / "mine.py").write_text(text + "# another\n")
    with pytest.raises(NetworkError, match="changed"):
        call(pictures[0], "-w", trained.path)


def test_misuse() -> None:
    assert call().exit_code == 2
    assert "IMAGE" in call("--help").output
