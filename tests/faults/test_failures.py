"""Runs that cannot be brought to their end: the others can, and what is missing is said."""

from pathlib import Path

import pytest
from injected import CNN, LONG, Zygote, study

from skipscope.engine.plan import plan
from skipscope.records.store import Workspace
from skipscope.spec import load_study

TROUBLE = """
import resource
from pathlib import Path

import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3072, 10)

    def forward(self, x):
        return self.head(x.flatten(1))


class NotFinite(Plain):
    steps = 0

    def forward(self, x):
        if self.training and len(x) == 20:
            NotFinite.steps += 1
        return super().forward(x) * (float("VALUE") if NotFinite.steps > 8 else 1)


class Greedy(Plain):
    steps = 0

    def forward(self, x):
        if self.training and len(x) == 20:
            Greedy.steps += 1
        if Greedy.steps > 8:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), resource.RLIM_INFINITY))
            torch.ones(1 << 28)
        return super().forward(x)
"""
"""Networks of a user's: in a worker, their ninth step is the fault."""


def troubled(tmp_path: Path, network: str, value: str = "nan") -> Path:
    (tmp_path / "trouble.py").write_text(TROUBLE.replace("VALUE", value), encoding="utf-8")
    arms = f'[[arm]]\nmodel = "trouble.py:{network}"\nname = "trouble"\n{CNN}'
    return study(tmp_path, epochs=4, arms=arms)


@pytest.mark.parametrize(
    ("network", "value", "kind", "says"),
    [
        ("NotFinite", "nan", "diverged", "The loss is nan at step"),
        ("NotFinite", "inf", "diverged", "The loss is"),
        ("Greedy", "", "error", "There was not enough memory for this run"),
    ],
)
def test_that_run_fails_with_its_reason_and_the_others_finish(
    network: str, value: str, kind: str, says: str, zygote: Zygote, tmp_path: Path
) -> None:
    if value == "inf" and not LONG:
        pytest.skip("as nan; `make faults` does")
    toml, workspace = troubled(tmp_path, network, value), Workspace(tmp_path / "out")
    ended = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(workspace.path)).wait()
    assert "RunFailed" in ended.said
    states = {record.spec.model.rpartition("@")[0][-6:] or "cnn": record for record in workspace.runs()}
    assert states.pop("cnn").state == "done"
    (record,) = states.values()
    assert record.state == "failed"
    assert record.failure.kind == kind
    assert record.failure.message.startswith(says)
    assert not workspace.run_folder(record.id).model_file.exists()
    if kind == "error":  # what it had is kept: with more memory it goes on
        assert workspace.run_folder(record.id).state_file.exists()
        again = plan(load_study(toml), workspace, command="x")
        assert [run.arm for run in again.waiting] == ["trouble"]


@pytest.mark.skipif(not LONG, reason="draws a report; `make faults` does")
@pytest.mark.parametrize(("network", "says"), [("NotFinite", "diverged"), ("Greedy", "not enough memory")])
def test_the_command_exits_with_1_and_the_report_says_what_is_missing(
    network: str, says: str, zygote: Zygote, tmp_path: Path
) -> None:
    ended = zygote.skipscope("run", troubled(tmp_path, network), "-w", "out", cwd=tmp_path).wait()
    assert ended.code == 1
    assert "Traceback" not in ended.said
    assert says in ended.said
    for language in ("en", "zh"):
        parts = sorted((tmp_path / "out" / "reports" / "tiny").glob(f"*.{language}.md"))
        text = "".join(part.read_text(encoding="utf-8") for part in parts)
        assert "trouble" in text
        assert "[!WARNING]" in text
