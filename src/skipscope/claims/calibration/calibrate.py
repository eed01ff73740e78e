"""How often claims say what is not so, and how often they see what is there.

Of simulated studies, with the networks, seeds and comparisons of the shipped ones (see `simulation.py`):

- `no effect`: no arm differs from another; what is asked of single networks, or would hold at 0, lies at its
  bound. Supported is false. Contradicted is not: an effect of 0 is too small to matter.
- `at the bound`: the effect is the smallest worth having. Both verdicts are false.
- `twice`: the effect is as far beyond the bound as the bound is from 0, which of what holds at 0 is 0.
  Supported is right, and how often it is said is the power, after the correction for all other claims of the
  study.

Of real runs: one network against itself under other seeds, split in halves over and over.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skipscope.analysis.hypotheses import power
from skipscope.claims.calibration import simulation
from skipscope.claims.evaluate import QUESTIONS, judged
from skipscope.claims.model import MINIMUM_SEEDS, Finding, Result
from skipscope.errors import WorkspaceError
from skipscope.records.files import write_whole
from skipscope.records.schema import NetworkCard
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, load_study

SCHEMA = 1
NAME = "calibration.json"
AGREEMENTS = frozenset({"T5"})
"""Claims that networks agree: that one agrees with itself is true, and no false alarm."""
STUDIES = ("fair", "depth", "stem")
"""Every claim is asked of the first of them that measures all that counts for it."""
SHARE = 0.3
"""Of the smallest effect worth having: what the difference of two runs spreads by."""
SCENARIOS: Mapping[str, Callable[..., float]] = {
    "no effect": simulation.null,
    "at the bound": simulation.at_bound,
    "twice": simulation.beyond,
}
Verdicts = dict[str, Counter[str]]
Planted = Literal["zero", "bound", "twice"]


def simulate(
    study: StudySpec,
    cards: Mapping[str, NetworkCard],
    scenario: str,
    *,
    comparisons: int,
    share: float = SHARE,
    on_event: Callable[[], object] = lambda: None,
) -> Verdicts:
    """Verdicts of each claim that the study measures, over so many studies drawn anew."""
    questions = simulation.planted(SCENARIOS[scenario])
    counts: Verdicts = {}
    for drawn in range(comparisons):
        rng = np.random.default_rng([drawn, *study.name.encode(), *scenario.encode()])
        for result in judged(simulation.Simulated(study, cards, rng, share=share), questions):
            if is_measured(result):
                counts.setdefault(result.id, Counter())[result.verdict] += 1
        on_event()
    return counts


def planted_in(id: str, scenario: str) -> dict[str, Planted]:
    """Which effect a scenario plants in each part of a claim that counts, and is drawn."""
    found: dict[str, Planted] = {}
    for question in QUESTIONS[id]:
        part = simulation.parts()[id][question.part]
        if part.counts and not part.exact:
            effect = SCENARIOS[scenario](part, alone=question.alone)
            found[part.id] = "zero" if not effect else "bound" if effect == part.bound else "twice"
    return found


def is_measured(result: Result) -> bool:
    """Whether all that counts was measured, and something of it drawn."""
    counted = [finding for finding in result.findings if finding.counts]
    return all(finding.effect is not None for finding in counted) and not all(f.exact for f in counted)


def calibrate(
    describe: Callable[[str], NetworkCard],
    *,
    comparisons: int = 200,
    studies: Iterable[str] = STUDIES,
    share: float = SHARE,
    on_event: Callable[[], object] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """Shares of false and of right verdicts, claim by claim.

    Args:
        describe: `anatomy.describe.describe`: a claim cannot build networks.
        comparisons: simulated studies of each kind and scenario.
        studies: shipped ones; a claim is taken from the first that measures it.
        share: what pairs spread by, of the smallest effect worth having.
        on_event: called after each simulated study.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in studies:
        study = load_study(name)
        cards = simulation.cards_of(study, describe)
        shares = {
            scenario: simulate(
                study, cards, scenario, comparisons=comparisons, share=share, on_event=on_event
            )
            for scenario in SCENARIOS
        }
        for id in shares["no effect"]:
            if id not in found:
                found[id] = {
                    "study": name,
                    "false_supported": _share(shares["no effect"][id], "supported"),
                    "at_bound": _share(shares["at the bound"][id], "supported", "contradicted"),
                    "power": _share(shares["twice"][id], "supported"),
                    "missed": _share(shares["twice"][id], "contradicted"),
                    "largest_spread": largest_spreads(study, id),
                }
    return found


