"""A small sample of images."""

import pytest
import torch
from torch import Tensor


@pytest.fixture
def sample() -> tuple[Tensor, Tensor]:
    """Twelve images of noise, and their classes."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(12, 3, 32, 32, generator=generator), torch.arange(12) % 10
