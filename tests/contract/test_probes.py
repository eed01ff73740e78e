"""What holds for every registered probe on every kind of network; slow ones get few points and steps."""

from dataclasses import replace
from functools import cache
from importlib import import_module
from math import isfinite
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import torch
from coarse_probes import coarse_probes
from torch import Tensor, nn
from whole_state import Passes, changed, state

from skipscope import probes
from skipscope.api.probe import probe
from skipscope.errors import UsageError
from skipscope.models.registry import build
from skipscope.models.user import pinned
from skipscope.probes.base import Probe, View
from skipscope.probes.measure import measure, view_of
from skipscope.probes.registry import PROBES

pytestmark = pytest.mark.usefixtures("coarse_probes")
__all__ = ["coarse_probes"]
OWN = """
import torch
from torch import nn
from torch.nn.functional import relu


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(6)
        self.gate = nn.Linear(6, 6)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        f = self.bn(self.conv(x))
        f = f * torch.sigmoid(self.gate(f.mean((2, 3))))[:, :, None, None]
        f += x
        return self.act(f)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, stride=4)
        self.blocks = nn.Sequential(Block(), Block())
        self.more = nn.Conv2d(6, 4, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(10, 10)

    def forward(self, x):
        x -= 0.1  # it overwrites what it is given
        x = self.blocks(relu(self.stem(x), inplace=True))
        x = torch.cat([x, relu(self.more(x))], 1)
        return self.head(self.drop(x.mean((2, 3))))
"""
"""A residual block with a gate, written as people do: in place, functional, and with a concatenation."""

IMAGES, SIDE = 4, 32
SMALLER = {"resnet8": 4, "se_resnet8": 4}
"""Networks that take images of any size; at this side their last maps are 1 x 1."""
EVERYWHERE = {"gradient_flow", "activations", "shattering", "answers", "linear_probes", "redundancy"} | {
    "landscape",
    "curvature",
    "gradient_confusion",
    "reinitialisation",
    "signal_alignment",
}
DENSE = {"reuse_by_weight", "reuse_by_ablation", "block_deletion"}
RESIDUAL = {"block_deletion", "branch_scale"}
GATED = {"gates", "gate_surgery"} | RESIDUAL
APPLIES: dict[str, set[str]] = {
    "cnn": EVERYWHERE,
    "resnet": EVERYWHERE | RESIDUAL,
    "densenet": EVERYWHERE | DENSE,
    "se_resnet": EVERYWHERE | GATED,
    "plain14": EVERYWHERE | {"block_deletion"},
    "resnet8": EVERYWHERE | RESIDUAL,
    "se_resnet8": EVERYWHERE | GATED,
    "se_resnet8_static": EVERYWHERE | RESIDUAL,
    "se_resnet8_half": EVERYWHERE | RESIDUAL,
    "densenet_bc10_k4": EVERYWHERE | DENSE,
    "chain10_k4": EVERYWHERE | {"block_deletion"},
    "own": EVERYWHERE | DENSE | GATED,
}
"""Which of the probes of networks as they are have something to measure where."""
MEASURED = ("cnn", "plain14", "resnet8", "se_resnet8", "densenet_bc10_k4", "own")
"""Every kind of layer and block; the classroom's larger networks are made of the same."""
AS_THEY_ARE = {name: each for name, each in PROBES.items() if each.when & {"initial", "frozen"}}
CASES = [(network, name) for network in MEASURED for name in AS_THEY_ARE if name in APPLIES[network]]


@pytest.fixture(scope="session")
def own_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "own.py"
    path.write_text(OWN, encoding="utf-8")
    return path


@cache
def seen(network: str, own_file: Path) -> View:
    """One for all tests: whatever a probe left behind would be met by the next."""
    model = build(pinned(f"{own_file}:Net") if network == "own" else network)
    side = SMALLER.get(network, SIDE)
    x = torch.randn(IMAGES, 3, side, side, generator=torch.Generator().manual_seed(1))
    return started(view_of(model, x, torch.arange(IMAGES) % 10))


def started(view: View) -> View:
    """As a run's network is seen, with a start: here its own weights, halved."""
    halves = {
        name: value / 2 if value.is_floating_point() else value
        for name, value in view.model.state_dict().items()
    }
    return replace(view, start=halves)


