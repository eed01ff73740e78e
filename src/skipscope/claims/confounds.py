"""What else two arms differ in, beside what is compared.

Everything is read off `run.json`: the network's print, stages, parameters and arithmetic; the resolved recipe
and how it was computed; the data; which runs failed. A comparison's factor says which differences are its
own. Any other makes the comparison confounded, and its verdict is withheld.
"""

from collections.abc import Iterator, Mapping

from skipscope.claims import structure
from skipscope.claims.comparison import OWN, Comparison, Difference
from skipscope.records.schema import NetworkCard, RunRecord
from skipscope.spec import Way

TOLERANCE = 1.05
"""Parameters or arithmetic that differ by more than this factor differ."""
DEPTH_TOLERANCE = 1.1
"""Dense networks have 3n+4 layers and residual ones 6n+2, which are never the same number."""

Runs = Mapping[str, Mapping[int, RunRecord]]
"""The runs of each arm that came to an end, well or not, by seed."""
Fact = str | int


def confounds(comparison: Comparison, runs: Runs) -> tuple[Difference, ...]:
    """The differences beyond the factor: of networks, recipe, how it was computed, data, machine, seeds.

    Arms of several depths are a curve each: along it nothing but depth may change, and it is compared too.
    """
    found: dict[Difference, None] = {}
    for one, other, own, slack in _pairs(comparison):
        for mine, theirs in _together(runs.get(one, {}), runs.get(other, {})):
            pairs = zip(
                facts(mine, timed=comparison.timed), facts(theirs, timed=comparison.timed), strict=True
            )
            for (what, treated), (_, control) in pairs:
                if what not in own and _differ(what, treated, control, slack):
                    difference = Difference(what=what, treated=_text(treated), control=_text(control))
                    found[difference] = None
    return (*found, *_diverged(comparison, runs))


def facts(run: RunRecord, *, timed: bool = False) -> list[tuple[str, Fact]]:
    """Whatever two runs could differ in, under its name; the same names in the same order for any run."""
    recipe = run.spec.recipe.model_dump(mode="json")
    ways = [(key, recipe.pop(key)) for key in Way.model_fields]
    machine = f"{run.environment.machine.get('processor')}, torch {run.environment.versions.get('torch')}"
    return [
        *_architecture(run.network),
        *((f"recipe.{key}", str(value)) for key, value in recipe.items()),
        *((key, str(value)) for key, value in ways),
        ("data", f"{run.spec.data.name} {run.spec.data.sha256[:8]}"),
        ("training images", str(run.spec.data.train_limit or "all")),
        ("machine", machine if timed else ""),
    ]


def _architecture(card: NetworkCard) -> list[tuple[str, Fact]]:
    return [
        ("stem", structure.stem(card)),
        ("maps", structure.maps(card)),
        ("depth", structure.depth(card)),
        ("width", structure.width(card)),
        ("normalisation", structure.normalisation(card)),
        ("shortcut", structure.shortcut(card)),
        ("concatenation", structure.concatenation(card)),
        ("gate", structure.gate(card)),
        ("parameters", card.params),
        ("arithmetic", card.macs),
    ]


def _pairs(comparison: Comparison) -> Iterator[tuple[str, str, frozenset[str], float]]:
    """Arms that are set against each other, what may differ between them, and by what factor depth may."""
    slack = DEPTH_TOLERANCE if comparison.matched == "depth" else 1.0
    for one, other in zip(comparison.treated, comparison.control, strict=False):
        yield one, other, comparison.own, slack
    own = OWN["network"] if comparison.factor == "network" else OWN["depth"]
    for curve in (comparison.treated, comparison.control):
        for arm in dict.fromkeys(curve[1:]):
            if arm != curve[0]:
                yield arm, curve[0], own, 1.0


def _together(
    one: Mapping[int, RunRecord], other: Mapping[int, RunRecord]
) -> list[tuple[RunRecord, RunRecord]]:
    """Runs of one seed; of arms that share none, any: their networks and recipes can be compared still."""
    common = sorted(one.keys() & other.keys())
    if not common and one and other:
        return [(one[min(one)], other[min(other)])]
    return [(one[seed], other[seed]) for seed in common]


def _differ(what: str, one: Fact, other: Fact, slack: float) -> bool:
    if isinstance(one, int) and isinstance(other, int):
        allowed = slack if what == "depth" else TOLERANCE
        return max(one, other) > allowed * min(one, other)
    return one != other


def _text(fact: Fact) -> str:
    return f"{fact:,}" if isinstance(fact, int) else fact


def _diverged(comparison: Comparison, runs: Runs) -> Iterator[Difference]:
    """Seeds that are left out because an arm diverged: those that are left are chosen by the outcome."""
    lost = {
        arm: [
            seed
            for seed, run in sorted(runs.get(arm, {}).items())
            if run.failure is not None and run.failure.kind == "diverged"
        ]
        for arm in comparison.arms
    }
    if any(lost.values()):
        sides = (
            "; ".join(f"{arm}: {', '.join(map(str, lost[arm]))}" for arm in side if lost[arm])
            for side in (comparison.treated, comparison.control)
        )
        treated, control = sides
        yield Difference(what="diverged seeds", treated=treated or "none", control=control or "none")
