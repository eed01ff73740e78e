"""Chooses where a study is trained, for the command line and for Python: here, or on a Ray cluster's nodes.

Imports when called: Ray is an extra, and what --help needs is imported at once.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from skipscope.api.wording import flags
from skipscope.errors import MachineError, UsageError

if TYPE_CHECKING:
    from skipscope.engine.cluster.execute import Cluster
    from skipscope.engine.plan import Plan


class Where(TypedDict):
    """Says where a study is trained."""

    executor: str | None
    address: str | None
    any_kind: bool


HERE = Where(executor=None, address=None, any_kind=False)


@contextmanager
def opened(
    where: Where, *, say: Callable[[str], object], waiting: Callable[[str], AbstractContextManager[object]]
) -> "Iterator[Cluster | None]":
    """Connects to the cluster that was chosen, if one was, and says what it has.

    `waiting` shows a sentence for as long as the nodes are asked.

    Raises:
        UsageError: there is no such executor, or Ray is not installed.
        MachineError: there is no cluster, or none that can train.
    """
    executor = where["executor"] or "local"
    if executor not in {"local", "ray"}:
        raise UsageError(f"There is no executor {executor!r}.", hint="known: local, ray")
    if executor == "local":
        yield None
        return
    try:
        from skipscope.engine.cluster.execute import Cluster, connected
    except ModuleNotFoundError:
        raise UsageError("Ray is not installed.", hint="pip install 'skipscope[ray]'") from None
    with connected(where["address"] or "auto"):
        cluster = Cluster()
        with waiting("Asking the nodes what they are"):
            nodes = cluster.nodes()
        slots = sum(node.slots for node in nodes)
        kinds = ", ".join(sorted({node.kind for node in nodes}))
        say(f"nodes: {len(nodes)}, workers: {slots}, kinds of processor: {kinds}")
        yield cluster


def typed(where: Where) -> list[str]:
    """Lists the options that choose this, as they are typed."""
    chosen = {"executor": where["executor"], "address": where["address"]}
    return [*flags(chosen), *["--any-kind"] * where["any_kind"]]


def workers(cluster: "Cluster | None") -> int | None:
    """Counts the workers that a cluster has room for, if there is one."""
    if cluster is None:
        return None
    if not (found := sum(node.slots for node in cluster.nodes())):
        raise MachineError("No node of the cluster has a free core.", hint="ray status shows what it has")
    return found


def executing(cluster: "Cluster | None", where: Where) -> Any:
    """Returns what carries out a plan on the cluster; None for this machine."""
    if cluster is None:
        return None
    from skipscope.engine.cluster.execute import execute

    return partial(execute, cluster=cluster, any_kind=where["any_kind"])


def warn_of_another_kind(cluster: "Cluster | None", plan: "Plan", say: Callable[[str], object]) -> None:
    """Says that a plan's times were measured on another kind of processor than the cluster's."""
    if cluster is None or not plan.waiting:
        return
    from skipscope.engine.cluster.nodes import kind_of
    from skipscope.training.environment import environment

    if kind_of(environment().machine) not in {node.kind for node in cluster.nodes()}:
        say("The nodes have another kind of processor than this machine: the times above are this machine's.")
