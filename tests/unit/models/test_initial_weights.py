"""Initial weights of chains that are mirrored or graded, against what they are said to do."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skipscope.errors import UnknownName
from skipscope.models.registry import build


def images(seed: int, count: int = 16) -> Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def kernels(model: nn.Module) -> list[nn.Parameter]:
    return [value for value in model.parameters() if value.ndim == 4]


def first_changes(name: str) -> list[float]:
    """Returns each layer's gradient as a share of its weights."""
    model = build(name).train()
    targets = torch.arange(32) % 10
    cross_entropy(model(images(1, 32)), targets).backward()
    return [
        float(each.grad.norm() / each.detach().norm()) for each in kernels(model) if each.grad is not None
    ]


def test_a_mirrored_chain_is_linear_before_training() -> None:
    model = build("plain20_nobn_ll").eval()
    one, other = images(1), images(2)
    with torch.no_grad():
        both = model(one + other)
        torch.testing.assert_close(
            both, model(one) + model(other), rtol=1e-3, atol=1e-5
        )  # rounding of 20 layers
        usual = build("plain20_nobn").eval()
        assert not torch.allclose(usual(one + other), usual(one) + usual(other), rtol=0.1, atol=1e-3)


def test_a_mirrored_chain_is_linear_with_batchnorm_but_for_its_mean_and_variance() -> None:
    model = build("plain8_ll").train()
    outputs = {}
    with torch.no_grad():
        for name, batch in (("one", images(1)), ("turned", -images(1))):
            outputs[name] = model(batch)
    torch.testing.assert_close(outputs["turned"], -outputs["one"], rtol=1e-3, atol=1e-5)  # as above


@pytest.mark.parametrize("name", ["plain8", "plain8_nobn"])
def test_mirroring_keeps_a_quarter_of_the_weights_and_each_weight_s_size(name: str) -> None:
    for mirrored, usual in zip(kernels(build(f"{name}_ll"))[1:], kernels(build(name))[1:], strict=True):
        outputs, inputs = usual.shape[0] // 2, usual.shape[1] // 2
        kept = usual[:outputs, :inputs]
        for half in (slice(None, outputs), slice(outputs, None)):
            for side in (slice(None, inputs), slice(inputs, None)):
                assert torch.equal(mirrored[half, side].abs(), kept.abs())


def test_grading_leaves_the_function_and_makes_first_changes_even() -> None:
    usual, graded = build("plain56").train(), build("plain56_even").train()
    with torch.no_grad():  # BatchNorm adds 1e-5 to the variance, of which a longer kernel sees less
        torch.testing.assert_close(graded(images(3)), usual(images(3)), rtol=0.05, atol=0.05)
    even, uneven = first_changes("plain56_even"), first_changes("plain56")
    assert max(even) < 5 * min(even)
    assert max(uneven) > 1000 * min(uneven)


def test_grading_the_other_way_makes_first_changes_of_a_mirrored_chain_uneven() -> None:
    even, uneven = first_changes("plain56_ll"), first_changes("plain56_ll_uneven")
    assert max(even) < 5 * min(even)
    assert uneven[0] > 1000 * uneven[-1]


@pytest.mark.parametrize(
    "name", ["resnet20_ll", "se_resnet20_even", "plain20_nobn_even", "plain20_even_ll", "resnet20_uneven"]
)
def test_other_networks_have_no_such_weights(name: str) -> None:
    with pytest.raises(UnknownName):
        build(name)
