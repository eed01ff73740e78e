"""More threads, and not one bit of difference."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count, islice
from math import inf

import pytest
import torch
from torch import nn

from skipscope.data.dataset import Dataset
from skipscope.engine.local import environment_of_workers
from skipscope.kernels import reductions as sums
from skipscope.kernels.fast import fast
from skipscope.kernels.winograd import winograd
from skipscope.models.registry import build
from skipscope.spec import RunSpec
from skipscope.training import threads
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.loop import train_steps
from skipscope.training.optimizer import SGD
from skipscope.training.trial import trial_steps


@pytest.fixture(autouse=True)
def one_thread_again() -> Iterator[None]:
    yield
    sums.set_reduction_threads(None)
    torch.set_num_threads(1)


@pytest.mark.parametrize("kernels", ["fast", "winograd"])
@pytest.mark.parametrize("name", ["cnn", "se_resnet8", "densenet10_k4"])
def test_more_threads_change_no_bit_of_a_step(
    tiny: Dataset, run_of: object, monkeypatch: pytest.MonkeyPatch, name: str, kernels: str
) -> None:
    """Whether they are faster is the machine's matter, and left out here: equal bits alone decide."""
    monkeypatch.setattr(threads, "MAX_TIME_RATIO", inf)
    spec: RunSpec = run_of(name, kernels=kernels)
    alone, _ = threads._trial(spec, tiny)
    assert threads.try_more_threads(spec, tiny, 2)
    assert torch.get_num_threads() == 2
    together, _ = threads._trial(spec, tiny)
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def of_a_linear_layer() -> list[torch.Tensor]:
    x = torch.randn(128, 512, generator=torch.Generator().manual_seed(0), requires_grad=True)
    layer = torch.nn.utils.skip_init(torch.nn.Linear, 512, 10)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(1))
    with fast():
        y = layer(x)
    along = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], along)]


def of_winograds_tiles(
    side: int = 4, stride: int = 1, sizes: tuple[float, float] = (1, 1)
) -> list[torch.Tensor]:
    x = sizes[0] * torch.randn(128, 256, side, side, generator=torch.Generator().manual_seed(0))
    weight = sizes[1] * torch.randn(64, 256, 3, 3, generator=torch.Generator().manual_seed(1))
    x, weight = (each.to(memory_format=torch.channels_last).requires_grad_() for each in (x, weight))
    with winograd():
        y = torch.nn.functional.conv2d(x, weight, stride=stride, padding=1)
    along = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    return [y, *torch.autograd.grad(y, [x, weight], along)]


def of_strided_tiles() -> list[torch.Tensor]:
    return of_winograds_tiles(8, stride=2)


@pytest.mark.parametrize("results", [of_a_linear_layer, of_winograds_tiles, of_strided_tiles])
def test_no_operator_changes_a_bit_on_more_threads(results: Callable[[], list[torch.Tensor]]) -> None:
    """Some processors' libraries sum these in another order on two threads."""
    alone = results()
    sums.set_reduction_threads(1)
    torch.set_num_threads(2)
    assert all(torch.equal(one, other) for one, other in zip(alone, results(), strict=True))


