"""What the lab page asks of finished networks, through a real socket; nothing is written."""

import base64
import json
import time
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from apart_zoo import train_apart
from built_once import built_once
from PIL import Image

from skipscope.engine.dissection import measuring
from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.probes.evaluation import batches
from skipscope.records.store import Workspace

IMAGE = {"position": 3}


@pytest.fixture(scope="module")
def networks(shared: Path, data_home: Path, one_thread_first: None) -> Path:
    return built_once(shared / "apart", train_apart)


@pytest.fixture(scope="module")
def page(networks: Path) -> Iterator[httpx.Client]:
    """A page on 150 validation images; whatever it is asked, no file of the workspace changes."""
    before = {path: path.stat().st_mtime_ns for path in networks.rglob("*")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skipscope.engine.dissection.networks.SAMPLE", 150)
        with serving(Control(Workspace(networks)), language="en", port=0) as served:
            base = served.url.partition("/?")[0]
            with httpx.Client(
                base_url=base, headers={"Origin": base}, follow_redirects=True, timeout=60
            ) as client:
                client.get(served.url)
                yield client
    assert {path: path.stat().st_mtime_ns for path in networks.rglob("*")} == before


@pytest.fixture(scope="module")
def runs(page: httpx.Client) -> dict[str, str]:
    return {each["arm"]: each["run"] for each in page.get("/convolution/networks").json()}


def asked(page: httpx.Client, path: str, **content: Any) -> Any:
    answer = page.post(path, json=content)
    assert answer.status_code == 200, answer.text
    return answer.json()


def array(packed: dict[str, Any], kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), kind).reshape(packed["shape"])


def measured(page: httpx.Client, **content: Any) -> list[dict[str, Any]]:
    with page.stream("POST", "/apart/measure", json=content) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert all({"done", "of"} == set(line) for line in lines[:-1])
    return lines[-1]


def test_networks_are_listed_with_their_moments_and_twins(page: httpx.Client, runs: dict[str, str]) -> None:
    told = {each["arm"]: each for each in page.get("/convolution/networks").json()}
    assert [step["epoch"] for step in told["resnet8"]["steps"]] == [0, 1, 2, 3]
    assert told["resnet8"]["twin"] == told["se_resnet8"]["twin"] == runs["plain8"]
    assert told["densenet10_k4"]["twin"] is None


def test_a_pixel_is_that_of_the_map_and_an_edit_moves_answers(
    page: httpx.Client, runs: dict[str, str]
) -> None:
    run = runs["se_resnet8"]
    layers = asked(page, "/convolution/layers", run=run)
    assert {"conv", "norm", "relu", "shortcut", "gate"} <= {layer["kind"] for layer in layers}
    layer = [each for each in layers if each["kind"] == "conv"][4]
    common = {"run": run, "image": IMAGE, "layer": layer["name"], "step": 1}
    maps = asked(page, "/convolution/maps", **common)
    assert maps["shape"] == layer["shape"]
    row, column = 5, 2
    pixel = asked(page, "/convolution/pixel", **common, filter=1, row=row, column=column)
    assert pixel["total"] == pytest.approx(pixel["value"], abs=1e-4)
    assert np.sum(pixel["products"]) + pixel["bias"] == pytest.approx(pixel["total"])
    level = array(maps, "u1")[1, row, column] / 255
    shown = maps["low"][1] + level * (maps["high"][1] - maps["low"][1])
    assert shown == pytest.approx(pixel["value"], abs=(maps["high"][1] - maps["low"][1]) / 255)
    kernel = array(asked(page, "/convolution/kernel", **common, filter=1), "<f4")
    assert np.allclose(kernel, pixel["kernel"])
    edit = {"layer": 0, "numbers": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]}
    networks = [{"run": each} for each in runs.values()]
    plain, edited, own = (
        asked(page, "/convolution/answers", networks=networks, image=IMAGE, edits=edits)
        for edits in ([], [edit], [edit | {"run": run}])
    )
    moved = [a != b for a, b in zip(plain, edited, strict=True)]
    assert moved == [True] * 4
    assert [a != b for a, b in zip(plain, own, strict=True)] == [each == run for each in runs.values()]


def test_what_is_changed_is_measured_beside_its_twin(page: httpx.Client, runs: dict[str, str]) -> None:
    networks = [{"run": runs["resnet8"]}, {"run": runs["plain8"]}]
    changes = [{"kind": "delete", "block": "layer1.0"}, {"kind": "scale", "block": "layer2.0", "alpha": 0.5}]
    residual, plain = measured(page, networks=networks, changes=changes)["effects"]
    assert residual["changes"] == changes
    assert [change["kind"] for change in plain["changes"]] == ["delete"]
    assert residual["before"]["images"] == 150
    assert residual["before"]["loss"] != residual["after"]["loss"]
    gates = [{"kind": "gates", "block": None, "by": by} for by in ("one", "mean", "other")]
    gated = [measured(page, networks=[{"run": runs["se_resnet8"]}], changes=[each]) for each in gates]
    assert len({each["effects"][0]["after"]["loss"] for each in gated}) == 3
    possible = asked(page, "/apart/possible", run=runs["densenet10_k4"])
    target, sources = next(iter(possible["cut"].items()))
    cut = [{"kind": "cut", "target": target, "source": sources[0]}]
    assert measured(page, networks=[{"run": runs["densenet10_k4"]}], changes=cut)["effects"][0]["after"]


