"""Finds by how much a connection changes the mean training loss of each epoch.

A network is set beside one that lacks the connection, seed by seed, in the first study of enough seeds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skipscope.analysis.statistics import Estimate, over_seeds
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.report.handin.control import PAIR as CONTROL
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Basis, Source

LOSS = "loss curve"
DEPTHS = tuple((f"resnet{layers}", f"plain{layers}") for layers in (8, 20, 32, 56))
"""With shortcuts and without, the shallowest first."""
DENSE = ("densenet31_k8", "resnet32"), ("densenet22_k12", "resnet20")
"""With concatenation and with addition, of about as many layers."""
GATED = ("se_resnet_pool", "resnet"), ("se_resnet20", "resnet20")
HALVED = ("se_resnet_pool_half", "resnet")
"""A branch halved by a constant, and not."""
PLAIN = ("densenet31_k8", "plain32"), ("densenet22_k12", "plain20"), ("se_resnet20", "plain20")
"""With concatenation or gates and without any connection, of about as many layers."""
FEWEST = 3
"""Epochs without which there is no course to speak of."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """By how much a network's mean training loss differs from another's, epoch by epoch."""

    pair: tuple[str, str]
    basis: Basis
    study: str
    epochs: tuple[Estimate, ...]
    """The difference in each epoch, from the first, in nats."""
    change: Estimate
    """How it changes from the second epoch to the last: the first is that of the warm-up."""

    @property
    def source(self) -> Source:
        """What a statement about it rests on."""
        return Source(basis=self.basis, key=LOSS, study=self.study)

    @property
    def grows(self) -> bool:
        """Whether the network leads by more and more from the second epoch on."""
        return self.epochs[1].high < 0 and self.change.high < 0

    @property
    def levels(self) -> bool:
        """Whether its lead grows from the first epoch to the second, and is not seen to grow after it."""
        return self.epochs[1].value < self.epochs[0].value < 0 and self.change.high >= 0

    @property
    def early(self) -> bool:
        """Whether it leads from the first epoch on, and never by more than there."""
        least = min(each.value for each in self.epochs)
        return self.epochs[0].high < 0 and self.epochs[0].value == least


@dataclass(frozen=True, kw_only=True)
class Gains:
    """What was measured, epoch by epoch: of shortcuts, and of the other connections over two baselines."""

    depths: tuple[Gain, ...]
    control: Gain | None
    """The shortest study of the assignment's pair."""
    longer: Gain | None
    """The longest, if it is another."""
    plain: tuple[Gain, ...]
    """Dense and gated networks over plain ones."""
    others: tuple[Gain, ...]
    """Over residual ones."""

    @property
    def shortcuts(self) -> tuple[Gain, ...]:
        """The pairs that differ in shortcuts alone."""
        return (*self.depths, *((self.control,) if self.control else ()))

    @property
    def late(self) -> Gain | None:
        """The deepest pair, if the lead that shortcuts give grows there."""
        return self.depths[-1] if self.depths[-1].grows else None

    @property
    def grown(self) -> tuple[Gain, ...]:
        """Dense and gated networks over plain ones, if the lead of each grows from epoch to epoch."""
        always = all(each.grows and each.epochs[0].value > each.epochs[1].value for each in self.plain)
        return self.plain if always else ()

    @property
    def starts(self) -> tuple[tuple[Gain, Gain], ...]:
        """Pairs of leads of one network, over a residual and over a plain one, of which the former is early.

        It is the larger one in the first epoch: the residual network starts behind the plain one.
        """
        over = {(each.pair[0], each.study): each for each in self.plain}
        pairs = ((each, over.get((each.pair[0], each.study))) for each in self.others if each.early)
        led = [(one, two) for one, two in pairs if two]
        return tuple((one, two) for one, two in led if one.epochs[0].value < two.epochs[0].value < 0)

    @property
    def gated(self) -> Gain | None:
        """The first pair in which gates lead early."""
        return next((each for each in self.others if each.early and each.pair in GATED), None)


def gains(prose: Prose) -> Gains | None:
    """Finds what the figure shows; None unless shortcuts and another connection were measured."""
    depths = tuple(found for pair in DEPTHS if (found := gain(prose, pair)))
    plain = tuple(found for pair in PLAIN if (found := gain(prose, pair)))
    others = tuple(found for pair in (*DENSE, *GATED) if (found := gain(prose, pair)))
    if len(depths) < 2 or not others:
        return None
    of_control = list(gains_of(prose, CONTROL))
    control, longer = (of_control[-1], of_control[0]) if of_control else (None, None)
    longer = None if longer is control else longer
    return Gains(depths=depths, control=control, longer=longer, plain=plain, others=others)


def gain(prose: Prose, pair: tuple[str, str], fewest: int = FEWEST, within: str = "") -> Gain | None:
    """Compares two networks in the first study, or `within` one, that trained both often and long enough."""
    return next(gains_of(prose, pair, fewest, within), None)


def gains_of(prose: Prose, pair: tuple[str, str], fewest: int = FEWEST, within: str = "") -> Iterator[Gain]:
    """Compares two networks in each study that trained both often and long enough, the largest first."""
    for (basis, study), series in prose.evidence.series(LOSS, pair):
        if within not in ("", study):
            continue
        one, other = (series.get(arm, {}) for arm in pair)
        losses = {seed: differences(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())}
        last = min(map(len, losses.values()), default=0)
        if len(losses) < MINIMUM_SEEDS or last < fewest:
            continue
        epochs = [over_seeds({seed: row[at] for seed, row in losses.items()}) for at in range(last)]
        change = over_seeds({seed: row[last - 1] - row[1] for seed, row in losses.items()})
        if change and all(epochs):
            told = tuple(each for each in epochs if each)
            yield Gain(pair=pair, basis=basis, study=study, epochs=told, change=change)


def differences(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> list[float]:
    """Subtracts two curves of (epoch, seconds, loss), epoch by epoch; without their first step."""
    pairs = zip(one, other, strict=False)
    return [first[2] - second[2] for first, second in pairs if first[0] == second[0] > 0]
