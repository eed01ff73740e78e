"""What a study of 500 runs needs to stay small and quick: nothing is copied or computed twice."""

import numpy as np
import polars as pl
import pytest

from skipscope.analysis import measured, members, tables
from skipscope.analysis.tables import gather
from skipscope.records.frames import together_by


@pytest.fixture
def study(made_up, with_readings):
    return gather(with_readings(made_up(seeds=2)), None)


def test_rows_of_a_probe_stand_together_in_the_order_of_runs(study):
    probes = study.raw_readings["probe"]
    assert len(probes.rle()) == probes.n_unique() > 5
    for (_, probe), rows in study.raw_readings.group_by("run", "probe"):
        whole = study.workspace.readings([rows["run"][0]], with_place=False)
        assert rows.equals(whole.filter(pl.col("probe") == probe))


def test_pieces_of_memory_have_rows_of_one_value_each():
    rows = pl.DataFrame({"a": ["x", "y", "x", "y"], "b": [1, 2, 3, 4]})
    found = together_by("a", [rows[:3], rows[3:]], rows.schema)
    assert found.rows() == [("x", 1), ("x", 3), ("y", 2), ("y", 4)]
    assert together_by("a", [], rows.schema).schema == rows.schema


def test_a_probe_s_readings_are_selected_without_a_copy(study):
    """As polars does it at present; if not, only time and memory are lost."""
    raw, of_probe = (
        table.filter(pl.col("probe") == "curvature")["value"].to_numpy(allow_copy=False)
        for table in (study.raw_readings, study.readings)
    )
    assert np.shares_memory(raw, of_probe)
    assert np.shares_memory(raw, measured.of_probe(study.by_member, "curvature")["value"].to_numpy())


def test_readings_of_a_probe_are_the_same_wherever_they_stand(study):
    rows = study.readings
    mixed = rows.sample(fraction=1.0, shuffle=True, seed=0)
    assert len(mixed["probe"].rle()) > measured.MOST_PIECES
    for table in (rows, mixed, rows.clear(), mixed[:50]):
        for probe in (*rows["probe"].unique(), "absent"):
            assert measured.of_probe(table, probe).equals(table.filter(pl.col("probe") == probe))


def test_adding_arm_and_seed_keeps_the_pieces(study):
    pieces = study.raw_readings["run"].chunk_lengths()
    found = members.with_members(study.raw_readings, study.entries)
    assert len(pieces) > 1
    assert {tuple(column.chunk_lengths()) for column in found} == {tuple(pieces)}


def test_readings_of_trained_networks_are_selected_once(study):
    first = measured.of_trained(study.readings, "curvature")
    assert measured.of_trained(study.readings, "curvature") is first
    assert measured.last_steps(study.readings) is measured.last_steps(study.readings)


def test_losses_by_epoch_are_made_of_the_losses_by_step(study, monkeypatch):
    _ = study.steps, study.checks  # computed here
    monkeypatch.delattr(tables, "steps_table")
    monkeypatch.delattr(tables, "checks_table")
    assert not study.losses.is_empty()
