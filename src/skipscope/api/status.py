"""A run as a row of a table. Neither polars nor torch is needed for it."""

from collections.abc import Callable
from typing import Any

from skipscope.api.wording import duration
from skipscope.records.glances import RunGlance
from skipscope.records.schema import Row, RunRecord
from skipscope.records.store import Workspace

COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "id": ("run", str),
    "arm": ("arm", str),
    "state": ("state", str),
    "epochs": ("epochs", str),
    "val_accuracy": ("validation", "{:.1%}".format),
    "test_accuracy": ("test", "{:.1%}".format),
    "seconds": ("time", duration),
    "images_per_second": ("images/s", "{:,.0f}".format),
}
"""The keys of `row` that tables show, with their titles and formats."""


def row(record: RunRecord | RunGlance, arm: str, workspace: Workspace) -> dict[str, Any]:
    """Describes a run under the keys of docs/json.md; null where there is nothing yet."""
    result = record.result
    if result is None:
        last = workspace.run_folder(record.id).last_epoch() or Row(epoch=0)
    else:  # its metrics need not be read
        epochs = record.spec.recipe.epochs
        last = Row(epoch=epochs, val_accuracy=result.val_accuracy, seconds=result.seconds)
    return {
        "id": record.id,
        "arm": arm,
        "seed": record.spec.seed,
        "state": record.state,
        "epochs": last.epoch,
        "params": record.network.params,
        "val_accuracy": last.val_accuracy,
        "test_accuracy": result.test_accuracy if result else None,
        "seconds": last.seconds,
        "images_per_second": result.images_per_second if result else None,
    }
