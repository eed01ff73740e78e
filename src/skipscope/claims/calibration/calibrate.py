"""Measures the false-positive rate and power of every claim, by simulation and by real runs.

Simulated studies have the networks, seeds and comparisons of the shipped ones (see `simulation.py`):

- `no effect`: no arm differs from another; parts about single networks, and parts that hold at 0, are at
  their bound. Supported is false. Contradicted is right: an effect of 0 is too small to matter.
- `at the bound`: the effect is the smallest worth having. Both verdicts are false.
- `twice`: the effect is as far beyond the bound as the bound is from 0 (which is 0 for parts that hold at 0).
  Supported is right; its rate is the power, after correction for all other claims of the study.

Real runs: one network against itself under other seeds, divided in two again and again
(`against_itself.py`).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from importlib.resources import files
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skipscope.analysis.hypotheses import power
from skipscope.claims.calibration import simulation
from skipscope.claims.calibration.against_itself import rounded
from skipscope.claims.catalogue import Part, catalogue
from skipscope.claims.evaluate import judged
from skipscope.claims.model import MINIMUM_SEEDS, ClaimResult
from skipscope.errors import WorkspaceError
from skipscope.records.archived import refuse_to_write
from skipscope.records.files import write_whole
from skipscope.records.schema import NetworkCard
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, load_study

SCHEMA = 1
NAME = "calibration.json"
STUDIES = ("fair", "depth", "stem")
"""A claim is simulated on the first of them that measures all parts that count."""
SHARE = 0.3
"""Standard deviation of a paired difference, over the smallest effect worth having."""
SCENARIOS: Mapping[str, Callable[..., float]] = {
    "no effect": simulation.no_effect,
    "at the bound": simulation.at_bound,
    "twice": simulation.twice,
}
Planted = Literal["zero", "bound", "twice"]
Rates = Mapping[str, Mapping[str, Any]]
"""Numbers of each claim, by its id and their names."""


def simulate(
    study: StudySpec,
    cards: Mapping[str, NetworkCard],
    scenario: str,
    *,
    comparisons: int,
    share: float = SHARE,
    on_event: Callable[[], object] = lambda: None,
) -> dict[str, Counter[str]]:
    """Verdicts of each claim that the study measures, over this many simulated studies."""
    claims = simulation.planted(SCENARIOS[scenario])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for index in range(comparisons):
        rng = np.random.default_rng([index, *study.name.encode(), *scenario.encode()])
        for result in judged(simulation.Simulated(study, cards, rng, share=share), claims):
            if is_measured(result):
                counts[result.id][result.verdict] += 1
        on_event()
    return counts


def planted_in(id: str, scenario: str) -> dict[str, Planted]:
    """The effect that a scenario plants in each part of a claim that counts and is sampled."""
    found: dict[str, Planted] = {}
    for part in _sampled_parts(id):
        effect = SCENARIOS[scenario](part, unpaired=simulation.is_unpaired(part))
        found[part.id] = "zero" if not effect else "bound" if effect == part.bound else "twice"
    return found


def _sampled_parts(id: str) -> list[Part]:
    return [part for part in catalogue()[id].parts.values() if part.counts and not part.exact]


def is_measured(result: ClaimResult) -> bool:
    """Whether all parts that count were measured, at least one of them by sampling."""
    counted = result.counted
    return all(each.effect for each in counted) and not all(each.exact for each in counted)


def calibrate(
    describe: Callable[[str], NetworkCard], *, comparisons: int, on_event: Callable[[], object] = lambda: None
) -> dict[str, dict[str, Any]]:
    """False-positive rates and power, claim by claim.

    Args:
        describe: `anatomy.describe.describe`; claims never import torch.
        comparisons: simulated studies per shipped study and scenario.
        on_event: called after each simulated study.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in STUDIES:
        study = load_study(name)
        cards = simulation.cards_of(study, describe)
        null, bound, twice = (
            simulate(study, cards, scenario, comparisons=comparisons, on_event=on_event)
            for scenario in SCENARIOS
        )
        for id in (id for id in null if id not in found):
            found[id] = {
                "study": name,
                "false_supported": _share(null[id], "supported"),
                "at_bound": _share(bound[id], "supported", "contradicted"),
                "power": _share(twice[id], "supported"),
                "missed": _share(twice[id], "contradicted"),
                "largest_spread": largest_spreads(study, id),
            }
    return found


def largest_spreads(study: StudySpec, id: str) -> dict[str, float]:
    """Largest standard deviation of a pair at which twice the SESOI is found with power 80 %.

    For each part that counts, taken alone, with the study's seeds, in the part's unit.
    """
    seeds_at_init = max(study.seeds, study.initial_seeds)
    return {
        part.id: rounded(abs(part.bound) * _spread_for(seeds_at_init if part.at_init else study.seeds))
        for part in _sampled_parts(id)
    }


def _spread_for(seeds: int) -> float:
    """The spread at which this many pairs find a gap of 1 with power 80 %, by bisection."""
    low, high = 0.0, sqrt(seeds)
    for _ in range(40):
        middle = (low + high) / 2
        enough = seeds >= MINIMUM_SEEDS and power(1.0, middle / sqrt(seeds), seeds - 1) >= 0.8
        low, high = (middle, high) if enough else (low, middle)
    return low


def _share(counts: Counter[str], *verdicts: str) -> float:
    return rounded(sum(counts[verdict] for verdict in verdicts) / counts.total())


def document(simulated: Rates, real: Rates, *, comparisons: int, pairs: int, splits: int) -> dict[str, Any]:
    """The contents of `calibration.json`: its settings, and the rates of each claim."""
    rows = {id: {**simulated.get(id, {}), **({"real": real[id]} if id in real else {})} for id in catalogue()}
    return {
        "schema": SCHEMA,
        "comparisons": comparisons,
        "pairs": pairs,
        "splits": splits if pairs else 0,
        "spread": SHARE,
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
    """The workspace's calibration; if it has none, the one shipped with the package.

    Raises:
        WorkspaceError: the file is damaged.
    """
    shipped = files("skipscope.claims.calibration") / NAME
    own = workspace.path / NAME if workspace else None
    path = own if own and own.exists() else shipped
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"claims", "comparisons"} <= found.keys():
        hint = "delete the file, or recreate it: skipscope calibrate"
        raise WorkspaceError("Not a calibration file.", where=str(path), hint=hint)
    return found
