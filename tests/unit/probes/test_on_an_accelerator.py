"""Probes on an accelerator, on a fake one that computes as the processor does: they read the same."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from coarse_probes import coarse_probes
from fake_accelerator import MODULE, OnDevice
from torch import Tensor, nn

from skipscope.models.chance import chance_restored
from skipscope.probes import curvature
from skipscope.probes import measure as measuring
from skipscope.probes.base import Reading, View
from skipscope.probes.measure import measure, view_of
from skipscope.probes.registry import PROBES

pytestmark = pytest.mark.usefixtures("coarse_probes")
__all__ = ["coarse_probes"]
AS_THEY_ARE = [name for name, each in PROBES.items() if each.when & {"initial", "frozen"}]


class Block(nn.Module):
    """f(x) gate(x) + x."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn, self.gate = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        f = self.bn(self.conv(x))
        return torch.relu(f * torch.sigmoid(self.gate(f.mean((2, 3))))[:, :, None, None] + x)


class Net(nn.Module):
    """Has of everything something: gates, shortcuts, a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            self.stem, self.blocks = nn.Conv2d(3, 4, 4, stride=4), nn.Sequential(Block(), Block())
            self.more, self.head = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(torch.relu(self.stem(x)))
        x = torch.cat([x, torch.relu(self.more(x))], 1)
        return self.head(x.mean((2, 3)))


@pytest.fixture(autouse=True)
def memory_to_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor of the fake accelerator has no memory whose bytes could be counted."""
    monkeypatch.setattr(curvature, "_kept", lambda *_: 4_000)


def seen(on: str) -> View:
    images = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    view = view_of(Net().to(on), images, torch.arange(6))
    return replace(view, start=Net().state_dict())  # made here, as a run's start is


def read(view: View, name: str) -> Iterator[Reading]:
    return iter(measure(PROBES[name], view))


@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_a_probe_reads_the_same_there_and_here(name: str, request: pytest.FixtureRequest) -> None:
    here = list(read(seen("cpu"), name))
    request.getfixturevalue("accelerator")
    view = seen("fake")
    assert isinstance(view.images, OnDevice)
    there = list(read(view, name))
    assert here
    assert [replace(each, value=0) for each in there] == [replace(each, value=0) for each in here]
    # what torch computes list by list on a processor, it computes one by one on a device it does not know
    assert [each.value for each in there] == pytest.approx(
        [each.value for each in here], rel=1e-4, abs=1e-6, nan_ok=True
    )


def test_a_device_without_float64_leaves_probes_to_the_processor(
    accelerator: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "WITHOUT_FLOAT64", {"fake"})
    view = seen("fake")
    assert view.images.device.type == next(view.model.parameters()).device.type == "cpu"
    assert list(read(view, "answers"))


def test_the_random_numbers_of_any_accelerator_are_restored(accelerator: list[str]) -> None:
    on = torch.device("fake", 0)
    torch.manual_seed(3)
    before = MODULE.get_rng_state(on)
    with chance_restored(on):
        torch.manual_seed(4)
        assert not torch.equal(MODULE.get_rng_state(on), before)
    assert torch.equal(MODULE.get_rng_state(on), before)
