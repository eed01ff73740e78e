"""Forks `engine.local`'s workers from a server that has imported torch: seconds less for each.

They are processes: they hear signals, are killed, and share nothing with the test. What spawning itself
does is tested end to end, and in tests/faults.
"""

import multiprocessing
from types import SimpleNamespace

import pytest

from skipscope.engine import local


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets `execute` start its workers by forking; the server is one for all tests of a session."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["skipscope.engine.local"])
    monkeypatch.setattr(local, "mp", SimpleNamespace(get_context=lambda _method: context))
