"""Networks whose passes are recorded and replayed, with a stand-in for what torch records: it needs a GPU."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from skipscope.data.dataset import Dataset
from skipscope.models.registry import build
from skipscope.spec import Recipe, RunSpec
from skipscope.training import loop
from skipscope.training.backend import computing
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.graphs import replayed
from skipscope.training.optimizer import SGD

CPU = torch.device("cpu")
RunOf = Callable[..., RunSpec]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was recorded and replayed, by a stand-in that does to a module what torch does."""
    done: list[str] = []

    def make_graphed_callables(module: nn.Module, arguments: tuple[Tensor], **_: object) -> nn.Module:
        assert module.training
        for _ in range(3):  # torch warms up
            module(*arguments)
        done.append(f"recorded {tuple(arguments[0].shape)}")
        forward = module.forward

        def replay(*given: Tensor) -> Tensor:
            done.append("replayed")
            return forward(*given)

        module.forward = replay
        return module

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", make_graphed_callables)
    return done


def test_recording_leaves_the_network_as_it_was(calls: list[str]) -> None:
    model = build("resnet8", seed=0)
    x = torch.randn(4, 3, 32, 32)
    expected = deepcopy(model)(x)
    compute = replayed(model)
    copy = deepcopy(model)
    assert torch.equal(compute(x), expected)
    assert int(model.bn.num_batches_tracked) == 1  # of the replay alone
    compute(x)
    assert calls == ["recorded (4, 3, 32, 32)", "replayed", "replayed"]
    assert "forward" not in vars(model)
    copy(x)
    model.eval()(x)
    assert len(calls) == 3


def test_a_run_replays_all_steps_but_those_that_are_recorded(
    tiny: Dataset, run_of: RunOf, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And trains the same: a recording holds the stock operators."""
    spec = run_of("resnet8", kernels="stock")
    graphs = spec.recipe.model_copy(update={"kernels": "graphs"})
    states = []
    monkeypatch.setattr(loop, "replays", lambda recipe, _: recipe.kernels == "graphs")
    for recipe in (spec.recipe, graphs):
        model, batches = build("resnet8", seed=0), BatchMaker(tiny, recipe, CPU)
        for _ in loop.train_steps(model, SGD(model, recipe), batches, recipe, tiny, Progress(), seed=0):
            pass
        states.append(model.state_dict())
    assert calls.count("replayed") == 6
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_casts_are_not_kept_where_they_are_recorded() -> None:
    """Torch refuses to record a pass that finds a weight cast already."""
    for kernels, kept in (("graphs", False), ("stock", True)):
        with computing(Recipe(precision="bf16", kernels=kernels), CPU):
            assert torch.is_autocast_cache_enabled() == kept
