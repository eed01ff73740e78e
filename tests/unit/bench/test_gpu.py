"""benchmarks/gpu.py, on the fake accelerator: what it compares, and what it says where there is none."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import torch

from skipscope.bench.contest import Turns
from skipscope.data.dataset import load
from skipscope.spec import Backend
from skipscope.training import batches

FILE = Path(__file__).parents[3] / "benchmarks" / "gpu.py"
STOCK = Backend(precision="fp32", memory_format="channels_last", kernels="stock", threads=1)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = spec_from_file_location("gpu", FILE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "WINDOW", 2)
    monkeypatch.setattr("skipscope.training.loop.WINDOW", 2)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # it is set there, and put back here
    return module


def test_where_there_is_none_it_says_so(gpu: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main() == 1
    assert "no accelerator" in capsys.readouterr().err


def test_it_compares_weights_and_batches(
    gpu: ModuleType, accelerator: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load("shapes", train_limit=260)
    assert gpu.equality("cnn", STOCK, data) == (0.0, 0.0)
    assert gpu.batches_differ(data) == 0
    monkeypatch.setattr(batches, "gather_batch", lambda images, asked: images[asked[:, 0]])
    assert gpu.batches_differ(data) > 0
    mine = gpu.weights("cnn", gpu.Recipe().resolved(STOCK), data)
    assert gpu.differ(mine, [each * 1.01 for each in mine]) == pytest.approx(0.01 / 1.01)


def test_the_peak_is_that_of_a_large_product(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(gpu, "waited", lambda compute: float(len(compute())))
    assert gpu.measured_peak("fp32", size=8) == 2 * 8**3 / 8


def test_a_row_has_the_share_of_the_peak(gpu: ModuleType) -> None:
    turns = Turns(usual=(100.0, 100.0), ours=(300.0, 500.0))
    macs = gpu.describe("cnn").macs
    said = gpu.line("cnn", turns, 6.0 * macs * 400 * 4, (0.0, 1e-3))
    assert said.split() == ["cnn", "100", "400", "4.00", "(3.00", "to", "5.00)", "25.0%", "equal", "1.0e-03"]


def test_it_stops_in_time(
    gpu: ModuleType,
    accelerator: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gpu, "NETWORKS", ("cnn",))
    monkeypatch.setattr(gpu, "load", lambda _: load("shapes", train_limit=260))
    monkeypatch.setattr(gpu, "measured_peak", lambda _: 1e12)
    monkeypatch.setattr(gpu, "contest", lambda *_, **__: Turns(usual=(1.0,), ours=(2.0,)))
    for limit, said in ((300.0, "2.00 (2.00 to 2.00)"), (0.0, "left out")):
        monkeypatch.setattr(gpu, "LIMIT", limit)
        assert gpu.main() == 0
        assert said in capsys.readouterr().out
    assert "gpu" not in sys.modules
