"""The notebook beside `code.py`: its outputs are what its cells give."""

import io
import json
import sys
from base64 import b64decode
from contextlib import redirect_stdout
from types import ModuleType, SimpleNamespace

import pytest
import torch
from PIL import Image

from skipscope.analysis.tables import gather
from skipscope.figures.rendering import drawing
from skipscope.submission.notebook import notebook
from skipscope.submission.program import program, program_arms


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(drawing, "png", lambda chart: b"a picture")


def notebook_of(workspace):
    tables = gather(workspace, None)
    _, arms, _ = program_arms(tables)
    return json.loads(notebook(tables, arms))


def code_cells(table):
    return [cell for cell in table["cells"] if cell["cell_type"] == "code"]


def executed(table, workspace, folder, monkeypatch):
    """Executes the notebook's cells beside `code.py`; returns what each of them prints."""
    (folder / "code.py").write_text(program(*program_arms(gather(workspace, None))), encoding="utf-8")
    (folder / "records").symlink_to(workspace.path)
    ipython = SimpleNamespace(Image=str, display=print)
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", ipython)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.chdir(folder)
    names, printed = {}, []
    for cell in code_cells(table):
        with redirect_stdout(io.StringIO()) as out:
            exec("".join(cell["source"]), names)
        printed.append(out.getvalue())
    return printed


def test_its_outputs_are_what_its_cells_give(undrawn, made_up, tmp_path, monkeypatch):
    workspace = made_up(arms=("cnn", "resnet"), seeds=2, epochs=2, steps=4)
    table = notebook_of(workspace)
    assert (table["nbformat"], table["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in table["cells"]}) == len(table["cells"])
    cells = code_cells(table)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    *printed, drawn = executed(table, workspace, tmp_path, monkeypatch)
    assert "pip install matplotlib" in drawn
    kept = ["".join("".join(output["text"]) for output in cell["outputs"]) for cell in cells[:-1]]
    assert printed == kept
    assert "resnet, seed 1, epoch 2: training loss " in kept[-1]
    assert kept[1].startswith("Net(\n")
    (shown,) = cells[-1]["outputs"]
    assert b64decode(shown["data"]["image/png"]) == b"a picture"


def test_it_says_how_the_recorded_runs_were_computed(undrawn, made_up):
    first = notebook_of(made_up(arms=("cnn",), epochs=1, steps=4))["cells"][0]
    assert "(bf16, fast kernels)" in "".join(first["source"])


def test_an_arm_without_a_finished_run_has_no_outputs(undrawn, made_up):
    table = notebook_of(made_up(arms=("cnn", "resnet"), epochs=2, steps=60, unfinished=("resnet",)))
    _, *cells, _ = code_cells(table)
    assert [len(cell["outputs"]) for cell in cells] == [1, 1, 0, 0]
    assert '"resnet": {},' in "".join(code_cells(table)[0]["source"])


@pytest.mark.parametrize("variant", [{"arms": ("plain20",)}, {"arms": ("cnn",), "missing": ("cnn",)}])
def test_without_records_it_trains(undrawn, made_up, variant):
    table = notebook_of(made_up(epochs=1, steps=4, **variant))
    first, *cells = code_cells(table)
    assert "\nTRAIN = True " in "".join(first["source"])
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    assert "records/" not in "".join(table["cells"][0]["source"])


def test_its_curves_are_a_picture(made_up):
    last = code_cells(notebook_of(made_up(arms=("cnn",), epochs=2, steps=4)))[-1]
    (shown,) = last["outputs"]
    picture = Image.open(io.BytesIO(b64decode(shown["data"]["image/png"])))
    assert picture.width > 3 * picture.height / 2
    assert len(picture.convert("RGB").getcolors(2**20)) > 10
