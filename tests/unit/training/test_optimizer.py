"""Our fused step against torch's own optimizer."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from skipscope.models.registry import build
from skipscope.spec import Recipe
from skipscope.training.optimizer import SGD

RECIPES = [
    Recipe(weight_decay=0.01),
    Recipe(weight_decay=0.01, nesterov=False),
    Recipe(weight_decay=0, momentum=0, nesterov=False),
]


def trained(step: object, network: nn.Module) -> list[torch.Tensor]:
    """The weights after four steps at four rates."""
    draw = torch.Generator().manual_seed(0)
    for count in range(1, 5):
        x = torch.randn(4, 3, 32, 32, generator=draw)
        network(x).square().mean().backward()
        step(0.1 / count)
    return list(network.parameters())


@pytest.mark.parametrize("recipe", RECIPES, ids=["nesterov", "heavy ball", "plain"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_it_is_torchs_step_to_the_last_bit(recipe: Recipe, layout: torch.memory_format) -> None:
    ours, theirs = (build("cnn").to(memory_format=layout) for _ in range(2))
    groups = [
        {"params": [w for w in theirs.parameters() if w.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [w for w in theirs.parameters() if w.ndim <= 1], "weight_decay": 0.0},
    ]
    stock = torch.optim.SGD(
        groups, lr=1.0, momentum=recipe.momentum, nesterov=recipe.nesterov, foreach=False, fused=True
    )

    def step(rate: float) -> None:
        for group in stock.param_groups:
            group["lr"] = rate
        stock.step()
        stock.zero_grad()

    pairs = zip(trained(SGD(ours, recipe).step, ours), trained(step, theirs), strict=True)
    assert all(torch.equal(mine, his) for mine, his in pairs)


def test_it_goes_on_where_it_was_saved() -> None:
    recipe, network, twin = Recipe(), build("cnn"), build("cnn")
    whole = SGD(network, recipe)
    trained(whole.step, network)
    first = SGD(twin, recipe)
    trained(first.step, twin)
    second = SGD(twin, recipe)
    second.load_state_dict(first.state_dict())
    assert second.state_dict().keys() == whole.state_dict().keys()
    pairs = zip(trained(whole.step, network), trained(second.step, twin), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("recipe", RECIPES, ids=["nesterov", "heavy ball", "plain"])
def test_what_is_reached_later_has_a_first_step_of_its_own(recipe: Recipe) -> None:
    """As of layers that are left out by chance, in training."""
    draw = torch.Generator().manual_seed(0)
    ours, theirs = (nn.ModuleList([nn.Linear(4, 4) for _ in range(3)]) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    how = {"lr": 0.1, "momentum": recipe.momentum, "nesterov": recipe.nesterov, "fused": True}
    # one a layer: torch's own cannot take a first step of some and a later one of others
    stock = [
        torch.optim.SGD(
            [
                {"params": [layer.weight], "weight_decay": recipe.weight_decay},
                {"params": [layer.bias], "weight_decay": 0.0},
            ],
            **how,
        )
        for layer in theirs
    ]
    sgd = SGD(ours, recipe)
    for layers in ((0, 1), (0, 1), (0, 1, 2), (1, 2), (0, 2)):
        x = torch.randn(4, 4, generator=draw)
        for network in (ours, theirs):
            y = x
            for layer in layers:
                y = network[layer](y)
            y.square().mean().backward()
        sgd.step(0.1)
        for layer in layers:
            stock[layer].step()
            stock[layer].zero_grad()
        pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
        assert all(torch.equal(mine, his) for mine, his in pairs)


def test_a_weight_in_any_order_of_memory() -> None:
    network, twin = nn.Linear(3, 5, bias=False), nn.Linear(3, 5, bias=False)
    network.weight = nn.Parameter(torch.arange(15.0).view(3, 5).t())
    twin.weight = nn.Parameter(network.weight.detach().contiguous())
    for each in (network, twin):
        sgd = SGD(each, Recipe())
        for _ in range(2):
            each(torch.ones(1, 3)).square().sum().backward()
            sgd.step(0.01)
    assert torch.allclose(network.weight, twin.weight)  # sums of three, in another order


def test_weights_that_the_loss_does_not_reach_stay() -> None:
    network = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    before = network[1].weight.detach().clone()
    sgd = SGD(network, Recipe())
    network[0](torch.ones(1, 2)).sum().backward()
    sgd.step(0.1)
    assert torch.equal(network[1].weight, before)
    assert sgd.state_dict()["velocities"].count(None) == 2


def test_the_compiler_is_not_imported() -> None:
    """Nor what it computes symbolic shapes with: that is two seconds of every worker."""
    code = (
        "import sys, torch\n"
        "import skipscope.training.trainer, skipscope.training.optimizer as s, skipscope.spec as p\n"
        "from skipscope.anatomy.describe import describe\n"
        "from skipscope.models.registry import build\n"
        "from skipscope.probes.measure import initial_rows, view_of\n"
        "s.SGD(build('cnn'), p.Recipe())\n"
        "describe('se_resnet8')\n"
        "assert initial_rows(view_of(build('se_resnet8'), torch.zeros(4, 3, 32, 32), torch.arange(4))).rows\n"
        "sys.exit('torch._dynamo' in sys.modules or 'sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
