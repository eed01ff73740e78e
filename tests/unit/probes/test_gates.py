"""Planted gates, and surgery against forward passes written out."""

from collections.abc import Iterator

import pytest
import torch
from gated_networks import CHANNELS, CLASSES, STYLES, Change, Gated, by_hand, gated, gates_of, seen
from hypothesis import given, settings
from hypothesis import strategies as st
from told import told
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from skipscope.probes.base import View
from skipscope.probes.gates import derangement, measure, numbers, operate
from skipscope.probes.measure import view_of
from skipscope.probes.registry import PROBES


@pytest.mark.parametrize("style", STYLES)
def test_what_gates_do_is_what_loops_over_images_and_classes_count(style: str) -> None:
    view = seen(gated(style), images=301)  # in two batches, and classes of unequal size
    found = told(measure(view))
    for block, gates in gates_of(view.model, view.images).items():
        between = total = 0.0
        for channel in range(CHANNELS):
            values = gates[:, channel]
            total += sum((value - values.mean()).item() ** 2 for value in values)
            for label in range(CLASSES):
                of_class = values[view.labels == label]
                between += len(of_class) * (of_class.mean() - values.mean()).item() ** 2
                assert found[block, "gate", channel, label] == pytest.approx(of_class.mean().item(), rel=1e-5)
        expected = {
            "mean": gates.mean().item(),
            "std": (total / gates.numel()) ** 0.5,
            "class_share": between / total,
            "low": (gates < 0.05).double().mean().item(),
            "high": (gates > 0.95).double().mean().item(),
        }
        for quantity, value in expected.items():
            # batches of another size: convolutions in fp32 differ in the last digits
            assert found[block, quantity] == pytest.approx(value, rel=1e-4)
    assert len(found) == 2 * (5 + CHANNELS * CLASSES)


@pytest.mark.parametrize("style", STYLES)
def test_gates_frozen_at_a_constant_are_found(style: str) -> None:
    model = gated(style)
    with torch.no_grad():
        model.one.fc2.weight.zero_()
        model.one.fc2.bias.copy_(torch.linspace(-4, 4, CHANNELS))  # each channel at a value of its own
        model.two.fc1.weight.mul_(20)  # its gates vary: what it squeezes makes a difference,
        model.two.fc1.bias.fill_(2)  # no ReLU is shut for all images,
        model.two.fc2.weight.div_(30)  # and not every gate lies where the sigmoid is flat
    view = seen(model)
    found, cost = told(measure(view)), told(operate(view))
    values = torch.sigmoid(torch.linspace(-4, 4, CHANNELS))
    assert found["one", "std"] == found["one", "class_share"] == 0
    assert found["one", "mean"] == pytest.approx(values.mean().item(), rel=1e-6)
    assert found["one", "low"] == found["one", "high"] == pytest.approx(1 / CHANNELS)  # sigmoid(4) is 0.98
    for way in ("mean", "other"):  # nothing is lost by giving every image the same gates as before
        assert cost["one", "loss_change", way] == pytest.approx(0, abs=1e-6)
        assert cost["one", "accuracy_change", way] == 0
    assert found["two", "std"] > 0.01
    assert abs(cost["two", "loss_change", "other"]) > 1e-5  # ten times what rounding is allowed above


def of_class_only(images: int) -> View:
    """Images whose first plane says the class and nothing else, and gates that see that plane only."""
    model = gated()
    with torch.no_grad():
        for weight in (model.stem.weight, model.one.conv.weight):
            weight[:1, 1:].zero_()
        model.one.fc1.weight[:, 1:].zero_()  # the gate is told of the first channel's mean
    view = seen(model, images)
    view.images[:, 0] = view.labels[:, None, None].float()
    return view


def test_gates_that_depend_on_the_class_alone_have_all_their_variance_between_classes() -> None:
    found = told(measure(of_class_only(120)))
    assert found["one", "std"] > 0.01
    assert found["one", "class_share"] == pytest.approx(1, abs=1e-6)  # images of a class differ by rounding
    assert found["two", "class_share"] < 0.999


