"""Which way to compute is chosen, from what is measured."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from skipscope.data.dataset import Dataset, load
from skipscope.engine import autotune as measure
from skipscope.engine.autotune import MIN_COSINE, Autotuner, Timing, stock
from skipscope.errors import MachineError
from skipscope.spec import Backend, Recipe

AUTO = Recipe()
ARMS = [("small", AUTO), ("large", AUTO)]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("shapes", train_limit=100)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def machine(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Autotuner]:
    """A machine on which ways take given times and agree as given."""

    def make(
        seconds: Callable[[str, Backend], float], agreement: Callable[[Backend], float] = lambda _: 1.0
    ) -> Autotuner:
        def measured(model: str, backend: Backend, *_: object) -> Timing:
            return Timing(seconds=seconds(model, backend), agreement=agreement(backend))

        monkeypatch.setattr(measure, "_measure", measured)
        return Autotuner(data)

    return make


def test_each_change_that_pays_is_kept(machine: Callable[..., Autotuner]) -> None:
    def seconds(_model: str, backend: Backend) -> float:
        return (0.5 if backend.precision == "bf16" else 1) * (
            0.8 if backend.memory_format == "contiguous" else 1
        )

    choice = machine(seconds).choose(ARMS, threads=1)
    assert choice.backend == Backend(precision="bf16", memory_format="contiguous", kernels="stock", threads=1)
    assert choice.speedup == pytest.approx(2.5)


def test_a_network_that_diverges_at_once_is_timed_all_the_same(data: Dataset) -> None:
    """Without BatchNorm a residual network explodes at a usual rate; as an untrained one it is measured."""
    assert 0 < Autotuner(data).timing("resnet32_nobn", measure.stock(1)).seconds < float("inf")


@pytest.mark.parametrize("bf16", [0.5, 2.0])
def test_winograd_is_tried_in_fp32_alone(machine: Callable[..., Autotuner], bf16: float) -> None:
    asked = []

    def seconds(_model: str, backend: Backend) -> float:
        asked.append((backend.precision, backend.kernels))
        of_kernels = {"stock": 1, "fast": 0.9, "winograd": 0.8, "winograd_any": 0.7}[backend.kernels]
        return of_kernels * (bf16 if backend.precision == "bf16" else 1)

    backend = machine(seconds).choose(ARMS, threads=1).backend
    assert (backend.precision, backend.kernels) == (
        ("bf16", "fast") if bf16 < 1 else ("fp32", "winograd_any")
    )
    assert not {("bf16", "winograd"), ("bf16", "winograd_any")} & {*asked}


def test_all_arms_together_decide(machine: Callable[..., Autotuner]) -> None:
    """The small network is faster in bf16, the large one slower by more."""

    def seconds(model: str, backend: Backend) -> float:
        return {"small": (2.0, 1.0), "large": (10.0, 12.0)}[model][backend.precision == "bf16"]

    assert machine(seconds).choose(ARMS, threads=2).backend == stock(2)
    assert machine(seconds).choose(ARMS[:1], threads=2).backend.precision == "bf16"


def test_a_way_with_wrong_gradients_is_never_taken(machine: Callable[..., Autotuner]) -> None:
    def agreement(backend: Backend) -> float:
        return MIN_COSINE - 0.01 if backend.precision == "bf16" else 1.0

    fast = machine(lambda _, backend: 0.1 if backend.precision == "bf16" else 1.0, agreement)
    assert fast.choose(ARMS, threads=1).backend == stock(1)


def test_what_is_pinned_stays_and_is_measured_so(machine: Callable[..., Autotuner]) -> None:
    asked = []

    def seconds(_model: str, backend: Backend) -> float:
        asked.append(backend)
        return 1.0 if backend.kernels == "stock" else 0.5

    pinned = Recipe(precision="fp32", memory_format="contiguous")
    choice = machine(seconds).choose([("small", pinned)], threads=1)
    assert choice.backend.kernels == "fast"
    assert {(backend.precision, backend.memory_format) for backend in asked} == {("fp32", "contiguous")}
    resolved = pinned.resolved(choice.backend)
    assert (resolved.precision, resolved.memory_format, resolved.kernels) == ("fp32", "contiguous", "fast")


def test_a_slow_way_is_given_up_at_the_first_network_that_shows_it(machine: Callable[..., Autotuner]) -> None:
    asked = []

    def seconds(model: str, backend: Backend) -> float:
        asked.append((model, backend.precision))
        return {"small": 1.0, "large": 5.0}[model] * (50 if backend.precision == "bf16" else 1)

    machine(seconds).choose(ARMS, threads=1)
    assert ("small", "bf16") in asked
    assert ("large", "bf16") not in asked


def test_a_way_that_is_hopeless_on_the_smallest_network_is_not_tried_on_the_others(
    machine: Callable[..., Autotuner],
) -> None:
    """A number format that is emulated takes minutes on a large network; a small one's step shows it."""
    asked = []

    def seconds(model: str, backend: Backend) -> float:
        asked.append((model, backend.precision))
        return {"small": 1.0, "large": 500.0}[model] * (4 if backend.precision == "bf16" else 1)

    assert machine(seconds).choose(ARMS, threads=1).backend == stock(1)
    assert ("small", "bf16") in asked
    assert ("large", "bf16") not in asked


