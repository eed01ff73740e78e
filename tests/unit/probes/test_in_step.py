"""What is measured of a training step, against autograd by hand; and the faults that must be found."""

from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from told import told
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, max_pool2d

from skipscope.api.probe import probe
from skipscope.models.registry import build
from skipscope.probes.base import EpochView, StepView
from skipscope.probes.registry import PROBES
from skipscope.probes.schedule import EXTRA, due
from skipscope.probes.step import StepRecorder, norm_signal_noise, of_one_step
from skipscope.torch_threads import torch_threads

CLOSE = 1e-4
"""Relative: sums of some ten thousand numbers in fp32, in another order."""


def read(name: str, view: object) -> dict[tuple[object, ...], float]:
    return told(PROBES[name].measure(view))


def cnn_by_hand(model: nn.Module, x: Tensor, y: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Outputs of the classroom CNN's layers and the loss gradients by them, written out."""
    a = model.conv1(x)
    b = model.conv2(max_pool2d(torch.relu(a), 2))
    c = model.fc1(max_pool2d(torch.relu(b), 2).flatten(1))
    d = model.fc2(torch.relu(c))
    e = model.fc3(torch.relu(d))
    outputs = {"conv1": a, "conv2": b, "fc1": c, "fc2": d, "fc3": e}
    found = torch.autograd.grad(cross_entropy(e, y), list(outputs.values()), retain_graph=True)
    return outputs, dict(zip(outputs, found, strict=True))


def test_gradients_are_those_that_autograd_gives_by_hand(sample: tuple[Tensor, Tensor]) -> None:
    model = build("cnn")
    outputs, gradients = cnn_by_hand(model, *sample)
    seen = read("gradient_flow", of_one_step(model, *sample))
    loss = cross_entropy(model(sample[0]), sample[1])
    for name, gradient in gradients.items():
        weight = torch.autograd.grad(loss, model.get_submodule(name).weight, retain_graph=True)[0]
        assert seen[name, "output_l2"] == pytest.approx(gradient.norm().item(), rel=CLOSE)
        assert seen[name, "output_rms"] == pytest.approx(gradient.square().mean().sqrt().item(), rel=CLOSE)
        assert seen[name, "weight_l2"] == pytest.approx(weight.norm().item(), rel=CLOSE)
        assert seen[name, "weight_rms"] == pytest.approx(weight.square().mean().sqrt().item(), rel=CLOSE)
    ratio = (gradients["conv1"].norm() / gradients["conv2"].norm()).item()
    assert seen[("output_l2_ratio",)] == pytest.approx(ratio, rel=CLOSE)
    assert [seen[name, "depth"] for name in outputs] == [1, 2, 3, 4, 5]


def test_signal_and_noise_are_of_each_images_own_gradient(sample: tuple[Tensor, Tensor]) -> None:
    model = build("cnn")
    seen = read("gradient_flow", of_one_step(model, *sample))
    own = []
    for x, y in zip(*(part.split(1) for part in sample), strict=True):
        own.append(cnn_by_hand(model, x, y)[1]["conv2"][0])
    mean = torch.stack(own).mean(0)
    noise = sqrt(sum((g - mean).square().sum().item() for g in own) / len(own))
    assert seen["conv2", "signal_to_noise"] == pytest.approx(mean.norm().item() / noise, rel=CLOSE)


def test_activations_are_those_of_a_forward_pass_written_out(sample: tuple[Tensor, Tensor]) -> None:
    model = build("cnn")
    with torch.no_grad():
        model.conv1.bias[2] = -1e3  # a dead unit among six
    outputs, _ = cnn_by_hand(model, *sample)
    seen = read("activations", of_one_step(model, *sample))
    assert seen["conv2", "mean"] == pytest.approx(outputs["conv2"].mean().item(), abs=1e-6)
    assert seen["conv2", "std"] == pytest.approx(outputs["conv2"].std(correction=0).item(), rel=CLOSE)
    assert seen["relu", "dead"] == pytest.approx(1 / 6)
    zeros = (torch.relu(outputs["conv1"]) == 0).float().mean().item()
    assert seen["relu", "zeros"] == pytest.approx(zeros, abs=1e-6)


def test_a_response_is_taken_after_batchnorm_and_a_branch_beside_its_shortcut(
    sample: tuple[Tensor, Tensor],
) -> None:
    model = build("resnet").train()
    seen = read("activations", of_one_step(model, *sample))
    with torch.no_grad():
        x = model.maxpool(torch.relu(model.bn(model.conv1(sample[0]))))
        block = model.layer1[0]
        f = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
    assert seen["layer1.0.conv2", "std"] == pytest.approx(f.std(correction=0).item(), rel=CLOSE)
    assert seen["layer1.0", "branch_ratio"] == pytest.approx((f.norm() / x.norm()).item(), rel=CLOSE)


def stack(activation: type[nn.Module], gain: float, depth: int = 16) -> nn.Module:
    """Convolutions one after the other, without normalisation."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, padding=1)]
    for _ in range(depth):
        convolution = nn.Conv2d(8, 8, 3, padding=1)
        with torch.no_grad():
            convolution.weight.normal_(0, gain * sqrt(2 / (8 * 9)))
        layers += [activation(), convolution]
    return nn.Sequential(*layers, activation(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


def first_over_last(model: nn.Module) -> float:
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(8, 3, 8, 8, generator=generator), torch.arange(8)
    frame = probe(model, x, y, probes=["gradient_flow"])
    found = frame.filter(frame["quantity"] == "output_rms_ratio")
    return float(found["value"][0])


def test_a_stack_of_sigmoids_is_found_to_lose_its_gradient() -> None:
    # each sigmoid takes a factor of at least 4, and 16 of them 4 billion; a gain of 1 gives some of it back
    assert first_over_last(stack(nn.Sigmoid, 1.0)) < 1e-3


def test_a_doubled_gain_is_found_to_explode() -> None:
    # He's gain keeps the size of gradients; twice that doubles it a layer
    assert first_over_last(stack(nn.ReLU, 2.0)) > 100 * first_over_last(stack(nn.ReLU, 1.0))


def test_a_dead_relu_stage_is_found() -> None:
    model = stack(nn.ReLU, 1.0, depth=3)
    with torch.no_grad():
        model[2].bias.fill_(-1e3)
    frame = probe(model, torch.randn(4, 3, 8, 8), torch.arange(4), probes=["activations"])
    dead = dict(frame.filter(frame["quantity"] == "dead").select("module", "value").iter_rows())
    assert dead["3"] == 1
    assert dead["1"] < 1


def test_a_shortcut_multiplied_by_zero_is_found(sample: tuple[Tensor, Tensor]) -> None:
    model = build("resnet")
    with torch.no_grad():
        model.layer2[1].bn2.weight.zero_()
        model.layer2[1].bn2.bias.zero_()
    seen = read("activations", of_one_step(model, *sample))
    assert seen["layer2.1", "branch_ratio"] == 0
    assert seen["layer2.0", "branch_ratio"] > 0.1


@given(scale=st.floats(0.01, 100), order=st.permutations(range(6)))
@settings(max_examples=10)
def test_ratios_do_not_depend_on_the_scale_of_the_loss_nor_sums_on_the_order_of_images(
    scale: float, order: list[int]
) -> None:
    gradient = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    _, signal, noise = norm_signal_noise(gradient)
    _, scaled_signal, scaled_noise = norm_signal_noise(scale * gradient[order])
    assert scaled_signal / scaled_noise == pytest.approx(signal / noise, rel=CLOSE)


def test_steps_are_measured_often_at_first_and_then_at_a_steady_pace() -> None:
    measured = [step for step in range(1, 701) if due(step, 100)]
    assert measured[:22] == [*range(1, 17), 23, 25, 32, 45, 50, 64]
    assert {step for step in measured[:22] if step not in EXTRA} == {1, 2, 4, 8, 16, 25, 32, 50, 64}
    assert [step for step in measured if 100 < step <= 200] == [125, 150, 175, 200]
    assert [step for step in range(1001, 1201) if due(step, 100)] == [1100, 1200]
    assert due(1, 1)
    assert due(2, 1)


def test_the_order_of_learning_counts_from_when_an_image_stays_right() -> None:
    model_says = [[True, False, True], [False, False, True], [True, True, True]]
    since = torch.zeros(3, dtype=torch.int16)
    from skipscope.probes.learning_order import follow

    for epoch, right in enumerate(model_says, start=1):
        since = follow(since, torch.tensor(right), epoch)
    assert since.tolist() == [3, 3, 1]
    view = EpochView(
        epoch=3, last=True, right=torch.tensor(model_says[-1]), since=since, labels=torch.tensor([0, 1, 0])
    )
    seen = read("learning_order", view)
    assert seen["right_since", 2] == 1
    assert seen["accuracy", 0] == 1


class Orders(nn.Module):
    """Convolutions whose outputs a BatchNorm reads later, overwritten, in parts, pooled, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d, self.e, self.f = (nn.Conv2d(3, 4, 3, padding=1) for _ in range(6))
        self.norms = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(5))
        self.norms.append(nn.BatchNorm2d(8))
        self.read = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.a(x), self.b(x)
        y = self.norms[0](a) + self.norms[1](b)  # each reads its own, not the one before it
        c = self.c(x)
        c.relu_()
        y = y + self.norms[2](c)
        y = y + self.norms[3](max_pool2d(self.d(x), 3, 1, 1))
        e = self.e(x)
        e[:, :2] *= 3  # another tensor that shares its memory
        y = y + self.norms[4](e)
        y = self.norms[5](torch.cat([y, self.f(x)], 1))
        return self.read(y.mean((2, 3)))


