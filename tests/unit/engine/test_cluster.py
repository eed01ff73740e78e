"""A study on a played cluster: the same files as here; a node that is lost; files on their way."""

import pickle
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_ray import FakeRay
from safetensors.torch import load_file

from skipscope.engine.adapt import adapt
from skipscope.engine.autotune import stock
from skipscope.engine.cluster.nodes import Node, Roster, kind_of, refuse_if_stranded, slots
from skipscope.engine.cluster.transit import Outbox, Piece, packed, receive, unpack
from skipscope.engine.local import execute as locally
from skipscope.engine.plan import plan
from skipscope.errors import MachineError, UsageError, WorkspaceError
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import StudySpec
from skipscope.training.events import Event


def on_cluster(
    study: StudySpec, workspace: Workspace, at: Callable[[Event], object] = lambda _event: None
) -> tuple[list[Any], list[Event]]:
    from skipscope.engine.cluster.execute import Cluster, execute

    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        at(event)

    planned = plan(study, workspace, command="x", elsewhere=2)
    return execute(planned, workspace, cluster=Cluster(), on_event=on_event, interrupted=list), events


@pytest.fixture
def pinned(small: StudySpec) -> StudySpec:
    """The small study, planned alike twice: timings that another process shares may choose differently."""
    return small.model_copy(update={"recipe": small.recipe.resolved(stock(1))})


@pytest.mark.usefixtures("forked_workers", "fake_ray")
def test_a_study_leaves_the_same_as_here(pinned: StudySpec, workspace: Workspace, tmp_path: Path) -> None:
    here = Workspace(tmp_path / "here")
    two = adapt(pinned, seeds=2)
    locally(plan(two, here, command="x"), here, on_event=id, interrupted=list)
    records, events = on_cluster(two, workspace)
    assert [record.state for record in records] == ["done", "done"]
    assert (
        sorted(event.state for event in events if event.state in ("done", "measured"))
        == ["done"] * 2 + ["measured"] * 2
    )
    for record in records:
        mine, theirs = here.run_folder(record.id), workspace.run_folder(record.id)
        assert packed(mine).keys() == packed(theirs).keys()
        assert not theirs.damaged()
        for file in ("model_file", "pictures_file", "test_file", "readings_file"):
            assert getattr(mine, file).read_bytes() == getattr(theirs, file).read_bytes()
        assert mine.readings().equals(theirs.readings())
    assert workspace.sample(records[0].spec.data.sha256)


