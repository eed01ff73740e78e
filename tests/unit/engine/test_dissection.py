"""Finished networks taken apart: what is there, what changes do to them, and that nothing is written."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import zoo as trained_zoo
from torch.nn.functional import cross_entropy

from skipscope.data.dataset import load
from skipscope.engine.dissection.changes import Cut, Delete, Gates, Reset, Scale
from skipscope.engine.dissection.finished import facts, finished_runs
from skipscope.engine.dissection.looking import heat, layers, look, maps, pixel, swapped
from skipscope.engine.dissection.measuring import Cancelled, Measurer
from skipscope.engine.dissection.networks import Networks
from skipscope.engine.trained import network
from skipscope.errors import UnknownName, WorkspaceError
from skipscope.models.registry import build
from skipscope.probes.interventions import Kernel
from skipscope.records.store import Workspace


@pytest.fixture
def networks(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Networks]:
    """The zoo's networks, shown 150 images; whatever is done, no file of it changes."""
    monkeypatch.setattr("skipscope.engine.dissection.networks.SAMPLE", 150)
    before = {path: path.stat().st_mtime_ns for path in zoo.rglob("*")}
    yield Networks(workspace=Workspace(zoo))
    assert {path: path.stat().st_mtime_ns for path in zoo.rglob("*")} == before


def run_of(networks: Networks, arm: str) -> str:
    return next(run.record.id for run in finished_runs(networks.workspace) if run.arm == arm)


def test_finished_runs_alone_are_listed_in_the_studys_order(zoo: Path) -> None:
    told = facts(finished_runs(Workspace(zoo)))
    assert [(each["arm"], each["seed"]) for each in told] == [("skips", 0), ("cnn", 1), ("skips", 1)]
    assert [each["twin"] for each in told] == [None] * 3  # plain8 is not begun
    assert told[0]["shortcuts"] == 3
    assert [step["step"] for step in told[0]["steps"]] == [0, None]


def test_a_plain_twin_is_as_deep_and_of_the_same_seed(trained: Workspace) -> None:
    study, data = trained.study("small"), load("shapes", train_limit=trained_zoo.IMAGES)
    arm = study.study.arm[2]
    spec = trained_zoo.run_spec(study.study, arm, 0, data)
    trained_zoo._train(spec, data, trained, stop=lambda: False)
    found = {(run.arm, run.record.spec.seed): run for run in finished_runs(trained)}
    assert found["skips", 0].twin == found["skips", 1].twin == spec.id
    assert found["plain8", 0].twin is found["cnn", 1].twin is None


def test_a_measurement_is_the_networks_own_loss_and_confusion(networks: Networks) -> None:
    run = run_of(networks, "cnn")
    effect = Measurer(networks=networks).effect(run, None, [])
    model = network(networks.workspace, networks.workspace.run(run))
    sample = networks.open(run).sample
    with torch.no_grad():
        logits = model(sample.images)
    assert effect.after is None
    assert effect.before.loss == pytest.approx(cross_entropy(logits, torch.from_numpy(sample.labels)).item())
    confusion = np.array(effect.before.confusion)
    assert effect.before.accuracy == pytest.approx(np.trace(confusion) / 150)
    assert confusion.sum(1).tolist() == np.bincount(sample.labels).tolist()
    assert confusion.sum(0).tolist() == np.bincount(logits.argmax(1), minlength=10).tolist()


def test_a_block_scaled_to_0_is_one_deleted_and_a_reset_one_is_as_it_began(networks: Networks) -> None:
    run, measurer = run_of(networks, "skips"), Measurer(networks=networks)
    deleted = measurer.effect(run, None, [Delete(kind="delete", block="layer2.0")])
    scaled = measurer.effect(run, None, [Scale(kind="scale", block="layer2.0", alpha=0)])
    assert deleted.after is not None
    assert scaled.after is not None
    assert deleted.after.loss == pytest.approx(scaled.after.loss, abs=1e-6)
    assert deleted.after.loss != deleted.before.loss
    reset = measurer.effect(run, None, [Reset(kind="reset", block=f"layer{k}.0") for k in (1, 2, 3)])
    assert reset.after is not None
    assert len({reset.after.loss, deleted.after.loss, reset.before.loss}) == 3
    before = networks.open(run, 0).view.model.state_dict()
    start = build("resnet8", seed=0).state_dict()
    assert all(torch.equal(before[name], start[name]) for name in start if name.endswith("weight"))


