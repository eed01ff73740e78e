"""The members of a study, and rows of metrics and readings by arm and seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import polars as pl

from skipscope.records.schema import RunRecord, State


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One member of a study: an arm with a seed, and its run, if there is one."""

    arm: str
    seed: int
    run: str
    record: RunRecord | None

    @property
    def state(self) -> State | Literal["missing"]:
        """Returns the run's state; `missing` where nothing was trained yet."""
        return "missing" if self.record is None else self.record.state


def with_members(
    rows: pl.DataFrame, entries: Sequence[Entry], columns: Sequence[str] = ("arm", "seed", "counted", "done")
) -> pl.DataFrame:
    """Replaces the run in rows of a study by these columns of `members`; drops rows of other runs."""
    # a run's rows stand together: to look each of millions up, as a join does, takes five times as long
    stretches = rows["run"].rle().struct.unnest().select("len", run="value")
    found = stretches.join(members(entries), on="run", how="left", maintain_order="left")
    which = np.repeat(np.arange(found.height, dtype=np.uint32), found["len"].to_numpy())
    added = found.select(columns)[which]
    # in pieces as long as those of the rows: polars would copy all rows to make the pieces equally long
    ends = np.cumsum([0, *rows["run"].chunk_lengths()]).tolist()
    pieces = pl.concat([added[start:end] for start, end in pairwise(ends)])
    return rows.drop("run").hstack(pieces).filter(pl.col(columns[0]).is_not_null())


def members(entries: Sequence[Entry]) -> pl.DataFrame:
    """Lists the runs in order, and whether each counts: once an arm has a finished run, only those do."""
    runs = pl.DataFrame(
        [(order, entry.arm, entry.seed, entry.run, entry.state) for order, entry in enumerate(entries)],
        schema={"order": pl.Int64, "arm": pl.String, "seed": pl.Int64, "run": pl.String, "state": pl.String},
        orient="row",
    )
    done = pl.col("state") == "done"
    counted = done | ~done.any().over("arm")
    return runs.with_columns(done=done, failed=pl.col("state") == "failed", counted=counted)