def test_a_response_is_after_the_batchnorm_that_reads_the_convolution_and_no_other(
    sample: tuple[Tensor, Tensor],
) -> None:
    torch.manual_seed(0)
    model = Orders()
    with torch.no_grad():
        for norm in model.norms:
            norm.weight.mul_(0.5)
    seen = read("activations", of_one_step(model, *sample))
    with torch.no_grad():
        expected = {name: model.get_submodule(name)(sample[0]) for name in "abcdef"}
        expected |= {name: model.norms[place](expected[name]) for place, name in enumerate("ab")}
    for name, response in expected.items():
        assert seen[name, "mean"] == pytest.approx(response.mean().item(), abs=1e-6)
        assert seen[name, "std"] == pytest.approx(response.std(correction=0).item(), rel=CLOSE)


def test_a_dense_layers_response_is_its_own(sample: tuple[Tensor, Tensor]) -> None:
    model = build("densenet").train()
    seen = read("activations", of_one_step(model, *sample))
    own: dict[str, Tensor] = {}
    for name in ("conv1", "denseblock1.denseblock.0.layer.3", "denseblock1.denseblock.0.layer.5"):
        model.get_submodule(name).register_forward_hook(lambda _m, _x, y, name=name: own.update({name: y}))
    model(sample[0])
    for convolution, heard in {
        "conv1": "conv1",
        "denseblock1.denseblock.0.layer.2": "denseblock1.denseblock.0.layer.3",  # BatchNorm is behind it
        "denseblock1.denseblock.0.layer.5": "denseblock1.denseblock.0.layer.5",
    }.items():
        assert seen[convolution, "mean"] == pytest.approx(own[heard].mean().item(), abs=1e-6)
        assert seen[convolution, "std"] == pytest.approx(own[heard].std(correction=0).item(), rel=CLOSE)


