"""A study of a network that its user wrote: planned, trained in a worker, told apart by the file's text."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import skipscope
from skipscope.anatomy.describe import describe
from skipscope.data.dataset import load as load_data
from skipscope.engine.local import execute
from skipscope.engine.plan import Plan, plan
from skipscope.engine.trained import network
from skipscope.errors import MachineError, NetworkError
from skipscope.models.user import attribute_errors_to
from skipscope.records.store import Workspace
from skipscope.spec import load_study
from skipscope.training.batches import BatchMaker
from skipscope.training.evaluate import evaluate
from skipscope.training.events import Event

STUDY = """
data = "shapes"
train_limit = 60

[recipe]
epochs = 1
batch_size = 20

[[arm]]
model = "nets/mynet.py:Net"
"""
NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 8, stride=8)
        self.head = nn.Linear(64, 10)
        self.spare = nn.Linear(64, 10)  # takes no part

    def forward(self, x):
        return self.head(self.stem(x).relu().flatten(1))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study's folder with a network beside the study."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "mynet.py").write_text(NET, encoding="utf-8")
    (tmp_path / "mine.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def planned(folder: Path, workspace: Workspace) -> Plan:
    # as it is typed: seen from where one stands, which is not the study's folder
    study = load_study(os.path.relpath(folder / "mine.toml"))
    return plan(study, workspace, command="x")


@pytest.mark.usefixtures("forked_workers")
def test_a_worker_trains_it_and_it_can_be_built_again(folder: Path, workspace: Workspace) -> None:
    told = planned(folder, workspace)
    (record,) = execute(told, workspace, on_event=lambda _event: None, interrupted=lambda: None)
    assert record.state == "done", record.failure
    assert record.id == f"Net-s0-{record.spec.hash8}"
    assert record.network.params == 4 * 193 + 2 * 650
    weights = load_file(workspace.run_folder(record.id).model_file)
    again = skipscope.build(record.spec.model, seed=1)
    again.load_state_dict(weights)
    assert [(member.arm, member.run) for member in told.record.members] == [("Net", record.id)]
    assert not planned(folder, workspace).waiting  # an equal run is found

    net = folder / "nets" / "mynet.py"
    net.write_text(NET.replace("(x).relu()", "(x).tanh()"), encoding="utf-8")
    changed = planned(folder, workspace)
    assert [run.spec.id for run in changed.waiting] != [record.id]
    with pytest.raises(NetworkError, match="has changed since this run was planned"):
        skipscope.build(record.spec.model)
    elsewhere = folder / "mynet.py"
    elsewhere.write_text(NET, encoding="utf-8")
    (folder / "mine.toml").write_text(STUDY.replace("nets/", ""), encoding="utf-8")
    assert not planned(folder, workspace).waiting  # nor is it trained again where it lies elsewhere


RUNNING = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 8, stride=8), nn.Linear(64, 10)
        self.register_buffer("mean", torch.zeros(64), persistent=False)

    def forward(self, x):
        x = self.stem(x).relu().flatten(1)
        if self.training:
            self.mean = 0.5 * self.mean + 0.5 * x.detach().mean(0)
        return self.head(x - self.mean)
"""


@pytest.mark.usefixtures("workers_in_process")
def test_what_its_state_leaves_out_is_as_training_left_it(folder: Path, workspace: Workspace) -> None:
    """Probes, in a process of their own, see the network that was tested."""
    (folder / "nets" / "mynet.py").write_text(RUNNING, encoding="utf-8")
    told = planned(folder, workspace)
    (record,) = execute(told, workspace, on_event=lambda _event: None, interrupted=lambda: None)
    data, net = load_data("shapes", train_limit=60), network(workspace, record)
    batches = BatchMaker(data, record.spec.recipe, torch.device("cpu"))
    assert net.mean.any()
    loss = evaluate(net, data.validation, batches, record.spec.recipe).loss
    assert loss == pytest.approx(record.result.val_loss, rel=1e-6)  # of sums in fp32
    assert workspace.run_folder(record.id).damaged() == []


@pytest.mark.usefixtures("workers_in_process")
def test_a_file_that_changes_while_its_run_waits_fails_the_run(folder: Path, workspace: Workspace) -> None:
    told = planned(folder, workspace)
    (folder / "nets" / "mynet.py").write_text(NET + "# \n", encoding="utf-8")
    events = []
    execute(told, workspace, on_event=events.append, interrupted=lambda: None)
    assert events[-1].state == "failed"
    assert "has changed since this run was planned" in events[-1].message


