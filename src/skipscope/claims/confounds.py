"""Finds confounds: what two arms differ in besides the factor that is compared.

Everything comes from `run.json`: the network's anatomy, parameters and arithmetic; the resolved recipe and
backend; the data; which runs failed. A comparison's factor allows some differences. Any other confounds the
comparison, and its verdict is withheld.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from skipscope.claims import structure
from skipscope.records.network_card import NetworkCard
from skipscope.records.schema import RunRecord
from skipscope.spec import Backend, DataRef
from skipscope.spec.comparison import ARCHITECTURE, Comparison
from skipscope.spec.derived import DEPTH_TOLERANCE
from skipscope.spec.values import Frozen

TOLERANCE = 1.05
"""Parameters and arithmetic count as equal within this factor."""
MACHINE = "machine"
"""A confound only if time is compared."""
Runs = Mapping[str, Mapping[int, RunRecord]]
"""Runs by arm and seed that ended, with a result or a failure."""
Fact = str | int
Facts = tuple[tuple[str, Fact], ...]
"""Names and values; the same names in the same order for every run."""


class Confound(Frozen):
    """One property in which two arms differ and should not."""

    what: str
    """A word of `ARCHITECTURE`, `recipe.KEY`, a key of `Backend`, or `data`, `training images`, `machine`,
    `instructions`, `diverged seeds`."""
    treated: str
    control: str


def facts_of(run: RunRecord) -> Facts:
    """Every property in which two runs could differ."""
    recipe = run.spec.recipe.model_dump(mode="json")
    backend = [(key, str(recipe.pop(key))) for key in Backend.model_fields]
    environment = run.environment
    by = environment.machine.get("accelerator") or environment.machine.get("processor")
    machine = f"{by}, torch {environment.versions.get('torch')}"
    return (
        *_architecture(run.network),
        *((f"recipe.{key}", str(value)) for key, value in recipe.items()),
        *backend,
        ("data", f"{run.spec.data.name} {run.spec.data.sha256[:8]}"),
        ("training images", _images(run.spec.data)),
        (MACHINE, machine),
        # they round differently, whatever is compared
        ("instructions", str(environment.machine.get("instructions"))),
    )


def _images(data: DataRef) -> str:
    """Says how many images train, and if they were drawn anew for each seed."""
    drawn = " by seed" if data.subset == "by_seed" else ""
    return f"{data.train_limit or 'all'}{drawn}"


def confounds(
    comparison: Comparison, runs: Runs, facts: Callable[[RunRecord], Facts] = facts_of
) -> tuple[Confound, ...]:
    """Differences beyond the factor: in networks, recipe, backend, data, machine or seeds.

    Arms of several depths form a curve, along which nothing but depth may change. Unpaired networks are not
    compared with each other and may differ in anything.

    Args:
        comparison: which arms are compared.
        runs: the runs of all arms.
        facts: gives the properties of a run; may be memoized.
    """
    found: list[Confound] = []
    for one, other, own, slack in _pairs(comparison):
        allowed = own if comparison.timed else own | {MACHINE}
        pairs = _same_seed(runs.get(one, {}), runs.get(other, {}))
        # most seeds of two arms have equal facts
        for mine, theirs in dict.fromkeys((facts(mine), facts(theirs)) for mine, theirs in pairs):
            found += _differences(mine, theirs, allowed, slack)
    return (*dict.fromkeys(found), *_diverged(comparison, runs))


def confounds_of_networks(comparison: Comparison, cards: Mapping[str, NetworkCard]) -> tuple[Confound, ...]:
    """The confounds of networks before their first step, when recipes do not matter."""
    found: list[Confound] = []
    for one, other, own, slack in _pairs(comparison):
        if one in cards and other in cards:
            found += _differences(_architecture(cards[one]), _architecture(cards[other]), own, slack)
    return tuple(dict.fromkeys(found))


@cache
def _architecture(card: NetworkCard) -> Facts:
    *properties, parameters, arithmetic = ARCHITECTURE
    found = ((name, getattr(structure, name)(card)) for name in properties)
    return (*found, (parameters, card.params), (arithmetic, card.macs))


def _pairs(comparison: Comparison) -> Iterator[tuple[str, str, frozenset[str], float]]:
    """Pairs of arms, with the differences allowed between them and the factor by which depth may differ."""
    slack = DEPTH_TOLERANCE if comparison.matched == "depth" else 1.0
    for one, other in zip(comparison.treated, comparison.control, strict=False):
        yield one, other, comparison.own, slack
    for curve in () if comparison.alone else (comparison.treated, comparison.control):
        for arm in dict.fromkeys(curve[1:]):
            if arm != curve[0]:
                yield arm, curve[0], comparison.own_across, 1.0


def _differences(one: Facts, other: Facts, own: frozenset[str], slack: float) -> Iterator[Confound]:
    for (what, mine), (_, theirs) in zip(one, other, strict=True):
        if what not in own and _differ(mine, theirs, slack if what == "depth" else TOLERANCE):
            treated, control = (f"{it:,}" if isinstance(it, int) else it for it in (mine, theirs))
            yield Confound(what=what, treated=treated, control=control)


def _same_seed(
    one: Mapping[int, RunRecord], other: Mapping[int, RunRecord]
) -> list[tuple[RunRecord, RunRecord]]:
    """Pairs of runs with equal seeds; if the arms share no seed, the first of each, to compare recipes."""
    common = sorted(one.keys() & other.keys())
    if not common and one and other:
        return [(one[min(one)], other[min(other)])]
    return [(one[seed], other[seed]) for seed in common]


def _differ(one: Fact, other: Fact, tolerance: float) -> bool:
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other) > tolerance * min(one, other)
    return one != other


def diverged(comparison: Comparison, runs: Runs) -> dict[str, list[int]]:
    """The seeds of each arm whose runs diverged."""
    ended = {arm: sorted(runs.get(arm, {}).items()) for arm in comparison.arms}
    return {
        arm: [seed for seed, run in seeds if run.failure and run.failure.kind == "diverged"]
        for arm, seeds in ended.items()
    }


def _diverged(comparison: Comparison, runs: Runs) -> Iterator[Confound]:
    """Seeds missing because an arm diverged: the remaining ones are selected by outcome."""
    lost = diverged(comparison, runs)
    if any(lost.values()):
        treated, control = (
            "; ".join(f"{arm}: {', '.join(map(str, lost[arm]))}" for arm in side if lost[arm]) or "none"
            for side in (comparison.treated, comparison.control)
        )
        yield Confound(what="diverged seeds", treated=treated, control=control)
