"""What others' code says again and again is told once, whoever heard it."""

import warnings
from pathlib import Path

import pytest

import skipscope
from skipscope.engine.at_init import measure_starts
from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.records.store import Workspace
from skipscope.said_once import say_once, saying_once
from skipscope.spec import parse_study

NET = """
import warnings
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3072, 10)

    def forward(self, x):
        print("given", x.shape)
        with warnings.catch_warnings():  # as torch does: what was warned of is forgotten
            pass
        warnings.warn("this is old")
        if self.training and len(x) == 20:
            warnings.warn("only in a run")
        return self.head(x.flatten(1))
"""


def test_each_warning_is_told_once_in_a_scope() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        for _ in range(2):
            with saying_once():
                for text in ("one", "other", "one"):
                    warnings.warn(text, stacklevel=1)
    assert [str(each.message) for each in shown] == 2 * ["one", "other"]


def test_of_a_line_that_prints_the_first_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with saying_once():
        for text in ("net.py, line 3, prints: 1", "net.py, line 3, prints: 2", "net.py, line 4, prints: 2"):
            say_once(text)
    assert capsys.readouterr() == ("", "net.py, line 3, prints: 1\nnet.py, line 4, prints: 2\n")


@pytest.mark.usefixtures("workers_in_process")
def test_two_runs_of_a_network_that_prints_and_warns_say_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    table = {
        "name": "mine",
        "data": "shapes",
        "train_limit": 40,
        "seeds": 2,
        "initial_seeds": 1,
        "probes": ["answers"],
        "recipe": {"epochs": 1, "batch_size": 20},
        "arm": [{"model": f"{file}:Net"}],
    }
    told: list[str] = []
    workspace = Workspace(tmp_path / "workspace")
    with warnings.catch_warnings(), saying_once(told.append):
        warnings.simplefilter("always")
        planned = plan(parse_study(table, where="a test"), workspace, command="x")
        measure_starts(planned.record, workspace, jobs=1)
        records = execute(planned, workspace, on_event=lambda _event: None, interrupted=lambda: None)
    assert [record.state for record in records] == ["done", "done"]
    line = {text: number for number, text in enumerate(NET.splitlines(), start=1)}
    places = (f"{file}, line {number}" for text, number in line.items() if "print(" in text or "n(" in text)
    assert len(told) == len(set(told)) == 3
    assert {each.partition(", prints")[0].partition(", warns")[0] for each in told} <= set(places)
    assert capsys.readouterr() == ("", "")


def test_standard_output_stays_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be JSON."""
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    with pytest.warns(UserWarning, match="old"), saying_once():
        skipscope.build(f"{file}:Net")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{file}, line 11, prints: given torch.Size([2, 3, 32, 32])\n"
