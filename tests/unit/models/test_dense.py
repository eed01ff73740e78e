"""The families of Huang et al. against the paper's numbers and sums made by hand."""

import pytest
import torch
from torch import nn

from skipscope.anatomy.describe import describe, parameters
from skipscope.claims import structure
from skipscope.errors import UnknownName
from skipscope.models.dense import Layer
from skipscope.models.registry import build


def by_hand(depth: int, k: int, *, compact: bool) -> int:
    """Every convolution but the stem has a BatchNorm (two a channel) before it; none has a bias."""
    layers = (depth - 4) // (6 if compact else 3)
    channels = 2 * k if compact else 16
    total = 3 * channels * 9
    for block in (1, 2, 3):
        for _ in range(layers):
            total += (2 * channels + channels * 4 * k) * compact
            read = 4 * k if compact else channels
            total += 2 * read + read * k * 9
            channels += k
        if block < 3:
            kept = channels // 2 if compact else channels
            total += 2 * channels + channels * kept
            channels = kept
    return total + 2 * channels + channels * 10 + 10


@pytest.mark.parametrize(
    ("name", "published", "digit", "exact"),
    [
        ("densenet40_k12", 1.0e6, 0.1e6, by_hand(40, 12, compact=False)),
        ("densenet_bc100_k12", 0.8e6, 0.1e6, by_hand(100, 12, compact=True)),
    ],
)
def test_parameters_are_the_paper_s(name: str, published: float, digit: float, exact: int) -> None:
    """Huang et al. 2017, Table 2, which gives them to a tenth of a million."""
    assert parameters(build(name)) == exact
    assert round(exact / digit) == round(published / digit)


@pytest.mark.parametrize(("name", "layers"), [("densenet16_k4", 16), ("densenet_bc16_k4", 16)])
def test_the_first_number_counts_convolutions_and_the_classifier(name: str, layers: int) -> None:
    model = build(name)
    assert sum(isinstance(module, (nn.Conv2d, nn.Linear)) for module in model.modules()) == layers


def test_stages_are_the_paper_s() -> None:
    shapes = {stage.name: stage.shape for stage in describe("densenet_bc16_k5").stages}
    assert {name: shape for name, shape in shapes.items() if name != "relu"} == {
        "conv": (10, 32, 32),
        "denseblock1": (20, 32, 32),
        "transition1": (10, 16, 16),
        "denseblock2": (20, 16, 16),
        "transition2": (10, 8, 8),
        "denseblock3": (20, 8, 8),
        "bn": (20, 8, 8),
        "avg_pool": (20, 1, 1),
        "fc": (10,),
    }


def test_a_chain_s_layers_read_k_channels_and_compute_k_where_a_dense_network_s_read_all() -> None:
    chain, dense = build("chain19_k10", seed=5), build("densenet19_k10", seed=5)
    layers = [(c.in_channels, c.out_channels) for c in chain.modules() if isinstance(c, nn.Conv2d)]
    block = [(10, 10)] * 5
    assert layers == [(3, 16), (16, 10), *block[1:], (10, 10), *block, (10, 10), *block]
    # BatchNorm has two a channel; stem, 15 layers of 3 x 3, two of 1 x 1, the last norm, the classifier
    by_hand = 9 * 3 * 16 + (2 + 90) * 16 + 14 * (2 + 90) * 10 + 2 * (2 + 10) * 10 + 2 * 10 + 110
    assert parameters(chain) == by_hand == 15_154
    assert [type(c).__name__ for c in chain.modules() if type(c).__module__.startswith("torch")] == [
        type(c).__name__ for c in dense.modules() if type(c).__module__.startswith("torch")
    ]
    assert torch.equal(chain.conv.weight, dense.conv.weight)
    one, other = describe("chain19_k10"), describe("densenet19_k10")
    assert (structure.depth(one), structure.width(one), structure.maps(one)) == (
        structure.depth(other),
        structure.width(other),
        structure.maps(other),
    )
    assert (structure.concatenation(one), structure.concatenation(other)) == ("none", "dense")


def test_a_chain_s_layer_passes_on_what_it_computes_alone() -> None:
    layer = Layer(6, 3, bottleneck=False, appends=False)
    x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(layer(x), layer.layer(x))


@pytest.mark.parametrize("bottleneck", [False, True])
def test_a_layer_keeps_what_it_reads_and_appends_its_own(bottleneck: bool) -> None:
    layer = Layer(6, 3, bottleneck=bottleneck)
    x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(1))
    y = layer(x)
    assert y.shape == (2, 9, 8, 8)
    assert torch.equal(y[:, :6], x)
    assert y[:, 6:].abs().sum() > 0


def test_weights_are_drawn_as_in_he_et_al_2015b() -> None:
    for key, weight in build("densenet_bc22_k12").named_parameters():
        if weight.ndim > 1:
            share = weight.std().item() / (2 / weight[0].numel()) ** 0.5
            # the standard error of a standard deviation of n normal draws is 1 / sqrt(2n); five of them
            assert abs(share - 1) < 5 / (2 * weight.numel()) ** 0.5, key


@pytest.mark.parametrize(
    "name",
    [
        "densenet41_k12",
        "densenet_bc100",
        "densenet_bc13_k12",
        "densenet4_k1",
        "densenet40_k0",
        "chain20_k10",
        "chain_bc22_k12",
    ],
)
def test_a_name_outside_the_rule_is_unknown(name: str) -> None:
    with pytest.raises(UnknownName, match="densenet_bcL_kK with L = 6n"):
        build(name)
