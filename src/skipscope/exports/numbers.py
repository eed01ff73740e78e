"""A run's curves and readings, as CSV and as TensorBoard draws them."""

from datetime import datetime

import numpy as np
import polars as pl

from skipscope.exports.event_file import Scalar, event_file
from skipscope.records.readings import PARSED
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace

TAGS = {
    "loss": "loss/batch",
    "train_loss": "loss/train",
    "val_loss": "loss/validation",
    "train_accuracy": "accuracy/train",
    "val_accuracy": "accuracy/validation",
    "learning_rate": "learning_rate",
}
"""What TensorBoard calls a column of the metrics; what stands before a slash is a group of charts."""


def csv_files(workspace: Workspace, record: RunRecord) -> dict[str, bytes]:
    """Makes curves.csv, a row a step and a row an epoch, and readings.csv, a row a reading.

    Raises:
        WorkspaceError: the run's metrics or readings are damaged.
    """
    tables = {
        "curves.csv": workspace.metrics([record.id]),
        "readings.csv": workspace.readings([record.id], with_place=False),
    }
    return {name: table.write_csv().encode() for name, table in tables.items()}


def event_files(workspace: Workspace, record: RunRecord) -> dict[str, bytes]:
    """Makes the event file of a run: its curves, its test results, and readings that were taken repeatedly.

    Its name has the time at which the run started, so that it replaces an earlier export of the run.

    Raises:
        WorkspaceError: the run's metrics or readings are damaged.
    """
    began = datetime.fromisoformat(record.started).timestamp()
    metrics = workspace.metrics([record.id])
    last = int(metrics["step"].max() or 0)  # type: ignore[arg-type]  # polars does not know the column's type
    points = pl.concat([_curves(metrics), _tested(record, last), _series(workspace, record)])
    epochs = metrics.filter(pl.col("kind") == "epoch")
    # a row of a step has no time: steps of an epoch take equally long
    elapsed = np.interp(points["step"], [0, *epochs["step"]], [0.0, *epochs["seconds"]])
    scalars = (
        Scalar(tag, step, value, began + seconds)
        for (tag, step, value), seconds in zip(points.iter_rows(), elapsed, strict=True)
    )
    return {f"events.out.tfevents.{began:.0f}.skipscope": event_file(scalars, began=began)}


def _curves(metrics: pl.DataFrame) -> pl.DataFrame:
    """Turns each column of the metrics into a curve: tag, step, value."""
    long = metrics.unpivot(list(TAGS), index="step", variable_name="tag").drop_nulls("value")
    return long.select(pl.col("tag").replace_strict(TAGS), "step", "value")


def _tested(record: RunRecord, step: int) -> pl.DataFrame:
    result = record.result
    rows = [] if result is None else [("loss", result.test_loss), ("accuracy", result.test_accuracy)]
    points = [(f"{name}/test", step, value) for name, value in rows]
    return pl.DataFrame(points, {"tag": pl.String, "step": pl.Int64, "value": pl.Float64}, orient="row")


def _series(workspace: Workspace, record: RunRecord) -> pl.DataFrame:
    """Selects readings of the network or of a module, in no further detail, at more than one step."""
    readings = workspace.readings([record.id], with_place=False).drop_nulls("value")
    details = [name for name in PARSED if name not in {"module", "quantity"}]
    plain = readings.filter(pl.all_horizontal(pl.col(details).is_null()))
    tag = pl.concat_str(pl.col("probe", "quantity", "module"), separator="/", ignore_nulls=True)
    points = plain.select(tag.alias("tag"), "step", "value")
    return points.filter(pl.col("step").n_unique().over("tag") > 1)