@pytest.mark.usefixtures("forked_workers")
def test_a_node_that_is_lost_costs_the_steps_since_the_checkpoint(
    pinned: StudySpec,
    workspace: Workspace,
    tmp_path: Path,
    fake_ray: FakeRay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from skipscope.engine.cluster import driver, execute

    # the run takes a few seconds: heard once a second, it may end before a checkpoint has come
    monkeypatch.setattr(execute, "LISTEN_SECONDS", 0.05)
    monkeypatch.setattr(driver, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(driver, "GRACE_SECONDS", 1.0)
    long = adapt(pinned, epochs=24).model_copy(update={"probes": ()})
    here = Workspace(tmp_path / "here")
    locally(plan(long, here, command="x"), here, on_event=id, interrupted=list)
    lost: list[str] = []
    keep = driver.receive

    def lose(folder: RunFolder, pieces: Sequence[Piece], gone: Sequence[str] = ()) -> None:
        keep(folder, pieces, gone)
        if not lost and folder.state_file.exists():  # the first checkpoint has come
            lost.append(next(actor.node for actor in fake_ray.actors if not actor.gone))
            fake_ray.lose(lost[0])

    monkeypatch.setattr(driver, "receive", lose)
    (record,), events = on_cluster(long, workspace)
    assert lost
    again = next(event for event in events if event.state == "restarted")
    assert "is gone; it goes on from its last checkpoint" in again.message
    assert record.state == "done"
    assert {actor.node for actor in fake_ray.actors} == {"one", "two"}
    mine, theirs = (load_file(each.run_folder(record.id).model_file) for each in (here, workspace))
    assert all(mine[name].equal(theirs[name]) for name in mine)


def test_rows_come_before_the_checkpoint_and_a_record_at_last(tmp_path: Path) -> None:
    there, here = RunFolder(tmp_path / "there"), RunFolder(tmp_path / "here")
    unpack({"run.json": b"begun", "metrics.jsonl": b"1\n", "state.pt": b"one"}, there)
    outbox = Outbox(there, {})
    pieces = outbox.of_training(checkpoint=True)
    assert [piece.name for piece in pieces] == ["run.json", "metrics.jsonl", "state.pt"]
    receive(here, pieces)
    unpack({"metrics.jsonl": b"1\n2\n", "state.pt": b"two"}, there)
    receive(here, outbox.of_training(checkpoint=False))
    assert here.metrics_file.read_bytes() == b"1\n2\n"
    assert here.state_file.read_bytes() == b"one"
    receive(here, outbox.of_training(checkpoint=True))
    assert (here.state_file.read_bytes(), here.state_before.read_bytes()) == (b"two", b"one")
    unpack({"run.json": b"done", "model.safetensors": b"weights", "SHA256SUMS": b"sums"}, there)
    there.state_file.unlink()
    assert outbox.of_training(checkpoint=True) == []  # it is being closed
    pieces, gone = outbox.rest()
    assert [piece.name for piece in pieces] == ["model.safetensors", "SHA256SUMS", "run.json"]
    receive(here, pieces, gone)
    assert packed(here) == packed(there)
    assert not here.state_before.exists()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    here = RunFolder(tmp_path / "here")
    unpack({"metrics.jsonl": b"1\n"}, here)
    with pytest.raises(WorkspaceError, match="missing"):
        receive(here, [Piece(name="metrics.jsonl", content=b"3\n", at=4)])
    for name in ("../elsewhere", "/tmp/elsewhere"):
        with pytest.raises(WorkspaceError, match="not the run's"):
            receive(here, [Piece(name=name, content=b"")])


def test_arms_of_a_seed_stay_on_one_kind_of_processor(small: StudySpec, workspace: Workspace) -> None:
    seeds = [run.task for run in plan(adapt(small, seeds=2), workspace, command="x").runs]
    old, new = (Node(id=kind, address=kind, kind=kind, slots=1) for kind in ("old", "new"))
    roster = Roster(any_kind=False, kinds={0: "old"})
    roster.replace([old, new])
    assert roster.free(seeds[0]) == old
    roster.take(seeds[0], old)
    assert roster.free(seeds[0]) is None
    assert roster.free(seeds[1]) == new
    assert Roster(any_kind=True, kinds={0: "old"}, nodes={"new": new}).free(seeds[0]) == new
    with pytest.raises(UsageError, match="Seed 0 was begun on another kind"):
        refuse_if_stranded(Roster(any_kind=False, kinds={0: "old"}, nodes={"new": new}), [0])


def test_a_node_has_room_for_its_gpus_or_cores_as_memory_allows() -> None:
    assert slots({"CPU": 8.0, "memory": 3.5e9}, 10**9) == 3
    assert slots({"CPU": 8.0, "GPU": 2.0, "memory": 64e9}, 10**9) == 2
    assert slots({"memory": 64e9}, 10**9) == 0
    assert kind_of({"processor": "X", "instructions": "AVX2", "device": "cpu"}) == "X, AVX2"


def test_events_are_summed_up_on_their_way() -> None:
    from skipscope.engine.cluster.relay import summed_up

    steps = [Event(run="r", state="training", step=n, epoch_ended=n == 2) for n in range(5)]
    assert [event.step for event in summed_up(steps)] == [2, 4]
    assert pickle.loads(pickle.dumps(steps)) == steps


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "127.0.0.1:70000"])
def test_where_nobody_listens_there_is_no_cluster(address: str, fake_ray: FakeRay) -> None:
    from skipscope.engine.cluster.execute import connected

    with socket.socket() as bound:  # nobody else can have its port, and it does not listen
        bound.bind(("127.0.0.1", 0))
        address = address.format(port=bound.getsockname()[1])
        with pytest.raises(MachineError, match=f"Nothing listens at {address}") as caught, connected(address):
            pass
    assert caught.value.hint.startswith("begin one (ray start --head")
    assert fake_ray.addresses == []  # Ray would try for a minute


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("auto", ConnectionError("Could not find any running Ray instance.\nMore")),
        ("auto", OSError(113, "No route to host")),
        ("nowhere:port", ValueError("Malformed address")),
    ],
)
def test_a_cluster_that_ray_does_not_find_is_told_in_a_sentence(
    address: str, refusal: Exception, fake_ray: FakeRay
) -> None:
    from skipscope.engine.cluster.execute import connected

    fake_ray.refusal = refusal
    with pytest.raises(MachineError, match=f"no Ray cluster at {address}") as caught, connected(address):
        pass
    assert "\n" not in caught.value.where
    assert fake_ray.addresses == [address]


def test_an_address_that_listens_is_connected_to(fake_ray: FakeRay) -> None:
    from skipscope.engine.cluster.execute import connected

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with connected(address):
            assert fake_ray.addresses == [address]
