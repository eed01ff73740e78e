"""`probe` as it is typed: a finished run measured again, and what can be measured."""

import doctest
import io
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from rich.console import Console
from trained_in import measure
from typer.testing import CliRunner

import skipscope
from skipscope.cli import app
from skipscope.data.dataset import load
from skipscope.engine.probe import measure_again
from skipscope.engine.trained import finished
from skipscope.errors import DataError, UnknownName, UsageError, WorkspaceError
from skipscope.probes.base import Probe, Reading, View
from skipscope.probes.registry import PROBES
from skipscope.records.store import RunFolder, Workspace
from skipscope.training.trainer import train


def answers(view: View) -> Iterable[Reading]:
    """The logits' mean over the whole sample and with a direction drawn: sums in a certain order."""
    with torch.no_grad():
        logits = view.model(view.images)
    direction = torch.randn(logits.shape, generator=view.generator("a test"))
    yield Reading(quantity="mean", value=logits.mean().item())
    yield Reading(quantity="drawn", value=(logits * direction).sum().item())


def made_up(name: str, *needs: Any) -> Probe[View]:
    return Probe(
        name=name,
        when=frozenset({"frozen"}),
        applies_to=lambda anatomy: not needs or bool(anatomy.of(*needs)),
        measure=answers,
        units={"mean": "logits", "drawn": "logits"},
        source="a test",
        cost="nothing",
    )


@pytest.fixture(autouse=True)
def quick_probes() -> Iterator[None]:
    """Two probes of trained networks in place of those there are, which take their time.

    All go back in their order, which readings are written in: one that is put back alone comes last.
    """
    usual = dict(PROBES)
    PROBES.clear()
    for name, probe in usual.items():
        if probe.when != {"frozen"}:
            # what is measured before or while training stays as it was when the runs were trained
            PROBES[name] = replace(probe, when=probe.when - {"frozen"})
    for probe in (made_up("anything"), made_up("shortcuts", "shortcut")):
        PROBES[probe.name] = probe
    yield
    PROBES.clear()
    PROBES.update(usual)


def call(*words: str | Path) -> Any:
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, ["probe", *map(str, words)], catch_exceptions=False)


def folder(workspace: Workspace, begins: str) -> RunFolder:
    [path] = (workspace.path / "runs").glob(f"{begins}*")
    return workspace.run_folder(path.name)


def test_a_run_is_measured_again_to_the_same_bits_as_when_it_ended(
    trained: Workspace, tmp_path: Path
) -> None:
    record = trained.run(folder(trained, "resnet8-s0-").path.name)
    fresh = Workspace(tmp_path / "fresh").run_folder(record.id)
    data = load("shapes", train_limit=60)
    train(record.spec, data, fresh, on_event=lambda _: None, stop=lambda: False, watched=False)
    measure(record.spec, data, fresh.path, "anything", "shortcuts")
    at_end = fresh.readings()
    assert set(at_end["probe"]) == {"anything", "shortcuts"}
    there = folder(trained, "resnet8-s0-")
    torch.set_num_threads(2)
    measured = measure_again(trained, record.id, on_event=lambda *_: None)
    assert measured.readings == {"anything": 2, "shortcuts": 2}
    assert torch.get_num_threads() == 2
    again = there.readings().filter(pl.col("probe").is_in(["anything", "shortcuts"]))
    key = ["probe", "step", "module", "quantity"]
    assert again.sort(key).equals(at_end.sort(key))


def test_it_leaves_the_pictures_and_the_sample_that_reports_show(trained: Workspace) -> None:
    there = folder(trained, "resnet8-s0-")
    sample = trained.sample_file(trained.study().data.sha256)
    there.pictures_file.unlink()  # as of a run that is older than they are
    assert not sample.exists()
    call("resnet8-s0", "--only", "anything", "-w", trained.path)
    assert {"filters", "image", "image_label", "maps/conv1"} <= there.pictures().keys()
    assert set(trained.sample(trained.study().data.sha256)) == {"images", "labels", "positions"}


def test_what_other_probes_read_is_kept(trained: Workspace) -> None:
    there = folder(trained, "resnet8-s0-")
    before = there.readings()
    assert "gradient_flow" in set(before["probe"])
    call("resnet8-s0", "--only", "anything", "-w", trained.path)
    call("resnet8-s0", "-w", trained.path)
    after = there.readings()
    assert after.filter(~pl.col("probe").is_in(["anything", "shortcuts"])).equals(before)
    assert len(after) == len(before) + 4  # measured twice, written once
    assert set(after.filter(pl.col("probe") == "anything")["step"]) == {3}


def test_it_says_what_it_does_and_what_it_read(trained: Workspace) -> None:
    done = call("resnet8-s1", "-w", trained.path)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert re.fullmatch(r"2 probes: about \d+ s in all, by the time of a forward pass", lines[0])
    assert re.fullmatch(r"measuring 1 of 2: anything, about \d+ s left", lines[1])
    assert re.fullmatch(r"measuring 2 of 2: shortcuts, about \d+ s left", lines[2])
    assert lines[3].startswith("resnet8-s1-")
    assert [line.split()[:2] for line in lines[4:7]] == [
        ["probe", "readings"],
        ["anything", "2"],
        ["shortcuts", "2"],
    ]
    assert lines[7] == f"written: {folder(trained, 'resnet8-s1-').readings_file}"


