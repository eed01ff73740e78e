"""The schema of readings, and the migration of those that were written in schema 1.

A reading is one measured number. `COLUMNS` defines schema 2: typed columns say what a number is of, and are
null where they do not apply. Schema 1 had one text for that, `place` ("3 blocks, draw 1", "all <- conv1"),
and marks in `quantity` ("loss@+0.50"). `migrate` alone parses such texts; `schema_1_text` is its inverse.
"""

import re
from typing import Any, NamedTuple

import polars as pl


class Column(NamedTuple):
    """A column of a table of readings."""

    dtype: Any
    meaning: str


COLUMNS = {
    "run": Column(pl.String, "the run's id; of an untrained network its name"),
    "probe": Column(pl.String, "the probe's name"),
    "step": Column(pl.Int64, "training steps made before the measurement; 0 is the untrained network"),
    "module": Column(
        pl.String, "qualified name of the module measured; null: the whole network or all of them"
    ),
    "quantity": Column(pl.String, "what was measured; units stand with the probe"),
    "value": Column(pl.Float64, "the number; null where it is not finite"),
    "source": Column(
        pl.String, "reuse: the module whose features `module` (or, where that is null, all) reads"
    ),
    "neighbour": Column(pl.String, "block_deletion: the block that was removed together with `module`"),
    "blocks": Column(pl.Int32, "block_deletion: how many blocks were removed"),
    "draw": Column(pl.Int32, "block_deletion: which random set of that many blocks, from 1"),
    "channel": Column(pl.Int32, "gates: index of the module's channel, from 0"),
    "class": Column(pl.Int32, "gates, learning_order: index of the class, from 0"),
    "image": Column(
        pl.Int32, "index of the image: answers, in the probe sample; learning_order, in validation"
    ),
    "lag": Column(pl.Int32, "shattering: how many points of the line lie between the two gradients"),
    "replacement": Column(pl.String, "gate_surgery: what the gates were replaced by: one, mean, other"),
    "alpha": Column(pl.Float64, "landscape: the distance along the first direction"),
    "beta": Column(pl.Float64, "landscape: the distance along the second; null on the line along the first"),
}
"""Schema 2, in the order of the columns."""

READINGS: dict[str, Any] = {name: column.dtype for name, column in COLUMNS.items()}
START: dict[str, Any] = {"seed": pl.Int64} | READINGS
"""The columns of readings of untrained networks."""
PARSED = {name: READINGS[name] for name in READINGS if name not in ("run", "probe", "step", "value")}
"""The columns that say what a value is of."""
SCHEMA_1 = ("run", "probe", "step", "place", "quantity", "value")
"""The columns of older files."""

_WHOLE = {
    "answers": "all",
    "block_deletion": "intact",
    "curvature": "hessian",
    "gate_surgery": "all",
    "gradient_confusion": "all",
    "gradient_flow": "first/last",
    "reinitialisation": "all",
    "shattering": "line",
}
"""Schema 1's text for the whole network, by probe; every other probe had `all`."""
_TEXTS = {
    "answers": r"sample (?P<image>\d+)",
    "block_deletion": r"(?P<blocks>\d+) blocks?, draw (?P<draw>\d+)|(?P<module>.+) \+ (?P<neighbour>.+)",
    "gates": r"(?P<module>.+) channel (?P<channel>\d+)",
    "landscape": r"a|a,b",
    "learning_order": r"class (?P<class>\d+)|validation (?P<image>\d+)",
    "reuse_by_ablation": r"(?:all|(?P<module>.+)) <- (?P<source>.+)",
    "reuse_by_weight": r"(?P<module>.+) <- (?P<source>.+)",
    "shattering": r"lag (?P<lag>\d+)",
}
"""Schema 1's texts that name no module, by probe; groups are named after columns."""
_QUANTITIES = {
    "gate_surgery": r"(?P<quantity>\w+):(?P<replacement>\w+)",
    "gates": r"(?P<quantity>gate):(?P<class>\d+)",
    "landscape": r"(?P<quantity>\w+)@(?P<alpha>[+-][\d.]+)(?:,(?P<beta>[+-][\d.]+))?",
}
"""By probe, the quantities of schema 1 that have a mark."""


def migrate(rows: pl.DataFrame) -> pl.DataFrame:
    """Converts readings of schema 1, or of both, to schema 2; those without `place` are schema 2 already.

    Rows keep their order, and columns that no schema has (`seed`) come first.
    """
    if "place" not in rows.columns:
        return rows
    text = ["probe", "place", "quantity"]
    known = rows.select(text).drop_nulls().unique(maintain_order=True)  # few: the same every time
    texts = [_parsed(*each) for each in known.iter_rows()]
    parsed = pl.DataFrame(texts, schema=dict.fromkeys(PARSED, pl.String))
    parsed = parsed.cast(pl.Schema(PARSED)).select(pl.all().name.prefix("parsed "))
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in PARSED.items() if name not in rows.columns]
    joined = rows.with_columns(missing).join(known.hstack(parsed), on=text, how="left", maintain_order="left")
    others = [name for name in rows.columns if name != "place" and name not in READINGS]
    found = [pl.coalesce(f"parsed {name}", name).alias(name) for name in PARSED]
    return joined.with_columns(found).select(*others, *(name for name in READINGS if name in joined.columns))


def _parsed(probe: str, text: str, quantity: str) -> dict[str, str | None]:
    """Parses the text and the quantity of schema 1 into columns of schema 2."""
    row: dict[str, str | None] = {"quantity": quantity}
    if marked := re.fullmatch(_QUANTITIES.get(probe, "(?!)"), quantity):
        row |= marked.groupdict()
    if text == _WHOLE.get(probe):
        kind = "whole"
    elif detailed := re.fullmatch(_TEXTS.get(probe, "(?!)"), text):
        kind = "pair" if detailed.groupdict().get("neighbour") else "details"
        row |= detailed.groupdict()
    else:
        kind = "module"
        row["module"] = text
    if probe == "block_deletion" and kind != "details":
        row["blocks"] = {"whole": "0", "module": "1", "pair": "2"}[kind]
    if probe == "gradient_flow" and kind == "whole":
        row["quantity"] = f"{quantity}_ratio"
    return row


def schema_1_text() -> pl.Expr:
    """Builds the text that schema 1 had for what a reading is of: the inverse of `migrate`."""
    image, probe = pl.col("image"), pl.col("probe")
    return pl.coalesce(  # what is formatted with a null is null
        pl.format("{} blocks, draw {}", "blocks", "draw"),
        pl.format("{} + {}", "module", "neighbour"),
        pl.format("{} <- {}", pl.col("module").fill_null("all"), "source"),
        pl.format("{} channel {}", "module", "channel"),
        pl.format("sample {}", pl.when(probe == "answers").then(image)),
        pl.format("validation {}", image),
        pl.format("class {}", "class"),
        pl.format("lag {}", "lag"),
        pl.when(pl.col("beta").is_not_null()).then(pl.lit("a,b")),
        pl.when(pl.col("alpha").is_not_null()).then(pl.lit("a")),
        "module",
        probe.replace_strict(_WHOLE, default="all", return_dtype=pl.String),
    )
