"""`skipscope.probe` on networks as people bring them: what is measured all the same, and what is said."""

import pytest
import torch
from torch import Tensor, nn

from skipscope.errors import ProbeError
from skipscope.probes.measure import probe

IMAGES = torch.randn(12, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 5


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 5)
    )


class NeverTrained(nn.Module):
    """What gives answers and cannot be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise RuntimeError("for inference only.\nSee the manual.")
        return self.inner(x)


def test_what_one_probe_cannot_measure_the_others_do() -> None:
    model = NeverTrained()
    with pytest.warns(UserWarning, match=r"gradient_flow \(RuntimeError: for inference only\)\.\n") as warned:
        found = probe(model, IMAGES, LABELS, probes=["answers", "gradient_flow", "redundancy"])
    assert "next:" in str(warned[0].message)
    assert warned[0].filename == __file__
    assert set(found["probe"]) == {"answers", "redundancy"}
    assert found.equals(probe(model, IMAGES, LABELS, probes=["answers", "redundancy"]))


def test_if_no_probe_can_it_is_an_error() -> None:
    with pytest.raises(ProbeError, match="gradient_flow") as caught:
        probe(NeverTrained(), IMAGES, LABELS, probes=["gradient_flow"])
    assert isinstance(caught.value.__cause__, ExceptionGroup)
