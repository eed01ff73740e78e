"""How a forward pass is computed, and where."""

import pytest
import torch
from torch.nn.functional import conv2d

from skipscope.spec import Recipe
from skipscope.training.backend import computing
from skipscope.training.environment import environment

CPU = torch.device("cpu")


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
@pytest.mark.parametrize(("kernels", "made_by"), [("stock", "Convolution"), ("fast", "Permute")])
def test_a_recipe_says_how(precision: str, dtype: torch.dtype, kernels: str, made_by: str) -> None:
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    with computing(Recipe(precision=precision, kernels=kernels), CPU):
        y = conv2d(torch.randn(2, 3, 1, 1), weight, padding=1)
    assert y.dtype == dtype
    assert made_by in type(y.grad_fn).__name__


def test_the_environment_names_versions_and_machine() -> None:
    found = environment()
    # a wheel's metadata may leave out which build it is ("+cpu", "+cu130"), or torch itself may
    assert found.versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found.machine["cores"] >= 1
    assert found.threads == torch.get_num_threads()