def test_a_drawing_has_a_rectangle_around_each_block(page: httpx.Client, runs: dict[str, str]) -> None:
    for arm, run in runs.items():
        possible = asked(page, "/apart/possible", run=run)
        blocks = sorted({*possible["deleted"], *possible["reset"], *possible["scaled"], *possible["gated"]})
        found = asked(page, "/apart/drawing", run=run, language="zh", blocks=[*blocks, "nothing"])
        assert sorted(found["boxes"]) == blocks, arm
        assert "图像" in found["svg"]
    no_run = page.post("/apart/drawing", json={"run": "nobody-s0-12345678", "language": "en", "blocks": []})
    assert no_run.status_code == 404


def test_a_map_is_told_as_it_was_computed(page: httpx.Client, runs: dict[str, str]) -> None:
    question = {"run": runs["resnet8"], "image": IMAGE, "layer": "conv:conv1"}
    exact = array(asked(page, "/convolution/map", **question, filter=2), "<f4")
    maps = asked(page, "/convolution/maps", **question)
    assert exact.min() == pytest.approx(maps["low"][2], rel=1e-6)
    assert exact.max() == pytest.approx(maps["high"][2], rel=1e-6)
    pixel = asked(page, "/convolution/pixel", **question, filter=2, row=5, column=7)
    assert exact[5, 7] == pytest.approx(pixel["value"])


def test_heat_and_swapped_gates(page: httpx.Client, runs: dict[str, str]) -> None:
    heats = asked(page, "/apart/heat", networks=[{"run": run} for run in runs.values()], image=IMAGE)
    assert all(np.shape(each["heat"]) == (8, 8) and np.max(each["heat"]) <= 1 for each in heats)
    images = [IMAGE, {"position": 4}]
    swap = asked(page, "/apart/swap", run=runs["se_resnet8"], images=images)
    assert swap["own"] != swap["swapped"]
    alike = asked(page, "/apart/swap", run=runs["se_resnet8"], images=[IMAGE, IMAGE])
    assert np.allclose(alike["own"], alike["swapped"])
    assert page.get("/apart/reported").json()[0]["source"] == "Veit et al. 2016, section 4.1 and Fig. 3"


def test_a_picture_comes_back_as_networks_see_it_and_hostile_ones_do_not(
    page: httpx.Client, runs: dict[str, str], tmp_path: Path
) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 48), (10, 200, 30)).save(file, "PNG")
    told = page.post("/convolution/picture", content=file.getvalue()).json()
    assert (array(told["pixels"], "u1") == [10, 200, 30]).all()
    asked(
        page,
        "/convolution/answers",
        networks=[{"run": runs["plain8"]}],
        image={"pixels": told["pixels"]["data"]},
    )
    bomb = BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    for content, why in (
        (bomb.getvalue(), "50 megapixels"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no image"),
        (file.getvalue()[:60], "damaged"),
        (b"", "no image"),
    ):
        answer = page.post("/convolution/picture", content=content)
        assert answer.status_code == 409
        assert why in answer.json()["what"]["en"]
        assert "skipscope-" not in answer.text  # where it lay for a moment is nobody's business


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/convolution/layers", {"run": "../../etc"}),
        ("/convolution/layers", {"run": "nobody"}),
        ("/convolution/layers", []),
        ("/convolution/maps", {"image": {"position": 9999}, "layer": "conv:conv1"}),
        ("/convolution/maps", {"image": {"pixels": "QUJD"}, "layer": "conv:conv1"}),
        ("/convolution/maps", {"image": IMAGE, "layer": "conv:nothing"}),
        ("/convolution/maps", {"image": IMAGE, "layer": "conv:conv1", "step": 77}),
        ("/convolution/pixel", {"image": IMAGE, "layer": "conv:conv1", "filter": 0, "row": 32, "column": 0}),
        ("/convolution/pixel", {"image": IMAGE, "layer": "norm:bn1", "filter": 0, "row": 0, "column": 0}),
        ("/convolution/kernel", {"image": IMAGE, "layer": "conv:conv1", "filter": 999}),
        ("/convolution/answers", {"networks": [{"run": "x"}] * 99, "image": IMAGE}),
        ("/apart/swap", {"images": [IMAGE]}),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(
    page: httpx.Client, runs: dict[str, str], path: str, content: Any
) -> None:
    if isinstance(content, dict) and "networks" not in content:
        content = {"run": runs["resnet8"]} | content
    answer = page.post(path, json=content)
    assert answer.status_code in (404, 409)
    assert answer.json()["what"]["en"].endswith((".", "?"))


def test_changes_that_cannot_be_are_refused(page: httpx.Client, runs: dict[str, str]) -> None:
    here = [{"run": runs["resnet8"]}]
    for change in (
        {"kind": "delete", "block": "layer9"},
        {"kind": "scale", "block": "layer1.0", "alpha": 7},
        {"kind": "explode"},
        {"kind": "gates", "by": "one"},
    ):
        assert measured(page, networks=here, changes=[change])["refused"]["what"]["en"].endswith((".", "?"))


def test_who_goes_away_cancels(
    page: httpx.Client, runs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []

    def slowly(*arguments: Any) -> Any:
        computed.append(1)
        time.sleep(0.3)
        return real(*arguments)

    real = measuring._logits
    monkeypatch.setattr(measuring, "_logits", slowly)
    monkeypatch.setattr(measuring, "batches", partial(batches, size=2))
    everything = [{"run": run, "step": 2} for run in runs.values()]
    with page.stream("POST", "/apart/measure", json={"networks": everything}) as answer:
        next(answer.iter_lines())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        seen = len(computed)
        time.sleep(0.8)
        if len(computed) == seen:
            break
    assert len(computed) < 4 * 75
