"""`skipscope run --executor ray`: the same study on a cluster's nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from skipscope.api import cluster
from skipscope.api.cluster import Where
from skipscope.cli.options import console, say

if TYPE_CHECKING:
    from skipscope.engine.cluster.execute import Cluster

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


@contextmanager
def opened(where: Where) -> "Iterator[Cluster | None]":
    """Connects to the cluster that was chosen, if one was, and says what it has.

    Raises:
        UsageError: the options do not fit each other, or Ray is not installed.
        MachineError: there is no cluster, or none that can train.
    """
    from skipscope.errors import UsageError

    if where["executor"] in {None, "local"} and (where["address"] is not None or where["any_kind"]):
        raise UsageError("--address and --any-kind are for a cluster.", hint="give --executor ray with them")
    with cluster.opened(where, say=say, waiting=console.status) as found:
        yield found