@pytest.mark.parametrize(("network", "name"), CASES)
def test_it_reads_what_it_declares_and_leaves_everything_as_it_was(
    network: str, name: str, own_file: Path
) -> None:
    view, each = seen(network, own_file), PROBES[name]
    before = state(view)
    with Passes(view.model) as passes:
        first = list(measure(each, view))
    assert changed(before, state(view)) == []
    assert first
    assert {reading.quantity for reading in first} <= each.units.keys()
    assert len({repr({**reading.row(), "value": None}) for reading in first}) == len(first)
    assert all(isinstance(reading.value, float | int) for reading in first)
    odd = [reading for reading in first if not isfinite(reading.value)]
    assert odd == []
    for images in passes.inputs:
        assert _of_sample(images, view.images)
    if passes.inputs:
        with Passes(view.model) as passes_again, pytest.raises(RuntimeError, match="in the middle"):
            passes_again.fails_at = min(2, len(passes.inputs))  # the first is often the network as it is
            list(measure(each, view))
        assert changed(before, state(view)) == []
    assert list(measure(each, view)) == first


def _of_sample(images: Tensor, sample: Tensor) -> bool:
    """Whether they are images of the sample, or lie on lines between them: nothing else was looked at."""
    known = sample.flatten(1).double().T  # D N
    rows = images.flatten(1).double().T
    found = torch.linalg.lstsq(known, rows).solution  # N B: noise images are far from each other's span
    between = (found.sum(0) - 1).abs().max() < 1e-4
    return bool(between) and torch.allclose(known @ found, rows, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("redundancy", "this network"),
        ("update_ratio", "not being trained"),
        ("reinitialisation", "whose start is not known"),
    ],
)
def test_a_probe_that_is_named_measures_or_says_why_not(name: str, where: str) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 10))
    with pytest.raises(UsageError, match=where):
        probe(network, torch.zeros(10, 3, 8, 8), torch.arange(10), probes=[name])


@pytest.mark.parametrize("network", APPLIES)
def test_it_says_where_it_has_nothing_to_measure(network: str, own_file: Path) -> None:
    view = seen(network, own_file)
    applied = {name for name, each in AS_THEY_ARE.items() if each.applies_to(view.anatomy)}
    assert applied == APPLIES[network]
    for name in sorted(AS_THEY_ARE.keys() - applied)[:1]:
        with pytest.raises(UsageError, match="nothing to measure") as caught:
            probe(view.model, view.images, view.labels, probes=[name])
        assert name in caught.value.what


@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_no_pass_has_more_than_five_hundred_images(name: str, own_file: Path) -> None:
    torch.manual_seed(0)
    model = build(pinned(f"{own_file}:Net"))
    images = torch.randn(1_100, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    view = started(view_of(model, images, torch.arange(1_100) % 10))
    with Passes(view.model) as passes:
        list(measure(PROBES[name], view))
    assert max(map(len, passes.inputs), default=0) <= 500


@pytest.mark.parametrize("name", [name for name, each in AS_THEY_ARE.items() if not each.needs_start])
def test_a_users_own_network_is_left_as_it_is_being_trained(name: str, own_file: Path) -> None:
    model = build(pinned(f"{own_file}:Net"))
    model.blocks[0].eval()  # a part that its author froze
    model.stem.weight.requires_grad_(requires_grad=False)
    view = seen("own", own_file)
    model(view.images.clone()).sum().backward()
    gradients = [None if weight.grad is None else weight.grad.clone() for weight in model.parameters()]
    mine = View(model=model, images=view.images, labels=view.labels, anatomy=view.anatomy)
    before = state(mine)
    first = probe(model, view.images, view.labels, probes=[name])
    assert changed(before, state(mine)) == []
    for weight, gradient in zip(model.parameters(), gradients, strict=True):
        assert gradient is None if weight.grad is None else torch.equal(weight.grad, gradient)
    assert set(first["probe"]) == {name}
    assert first.equals(probe(model, view.images, view.labels, probes=[name]))


@pytest.mark.parametrize("each", PROBES.values(), ids=PROBES)
def test_it_says_what_it_is(each: Probe[Any]) -> None:
    assert each.when
    assert each.when <= {"step", "epoch", "initial", "frozen", "equal_loss"}
    assert each.units
    assert all(each.units.values())
    assert any(year.isdigit() and len(year) == 4 for year in each.source.replace(",", " ").split()) or (
        "network's own" in each.source
    )
    assert each.cost


def test_every_probe_is_registered_under_a_name_of_its_own() -> None:
    modules = [import_module(f"skipscope.probes.{module.name}") for module in iter_modules(probes.__path__)]
    defined = {
        id(value): value for module in modules for value in vars(module).values() if isinstance(value, Probe)
    }
    assert sorted(each.name for each in defined.values()) == sorted(PROBES)
    assert all(PROBES[each.name] is each for each in defined.values())
