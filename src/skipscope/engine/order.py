"""A run as a file, for a worker on any machine: `skipscope run --specs` writes it, `skipscope work` reads it.

    {"schema": 2, "spec": {model, seed, recipe, data}, "snapshots": {...} or null}

A bare `RunSpec` is one, too. Users' networks are named relative to the file, as in records.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, ValidationError

from skipscope.engine.plan import Plan
from skipscope.errors import SpecError, UsageError
from skipscope.records.files import record_bytes, write_whole
from skipscope.records.schema import SCHEMA
from skipscope.records.user_files import as_seen
from skipscope.spec import Frozen, RunSpec, Snapshots


class RunOrder(Frozen):
    """Orders one run."""

    schema_: int = Field(SCHEMA, alias="schema")
    spec: RunSpec
    snapshots: Snapshots | None = None


def read_order(path: Path) -> RunOrder:
    """Reads the file of one run.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        SpecError: it specifies no run, or a newer skipscope wrote it.
    """
    hint = "skipscope run STUDY --specs FOLDER writes one for each run of a study"
    try:
        content = as_seen(json.loads(path.read_bytes()), path)
    except FileNotFoundError:
        raise UsageError("There is no such file.", where=str(path), hint=hint) from None
    except OSError as error:
        raise UsageError(f"This cannot be read: {error.strerror}.", where=str(path), hint=hint) from None
    except (ValueError, RecursionError):
        raise _no_run(path, "it is not JSON", hint) from None
    if not isinstance(content, dict):
        raise _no_run(path, "it is not a JSON object", hint)
    schema = content.get("schema", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        raise SpecError(
            f"A newer skipscope wrote this (schema {schema}, this one reads up to {SCHEMA}).",
            where=str(path),
            hint="update skipscope: pip install --upgrade skipscope",
        )
    try:
        return RunOrder.model_validate(content if "spec" in content else {"spec": content})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise _no_run(path, why, hint) from None


def write_orders(plan: Plan, folder: Path) -> Iterator[Path]:
    """Writes a file for each run that is still to be trained, in the plan's order, and yields their paths.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    for run in plan.training:
        path = folder / f"{run.spec.id}.json"
        order = RunOrder(spec=run.spec, snapshots=run.snapshots)
        write_whole(path, record_bytes(order, path))
        yield path


def _no_run(path: Path, why: str, hint: str) -> SpecError:
    return SpecError(f"This file specifies no run: {why}.", where=str(path), hint=hint)
