"""An accelerator that computes the same bits each time, as far as its operators can, and what it cannot.

A processor does so by itself. Where an operator has no deterministic form, a run's record names it: such a
run resumes, but not bit for bit.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from skipscope.training.backend import device

ONE_ORDER = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""A worker's environment: cuBLAS, which reads it once, then takes sums in one order."""
LOOSE = re.compile(
    r"(\w+) does not have a deterministic implementation|not deterministic because it uses (\w+)"
)
"""What torch warns of."""


@contextmanager
def deterministic() -> Iterator[set[str]]:
    """Has an accelerator compute the same bits each time, and fp32 without rounding its products to 10 bits.

    Yields:
        The operators that were met and have no deterministic form; it grows, and stays empty on a processor.
    """
    loose: set[str] = set()
    if device().type == "cpu":
        yield loose
        return
    fills: Any = torch.utils.deterministic
    tf32 = torch.backends.cudnn
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        fills.fill_uninitialized_memory,
        tf32.allow_tf32,
    )
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def hear(message: Warning | str, *where: Any, **more: Any) -> None:
            if found := LOOSE.search(str(message)):
                loose.add(found[1] or found[2])
            else:
                shown(message, *where, **more)

        warnings.showwarning = hear
        warnings.filterwarnings("always", message=f".*({LOOSE.pattern})")
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
        fills.fill_uninitialized_memory = False  # it would find who reads unset memory, for much time
        tf32.allow_tf32 = False
        try:
            yield loose
        finally:
            torch.use_deterministic_algorithms(mode=before[0], warn_only=before[1])
            fills.fill_uninitialized_memory, tf32.allow_tf32 = before[2:]