def test_all_threads_have_this_ones_way_with_numbers_that_are_all_but_zero() -> None:
    """A worker takes numbers below 2^-126 for zero; threads that were there before it said so do not."""
    torch.set_num_threads(2)
    of_winograds_tiles()
    torch.set_flush_denormal(True)
    try:
        together = of_winograds_tiles(sizes=(1e-35, 1e-5))
        torch.set_num_threads(1)
        alone = of_winograds_tiles(sizes=(1e-35, 1e-5))
    finally:
        torch.set_flush_denormal(False)
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_run_that_would_change_keeps_its_thread(
    tiny: Dataset, run_of: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = threads._trial

    def another(spec: RunSpec, data: Dataset) -> tuple[list[torch.Tensor], float]:
        found, _ = steps(spec, data)
        found[0] = found[0] + torch.finfo(torch.float32).eps * (torch.get_num_threads() - 1)
        return found, 1 / torch.get_num_threads()

    monkeypatch.setattr(threads, "_trial", another)
    assert not threads.try_more_threads(run_of("cnn"), tiny, 2)
    assert torch.get_num_threads() == 1
    assert not sums.threads_fixed()


@pytest.mark.parametrize(
    ("seconds", "taken"), [((1.0, 0.5), True), ((1.0, 0.99), False), ((1.0, 5.0), False)]
)
def test_threads_that_do_not_pay_are_not_taken(
    tiny: Dataset, run_of: object, monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, float], taken: bool
) -> None:
    timed = iter(seconds)
    monkeypatch.setattr(threads, "_trial", lambda *_: ([torch.zeros(1)], next(timed)))
    assert threads.try_more_threads(run_of("cnn"), tiny, 2) == taken
    assert torch.get_num_threads() == (2 if taken else 1)


def test_the_trial_steps_are_those_of_training(tiny: Dataset, run_of: object) -> None:
    """The same batches, augmented, by the same loop: what is timed is what a run will do."""
    spec: RunSpec = run_of("cnn", augmentation="crop_flip")
    network = build(spec.model)
    batches = BatchMaker(tiny, spec.recipe, torch.device("cpu"))
    steps = train_steps(network, SGD(network, spec.recipe), batches, spec.recipe, tiny, Progress(), seed=0)
    assert len(list(islice(steps, 3))) == 3
    tried, _ = threads._trial(spec, tiny)
    for one, other in zip(network.state_dict().values(), tried, strict=False):
        assert torch.equal(one, other)


def test_what_goes_wrong_with_more_threads_leaves_a_run_as_it_is(
    tiny: Dataset, run_of: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, steps = torch.get_rng_state(), threads._trial

    def fails(spec: RunSpec, data: Dataset) -> object:
        if sums.threads_fixed():
            raise RuntimeError("of this network, with other sums")
        return steps(spec, data)

    monkeypatch.setattr(threads, "_trial", fails)
    assert not threads.try_more_threads(run_of("cnn", kernels="fast"), tiny, 2)
    assert (torch.get_num_threads(), sums.threads_fixed()) == (1, False)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_networks_own_chance_is_the_same_on_any_number_of_threads(
    tiny: Dataset, run_of: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drop_out(_model: str) -> nn.Module:
        with torch.random.fork_rng(()):
            torch.manual_seed(0)
            return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3072, 10))

    monkeypatch.setattr(threads, "build", drop_out)
    spec: RunSpec = run_of("cnn", kernels="fast")
    (one, _), _, (other, _) = (threads._trial(spec, tiny), torch.rand(7), threads._trial(spec, tiny))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def test_the_stock_operators_are_not_widened(tiny: Dataset, run_of: object) -> None:
    assert not threads.try_more_threads(run_of("cnn", kernels="stock"), tiny, 2)
    assert torch.get_num_threads() == 1


def test_a_workers_threads_wait_idly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library for threads reads it once, as it is loaded: before anything of ours is."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with environment_of_workers(threads.WAIT_IDLY):
        said = subprocess.run(
            [sys.executable, "-c", "import torch; print(torch.__config__.parallel_info())"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"OMP_DISPLAY_ENV": "true"},
        )
    if "OMP_WAIT_POLICY" not in said.stderr:
        pytest.skip("torch has no OpenMP here")
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in said.stderr


def test_trial_steps_are_timed_by_the_clock_that_they_are_given(tiny: Dataset, run_of: object) -> None:
    spec: RunSpec = run_of("cnn")
    ticks = count(step=3.0)
    steps = trial_steps(build(spec.model), spec.recipe, tiny, clock=lambda: next(ticks))
    assert [*islice(steps, 2)] == [3.0, 3.0]