def largest_spreads(study: StudySpec, id: str) -> dict[str, float]:
    """Of each part that counts: up to which spread of a pair an effect of twice the SESOI has power 80 %.

    Of the part on its own, with the study's seeds, in the part's unit.
    """
    starts = {q.part for q in QUESTIONS[id] if q.start}
    return {
        part.id: _rounded(
            abs(part.bound)
            * _spread_for(max(study.seeds, study.initial_seeds) if part.id in starts else study.seeds)
        )
        for part in simulation.parts()[id].values()
        if part.counts and not part.exact
    }


def _spread_for(seeds: int) -> float:
    """The spread, of a gap of 1, at which so many pairs have power 80 %; by halving."""
    low, high = 0.0, sqrt(seeds)
    for _ in range(40):
        middle = (low + high) / 2
        enough = seeds >= MINIMUM_SEEDS and power(1.0, middle / sqrt(seeds), seeds - 1) >= 0.8
        low, high = (middle, high) if enough else (low, middle)
    return low


def against_itself(
    verdicts: Iterable[tuple[Result, ...]],
) -> dict[str, dict[str, Any]]:
    """Real runs of one network against others of it: verdicts over splits, and what a pair spreads by.

    Args:
        verdicts: the results of each split.
    """
    counts: Verdicts = {}
    spreads: dict[str, dict[str, list[float]]] = {}
    for results in verdicts:
        for result in results:
            if result.id in AGREEMENTS:
                continue
            compared = [finding for finding in result.findings if _is_compared(finding)]
            if compared:
                counts.setdefault(result.id, Counter())[_of_parts(compared)] += 1
            for finding in compared:
                if finding.effect is not None:
                    of_claim = spreads.setdefault(result.id, {})
                    of_claim.setdefault(finding.part, []).append(finding.effect.spread)
    return {
        id: {
            "splits": sum(verdict.values()),
            "false_supported": _share(verdict, "supported"),
            "spread": {part: _rounded(float(np.median(each))) for part, each in spreads[id].items()},
        }
        for id, verdict in counts.items()
    }


def _is_compared(finding: Finding) -> bool:
    """Whether two arms were set against each other, with seeds enough, and it counts."""
    effect = finding.effect
    enough = effect is not None and effect.n >= MINIMUM_SEEDS
    return finding.counts and enough and not finding.exact and finding.is_paired


def _of_parts(findings: list[Finding]) -> str:
    """Supported if all parts that could be compared are: no correction softens it."""
    return "supported" if all(finding.verdict == "supported" for finding in findings) else "not"


def _share(counts: Counter[str], *verdicts: str) -> float:
    return _rounded(sum(counts[verdict] for verdict in verdicts) / max(1, sum(counts.values())))


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def document(
    simulated: Mapping[str, Mapping[str, Any]],
    real: Mapping[str, Mapping[str, Any]],
    *,
    comparisons: int,
    pairs: int,
    splits: int,
) -> dict[str, Any]:
    """What `calibration.json` holds: how it was made, and the figures of each claim."""
    claims: dict[str, Any] = {}
    for id in QUESTIONS:
        row = dict(simulated.get(id, {})) | ({"real": dict(real[id])} if id in real else {})
        if row:
            claims[id] = row
    return {
        "schema": SCHEMA,
        "comparisons": comparisons,
        "pairs": pairs,
        "splits": splits if pairs else 0,
        "spread": SHARE,
        "claims": claims,
    }


def write(workspace: Workspace, found: Mapping[str, Any]) -> Path:
    """Keeps a calibration in the workspace.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    path = workspace.path / NAME
    write_whole(path, (json.dumps(found, indent=1) + "\n").encode())
    return path


def known(workspace: Workspace | None = None) -> dict[str, Any]:
    """The workspace's calibration; where there is none, the one that comes with the package.

    Raises:
        WorkspaceError: the file is damaged.
    """
    path = None if workspace is None else workspace.path / NAME
    if path is None or not path.exists():
        text = (files("skipscope.claims.calibration") / NAME).read_text(encoding="utf-8")
    else:
        text = path.read_text(encoding="utf-8", errors="replace")
    found: dict[str, Any] = {}
    try:
        found = json.loads(text)
        whole = {"claims", "comparisons"} <= set(found)
    except (TypeError, ValueError):
        whole = False
    if not whole:
        hint = "delete that file, or make it again: skipscope calibrate"
        raise WorkspaceError("This is not a calibration.", where=str(path), hint=hint)
    return found
