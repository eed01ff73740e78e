"""The families of He et al. against the paper's numbers and arithmetic written out by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, linear

from skipscope.anatomy.describe import describe, parameters
from skipscope.errors import UnknownName
from skipscope.models.blocks import Half, StaticGate
from skipscope.models.registry import build
from skipscope.models.residual import Subsample

PUBLISHED = {20: 0.27e6, 32: 0.46e6, 44: 0.66e6, 56: 0.85e6, 110: 1.7e6}
"""He et al. 2015, Table 6; to two digits."""


def by_hand(depth: int, *, biases: bool) -> int:
    """Counts a plain or residual network: shortcuts have none; BatchNorm has two a channel, a bias is one."""
    n, each = (depth - 2) // 6, 1 if biases else 2
    convolutions = [(3, 16), *[(16, 16)] * (2 * n)]
    for before, width in ((16, 32), (32, 64)):
        convolutions += [(before, width), *[(width, width)] * (2 * n - 1)]
    assert len(convolutions) == depth - 1
    return sum(9 * inputs * outputs + each * outputs for inputs, outputs in convolutions) + 64 * 10 + 10


@pytest.mark.parametrize("depth", PUBLISHED)
def test_parameters_are_the_paper_s(depth: int) -> None:
    exact = by_hand(depth, biases=False)
    assert parameters(build(f"resnet{depth}")) == parameters(build(f"plain{depth}")) == exact
    assert float(f"{exact:.1e}") == PUBLISHED[depth]


@pytest.mark.parametrize("kind", ["plain", "resnet"])
def test_without_batchnorm_convolutions_have_biases(kind: str) -> None:
    model = build(f"{kind}20_nobn")
    assert parameters(model) == by_hand(20, biases=True)
    assert not [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def test_a_gate_adds_its_two_layers_to_each_block_and_nothing_else() -> None:
    def gate(channels: int) -> int:
        squeezed = channels // 16
        return channels * squeezed + squeezed + squeezed * channels + channels

    added = parameters(build("se_resnet20")) - parameters(build("resnet20"))
    assert added == 3 * (gate(16) + gate(32) + gate(64))


@pytest.mark.parametrize(("control", "added"), [("_static", 3 * (16 + 32 + 64)), ("_half", 0)])
def test_the_gate_s_controls_add_a_number_a_channel_or_nothing(control: str, added: int) -> None:
    model = build(f"se_resnet20{control}")
    assert parameters(model) - parameters(build("resnet20")) == added
    assert not any(value.any() for key, value in model.named_parameters() if ".se." in key)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_static_gate_starts_at_a_half_moves_with_its_number_and_keeps_the_map_s_format(
    precision: torch.dtype,
) -> None:
    gate, x = StaticGate(3), torch.ones(2, 3, 4, 4, dtype=precision)
    assert torch.equal(gate(x) * x, Half(3)(x) * x)
    assert (gate(x) * x).dtype == precision
    with torch.no_grad():
        gate.weight[1] = 2.0
    assert (gate(x) * x)[0, :, 0, 0].tolist() == pytest.approx([0.5, 0.8808, 0.5], abs=4e-3)  # of bf16


def test_a_static_gate_is_spared_weight_decay_as_scales_are() -> None:
    gates = [value for key, value in build("se_resnet8_static").named_parameters() if ".se." in key]
    assert [value.ndim for value in gates] == [1, 1, 1]


def test_a_projection_adds_a_1x1_convolution_and_its_norm_where_shapes_change_and_nothing_else() -> None:
    added = parameters(build("resnet20_b")) - parameters(build("resnet20"))
    assert added == sum(before * width + 2 * width for before, width in ((16, 32), (32, 64)))


def test_stages_are_the_paper_s() -> None:
    shapes = {stage.name: stage.shape for stage in describe("resnet20").stages}
    assert {name: shapes[name] for name in ("layer1", "layer2", "layer3", "avg_pool", "fc")} == {
        "layer1": (16, 32, 32),
        "layer2": (32, 16, 16),
        "layer3": (64, 8, 8),
        "avg_pool": (64, 1, 1),
        "fc": (10,),
    }


@pytest.mark.parametrize(
    "other",
    [
        "plain20",
        "se_resnet20",
        "se_resnet20_static",
        "se_resnet20_half",
        "resnet20_nobn",
        "plain20_nobn",
        "resnet20_b",
    ],
)
def test_networks_of_one_seed_start_from_equal_weights_wherever_both_have_them(other: str) -> None:
    one, two = build("resnet20", seed=5).state_dict(), build(other, seed=5).state_dict()
    both = one.keys() & two.keys()
    assert {"conv1.weight", "layer3.2.conv2.weight", "fc.weight"} <= both
    assert all(torch.equal(one[key], two[key]) for key in both)
    if other == "plain20":
        assert one.keys() == two.keys()


@pytest.mark.parametrize("name", ["se_resnet20", "plain20_nobn"])
def test_weights_are_drawn_as_in_he_et_al_2015b(name: str) -> None:
    for key, weight in build(name).named_parameters():
        if weight.ndim > 1:
            share = weight.std().item() / (2 / weight[0].numel()) ** 0.5
            # the standard error of a standard deviation of n normal draws is 1 / sqrt(2n); five of them
            assert abs(share - 1) < 5 / (2 * weight.numel()) ** 0.5, key
        elif key.endswith("bias"):
            assert not weight.any()


def block(x: Tensor, w: dict[str, Tensor], at: str, *, residual: bool, gate: str | None) -> Tensor:
    """A block on B C H W, written out."""

    def convolved(x: Tensor, number: int, stride: int) -> Tensor:
        x = conv2d(x, w[f"{at}.conv{number}.weight"], w.get(f"{at}.conv{number}.bias"), stride, 1)
        return normed(x, w, f"{at}.bn{number}")

    outputs, inputs = w[f"{at}.conv1.weight"].shape[:2]
    stride = 2 if outputs != inputs else 1
    f = convolved(convolved(x, 1, stride).clamp(min=0), 2, 1)
    if gate == "half":
        f = f / 2
    if gate == "static":
        f = f / (1 + (-w[f"{at}.se.weight"][:, None, None]).exp())
    if gate == "se":
        z = f.mean((2, 3))
        z = linear(z, w[f"{at}.se.fc1.weight"].flatten(1), w[f"{at}.se.fc1.bias"]).clamp(min=0)
        s = 1 / (1 + (-linear(z, w[f"{at}.se.fc2.weight"].flatten(1), w[f"{at}.se.fc2.bias"])).exp())
        f = s[:, :, None, None] * f
    if residual:
        if f"{at}.shortcut.0.weight" in w:
            shortcut = normed(conv2d(x, w[f"{at}.shortcut.0.weight"], None, stride), w, f"{at}.shortcut.1")
        else:
            shortcut = torch.zeros_like(f)
            shortcut[:, :inputs] = x[:, :, ::stride, ::stride]
        f = f + shortcut
    return f.clamp(min=0)


def normed(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    if f"{at}.weight" not in w:
        return x
    return batch_norm(x, *(w[f"{at}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")))


@pytest.mark.parametrize(
    "name",
    [
        "plain14",
        "resnet14",
        "resnet14_b",
        "se_resnet14",
        "se_resnet14_static",
        "se_resnet14_half",
        "resnet14_nobn",
        "plain14_nobn",
    ],
)
def test_computes_what_the_paper_says(name: str) -> None:
    model = build(name).double().eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # away from where it starts: statistics and biases that do something
        for key, value in model.state_dict().items():
            if key.endswith(("bias", "running_mean", "se.weight")):
                value.normal_(0, 0.1, generator=generator)
            if key.endswith("running_var"):
                value.uniform_(0.5, 2, generator=generator)
    w = model.state_dict()
    image = torch.randn(2, 3, 32, 32, generator=generator, dtype=torch.float64)
    x = normed(conv2d(image, w["conv1.weight"], w.get("conv1.bias"), 1, 1), w, "bn").clamp(min=0)
    for at in (f"layer{stage}.{place}" for stage in (1, 2, 3) for place in (0, 1)):
        gate = name.partition("14_")[2] or "se" if name.startswith("se_") else None
        x = block(x, w, at, residual="plain" not in name, gate=gate)
    logits = linear(x.mean((2, 3)), w["fc.weight"], w["fc.bias"])
    # sums taken in another order, in float64
    torch.testing.assert_close(model(image), logits, rtol=1e-9, atol=1e-9)


def test_the_shortcut_takes_every_second_pixel_and_has_zeros_in_new_channels() -> None:
    x = torch.arange(2 * 3 * 5 * 4.0).view(2, 3, 5, 4)
    y = Subsample(stride=2, new=4)(x)
    assert y.shape == (2, 7, 3, 2)
    assert all(
        y[b, c, i, j] == x[b, c, 2 * i, 2 * j] for b, c, i, j in [(0, 0, 0, 0), (1, 2, 2, 1), (0, 1, 1, 1)]
    )
    assert not y[:, 3:].any()


@pytest.mark.parametrize(
    "name",
    [
        "resnet21",
        "resnet2",
        "plain020",
        "resnet20_nobn_nobn",
        "se_plain20",
        "plain",
        "plain20_b",
        "resnet20_static",
        "plain20_half",
        "se_resnet20_static_half",
        "se_resnet20_nobn_half",
    ],
)
def test_a_name_outside_the_rule_lists_names_and_rules(name: str) -> None:
    with pytest.raises(UnknownName) as caught:
        build(name)
    assert "cnn" in caught.value.hint
    assert "resnetN or se_resnetN with N = 6n+2" in caught.value.hint
    assert "FILE.py:NAME" in caught.value.hint