def test_what_a_network_does_not_have_is_refused_and_passed_over_in_a_twin(networks: Networks) -> None:
    run, measurer = run_of(networks, "skips"), Measurer(networks=networks)
    for change in (
        Delete(kind="delete", block="layer9"),
        Gates(kind="gates", by="one"),
        Gates(kind="gates", block="layer1.0", by="mean"),
        Cut(kind="cut", target="conv1", source="input"),
    ):
        with pytest.raises(UnknownName):
            measurer.effect(run, None, [change])
        assert measurer.effect(run, None, [change], lenient=True).after is None
    for name, step in (("../..", None), (run, 77)):
        with pytest.raises(UnknownName):
            networks.open(name, step)


def test_whoever_wants_it_no_more_gets_nothing(networks: Networks) -> None:
    seen: list[tuple[int, int]] = []

    def once(done: int, total: int) -> bool:
        seen.append((done, total))
        return False

    measurer = Measurer(networks=networks)
    with pytest.raises(Cancelled):
        measurer.effect(
            run_of(networks, "skips"), None, [Delete(kind="delete", block="layer1.0")], on_images=once
        )
    assert seen == [(75, 300)]
    assert not measurer.intact


def test_a_run_that_was_trained_again_is_loaded_again_and_one_that_is_gone_is_not_there(
    trained: Workspace,
) -> None:
    networks = Networks(workspace=trained)
    run, other = (each.record.id for each in finished_runs(trained) if each.arm == "skips")
    first = networks.open(run)
    assert networks.open(run) is first
    folder = trained.run_folder(run)
    folder.write_model(trained.run_folder(other).model_file.read_bytes())
    weight = networks.open(run).view.model.conv1.weight
    assert torch.equal(weight, networks.open(other).view.model.conv1.weight)
    assert not torch.equal(weight, first.view.model.conv1.weight)
    shutil.rmtree(trained.path)
    with pytest.raises(UnknownName):
        networks.open(run)


def test_an_edited_kernel_changes_the_maps_and_the_answer(networks: Networks) -> None:
    opened = networks.open(run_of(networks, "cnn"))
    first = layers(opened)[0]
    assert (first.kind, first.kernel) == ("conv", (5, 5))
    image = opened.sample.normalised(opened.sample.pixels[3])
    plain = look(opened, image, layer=first.name, ask=maps)
    blank = Kernel(layer=first.module, numbers=((0.0,) * 5,) * 5, filter=2)
    edited = look(opened, image, [blank], layer=first.name, ask=maps)
    assert np.ptp(edited.asked[2]) == 0 < np.ptp(plain.asked[2])
    assert np.array_equal(edited.asked[[0, 1, 3]], plain.asked[[0, 1, 3]])
    assert plain.shares.sum() == pytest.approx(1)
    assert not np.array_equal(plain.shares, edited.shares)
    worked = look(opened, image, [blank], layer=first.name, ask=pixel(2, 0, 0)).asked
    assert worked.total == worked.value == pytest.approx(worked.bias)
    with pytest.raises(UnknownName):
        look(opened, image, layer="conv:no", ask=maps)


def test_swapped_gates_change_answers_and_heat_is_drawn(networks: Networks, trained: Workspace) -> None:
    gated = next(run.record.id for run in finished_runs(networks.workspace) if run.arm == "skips")
    opened = networks.open(gated)
    image = opened.sample.normalised(opened.sample.pixels[0])
    alone = look(opened, image).shares
    assert np.allclose(swapped(opened, [image, image], [])[0], alone, atol=1e-6)  # it has no gates
    heated = heat(opened, image)
    assert heated is not None
    assert heated.values.ndim == 2
    trained.run_folder(gated).model_file.unlink()
    with pytest.raises((UnknownName, WorkspaceError)):
        Networks(workspace=trained).open(gated)
