"""What probes leave of the network that a run has left: readings by step, in one order, and pictures."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from trained_in import measure, train

from skipscope.analysis import measured as analysed
from skipscope.data.dataset import Dataset
from skipscope.errors import ProbeError, WorkspaceError
from skipscope.kernels.fast import KERNELS, convolution
from skipscope.models.registry import build
from skipscope.probes.base import Reading, View
from skipscope.probes.measure import view_of
from skipscope.probes.pictures import pictures
from skipscope.probes.registry import PROBES
from skipscope.records.readings import READINGS
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec
from skipscope.training.batches import BatchMaker
from skipscope.training.instruments import sample
from skipscope.training.measuring import GENERALISATION, keep_pictures, measure_at

RunOf = Callable[..., RunSpec]
CPU = torch.device("cpu")


def network() -> nn.Module:
    return build("cnn", seed=0)


def folder_at(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.make()
    return folder


def measured(folder: RunFolder, data: Dataset, run_of: RunOf, **how: object) -> bool:
    batches = BatchMaker(data, run_of().recipe, CPU)
    usual = {"recipe": run_of().recipe, "step": 6, "probes": ("answers",), "go_on": lambda _: True}
    chosen = usual | {"start": network} | how
    return measure_at(folder, network(), data, batches, **chosen)  # type: ignore[arg-type]


def test_pictures_of_one_image_lie_beside_the_readings(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    folder, batches = folder_at(tmp_path / "run"), BatchMaker(tiny, run_of().recipe, CPU)
    keep_pictures(folder, network(), tiny, batches)
    found = folder.pictures()
    images, labels = tiny.validation.take(np.arange(1))
    assert np.array_equal(found.pop("image"), images[0])
    assert found.pop("image_label") == labels[0]
    expected = pictures(view_of(network(), *sample(tiny, batches)))
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_probe_that_compares_with_the_start_is_given_it(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[View] = []

    def keep(view: View) -> list[Reading]:
        given.append(view)
        return [Reading(quantity="accuracy", value=0.5)]

    for name in ("answers", "reinitialisation"):
        monkeypatch.setitem(PROBES, name, replace(PROBES[name], measure=keep))
    start = build("cnn", seed=4)
    folder = folder_at(tmp_path / "run")
    assert measured(folder, tiny, run_of, probes=("answers", "reinitialisation"), start=lambda: start)
    without, with_start = given
    assert without.start is None
    assert with_start.start is not None
    assert all(torch.equal(with_start.start[name], value) for name, value in start.state_dict().items())


def test_what_other_probes_read_is_kept(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "run")
    rows = [("answers", 6, 5.0), ("answers", 3, 6.0), ("gates", 6, 7.0)]
    before = pl.DataFrame(
        [
            {"run": "run", "probe": probe, "step": step, "quantity": "accuracy", "value": value}
            for probe, step, value in rows
        ],
        schema=READINGS,
    )
    folder.write_readings(before)
    assert measured(folder, tiny, run_of)
    after = folder.readings()
    assert after.head(1).equals(before[1:2])  # by step, then in the order of the probes
    assert after.tail(1).equals(before[2:3])
    now = after.filter(probe="answers", step=6, quantity="accuracy")["value"]
    assert len(now) == 1
    assert 0 <= now[0] <= 1


@pytest.mark.parametrize("kernels", ["fast", "stock"])
def test_it_computes_in_fp32_with_the_recipes_operators(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernels: str
) -> None:
    seen = []

    def ours(x: Tensor, *rest: Any, **named: Any) -> Tensor:
        y = convolution(x, *rest, **named)
        seen.append(y.dtype)
        return y

    monkeypatch.setitem(KERNELS, torch.conv2d, ours)
    recipe = run_of().recipe.model_copy(update={"precision": "bf16", "kernels": kernels})
    assert measured(folder_at(tmp_path / "run"), tiny, run_of, recipe=recipe)
    assert set(seen) == ({torch.float32} if kernels == "fast" else set())


def test_asked_to_stop_it_keeps_what_probes_have_read(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "run")
    asked: list[str] = []

    def first_only(probe: str) -> bool:
        asked.append(probe)
        return len(asked) < 2

    assert not measured(folder, tiny, run_of, probes=("answers", "redundancy"), go_on=first_only)
    assert asked == ["answers", "redundancy"]
    assert set(folder.readings()["probe"]) == {"answers"}


def test_what_cannot_be_written_leaves_the_readings_as_they_were(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_at(tmp_path / "run")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skipscope.records.files.os.fsync", full)
    with pytest.raises(WorkspaceError, match="The disk is full"):
        measured(folder, tiny, run_of)
    assert not folder.readings_file.exists()


def test_what_a_probe_cannot_read_is_named_and_the_others_are_kept(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_view: object) -> Any:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setitem(PROBES, "redundancy", replace(PROBES["redundancy"], measure=broken))
    folder = folder_at(tmp_path / "run")
    for probes, kept in ((("redundancy",), set()), (("redundancy", "answers"), {"answers"})):
        with pytest.raises(ProbeError, match=r"redundancy \(ZeroDivisionError: a bug of ours\)") as caught:
            measured(folder, tiny, run_of, probes=probes)
        assert set(folder.readings()["probe"]) == kept
    told = "".join(traceback.format_exception(caught.value))
    assert "in broken" in told  # where it happened


def test_the_file_is_the_same_in_whatever_order_probes_end(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    """As they do where several processes measure one run, or where one was stopped."""
    spec, names = run_of(), ["shattering", "answers", "redundancy"]
    for folder, orders in (("one", [names]), ("other", [names[2:], names[:1], names[1:]])):
        train(spec, tiny, tmp_path / folder)
        for order in orders:
            assert measure(spec, tiny, tmp_path / folder, *order)
    one, other = (RunFolder(tmp_path / name) for name in ("one", "other"))
    assert one.readings().drop("run").equals(other.readings().drop("run"))
    last = one.readings().filter(step=6)["probe"].unique(maintain_order=True).to_list()
    assert last[-3:] == names
    assert not one.damaged()
    assert not other.damaged()


def test_a_folder_that_another_process_holds_is_not_written_to(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    held: list[bool] = []

    @contextmanager
    def holding() -> Iterator[bool]:
        held.append(len(held) == 0)
        yield held[-1]

    folder = folder_at(tmp_path / "run")
    assert not measured(folder, tiny, run_of, probes=("answers", "redundancy"), holding=holding)
    assert held == [True, False]
    assert set(folder.readings()["probe"]) == {"answers"}


def test_readings_where_losses_are_equal_leave_those_of_the_trained_network_as_they_were(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    spec = run_of()
    train(spec, tiny, tmp_path)
    folder = RunFolder(tmp_path)
    assert measured(folder, tiny, run_of, step=4, probes=("answers", GENERALISATION))

    def of_trained(probe: str) -> pl.DataFrame:
        members = folder.readings().with_columns(arm=pl.lit("a"), seed=pl.lit(0))
        return analysed.of_trained(members, probe)

    assert of_trained("answers").is_empty()  # nothing was measured at the end yet
    assert measure(spec, tiny, tmp_path, "answers")
    at_end = of_trained("answers")
    assert set(at_end["step"]) == {6}
    assert measured(folder, tiny, run_of, step=4, probes=("answers",))  # again
    assert of_trained("answers").equals(at_end)
    assert of_trained(GENERALISATION).is_empty()
    steps = folder.readings().filter(pl.col("probe").is_in(["answers", GENERALISATION]))["step"]
    assert steps.unique(maintain_order=True).to_list() == [4, 6]


def test_generalisation_is_loss_and_accuracy_on_both_splits(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    folder, model = folder_at(tmp_path / "run"), network()
    assert measured(folder, tiny, run_of, step=4, probes=(GENERALISATION,))
    read = {row["quantity"]: row["value"] for row in folder.readings().iter_rows(named=True)}
    batches = BatchMaker(tiny, run_of().recipe, CPU)
    for name, split in (("train", tiny.train), ("val", tiny.validation)):
        images, labels = split.take(np.arange(len(split)))
        with torch.no_grad():
            logits = model.eval()(batches.normalise(images)).double()
        target = torch.from_numpy(labels)
        # ours sums the losses in fp32, in another order
        assert read[f"{name}_loss"] == pytest.approx(cross_entropy(logits, target).item(), rel=1e-5)
        assert read[f"{name}_accuracy"] == (logits.argmax(1) == target).double().mean().item()
    assert len(read) == 4