def test_a_convolutions_output_is_not_kept_alive_to_be_known_again(sample: tuple[Tensor, Tensor]) -> None:
    model = build("densenet")
    watch = StepRecorder(model)
    with torch.no_grad(), watch.computing():
        model(sample[0])
    assert watch.convolved
    assert all(each.output() is None for each in watch.convolved)


def test_a_run_that_gets_more_threads_reads_the_same() -> None:
    """Two threads split a sum that one takes in order; whether a run gets them is a matter of the load."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 64).view(-1, 1, 1))
            self.conv = nn.Conv2d(64, 64, 1, groups=64, bias=False)
            nn.init.ones_(self.conv.weight)

        def forward(self, x: Tensor) -> Tensor:
            f = torch.relu(self.conv(x * self.scale))  # a product an output: no sum to split
            return (f + x)[:, :10, 0, 0]

    x = torch.randn(64, 64, 32, 32, generator=torch.Generator().manual_seed(1))

    def read(threads: int, recording: int | None) -> StepView:
        model = Net()
        with torch_threads(threads):
            watch = StepRecorder(model, threads=recording)
            with watch.computing():
                output = model(x)
            cross_entropy(output, torch.arange(64) % 10).backward()
            watch.after_backward()
        return watch.view

    assert read(1, None) != read(2, None)  # else this test could not fail
    assert read(1, 1) == read(2, 1)
