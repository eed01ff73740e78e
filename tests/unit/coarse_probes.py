"""Probes that repeat what they repeat a few times only: what they read is as rough as it is quick."""

import pytest

from skipscope.probes import block_deletion, curvature, landscape, linear_probes, shattering


@pytest.fixture
def coarse_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_deletion, "SHARES", (0.5,))
    monkeypatch.setattr(block_deletion, "DRAWS", 1)
    monkeypatch.setattr(curvature, "MOST_ITERATIONS", 2)
    monkeypatch.setattr(curvature, "DRAWS", 2)
    monkeypatch.setattr(landscape, "LINE", [0.0, 0.5])
    monkeypatch.setattr(landscape, "PLANE", [0.5])
    monkeypatch.setattr(linear_probes, "ITERATIONS", 3)
    monkeypatch.setattr(shattering, "POINTS", 3)
    monkeypatch.setattr(shattering, "LAGS", (1, 2))
    monkeypatch.setattr(shattering, "LINES", 1)
