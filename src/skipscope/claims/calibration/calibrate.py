"""Measures false verdicts and power of every claim, at the spread and skewness of recorded runs.

`simulation.py` says what is simulated, `against_itself.py` what real runs of one network against itself add.
The bars: with the effect at its bound each verdict in at most 5 % of studies if pairs differ symmetrically,
and in at most 10 % if they are as skewed as recorded; what misses one is named in `misses`.
"""

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from skipscope.analysis.statistics import ALPHA
from skipscope.claims.calibration.against_itself import rounded
from skipscope.claims.calibration.recorded import RecordedClaim
from skipscope.claims.calibration.simulation import Rates, false_verdicts, least_favourable, simulate
from skipscope.claims.catalogue import Claim, catalogue
from skipscope.errors import WorkspaceError
from skipscope.records.archived import refuse_to_write
from skipscope.records.files import write_whole
from skipscope.records.store import Workspace

SCHEMA = 2
"""1: simulated at an assumed spread; it is not read any more."""
NAME = "calibration.json"
STUDIES = 1_000
"""Simulated studies of each claim and scenario."""
BARS = {"symmetric": 0.05, "skewed": 0.10}
"""The most that either verdict may have with the effect at its bound."""
Rows = Mapping[str, Mapping[str, Any]]
"""Numbers of each claim, by its id and their names."""


def calibrate(
    recorded: Mapping[str, RecordedClaim],
    *,
    studies: int = STUDIES,
    on_event: Callable[[], object] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """False verdicts and power, claim by claim, of those that were recorded.

    Args:
        recorded: how pairs differ, by the claim's id.
        studies: simulated studies of each claim and scenario.
        on_event: called after each claim.
    """
    found = {}
    for id, claim in catalogue().items():
        if id in recorded:
            found[id] = _row(claim, recorded[id], studies)
            on_event()
    return found


def _row(claim: Claim, recorded: RecordedClaim, studies: int) -> dict[str, Any]:
    """The numbers of one claim."""
    null = simulate(claim, recorded, "null", studies=studies)
    wrong = false_verdicts(claim, recorded, "null")
    at_bound = {
        kind: simulate(claim, recorded, "bound", studies=studies, symmetric=kind == "symmetric")
        for kind in BARS
    }
    least = {
        kind: least_favourable(claim, recorded, studies=studies, symmetric=kind == "symmetric")
        for kind in BARS
    }
    twice = simulate(claim, recorded, "twice", studies=studies)
    first = ALPHA / sum(other.group == claim.group for other in catalogue().values())
    first_step = simulate(claim, recorded, "twice", studies=studies, level=first)
    return {
        "study": recorded.study,
        "parts": [_part(part.model_dump()) for part in recorded.parts],
        "null": {f"false_{each}": rounded(null[each]) for each in sorted(wrong)},
        "at_bound": {kind: _rounded(rates) for kind, rates in at_bound.items()},
        "least_favourable": {kind: _rounded(rates) for kind, rates in least.items()},
        "power": rounded(twice["supported"]),
        "power_first_step": rounded(first_step["supported"]),
        "missed": rounded(twice["contradicted"]),
        "misses": _misses({"at_bound": at_bound, "least_favourable": least}),
    }


def _part(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: rounded(value) if isinstance(value, float) else value for key, value in row.items()}


def _rounded(rates: Rates) -> dict[str, float]:
    return {verdict: rounded(share) for verdict, share in rates.items()}


def _misses(found: Mapping[str, Mapping[str, Rates]]) -> list[str]:
    """Names every rate above its bar."""
    return [
        f"{where}, {kind}: {verdict} in {share:.1%}, bar {BARS[kind]:.0%}"
        for where, by_kind in found.items()
        for kind, rates in by_kind.items()
        for verdict, share in rates.items()
        if share > BARS[kind]
    ]


def document(simulated: Rows, real: Rows, *, studies: int, source: str = "") -> dict[str, Any]:
    """The contents of `calibration.json`: its settings, and the rates of each claim.

    Args:
        simulated: what `calibrate` found.
        real: what `against_itself.rates` found.
        studies: simulated studies of each claim and scenario.
        source: whose runs say how pairs differ.
    """
    rows = {id: {**simulated.get(id, {}), **({"real": real[id]} if id in real else {})} for id in catalogue()}
    return {
        "schema": SCHEMA,
        "studies": studies,
        "source": source,
        "bars": BARS,
        "claims": {id: row for id, row in rows.items() if row},
    }


def save_calibration(workspace: Workspace, found: Mapping[str, Any]) -> Path:
    """Writes a calibration to the workspace and returns its path.

    Raises:
        WorkspaceError: the folder is not writable.
    """
    path = workspace.path / NAME
    refuse_to_write(path)
    write_whole(path, (json.dumps(found, indent=1) + "\n").encode())
    return path


def load_calibration(workspace: Workspace | None = None) -> dict[str, Any]:
    """The workspace's calibration; if it has none, or one of an older schema, the one that comes with us.

    Raises:
        WorkspaceError: the file is damaged.
    """
    own = workspace.path / NAME if workspace else None
    if own and own.exists():
        found = _read(own.read_bytes(), str(own))
        if found.get("schema") == SCHEMA:
            return found
    shipped = files("skipscope.claims.calibration") / NAME
    return _read(shipped.read_bytes(), str(shipped))


def _read(content: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"claims", "schema"} <= found.keys():
        hint = "delete the file, or recreate it: skipscope calibrate"
        raise WorkspaceError("Not a calibration file.", where=where, hint=hint)
    return found
