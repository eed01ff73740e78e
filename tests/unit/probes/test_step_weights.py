"""Weights in a training step: updates, parametrized layers, and those that do not learn."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from told import told
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from skipscope.api.probe import probe
from skipscope.models.registry import build
from skipscope.probes.registry import PROBES
from skipscope.probes.step import StepRecorder, of_one_step

CLOSE = 1e-4
"""Relative: sums of some ten thousand numbers in fp32, in another order."""


def read(name: str, view: object) -> dict[tuple[object, ...], float]:
    return told(PROBES[name].measure(view))


def test_an_update_is_compared_with_the_weight_before_it(sample: tuple[Tensor, Tensor]) -> None:
    model = build("cnn")
    watch = StepRecorder(model)
    with watch.computing():
        logits = model(sample[0])
    cross_entropy(logits, sample[1]).backward()
    watch.after_backward()
    before = model.conv2.weight.detach().clone()
    torch.optim.SGD(model.parameters(), lr=0.5).step()
    watch.after_update()
    moved = (model.conv2.weight.detach() - before).norm() / before.norm()
    seen = read("update_ratio", watch.view)
    assert seen["conv2", "ratio"] == pytest.approx(moved.item(), rel=CLOSE)
    assert set(seen) == {(name, "ratio") for name in ("conv1", "conv2", "fc1", "fc2", "fc3")}


def parametrized(by: Callable[[nn.Module], nn.Module]) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        by(nn.Conv2d(3, 4, 3)),
        nn.ReLU(),
        by(nn.Conv2d(4, 4, 3)),
        nn.Flatten(),
        by(nn.Linear(4 * 28 * 28, 10)),
    )


LAYERS = ("0", "2", "4")


def weights(model: nn.Module) -> list[Tensor]:
    """As they are computed with in evaluation, where no norm moves on."""
    copy = deepcopy(model).eval()
    return [copy.get_submodule(name).weight.detach() for name in LAYERS]


@pytest.mark.parametrize("by", [weight_norm, spectral_norm])
def test_what_a_parametrized_layer_computes_with_is_what_moves(
    by: Callable[[nn.Module], nn.Module], sample: tuple[Tensor, Tensor]
) -> None:
    model, alone = parametrized(by), parametrized(by)
    watch = StepRecorder(model)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.5) for each in (model, alone)]
    with watch.computing():
        loss = cross_entropy(model(sample[0]), sample[1])
    before = weights(model)
    loss.backward()
    watch.after_backward()
    optimizers[0].step()
    watch.after_update()
    seen = read("update_ratio", watch.view)
    for name, old, new in zip(LAYERS, before, weights(model), strict=True):
        assert seen[name, "ratio"] == pytest.approx(((new - old).norm() / old.norm()).item(), rel=CLOSE)
    cross_entropy(alone(sample[0]), sample[1]).backward()
    optimizers[1].step()
    unwatched = alone.state_dict()
    assert all(torch.equal(value, unwatched[name]) for name, value in model.state_dict().items())


def test_gradients_by_outputs_of_parametrized_layers_are_those_of_their_weights_alone(
    sample: tuple[Tensor, Tensor],
) -> None:
    model, plain = parametrized(weight_norm), parametrized(lambda layer: layer)
    found, expected = (read("gradient_flow", of_one_step(each, *sample)) for each in (model, plain))
    assert {key for key in expected if not str(key[-1]).startswith("weight")} == set(found)
    for key, value in found.items():
        assert value == pytest.approx(expected[key], rel=CLOSE)


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`")
def test_a_weight_that_a_hook_makes_is_left_out(sample: tuple[Tensor, Tensor]) -> None:
    model = parametrized(nn.utils.weight_norm)
    watch = StepRecorder(model)
    with watch.computing():
        cross_entropy(model(sample[0]), sample[1]).backward()
    watch.after_backward()
    watch.after_update()
    assert watch.view.weights == ()
    seen = read("gradient_flow", of_one_step(model, *sample))
    assert {module for module, *quantity in seen if quantity == ["output_l2"]} == {*LAYERS}


def test_gradients_pass_through_what_does_not_learn(sample: tuple[Tensor, Tensor]) -> None:
    model = build("cnn")
    learning = read("gradient_flow", of_one_step(model, *sample))
    for frozen in (model.conv1, model):
        frozen.requires_grad_(requires_grad=False)
        assert read("gradient_flow", of_one_step(model, *sample)) == learning
        assert not any(parameter.requires_grad for parameter in frozen.parameters())


class OfItsOwn(nn.Module):
    """Weights that no layer has, a buffer that is another after each step, and a map that is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(10, 3, 32, 32))
        self.register_buffer("steps", torch.zeros(1))
        self.map: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.steps = self.steps + 1
        self.map = nn.functional.conv2d(x, self.weight)
        return self.map.flatten(1)


def test_a_network_that_keeps_its_map_and_changes_its_buffer_is_as_it_was(
    sample: tuple[Tensor, Tensor],
) -> None:
    model = OfItsOwn()
    model(sample[0]).sum().backward()
    before, steps, kept = model.steps.clone(), model.steps, model.map
    of_one_step(model, *sample)
    assert model.steps is steps
    assert torch.equal(model.steps, before)
    model.map = kept
    assert not probe(model, *sample, probes=["answers"]).is_empty()
    assert model.map is kept
