"""Trains a small study on a real Ray cluster, two nodes on this machine, and compares its files with ours.

    python benchmarks/ray_study.py

Prints each event with its second, and the files that differ from the local engine's: those that tell times.
"""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from skipscope.engine import local
from skipscope.engine.plan import plan
from skipscope.records.store import Workspace
from skipscope.spec import parse_study
from skipscope.training.events import Event

STUDY = {
    "name": "small",
    "data": "shapes",
    "train_limit": 60,
    "seeds": 2,
    "probes": ["redundancy"],
    "recipe": {"epochs": 1, "batch_size": 20},
    "arm": [{"model": "cnn"}],
}
TIMED = {"SHA256SUMS", "metrics.jsonl", "run.json"}
"""Files that tell when a run was trained and how long it took, and the checksums of them."""


def digests(workspace: Workspace) -> dict[str, str]:
    """Maps the runs' files to their checksums."""
    found = (path for path in (workspace.path / "runs").rglob("*") if path.is_file())
    return {
        path.relative_to(workspace.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if not path.name.startswith(".")
    }


def on_ray(workspace: Workspace) -> None:
    """Trains the study on a head without cores and two nodes of one each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster as TestCluster

    from skipscope.engine.cluster.execute import Cluster, connected, execute

    nodes = TestCluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        nodes.add_node(num_cpus=1)
    began = perf_counter()

    def show(event: Event) -> None:
        print(f"{perf_counter() - began:6.1f}", event.run, event.state, event.step, event.message, flush=True)

    try:
        with connected(nodes.address):
            planned = plan(parse_study(STUDY, where="a check"), workspace, command="x", elsewhere=2)
            execute(planned, workspace, cluster=Cluster(), on_event=show, interrupted=list)
    finally:
        nodes.shutdown()


def main() -> None:
    """Compares."""
    with TemporaryDirectory() as folder:
        there, here = Workspace(Path(folder, "ray")), Workspace(Path(folder, "local"))
        on_ray(there)
        planned = plan(parse_study(STUDY, where="a check"), here, command="x")
        local.execute(planned, here, on_event=id, interrupted=list)
        mine, theirs = digests(here), digests(there)
    differ = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
    print(f"{len(mine)} files here, {len(theirs)} from the cluster; different: {', '.join(differ) or 'none'}")
    if {name.rpartition("/")[2] for name in differ} - TIMED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