def test_gates_that_know_nothing_of_the_class_come_to_chance_level() -> None:
    images = 400
    view = seen(gated(), images)  # noise, and labels that have nothing to do with it
    shares = [told(measure(shuffled))["one", "class_share"] for shuffled in _shuffled(view, 60)]
    chance = (CLASSES - 1) / (images - 1)
    # of one channel 399 shares are chi-squared with 3 degrees, whose standard deviation is 0.82 of its mean
    # (of several channels less): the mean of 60 lies within 4 standard errors
    assert sum(shares) / len(shares) == pytest.approx(chance, rel=4 * 0.82 / 60**0.5)


def _shuffled(view: View, times: int) -> Iterator[View]:
    generator = torch.Generator().manual_seed(3)
    for _ in range(times):
        order = torch.randperm(len(view.labels), generator=generator)
        yield view_of(view.model, view.images, view.labels[order])


@pytest.mark.parametrize("style", STYLES)
def test_surgery_is_the_forward_pass_with_other_gates_by_hand(style: str) -> None:
    view = seen(gated(style), images=64)
    model, found = view.model, told(operate(view))
    means = {name: gates.mean(0)[:, None, None] for name, gates in gates_of(model, view.images).items()}
    others = derangement(view, 64)
    ways: dict[str, Change] = {
        "one": lambda _, gate: torch.ones_like(gate),
        "mean": lambda name, _: means[name].float(),
        "other": lambda _, gate: gate[others],
    }

    def outcome(change: Change) -> tuple[float, float]:
        with torch.no_grad():
            logits = by_hand(model, view.images, change).double()
        right = (logits.argmax(1) == view.labels).double().mean()
        return cross_entropy(logits, view.labels).item(), right.item()

    loss, accuracy = outcome(lambda _, gate: gate)
    for way, change in ways.items():
        for block in (["one"], ["two"], []):  # none: all of them
            changed = outcome(
                lambda name, gate, b=block, c=change: c(name, gate) if b in ([name], []) else gate
            )
            # the same fp32 operations, but for the order of multiplication
            assert found[*block, "loss_change", way] == pytest.approx(changed[0] - loss, abs=1e-6)
            assert found[*block, "accuracy_change", way] == pytest.approx(changed[1] - accuracy, abs=1e-12)
    assert len(found) == 3 * 3 * 2


def test_gates_replaced_by_one_leave_the_network_without_gates() -> None:
    view = seen(gated())

    class Ungated(nn.Module):
        def __init__(self, model: Gated) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Tensor:
            x = self.model.stem(x)
            x = relu(self.model.one.conv(x) + x)
            x = relu(self.model.two.conv(x) + x)
            return self.model.fc(x.mean((2, 3)))

    with torch.no_grad():
        without, intact = (
            cross_entropy(model(view.images).double(), view.labels).item()
            for model in (Ungated(view.model), view.model)
        )
    found = told(operate(view))
    assert found["loss_change", "one"] == pytest.approx(without - intact, abs=1e-6)  # fp32


def test_gates_of_another_image_of_the_same_class_cost_nothing_if_they_tell_of_the_class_alone() -> None:
    view = of_class_only(48)
    same = View(
        model=view.model, images=view.images[::CLASSES], labels=view.labels[::CLASSES], anatomy=view.anatomy
    )
    assert set(same.labels.tolist()) == {0}
    assert told(operate(same))["one", "loss_change", "other"] == pytest.approx(0, abs=1e-6)
    assert abs(told(operate(view))["one", "loss_change", "other"]) > 1e-4


@given(images=st.integers(2, 400), seed=st.integers(0, 2**31))
def test_every_image_is_given_the_gates_of_another(images: int, seed: int) -> None:
    view = View(model=nn.Identity(), images=torch.zeros(1), labels=torch.zeros(1), anatomy=ANATOMY, seed=seed)
    others = derangement(view, images)
    assert sorted(others.tolist()) == list(range(images))
    assert not (others == torch.arange(images)).any()
    assert torch.equal(others, derangement(view, images))


