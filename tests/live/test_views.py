"""Strips, drawings, claims and words: what views ask the server for."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import polars as pl
import pytest
from live_server import events, until_known

from skipscope.live.strips import KINDS, MOST, rectified, strip, thinned
from skipscope.records.readings import READINGS
from skipscope.records.store import Workspace

WORDS = Path(__file__).parents[2] / "src/skipscope/live/static/words"
VIEWS = Path(__file__).parents[2] / "src/skipscope/live/static/views"


def gradients() -> pl.DataFrame:
    rows = [
        {
            "run": "r",
            "probe": "gradient_flow",
            "step": step,
            "module": module,
            "quantity": "output_l2",
            "value": value,
        }
        for step, module, value in [
            (0, "b", 10.0),
            (0, "a", 0.01),
            (5, "b", 0.0),
            (5, "a", None),
            (9, "b", 1.0),
        ]
    ]
    return pl.DataFrame(rows, schema=READINGS)


def test_a_strip_has_modules_in_their_order_and_holes_where_nothing_was_measured() -> None:
    assert strip(gradients(), KINDS["gradient"]) == {
        "modules": ["b", "a"],
        "steps": [0, 5, 9],
        "values": [[1.0, None, 0.0], [-2.0, None, None]],
        "log": True,
    }
    assert strip(gradients(), KINDS["dead"]) == {"modules": [], "steps": [], "values": [], "log": False}


def test_a_relu_has_the_colour_of_the_layer_that_it_follows() -> None:
    """A sum continues its branch; what computes a gate, or follows another ReLU, is not drawn."""
    calls = ["conv1", "relu", "b.a", "b.relu", "b.c", "b.se.relu", "b.down", "b", "b.relu:2", "relu:2"]
    quantities = {"relu": "dead", "b": "branch_ratio"}
    rows = [
        {"run": "r", "probe": "activations", "step": step, "module": module, "value": 0.1}
        | {"quantity": "dead" if "relu" in module else quantities.get(module, "mean")}
        for step in (0, 5)
        for module in calls
    ]
    found = rectified(pl.DataFrame(rows, schema=READINGS), ["conv1", "b.a", "b.c", "fc"])
    assert found == {"relu": "conv1", "b.relu": "b.a", "b.relu:2": "b.c"}


@pytest.mark.parametrize("count", [0, 1, MOST, MOST + 1, 5 * MOST])
def test_a_long_strip_keeps_its_last_step(count: int) -> None:
    steps = list(range(count))
    kept = thinned(steps)
    assert len(kept) <= MOST
    assert kept[-1:] == steps[-1:]
    assert set(kept) <= set(steps)


def test_a_run_in_training_has_strips_from_its_draft(own: httpx.Client, workspace: Workspace) -> None:
    run = next(each for each in workspace.runs() if each.state == "unfinished")
    row = {"probe": "activations", "step": 3, "module": "relu", "quantity": "dead", "value": 0.25}
    workspace.run_folder(run.id).readings_draft.write_text(json.dumps(row) + "\n" + '{"half')
    with events(own) as news:
        card = until_known(news, 4)[1]["runs"][run.id]
    assert card["readings"] > 0
    table = own.get("/layers/table", params={"run": run.id, "kind": "dead"}).json()
    assert (table["modules"], table["steps"], table["values"]) == (["relu"], [3], [[0.25]])
    assert own.get("/layers/table", params={"run": run.id, "kind": "colour"}).status_code == 404
    drawn = own.get("/layers/network", params={"run": run.id, "lang": "zh"}).json()
    assert ET.fromstring(drawn["svg"]).tag.endswith("svg")
    assert drawn["modules"][0] == "conv1"
    assert "图像" in drawn["svg"]


@pytest.mark.parametrize("path", sorted(WORDS.glob("*.json")), ids=lambda path: path.stem)
def test_every_word_of_the_page_is_there_in_both_languages(path: Path) -> None:
    holes = {}
    for key, said in json.loads(path.read_text("utf-8")).items():
        assert set(said) == {"en", "zh"}, key
        assert all(said.values()), key
        holes[key] = [sorted(part.partition("}")[0] for part in said[name].split("{")[1:]) for name in said]
    assert {key: each for key, each in holes.items() if each[0] != each[1]} == {}


def test_every_view_has_its_words_and_is_in_the_tabs() -> None:
    index = (VIEWS / "index.js").read_text("utf-8")
    for path in VIEWS.glob("*.js"):
        if path.stem != "index":
            assert f'"./{path.name}"' in index
            text = path.read_text("utf-8")
            assert f'export const id = "{path.stem}"' in text
            assert "innerHTML" not in text
            assert "title" in json.loads((WORDS / f"{path.stem}.json").read_text("utf-8"))
