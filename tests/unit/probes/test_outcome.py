"""Loss and accuracy of a sample; and that the probes built on it leave a network as it was."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.measure import view_of
from skipscope.probes.outcome import Outcome, batches, changes, outcome
from skipscope.probes.registry import PROBES

OF_CONCATENATIONS = ("reuse_by_weight", "reuse_by_ablation", "redundancy")
OF_GATES = ("redundancy", "gates", "gate_surgery")
CASES = [("densenet", probe) for probe in OF_CONCATENATIONS] + [("se_resnet", probe) for probe in OF_GATES]


def view(network: nn.Module, images: int, side: int) -> View:
    x = torch.randn(images, 3, side, side, generator=torch.Generator().manual_seed(1))
    return view_of(network, x, torch.arange(images) % 10)


def state(model: nn.Module) -> list[Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_a_sample_in_batches_comes_to_what_it_comes_to_at_once() -> None:
    torch.manual_seed(0)
    seen = view(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 9, 10)), 601, 5)
    assert [len(labels) for _, labels in batches(seen)] == [121, 120, 120, 120, 120]
    with torch.no_grad():
        logits = seen.model(seen.images)
    found = outcome(seen)
    # one product over all images adds up in another order than three
    assert found.loss == pytest.approx(cross_entropy(logits, seen.labels).item(), rel=1e-5)
    assert found.accuracy == (logits.argmax(1) == seen.labels).double().mean().item()


def test_a_change_is_what_was_changed_minus_what_was_intact() -> None:
    intact, changed = Outcome(loss=0.5, accuracy=0.75), Outcome(loss=2.0, accuracy=0.5)
    plain = {(r.place, r.quantity): r.value for r in changes("block", intact, changed)}
    assert plain == {("block", "loss_change"): 1.5, ("block", "accuracy_change"): -0.25}
    assert [r.quantity for r in changes("block", intact, changed, "one")] == [
        "loss_change:one",
        "accuracy_change:one",
    ]


@pytest.mark.parametrize(("network", "probe"), CASES)
def test_a_probe_leaves_network_sample_and_chance_as_they_were(network: str, probe: str) -> None:
    torch.manual_seed(0)
    seen = view(build(network), 3, 32)
    before, images, chance = state(seen.model), seen.images.clone(), torch.get_rng_state()
    each = PROBES[probe]
    first = list(each.measure(seen))
    assert first == list(each.measure(seen))
    assert {reading.quantity.split(":")[0] for reading in first} <= set(each.units)
    assert all(torch.equal(a, b) for a, b in zip(before, state(seen.model), strict=True))
    assert torch.equal(images, seen.images)
    assert torch.equal(chance, torch.get_rng_state())
    assert all(parameter.grad is None for parameter in seen.model.parameters())
    assert not any(module.training for module in seen.model.modules())
    assert not hooks(seen.model)


@pytest.mark.parametrize(("network", "probe"), CASES)
def test_nothing_is_left_behind_by_a_probe_that_failed(network: str, probe: str) -> None:
    seen = view(build(network), 3, 32)
    before = state(seen.model)
    left = 1 if probe in ("reuse_by_ablation", "gate_surgery") else 0  # passes before the one that fails

    def fails(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise RuntimeError("in the middle")

    handle = list(seen.model.children())[-1].register_forward_hook(fails)
    with pytest.raises(RuntimeError, match="in the middle"):
        list(PROBES[probe].measure(seen))
    handle.remove()
    assert not hooks(seen.model)
    assert torch.overrides._get_current_function_mode() is None
    assert torch.is_grad_enabled()
    assert all(torch.equal(a, b) for a, b in zip(before, state(seen.model), strict=True))


def test_probes_of_concatenations_and_gates_apply_where_there_are_some() -> None:
    applied = {
        name: {probe for probe in {*OF_CONCATENATIONS, *OF_GATES} if PROBES[probe].applies_to(seen.anatomy)}
        for name in ("cnn", "resnet", "densenet", "se_resnet")
        for seen in [view(build(name), 2, 32)]
    }
    assert applied == {
        "cnn": {"redundancy"},
        "resnet": {"redundancy"},
        "densenet": set(OF_CONCATENATIONS),
        "se_resnet": set(OF_GATES),
    }
