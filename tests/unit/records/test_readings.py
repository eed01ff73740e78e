"""The schema of readings, and the migration of schema 1: nothing of an older record is lost."""

from pathlib import Path

import polars as pl
import pytest

from skipscope.probes.base import Reading
from skipscope.records.frames import read_all_readings, read_readings, write_readings
from skipscope.records.parquet import read_table
from skipscope.records.readings import COLUMNS, READINGS, SCHEMA_1, migrate, schema_1_text
from skipscope.records.run_folder import RunFolder
from skipscope.records.store import Workspace

FINDINGS = Path(__file__).parents[3] / "docs" / "findings" / "records.tar.xz"
CASES = [
    ("gradient_flow", "layer1.0.conv1", "output_l2", {"module": "layer1.0.conv1", "quantity": "output_l2"}),
    ("gradient_flow", "first/last", "output_rms", {"quantity": "output_rms_ratio"}),
    ("update_ratio", "conv1", "ratio", {"module": "conv1", "quantity": "ratio"}),
    ("activations", "layer1.relu:2", "dead", {"module": "layer1.relu:2", "quantity": "dead"}),
    ("learning_order", "class 3", "accuracy", {"class": 3, "quantity": "accuracy"}),
    ("learning_order", "validation 4711", "right_since", {"image": 4711, "quantity": "right_since"}),
    ("shattering", "lag 16", "autocorrelation", {"lag": 16, "quantity": "autocorrelation"}),
    ("shattering", "line", "gradient_l2", {"quantity": "gradient_l2"}),
    ("answers", "sample 12", "answer", {"image": 12, "quantity": "answer"}),
    ("answers", "all", "loss", {"quantity": "loss"}),
    ("linear_probes", "layer2", "accuracy", {"module": "layer2", "quantity": "accuracy"}),
    ("reuse_by_weight", "b.1 <- b.0", "share", {"module": "b.1", "source": "b.0", "quantity": "share"}),
    (
        "reuse_by_ablation",
        "b.1 <- b.0",
        "loss_change",
        {"module": "b.1", "source": "b.0", "quantity": "loss_change"},
    ),
    ("reuse_by_ablation", "all <- b.0", "loss_change", {"source": "b.0", "quantity": "loss_change"}),
    ("redundancy", "concat", "largest_correlation", {"module": "concat", "quantity": "largest_correlation"}),
    ("gates", "layer1.0", "low", {"module": "layer1.0", "quantity": "low"}),
    (
        "gates",
        "layer1.0 channel 5",
        "gate:2",
        {"module": "layer1.0", "channel": 5, "class": 2, "quantity": "gate"},
    ),
    ("gate_surgery", "all", "loss_change:one", {"replacement": "one", "quantity": "loss_change"}),
    (
        "gate_surgery",
        "b",
        "loss_change:mean",
        {"module": "b", "replacement": "mean", "quantity": "loss_change"},
    ),
    ("block_deletion", "intact", "loss", {"blocks": 0, "quantity": "loss"}),
    ("block_deletion", "b.1", "loss_change", {"module": "b.1", "blocks": 1, "quantity": "loss_change"}),
    (
        "block_deletion",
        "a + b",
        "loss_change",
        {"module": "a", "neighbour": "b", "blocks": 2, "quantity": "loss_change"},
    ),
    (
        "block_deletion",
        "3 blocks, draw 2",
        "loss_change",
        {"blocks": 3, "draw": 2, "quantity": "loss_change"},
    ),
    ("landscape", "a", "accuracy@-0.33", {"alpha": -0.33, "quantity": "accuracy"}),
    ("landscape", "a,b", "loss@+0.50,-0.17", {"alpha": 0.5, "beta": -0.17, "quantity": "loss"}),
    ("curvature", "hessian", "trace", {"quantity": "trace"}),
    ("a probe of later", "all", "x:1@+2", {"module": "all", "quantity": "x:1@+2"}),
]
OLD = {name: READINGS.get(name, pl.String) for name in SCHEMA_1}


def old(*texts: tuple[str, str, str]) -> pl.DataFrame:
    """Rows of schema 1: (probe, place, quantity)."""
    rows = [("run", probe, 1, where, quantity, float(n)) for n, (probe, where, quantity) in enumerate(texts)]
    return pl.DataFrame(rows, schema=OLD, orient="row")


def test_a_reading_has_the_columns_of_the_schema_that_a_probe_fills() -> None:
    fields = [name.rstrip("_") for name in Reading.__dataclass_fields__]
    assert sorted(fields) == sorted(set(COLUMNS) - {"run", "probe", "step"})
    filled = Reading(quantity="x", value=float("nan"), class_=0, alpha=0.0).row()
    assert filled == {"quantity": "x", "value": None, "class": 0, "alpha": 0.0}


@pytest.mark.parametrize(("probe", "where", "quantity", "columns"), CASES)
def test_a_text_of_schema_1_becomes_columns(
    probe: str, where: str, quantity: str, columns: dict[str, object]
) -> None:
    found = migrate(old((probe, where, quantity)))
    assert dict(found.schema) == READINGS
    (row,) = found.rows(named=True)
    known = {"run": "run", "probe": probe, "step": 1, "value": 0.0}
    assert {name: value for name, value in row.items() if value is not None} == known | columns
    assert found.select(schema_1_text()).to_series().to_list() == [where]


def test_every_row_of_our_own_findings_migrates_and_its_place_comes_back() -> None:
    files = sorted(Workspace(FINDINGS).path.rglob("*.parquet"))
    assert len(files) > 100
    before = pl.DataFrame(pl.concat(pl.DataFrame(read_table(file, list(SCHEMA_1))) for file in files)).cast(
        OLD
    )
    after = migrate(before)
    assert after.select(place=schema_1_text()).to_series().equals(before["place"])
    assert after.select("run", "probe", "step", "value").equals(
        before.select("run", "probe", "step", "value")
    )
    assert not after["quantity"].str.contains("[@:]").any()
    # nothing but the text is lost: what differed in it differs in the columns
    texts = before.select("probe", "place", "quantity").n_unique()
    assert after.select(pl.exclude("run", "step", "value")).n_unique() == texts


def test_files_of_both_schemas_are_read_together_in_their_order(tmp_path: Path) -> None:
    texts = [case[:3] for case in CASES]
    tables = old(*texts), migrate(old(*texts)), old(("curvature", "hessian", "trace"))
    paths = [tmp_path / f"{number}.parquet" for number in range(3)]
    for path, table in zip(paths, tables, strict=True):
        write_readings(path, table)
    found = read_all_readings(paths, hint="x")
    assert found.equals(pl.concat(read_readings(path, hint="x") for path in paths))
    assert found.equals(pl.concat([tables[1], tables[1], migrate(tables[2])]))
    assert "place" not in pl.read_parquet_schema(paths[1])


def test_a_half_trained_run_of_an_older_version_goes_on_in_schema_2(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "cnn-s0-abc")
    folder.make()
    began = {"probe": "learning_order", "step": 3, "place": "class 2", "quantity": "accuracy", "value": 0.5}
    new = Reading(class_=2, quantity="accuracy", value=0.75).row()
    folder.append_readings([began, {"probe": "learning_order", "step": 6, **new}])
    found = folder.readings()
    assert dict(found.schema) == READINGS
    assert found.select("run", "step", "class", "quantity", "value").rows() == [
        ("cnn-s0-abc", 3, 2, "accuracy", 0.5),
        ("cnn-s0-abc", 6, 2, "accuracy", 0.75),
    ]
