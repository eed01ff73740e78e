"""Measures any image network in one call, and shows how long it takes.

    frame = skipscope.probe(model, images, labels, probes=["gradient_flow", "curvature"])

Shapes: N images of 3 x H x W, normalised as the network sees them; N class numbers.
"""

import warnings
from collections.abc import Iterable
from typing import Any

import polars as pl
from rich.console import Console
from torch import nn

from skipscope.api.measuring import WORTH_SECONDS, measuring
from skipscope.probes.measure import measured
from skipscope.torch_threads import threads_for_cores


@threads_for_cores()
def probe(
    model: nn.Module, images: Any, labels: Any, *, probes: Iterable[str] | None = None, seed: int = 0
) -> pl.DataFrame:
    """Measures any image network without changing it or the state of any random generator.

    What will take long is announced on stderr with an estimate, and its progress shown.

    Args:
        model: Maps a batch of images to one tensor of logits. A compiled network is measured as it was
            written. Hooks on its modules are called, on the copy that is measured.
        images: N 3 H W, normalised as the network was trained; a tensor or anything `torch.as_tensor` takes.
        labels: N class numbers.
        probes: Names of probes; by default all that apply to the network.
        seed: Source of the directions and pairs that probes draw.

    Returns:
        A row a reading, with the columns `records.readings.READINGS`, run empty and step 0. A probe that
        fails on the network has none, and is named in a warning.

    Raises:
        UnknownName: there is no such probe.
        UsageError: images, labels and the network's output do not fit each other; its calls cannot be
            followed; or a named probe does not apply.
        ProbeError: every probe failed.
    """
    with measuring(Console(stderr=True, highlight=False), worth=WORTH_SECONDS) as on_probe:
        frame, failed = measured(model, images, labels, probes=probes, seed=seed, on_probe=on_probe)
    if failed is not None:
        warnings.warn(str(failed), stacklevel=3)  # past the decorator
    return frame