ANATOMY = seen(gated(), 2).anatomy


def test_one_image_has_no_other() -> None:
    assert {reading.replacement for reading in operate(seen(gated(), 1))} == {"one", "mean"}


def test_the_number_of_images_of_a_block_follows_from_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skipscope.probes.gates.BLOCK_PASSES", 240)
    view = seen(gated(), 60)
    passed: list[int] = []
    handle = view.model.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    list(operate(view))
    handle.remove()
    # all blocks: intact and three ways; one block: intact and three ways for each of two, 240 / 6 images
    assert passed == [60] * 4 + [40] * 7


@settings(max_examples=4)
@given(order=st.permutations(range(CHANNELS)), images=st.permutations(range(48)))
def test_the_order_of_channels_and_of_images_does_not_matter(order: list[int], images: list[int]) -> None:
    view = seen(gated())
    turned = gated()
    with torch.no_grad():
        one = turned.one
        for values in (turned.stem.weight, turned.stem.bias, one.conv.bias, one.fc2.weight, one.fc2.bias):
            values.copy_(values.clone()[order])
        one.conv.weight.copy_(one.conv.weight.clone()[order][:, order])
        one.fc1.weight.copy_(one.fc1.weight.clone()[:, order])
        for weight in (turned.two.conv.weight, turned.two.fc1.weight):
            weight.copy_(weight.clone()[:, order])
        for values in (
            turned.two.conv.weight,
            turned.two.conv.bias,
            turned.two.fc2.weight,
            turned.two.fc2.bias,
        ):
            values.copy_(values.clone()[order])
        turned.fc.weight.copy_(turned.fc.weight.clone()[:, order])
    other = view_of(turned, view.images[images], view.labels[images])
    before, after = told(measure(view)), told(measure(other))
    # channels are added up in another order, in fp32
    for (block, quantity, *details), value in after.items():
        channel, label = ([order[details[0]]], details[1:]) if details else ([], [])
        assert value == pytest.approx(before[block, quantity, *channel, *label], rel=1e-3, abs=1e-6)
    cost, turned_cost = told(operate(view)), told(operate(other))
    for key, value in cost.items():
        if key[-1] != "other":  # which image is another's is a matter of their order
            assert turned_cost[key] == pytest.approx(value, abs=1e-5)


class Activated(nn.Module):
    """Its activations are written by hand, and one of its maps is gated."""

    def __init__(self, *, gate: bool) -> None:
        super().__init__()
        self.conv, self.fc, self.read = nn.Conv2d(3, 4, 3), nn.Linear(4, 4), nn.Linear(4, 4)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = x * torch.sigmoid(x)
        y = x.mean((2, 3))
        if self.gate:
            y = y * y.sigmoid()
            x = x * torch.sigmoid(self.fc(y))[:, :, None, None]
        return self.read(x.mean((2, 3)))


def test_an_activation_is_neither_measured_nor_replaced_as_a_gate() -> None:
    assert not PROBES["gates"].applies_to(seen(Activated(gate=False)).anatomy)
    assert not PROBES["gate_surgery"].applies_to(seen(Activated(gate=False)).anatomy)
    view = seen(Activated(gate=True))
    assert {reading.module for reading in PROBES["gates"].measure(view)} == {"gate"}
    assert {reading.module for reading in PROBES["gate_surgery"].measure(view)} == {"gate", None}


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((2, 3, 1, 1), 3), ((2, 3, 5, 5), 3), ((2, 2, 3, 1, 1), 6), ((2, 1, 1, 3), 3), ((2, 1, 3), 3)],
)
def test_a_gate_is_one_number_a_channel_wherever_its_channels_are(shape, channels) -> None:
    assert numbers(torch.full(shape, 0.5)).tolist() == [[0.5] * channels] * 2
