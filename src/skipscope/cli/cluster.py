"""`skipscope run --executor ray`: the same study on a cluster's nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from skipscope.api.wording import flags
from skipscope.cli.options import console, say

if TYPE_CHECKING:
    from skipscope.engine.cluster.execute import Cluster
    from skipscope.engine.plan import Plan

ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor", metavar="local|ray", help="Train here, or on a Ray cluster.", show_default=False
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Ray cluster: HOST:6379, ray://HOST:10001, or auto, the one of this machine.",
        show_default=False,
    ),
]
AnyKind = Annotated[
    bool,
    typer.Option(
        "--any-kind", help="Let several kinds of processor train the arms of a seed.", show_default=False
    ),
]


class Where(TypedDict):
    """Says where a study is trained."""

    executor: str | None
    address: str | None
    any_kind: bool


def typed(where: Where) -> list[str]:
    """Lists the options that choose this, as they are typed."""
    chosen = {"executor": where["executor"], "address": where["address"]}
    return [*flags(chosen), *["--any-kind"] * where["any_kind"]]


@contextmanager
def opened(where: Where) -> "Iterator[Cluster | None]":
    """Connects to the cluster that was chosen, if one was, and says what it has.

    Raises:
        UsageError: the options do not fit each other, or Ray is not installed.
        MachineError: there is no cluster, or none that can train.
    """
    from skipscope.errors import UsageError

    executor, address, any_kind = where["executor"] or "local", where["address"], where["any_kind"]
    if executor not in {"local", "ray"}:
        raise UsageError(f"There is no executor {executor!r}.", hint="known: local, ray")
    if executor == "local":
        if address is not None or any_kind:
            raise UsageError(
                "--address and --any-kind are for a cluster.", hint="give --executor ray with them"
            )
        yield None
        return
    try:
        from skipscope.engine.cluster.execute import Cluster, connected
    except ModuleNotFoundError:
        raise UsageError("Ray is not installed.", hint="pip install 'skipscope[ray]'") from None
    with connected(address or "auto"):
        cluster = Cluster()
        with console.status("Asking the nodes what they are"):
            nodes = cluster.nodes()
        workers = sum(node.slots for node in nodes)
        kinds = ", ".join(sorted({node.kind for node in nodes}))
        say(f"nodes: {len(nodes)}, workers: {workers}, kinds of processor: {kinds}")
        yield cluster


def workers(cluster: "Cluster | None") -> int | None:
    """Counts the workers that a cluster has room for, if there is one."""
    from skipscope.errors import MachineError

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


def warn_of_another_kind(cluster: "Cluster | None", plan: "Plan") -> None:
    """Says that a plan's times were measured on another kind of processor than the cluster's."""
    if cluster is None or not plan.waiting:
        return
    from skipscope.engine.cluster.nodes import kind_of
    from skipscope.training.environment import environment

    if kind_of(environment().machine) not in {node.kind for node in cluster.nodes()}:
        say("The nodes have another kind of processor than this machine: the times above are this machine's.")
