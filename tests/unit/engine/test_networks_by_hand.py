"""Networks as courses write them: whatever trains is measured, begun, measured again, and asked."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trained_in import train

from skipscope.data.dataset import load
from skipscope.engine.at_init import measure_starts
from skipscope.engine.autotune import stock
from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.engine.predict import Networks
from skipscope.engine.probe import measure_again
from skipscope.errors import MachineError
from skipscope.models.registry import build
from skipscope.models.user import pinned
from skipscope.records.store import Workspace
from skipscope.spec import DataRef, Recipe, RunSpec, StudySpec, parse_study

NETWORKS = """
import torch
from torch import nn

class View(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 2, 8, stride=8), nn.Linear(32, 10)

    def forward(self, x):
        x = self.conv(x).relu()
        return self.head(x.view(x.size(0), -1))

class Solid(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv3d(1, 2, (3, 8, 8), stride=8), nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.conv(x[:, None]).relu().flatten(1))

class Double(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 2, 8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 10)).double()

    def forward(self, x):
        return self.inner(x.double())

class Half(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 2, 8, stride=8).bfloat16(), nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.conv(x.bfloat16()).relu().flatten(1).float())

class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = nn.Linear(3072, 4), nn.Linear(4, 10)

    def forward(self, x):
        return self.head(self.hidden(x.view(-1, 3072)).relu())

class Waves(nn.Module):
    def __init__(self):
        super().__init__()
        self.wave, self.head = nn.Parameter(torch.randn(3, 4, 3, dtype=torch.cfloat)), nn.Linear(72, 10)

    def forward(self, x):
        x = torch.fft.rfft2(nn.functional.avg_pool2d(x, 8)) * self.wave
        return self.head(torch.view_as_real(x).flatten(1))
"""
CONTIGUOUS = {"View", "Solid", "Perceptron"}


def study_of(folder: Path, *names: str, **recipe: object) -> StudySpec:
    (folder / "nets.py").write_text(NETWORKS, encoding="utf-8")
    table = {
        "name": "mine",
        "data": "shapes",
        "train_limit": 40,
        "initial_seeds": 1,
        "recipe": {"epochs": 1, "batch_size": 20, **recipe},
        "arm": [{"model": name if name == "cnn" else f"{folder / 'nets.py'}:{name}"} for name in names],
    }
    return parse_study(table, where="a test")


@pytest.mark.usefixtures("workers_in_process")
@pytest.mark.parametrize("name", ["View", "Solid", "Double", "Half", "Perceptron", "Waves"])
def test_it_is_trained_and_everything_that_measures_does(
    tmp_path: Path, workspace: Workspace, name: str
) -> None:
    planned = plan(study_of(tmp_path, name), workspace, command="x")
    assert planned.choice is not None
    unfit = f"{name} cannot be held in channels_last: "
    assert planned.choice.unfit.startswith(unfit) == (name in CONTIGUOUS)
    warned: list[str] = []
    measure_starts(planned.record, workspace, jobs=1, warn=warned.append)
    (record,) = execute(planned, workspace, on_event=lambda _event: None, interrupted=lambda: None)
    assert (record.state, record.failure, warned) == ("done", None, [])
    expected = {"landscape", "gradient_flow", "shattering"}
    assert expected <= set(workspace.run_folder(record.id).readings()["probe"])
    measured = measure_again(workspace, record.id, only=["answers"], on_event=lambda *_: None)
    assert measured.readings["answers"] > 0
    picture = tmp_path / "picture.png"
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(picture)
    (answer,) = Networks(workspace, None, data_dir=None).predict(picture).answers
    assert 0 <= answer.top[0][1] <= 1


def test_what_a_network_draws_itself_is_a_function_of_the_seed(tmp_path: Path) -> None:
    """From numpy's and Python's generators, too: equal runs give equal weights."""
    text = NETWORKS.replace("import torch\n", "import random\nimport numpy\nimport torch\n", 1)
    text = text.replace("nn.Linear(4, 10)\n", "nn.Linear(4, 10)\n        self.scale = numpy.random.rand()\n")
    (tmp_path / "nets.py").write_text(
        text.replace("(x.view(-1, 3072))", "(x.view(-1, 3072) * random.random() * numpy.random.rand())"),
        encoding="utf-8",
    )
    model = pinned(f"{tmp_path / 'nets.py'}:Perceptron")
    data = load("shapes", train_limit=20)
    recipe = Recipe(epochs=2, batch_size=10).resolved(stock(1, "contiguous"))
    ref = DataRef(name="shapes", sha256=data.sha256, train_limit=20)
    run = RunSpec(model=model, seed=0, recipe=recipe, data=ref)
    for name in ("one", "other"):
        train(run, data, tmp_path / name)
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "other"))
    assert one == other
    assert build(model, seed=1).scale == build(model, seed=1).scale != build(model, seed=2).scale


def test_all_arms_are_held_as_one_of_them_must_be(tmp_path: Path, workspace: Workspace) -> None:
    alone = plan(study_of(tmp_path, "cnn"), workspace, command="x")
    both = plan(study_of(tmp_path, "cnn", "View"), workspace, command="x")
    assert {run.spec.recipe.memory_format for run in both.runs} == {"contiguous"}
    assert alone.choice is not None
    assert alone.choice.unfit == ""


def test_a_layout_that_is_asked_for_and_cannot_be_is_refused(tmp_path: Path, workspace: Workspace) -> None:
    study = study_of(tmp_path, "View", memory_format="channels_last")
    with pytest.raises(
        MachineError, match=r"View cannot be held in channels_last: view size .*\nnext: .*contiguous"
    ):
        plan(study, workspace, command="x")


def test_a_network_that_now_needs_another_layout_gets_it(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study goes on with the backend that it was begun with, unless its changed file cannot."""
    for name, begun in (("Double", True), ("View", False)):
        monkeypatch.setattr("skipscope.engine.plan.begun_backend", lambda *_: stock(1))
        planned = plan(study_of(tmp_path, name), workspace, command="x")
        assert (planned.choice is None) == begun
        assert begun or planned.backend.memory_format == "contiguous"
