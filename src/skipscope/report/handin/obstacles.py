"""Finds an experiment: what keeps a deep chain from starting, taken away one thing at a time.

Before training, a deep chain and a residual network differ in two things at least: how unevenly the first
update changes the layers, and whether gradients of neighbouring inputs agree. Other initial weights take away
the one, the other or both (`models.initialisation.grade` and `mirror`; study `obstacles`), and nothing else
is changed. Each network is judged at the best of those learning rates that have the most seeds.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from skipscope.reference.card import ArmCard
from skipscope.report.handin.course import LEFT
from skipscope.report.handin.pieces import Level
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import decimal
from skipscope.spec import Recipe

LOSS = "training loss at the end"
SPREAD = "spread of the first update"
AGREEMENT = "shattering at the start"
DEPTH = 56
NETWORKS = {
    "usual": f"plain{DEPTH}",
    "even": f"plain{DEPTH}_even",
    "agreeing": f"plain{DEPTH}_ll_uneven",
    "both": f"plain{DEPTH}_ll",
    "residual": f"resnet{DEPTH}",
}
"""The chain with its usual weights; with an even first update; with gradients that agree; with both."""


@dataclass(frozen=True, kw_only=True)
class Obstacles:
    """What came of the experiment, by the words of `NETWORKS`."""

    losses: Mapping[str, Level]
    """At the end of training, at the rate at which it is lowest."""
    rates: Mapping[str, str]
    """That rate."""
    tried: Mapping[str, str]
    """The lowest and the highest rate."""
    spreads: Mapping[str, Level]
    """By what factor the first update changes one layer more than another, at most; log10."""
    agreements: Mapping[str, Level]
    """The correlation between gradients of neighbouring inputs before training."""
    usual: tuple[float, ...]
    """The losses that the chain with its usual weights comes to, rate by rate."""

    @property
    def source(self) -> Source:
        """What a statement about it rests on."""
        return self.losses["usual"].source

    @property
    def seeds(self) -> int:
        """Gives the fewest seeds that a loss is told of."""
        return min(len(level.values) for level in self.losses.values())

    @property
    def fails(self) -> bool:
        """Whether the chain with its usual weights still guesses, at whatever rate."""
        return self.losses["usual"].ends[1] > LEFT and min(self.usual) > LEFT

    def lower(self, one: str, other: str) -> bool:
        """Whether one network's loss ends below another's, interval and all."""
        return self.difference(one, other).ends[2] < 0

    def difference(self, one: str, other: str) -> Level:
        """Gives one network's loss minus another's, seed by seed: fewer seeds are the first of more."""
        pairs = zip(self.losses[one].values, self.losses[other].values, strict=False)
        return replace(self.losses[one], values=tuple(a - b for a, b in pairs))

    @property
    def answers(self) -> bool:
        """Whether the network that fails starts without the two obstacles, and each of them hinders it."""
        return self.fails and all(self.lower("both", each) for each in ("usual", "even", "agreeing"))

    @property
    def enough(self) -> str:
        """Chooses what is said of the rest: nothing, if the network then keeps up with the residual one."""
        return "_partly" if self.lower("residual", "both") else ""


def obstacles(prose: Prose) -> Obstacles | None:
    """Finds the experiment in the first study that has all of its networks."""
    for basis, study, recipes in _studies(prose):
        arms = {key: _arms(network, recipes) for key, network in NETWORKS.items()}
        losses = {key: _levels(prose, LOSS, found, basis, study) for key, found in arms.items()}
        if not all(losses.values()):
            continue
        best = {key: _best(levels) for key, levels in losses.items()}
        bare = list(NETWORKS.values())
        spreads = _levels(prose, SPREAD, bare, basis, study)
        agreements = _levels(prose, AGREEMENT, bare, basis, study, "start")
        if len(spreads) == len(agreements) == len(bare):
            return Obstacles(
                losses=best,
                rates={key: decimal(recipes[level.arm].learning_rate) for key, level in best.items()},
                tried={
                    key: _span(recipes[arm].learning_rate for arm in found) for key, found in arms.items()
                },
                spreads=dict(zip(NETWORKS, spreads, strict=True)),
                agreements=dict(zip(NETWORKS, agreements, strict=True)),
                usual=tuple(level.ends[0] for level in losses["usual"]),
            )
    return None


def weighed(prose: Prose) -> list[Statement]:
    """Says for the conclusion what shortcuts make unnecessary, if the experiment answers it."""
    found = obstacles(prose)
    if found is None or not found.answers:
        return []
    told = {"layers": DEPTH, "seeds": found.seeds}
    return [prose.say(f"conclusion.why.obstacles{found.enough}", found.source, **told)]


def _span(rates: Iterable[float]) -> str:
    """Writes the ends of some rates: 0.01–0.2."""
    found = sorted(rates)
    return f"{decimal(found[0])}–{decimal(found[-1])}"


def _best(levels: Sequence[Level]) -> Level:
    """Returns the lowest loss of those rates that have the most seeds: fewer tell too little."""
    most = max(len(level.values) for level in levels)
    return min((level for level in levels if len(level.values) == most), key=lambda level: level.ends[0])


def _studies(prose: Prose) -> Iterator[tuple[str, str, Mapping[str, ArmCard | Recipe]]]:
    """Yields this workspace's study and those of the reference, with what knows each arm's learning rate."""
    yield "own", prose.evidence.study, prose.evidence.tables.recipes
    for study, card in prose.evidence.reference.items():
        yield "reference", study, {arm.arm: arm for arm in card.arms}


def _arms(network: str, recipes: Mapping[str, ArmCard | Recipe]) -> list[str]:
    """Returns the arms that train a network, one a rate: plain56, plain56_r01."""
    return [arm for arm in recipes if re.fullmatch(rf"{network}(_r\d+)?", arm)]


def _levels(
    prose: Prose, quantity: str, arms: Sequence[str], basis: str, study: str, moment: str = "end"
) -> list[Level]:
    """Returns a quantity of those arms of this study that have it, in their order."""
    found = prose.evidence.levels(quantity, arms, moment) if arms else ()
    return next((each for each in found if each and each[0].origin == (basis, study)), [])
