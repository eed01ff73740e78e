"""What `auto` becomes on machines of several kinds."""

import pytest
import torch

from skipscope.spec import Recipe
from skipscope.training import precision
from skipscope.training.environment import environment

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capability", "bf16", "chosen"),
    [("AVX512", True, "bf16"), ("AVX512", False, "fp32"), ("AVX2", True, "fp32")],
)
def test_auto_takes_bf16_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, bf16: bool, chosen: str
) -> None:
    monkeypatch.setattr(precision, "device", lambda: CPU)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    resolved = precision.resolve(Recipe())
    assert (resolved.precision, resolved.memory_format) == (chosen, "channels_last")


def test_what_is_written_is_kept() -> None:
    written = Recipe(precision="bf16", memory_format="contiguous")
    assert precision.resolve(written) == written


def test_other_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not precision.has_bf16(torch.device("mps"))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert precision.has_bf16(torch.device("cuda"))


def test_the_environment_names_versions_and_machine() -> None:
    found = environment()
    assert found.versions["torch"] == torch.__version__
    assert found.machine["cores"] >= 1
    assert found.threads == torch.get_num_threads()