def test_a_terminal_shows_the_probe_at_work(trained: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(import_module("skipscope.cli.probe"), "console", console)
    output = call("resnet8-s0", "-w", trained.path).output
    assert "loading the network" in stream.getvalue()
    assert "2 probes: about " in stream.getvalue()
    assert "written: " in output


def test_only_some_may_be_named_and_those_that_do_not_apply_are_left_out(trained: Workspace) -> None:
    assert "1 of 1: anything" in call("cnn-s1", "-w", trained.path).output
    words = ("--only", "shortcuts", "--only", "anything", "--only", "shortcuts")
    output = call("resnet8-s0", *words, "-w", trained.path).output
    assert "measuring 1 of 2: shortcuts, " in output
    assert "measuring 2 of 2: anything, " in output


def test_a_run_is_called_by_its_id_its_beginning_or_its_arm(trained: Workspace) -> None:
    whole = folder(trained, "resnet8-s0-").path.name
    short = (whole, whole[:-3], "resnet8-s0")
    assert {finished(trained, name).id for name in short} == {whole}
    with pytest.raises(UsageError, match="Several runs") as caught:
        call("skips", "-w", trained.path)
    assert whole in caught.value.hint
    study = trained.study()
    kept = tuple(member for member in study.members if member.seed == 0)
    trained.write_study(study.model_copy(update={"members": kept}))
    assert finished(trained, "skips").id == whole


def test_a_run_that_is_not_there_or_not_finished_is_refused(trained: Workspace) -> None:
    with pytest.raises(UnknownName, match="no run 'vgg'"):
        call("vgg", "-w", trained.path)
    with pytest.raises(WorkspaceError, match="not finished") as caught:
        call("cnn-s0", "-w", trained.path)
    assert "skipscope run small.toml" in caught.value.hint
    study = trained.study()
    trained.write_study(study.model_copy(update={"members": study.members[2:3]}))  # plain8, seed 0
    with pytest.raises(WorkspaceError, match="not begun"):
        call("plain8", "-w", trained.path)
    there = folder(trained, "resnet8-s0-")
    record = there.read()
    assert record is not None
    there.write(record.model_copy(update={"state": "failed"}))
    with pytest.raises(WorkspaceError, match="failed"):
        call("resnet8-s0", "-w", trained.path)


def test_probes_that_cannot_look_are_refused(trained: Workspace) -> None:
    before = folder(trained, "cnn-s1-").readings()
    for name, error, says in (
        ("curvatur", UnknownName, "no probe"),
        ("learning_order", UsageError, "while it is trained"),
        ("shortcuts", UsageError, "nothing to measure"),
    ):
        with pytest.raises(error, match=says) as caught:
            call("cnn-s1", "--only", "anything", "--only", name, "-w", trained.path)
        assert caught.value.hint
    assert folder(trained, "cnn-s1-").readings().equals(before)


def test_weights_and_data_that_are_gone_or_changed_are_told_of(
    trained: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = folder(trained, "cnn-s1-")
    shutil.copy(there.model_file, there.path / "kept")
    there.model_file.write_bytes(b"\0" * 50)
    with pytest.raises(WorkspaceError, match=r"cannot be read|This file is damaged"):
        call("cnn-s1", "-w", trained.path)
    there.model_file.unlink()
    with pytest.raises(WorkspaceError, match="are missing"):
        call("cnn-s1", "-w", trained.path)
    shutil.copy(there.path / "kept", there.model_file)

    def gone(*_: object, **__: object) -> None:
        raise DataError("There is no data set.")

    with monkeypatch.context() as patch:
        patch.setattr("skipscope.engine.trained.load_data", gone)
        with pytest.raises(DataError):
            call("cnn-s1", "-w", trained.path)
    record = there.read()
    assert record is not None
    ref = record.spec.data.model_copy(update={"sha256": "0" * 64})
    there.write(record.model_copy(update={"spec": record.spec.model_copy(update={"data": ref})}))
    with pytest.raises(DataError, match="not the one"):
        call("cnn-s1", "-w", trained.path)


def test_an_interrupted_measurement_keeps_what_probes_have_read(trained: Workspace) -> None:
    there = folder(trained, "resnet8-s0-")
    before = there.readings()

    def interrupted(name: str, *_: int) -> None:
        if name == "shortcuts":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_again(trained, "resnet8-s0", on_event=interrupted)
    now = there.readings().join(before, on=before.columns, how="anti", nulls_equal=True)
    assert now["probe"].to_list() == ["anything"] * 2
    assert there.damaged() == []


def test_the_list_names_every_probe_with_its_units() -> None:
    output = call("--list").output
    words = set(output.split())
    for name, probe in PROBES.items():
        assert name in words
        assert set(probe.units) <= words
    assert "You et al. 2017" in output
    assert "while training, after each epoch" in output
    assert max(map(len, output.splitlines())) <= 100


def test_a_run_has_to_be_named() -> None:
    done = call()
    assert done.exit_code == 2
    assert "--list" in done.output


def test_the_example_of_the_package_runs() -> None:
    failed, tried = doctest.testmod(skipscope)
    assert (failed, tried > 5) == (0, True)


def test_a_start_that_is_older_than_the_probe_is_made_up_for(trained: Workspace) -> None:
    there = folder(trained, "resnet8-s0-")
    PROBES["anything"] = replace(PROBES["anything"], when=frozenset({"initial", "frozen"}))
    call("resnet8-s0", "--only", "anything", "-w", trained.path)
    found = there.readings().filter(pl.col("probe") == "anything", pl.col("quantity") == "mean")
    assert sorted(found["step"]) == [0, 3]
    assert len(set(found["value"])) == 2  # another network: its weights were those before the first step
    before = there.readings()
    call("resnet8-s0", "--only", "anything", "-w", trained.path)
    assert there.readings().equals(before)
