"""Measures what a run on a Ray cluster costs the driver in processor time, with one node on this machine.

    python benchmarks/ray_driver.py [RUNS]

Prints seconds of the driver's processor for a run's beginning and end, for a call that asks for news, and for
a megabyte of a checkpoint that arrives and is written; and how long a run takes until its first step. The
last figure depends on what else the machine does, the others much less. `tools/cluster_scaling.py` uses them.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from ray_study import STUDY
from skipscope.engine.autotune import stock
from skipscope.engine.cluster.relay import Reply
from skipscope.engine.cluster.transit import Piece, receive
from skipscope.engine.plan import plan
from skipscope.records.run_folder import RunFolder
from skipscope.records.store import Workspace
from skipscope.spec import parse_study
from skipscope.training.events import Event

CALLS, CHECKPOINTS, MEGABYTES = 1000, 10, 20


class Idle:
    """Stands in for a relay: it has no news, or a checkpoint."""

    def exchange(self, size: int) -> Reply:
        """Answers at once."""
        pieces = [Piece(name="state.pt", content=os.urandom(size))] if size else []
        return Reply(events=(), pieces=pieces)


def runs(number: int) -> tuple[float, float]:
    """Returns the driver's processor seconds a run, and the median seconds until a run's first step."""
    from skipscope.engine.cluster.execute import Cluster, execute

    begun, waited = dict[str, float](), dict[str, float]()

    def hear(event: Event) -> None:
        if event.state == "training":
            begun.setdefault(event.run, perf_counter())
            if event.loss is not None:
                waited.setdefault(event.run, perf_counter() - begun[event.run])

    study = parse_study(STUDY | {"seeds": number, "probes": []}, where="a benchmark")
    study = study.model_copy(update={"recipe": study.recipe.resolved(stock(1))})
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        planned, cluster = plan(study, workspace, command="x", elsewhere=2), Cluster()
        cluster.nodes()  # each imports torch before it answers
        before = process_time()
        records = execute(planned, workspace, cluster=cluster, on_event=hear, interrupted=list)
        spent = process_time() - before
    if [record.state for record in records] != ["done"] * number:
        raise SystemExit("not all runs are done")
    return spent / number, sorted(waited.values())[len(waited) // 2]


def calls() -> tuple[float, float]:
    """Returns processor seconds of a call without news, and of a megabyte that arrives and is written."""
    import ray

    relay = ray.remote(Idle).options(num_cpus=1).remote()

    def timed(times: int, size: int, folder: RunFolder) -> float:
        before = process_time()
        for _ in range(times):
            asked = relay.exchange.remote(size)
            ray.wait([asked], timeout=60.0)
            receive(folder, ray.get(asked).pieces)
        return (process_time() - before) / times

    with TemporaryDirectory() as folder:
        timed(10, 0, RunFolder(Path(folder)))  # the first ones wait for the actor
        call = timed(CALLS, 0, RunFolder(Path(folder)))
        checkpoint = timed(CHECKPOINTS, MEGABYTES * 10**6, RunFolder(Path(folder)))
    return call, (checkpoint - call) / MEGABYTES


def main() -> None:
    """Measures on a node that is the head, too."""
    number = int(sys.argv[1]) if sys.argv[1:] else 8
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster as TestCluster

    from skipscope.engine.cluster.execute import connected

    nodes = TestCluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        with connected(nodes.address):
            call, megabyte = calls()
            print(f"a call for news: {call * 1e3:.2f} ms ({CALLS} calls)", flush=True)
            print(
                f"a megabyte of a checkpoint: {megabyte * 1e3:.2f} ms ({CHECKPOINTS} of {MEGABYTES} MB)",
                flush=True,
            )
            run, first = runs(number)
    finally:
        nodes.shutdown()
    print(f"a run, its calls for news included: {run:.3f} s ({number} runs)")
    print(f"until a run's first step: {first:.1f} s (median); load of this machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