def test_where_loops_cannot_be_compiled_others_are_taken(
    machine: Callable[..., Autotuner], monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(_model: str, backend: Backend) -> float:
        if backend.kernels in ("winograd", "winograd_any"):
            raise MachineError("Loops cannot be compiled on this machine")
        return 0.5 if backend.kernels == "fast" or backend.memory_format == "contiguous" else 1.0

    there = machine(seconds)
    assert there.choose(ARMS, threads=1).backend.kernels == "fast"
    with pytest.raises(MachineError):
        there.choose([("small", Recipe(kernels="winograd"))], threads=1)


@pytest.mark.parametrize("error", [RuntimeError("Output 0 of _Winograd is a view"), TypeError("vmap")])
def test_a_way_that_a_network_cannot_be_computed_in_is_not_taken(
    machine: Callable[..., Autotuner], error: Exception
) -> None:
    """Somebody's own network may do what our operators do not know of; the stock ones do."""

    def seconds(model: str, backend: Backend) -> float:
        if (model, backend.kernels) == ("large", "winograd"):
            raise error
        return {"stock": 1, "fast": 0.9, "winograd": 0.5, "winograd_any": 0.9}[backend.kernels]

    choice = machine(seconds).choose(ARMS, threads=1)
    assert (choice.backend.kernels, choice.failed) == ("fast", {"winograd": str(error)})

    def of_none(_model: str, _backend: Backend) -> float:
        raise error

    with pytest.raises(type(error)):
        machine(of_none).choose([("another", AUTO)], threads=1)


def test_all_are_held_in_contiguous_memory_where_one_cannot_be_otherwise(
    machine: Callable[..., Autotuner],
) -> None:
    def seconds(model: str, backend: Backend) -> float:
        if (model, backend.memory_format) == ("large", "channels_last"):
            raise MachineError("large cannot be held in channels_last: it views")
        return 1.0 if backend.kernels == "stock" else 0.5

    choice = machine(seconds).choose(ARMS, threads=1)
    assert choice.unfit == "large cannot be held in channels_last: it views"
    assert (choice.backend.memory_format, choice.backend.kernels) == ("contiguous", "fast")
    assert choice.speedup == pytest.approx(2)
    small = machine(seconds).choose(ARMS[:1], threads=1)
    assert (small.backend.memory_format, small.unfit) == ("channels_last", "")
    with pytest.raises(MachineError, match="it views"):
        machine(seconds).choose([("large", Recipe(memory_format="channels_last"))], threads=1)


@pytest.mark.parametrize("between", [nn.Dropout(0.5), nn.Identity()], ids=["chance", "nothing goes back"])
def test_two_ways_agree_whatever_the_network_does_by_itself(
    data: Dataset, monkeypatch: pytest.MonkeyPatch, between: nn.Module
) -> None:
    def build(_model: str) -> nn.Module:
        torch.manual_seed(0)
        last = nn.Linear(8 * 30 * 30, 10)
        if isinstance(between, nn.Identity):
            nn.init.zeros_(last.weight)
        return nn.Sequential(nn.Conv2d(3, 8, 3), between, nn.Flatten(), last)

    monkeypatch.setattr(measure, "build", build)
    backend = stock(1).model_copy(update={"kernels": "fast"})
    assert measure._measure("mine", backend, data).agreement == pytest.approx(1, abs=1e-5)  # fp32


def test_what_was_measured_is_kept(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Autotuner(data).timing("cnn", stock(1))
    assert first.seconds > 0
    # the same arithmetic on the same batch; a vector's cosine with itself is 1 up to fp32 rounding
    assert first.agreement == pytest.approx(1, abs=1e-5)
    monkeypatch.setattr(measure, "_measure", lambda *_: pytest.fail("measured again"))
    assert Autotuner(data).timing("cnn", stock(1)) == first
    with monkeypatch.context() as patch:
        patch.setattr(measure, "sources_digest", lambda: "of an operator that was changed")
        assert Autotuner(data).known == {}
    Autotuner(data).file.write_text("{damaged", encoding="utf-8")
    assert Autotuner(data).known == {}


def test_two_processes_that_measure_at_once_lose_nothing(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first has written stays, for both: they choose the same backend."""
    timed = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(measure, "_measure", lambda *_: Timing(seconds=next(timed), agreement=1.0, weights=4))
    one, other = Autotuner(data), Autotuner(data)
    one.timing("large", stock(3))
    other.timing("small", stock(3))
    assert other.timing("large", stock(3)).seconds == 1.0
    assert one.timing("small", stock(3)).seconds == 2.0  # it measured 3, and then read what was there
    assert Autotuner(data).timing("small", stock(3)).seconds == 2.0


def test_a_wrong_kernel_is_seen(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A convolution whose weights' gradient has its rows swapped: right in size, wrong in kind."""
    backend = stock(1).model_copy(update={"kernels": "fast"})
    right = measure._measure("resnet", backend, data)
    assert right.agreement > 0.999
    forward = measure.forward

    def wrong(*args: object) -> tuple[torch.Tensor, int]:
        network, recipe = args[0], args[3]
        if recipe.kernels == "fast":
            network.layer4[1].conv2.weight.register_hook(lambda gradient: gradient.flip(0))
        return forward(*args)

    monkeypatch.setattr(measure, "forward", wrong)
    assert measure._measure("resnet", backend, data).agreement < MIN_COSINE


def test_what_the_stock_way_gives_is_computed_once(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, computed = measure._steps, []

    def counted(model: str, backend: Backend, *args: object, **more: object) -> object:
        computed.append(backend)
        return steps(model, backend, *args, **more)

    monkeypatch.setattr(measure, "_steps", counted)
    machine, fast = Autotuner(data), stock(1).model_copy(update={"kernels": "fast"})
    usual = machine.timing("cnn", stock(1))
    assert usual.agreement == pytest.approx(1)
    found = machine.timing("cnn", fast)
    assert computed == [stock(1), fast]
    assert found.agreement == pytest.approx(measure._measure("cnn", fast, data).agreement)
    assert computed == [stock(1), fast, fast, stock(1)]


def test_threads_are_as_they_were(data: Dataset) -> None:
    torch.set_num_threads(2)
    measure._measure("cnn", stock(1), data)
    assert torch.get_num_threads() == 2


def test_a_cache_that_cannot_be_written_stops_nothing(data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "skipscope").write_text("a file where the folder should be", encoding="utf-8")
    assert Autotuner(data).timing("cnn", stock(1)).seconds > 0
