"""Plays a Ray cluster in the test's process: nodes are names, actors are objects with a thread each.

The driver, the relay and the files between them are the real ones; with Ray itself a study is
trained by `benchmarks/ray_study.py`.
"""

import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

OURS = ("skipscope.engine.cluster.driver", "skipscope.engine.cluster.execute")


class RayError(Exception):
    """Stands for whatever Ray raises."""


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class GetTimeoutError(RayError):
    pass


class FakeRay(ModuleType):
    """A cluster of nodes with these resources; `lose(node)` takes one away with its actors."""

    exceptions = SimpleNamespace(
        RayError=RayError, RayTaskError=RayTaskError, GetTimeoutError=GetTimeoutError, RayActorError=RayError
    )

    def __init__(self, **cores: int) -> None:
        super().__init__("ray")
        self.cores, self.alive = cores, set(cores)
        self.actors: list[Actor] = []
        self.sent: list[int] = []
        self.addresses: list[str] = []
        self.refusal: Exception | None = None

    def init(self, *, address: str, **how: Any) -> None:
        self.addresses.append(address)
        if self.refusal is not None:
            raise self.refusal

    def shutdown(self) -> None:
        pass

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": name,
                "NodeManagerAddress": name,
                "Alive": name in self.alive,
                "Resources": {"CPU": float(cores), "memory": 2.0**40} if cores else {},
            }
            for name, cores in self.cores.items()
        ]

    def remote(self, what: Any) -> Any:
        def options(**how: Any) -> Any:
            node = how["scheduling_strategy"].node_id
            assert how.get("max_retries", how.get("max_restarts")) == 0
            if isinstance(what, type):
                return SimpleNamespace(remote=lambda: Actor(self, what, node))
            return SimpleNamespace(remote=lambda: self.done(what()))

        return SimpleNamespace(options=options)

    def done(self, value: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(value)
        return future

    def put(self, value: Any) -> "Future[Any]":
        return self.done(value)

    def get(self, asked: "Future[Any]", timeout: float | None = None) -> Any:
        return asked.result(timeout)

    def wait(self, asked: "list[Future[Any]]", timeout: float) -> Any:
        return [*wait_for(asked, timeout).done], []

    def kill(self, actor: "Actor") -> None:
        actor.gone = True
        if hasattr(actor.object, "worker"):
            actor.object.worker.process.kill()
            actor.object.end()

    def lose(self, node: str) -> None:
        self.alive.discard(node)
        for actor in self.actors:
            if actor.node == node:
                self.kill(actor)


class Actor:
    """Calls an object's methods in a thread of its own; what goes in and out is pickled."""

    def __init__(self, ray: FakeRay, kind: type, node: str) -> None:
        self.ray, self.node, self.gone, self.object = ray, node, False, kind()
        self.thread = ThreadPoolExecutor(1)
        ray.actors.append(self)

    def _refuse_if_gone(self) -> None:
        if self.gone:
            raise RayError("the actor is gone")

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._refuse_if_gone()
            try:
                found = getattr(self.object, name)(*args, **kwargs)
            except Exception as error:
                raise RayTaskError(error) from error
            self._refuse_if_gone()
            content = pickle.dumps(found)
            self.ray.sent.append(len(content))
            return pickle.loads(content)

        return SimpleNamespace(remote=lambda *args, **kwargs: self.thread.submit(call, *args, **kwargs))


class _Strategy:
    def __init__(self, node_id: str, *, soft: bool) -> None:
        assert not soft
        self.node_id = node_id


@pytest.fixture
def fake_ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRay]:
    """A head without cores and two nodes with one each, in place of the package ray."""
    ray = FakeRay(head=0, one=1, two=1)
    strategies = ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = _Strategy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.util", ModuleType("ray.util"))
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", strategies)
    _forget()
    yield ray
    _forget()


def _forget() -> None:
    """Has our modules imported anew, with the `ray` that is there then.

    A package keeps its modules as attributes, too: `from package import module` would find the old one.
    """
    for name in OURS:
        sys.modules.pop(name, None)
        package, _, module = name.rpartition(".")
        vars(sys.modules.get(package, ModuleType(package))).pop(module, None)