def test_a_network_that_cannot_be_trained_is_refused_before_any_run(
    folder: Path, workspace: Workspace
) -> None:
    (folder / "nets" / "mynet.py").write_text(NET.replace("64, 10", "65, 10"), encoding="utf-8")
    with pytest.raises(NetworkError, match="Net in evaluation raised RuntimeError: mat1 and mat2"):
        planned(folder, workspace)
    (folder / "nets" / "mynet.py").unlink()
    with pytest.raises(NetworkError, match="File not found"):
        planned(folder, workspace)


def test_a_network_that_fails_on_a_real_batch_is_named_with_its_line(
    folder: Path, workspace: Workspace
) -> None:
    """The trial has two images, planning a batch."""
    late = NET.replace(
        "        return", "        if len(x) > 60:\n            raise ValueError('so many')\n        return"
    )
    (folder / "nets" / "mynet.py").write_text(late, encoding="utf-8")
    study = (
        (folder / "mine.toml").read_text(encoding="utf-8").replace("train_limit = 60", "train_limit = 100")
    )
    (folder / "mine.toml").write_text(study, encoding="utf-8")
    with pytest.raises(NetworkError, match="raised ValueError: so many") as caught:
        planned(folder, workspace)
    line = 1 + late.splitlines().index("            raise ValueError('so many')")
    assert str(caught.value.where).endswith(f"mynet.py, line {line}")


def failing(folder: Path, when: str) -> int:
    """The network raises what it says of itself; gives the line."""
    raises = f"        if {when}:\n            raise ValueError('so many')\n        return"
    text = NET.replace("        return", raises)
    (folder / "nets" / "mynet.py").write_text(text, encoding="utf-8")
    return 1 + text.splitlines().index("            raise ValueError('so many')")


@pytest.mark.usefixtures("workers_in_process")
@pytest.mark.parametrize(
    "when",
    ["self.training and len(x) == 20", "not self.training and len(x) > 200"],
    ids=["a step", "a validation"],
)
def test_a_network_that_fails_while_it_is_trained_is_named_with_its_line(
    folder: Path, workspace: Workspace, when: str
) -> None:
    """Planning has other batches."""
    line = failing(folder, when)
    told = planned(folder, workspace)
    events: list[Event] = []
    (record,) = execute(told, workspace, on_event=events.append, interrupted=lambda: None)
    assert events[-1].state == "failed"
    assert "Net in its run raised ValueError: so many" in events[-1].message
    assert record.failure is not None
    assert f"mynet.py, line {line}" in record.failure.message
    traceback = workspace.run_folder(record.id).path / "traceback.txt"
    assert "so many" in traceback.read_text(encoding="utf-8")  # all of it, for who wrote the network


def test_a_network_that_fails_on_one_image_is_named_with_its_line(folder: Path) -> None:
    line = failing(folder, "len(x) == 1")
    with pytest.raises(NetworkError, match=f"raised ValueError: so many\nwhere: .*mynet.py, line {line}"):
        describe(f"{folder / 'nets' / 'mynet.py'}:Net")


def test_what_the_system_refuses_is_not_blamed_on_the_network(folder: Path) -> None:
    with (
        pytest.raises(OSError, match="full"),
        attribute_errors_to(f"{folder / 'nets' / 'mynet.py'}:Net", "here"),
    ):
        raise OSError("full")
    with pytest.raises(MemoryError), attribute_errors_to(f"{folder / 'nets' / 'mynet.py'}:Net", "here"):
        raise MemoryError


def test_a_mistake_of_ours_is_not_blamed_on_the_network(folder: Path) -> None:
    with pytest.raises(KeyError), attribute_errors_to(f"{folder / 'nets' / 'mynet.py'}:Net", "here"):
        raise KeyError("of no line of theirs")


def test_an_error_that_says_what_is_wrong_itself_is_not_blamed_on_the_network(folder: Path) -> None:
    with (
        pytest.raises(MachineError, match=r"^Loops"),
        attribute_errors_to(f"{folder / 'nets' / 'mynet.py'}:Net", "here"),
    ):
        raise MachineError("Loops cannot be compiled")
