"""Where the compiled input pass is available; what it computes is tested in training/test_batches.py."""

import numpy as np
import pytest
import torch

from skipscope.errors import MachineError
from skipscope.kernels import pixels
from skipscope.kernels.pixels import compiled_pass

CPU = torch.device("cpu")


def test_none_is_given_where_no_code_can_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise MachineError("no")

    monkeypatch.setattr(pixels, "compile_functions", refused)
    compiled_pass.cache_clear()
    try:
        assert compiled_pass(CPU, 4) is None
    finally:
        compiled_pass.cache_clear()
    assert compiled_pass(torch.device("meta"), 4) is None


def test_images_of_another_size_are_refused() -> None:
    one_pass, numbers = compiled_pass(CPU, 4), torch.zeros(32 * 32 * 3)
    assert one_pass is not None
    with pytest.raises(ValueError, match="32 x 32 pixels of 3 channels"):
        one_pass(np.zeros((1, 3, 32, 32), np.uint8), np.zeros(1, np.int64), None, numbers, numbers)
