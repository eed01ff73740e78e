"""Small networks and samples, and one thread: the machine has other work."""

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As a worker measures."""
    torch.set_num_threads(1)


@pytest.fixture
def sample() -> tuple[Tensor, Tensor]:
    """Twelve images of noise, and their classes."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(12, 3, 32, 32, generator=generator), torch.arange(12) % 10
