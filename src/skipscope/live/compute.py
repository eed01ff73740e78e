"""The threads that compute with networks: torch is loaded when the first question comes, and not before.

One thread looks at single images, another measures changes on the whole sample, so that a look need not wait
for a measurement. Each has the networks to itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from skipscope.errors import UsageError

if TYPE_CHECKING:
    from skipscope.engine.dissection.measuring import Measurer
    from skipscope.engine.dissection.networks import Networks
    from skipscope.records.store import Workspace

T = TypeVar("T")
MOST_WAITING = 8
"""Measurements that may wait for one another."""
BEAT = 0.1
"""Seconds between two words on how far a measurement is."""


@dataclass(kw_only=True)
class Progress:
    """How far a measurement is."""

    done: int = 0
    total: int = 0
    cancelled: Event = field(default_factory=Event)


@dataclass(kw_only=True)
class Compute:
    """Computes with the finished networks of a workspace."""

    workspace: Workspace
    data_dir: Path | None = None
    networks: Networks | None = None
    measurer: Measurer | None = None
    waiting: int = 0
    """Measurements asked for that have not ended."""
    looking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "look"))
    measuring: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "measure"))

    async def look(self, question: Callable[[Networks], T]) -> T:
        """Asks something that takes a moment."""

        def answer() -> T:
            if self.networks is None:
                self.networks = _networks(self.workspace, self.data_dir)
            from skipscope.torch_threads import torch_threads  # noqa: PLC0415 - loads torch

            with torch_threads(1):  # beside a training, several would wait for each other
                return question(self.networks)

        return await asyncio.wrap_future(self.looking.submit(answer))

    async def measure(
        self, question: Callable[[Measurer, Progress], Any]
    ) -> AsyncIterator[Progress | Future[Any]]:
        """Asks something that takes long: yields how far it is, and at last the answer.

        Whoever stops iterating cancels it.

        Raises:
            UsageError: too many measurements wait already.
        """
        if self.waiting >= MOST_WAITING:
            raise UsageError("Too many measurements wait already.", hint="wait until one has ended")
        progress = Progress()

        def answer() -> Any:
            if self.measurer is None:
                from skipscope.engine.dissection.measuring import Measurer  # noqa: PLC0415 - loads torch

                self.measurer = Measurer(networks=_networks(self.workspace, self.data_dir))
            return question(self.measurer, progress)

        self.waiting += 1
        future = self.measuring.submit(answer)
        future.add_done_callback(lambda _: self._ended())
        try:
            while not future.done():
                await asyncio.sleep(BEAT)
                yield progress
            yield future
        finally:
            progress.cancelled.set()
            future.cancel()

    def _ended(self) -> None:
        self.waiting -= 1

    def close(self) -> None:
        """Begins nothing more."""
        for pool in (self.looking, self.measuring):
            pool.shutdown(wait=False, cancel_futures=True)


def _networks(workspace: Workspace, data_dir: Path | None) -> Networks:
    from skipscope.engine.dissection.networks import Networks  # noqa: PLC0415 - loads torch

    return Networks(workspace=workspace, data_dir=data_dir)
