"""Says which arms are compared, by which factor, and which differences the factor allows."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from skipscope.spec.names import composed
from skipscope.spec.values import Frozen

Factor = Literal[
    "shortcut", "gate", "gate_content", "gate_scale", "halving",
    "pool", "dense", "concatenation", "depth", "normalisation", "rate", "network",
]  # fmt: skip
"""What is compared. `network`: two whole networks, whatever they differ in."""
RATE = "recipe.learning_rate"

ARCHITECTURE = (
    "stem", "maps", "depth", "width", "normalisation",
    "shortcut", "concatenation", "gate", "parameters", "arithmetic",
)  # fmt: skip
"""Properties of a network that a comparison looks at."""
OWN: Mapping[Factor, frozenset[str]] = {
    # additions have no parameters and, as He et al. count, no arithmetic; projections stay within 5 %
    "shortcut": frozenset({"shortcut"}),
    # two small layers a block: some parameters, next to no arithmetic: more than 5 % of it is not the gate's
    "gate": frozenset({"gate", "parameters"}),
    # what the image says: a gate against a learnt number a channel; then that against a constant, then 1/2
    # against nothing: BatchNorm's scale can absorb all but the first
    "gate_content": frozenset({"gate", "parameters"}),
    "gate_scale": frozenset({"gate", "parameters"}),
    "halving": frozenset({"gate"}),
    # a pool in the stem changes the stem, the size of all later maps, and so the arithmetic
    "pool": frozenset({"stem", "maps", "arithmetic"}),
    # layers that append instead of adding have another width and another cost; see `matched`
    "dense": frozenset({"concatenation", "shortcut", "width", "arithmetic"}),
    # a chain of the same stem, depth and growth: to read all earlier features takes weights
    "concatenation": frozenset({"concatenation", "parameters", "arithmetic"}),
    "depth": frozenset({"depth", "parameters", "arithmetic"}),
    "normalisation": frozenset({"normalisation"}),
    "rate": frozenset({RATE}),
    "network": frozenset(ARCHITECTURE),
}
"""Differences that each factor allows; any other confounds the comparison."""


def _several(arms: Any) -> Any:
    """Accepts a single arm without brackets."""
    return (arms,) if isinstance(arms, str) else arms


Arms = Annotated[tuple[Annotated[str, AfterValidator(composed)], ...], BeforeValidator(_several)]


class Comparison(Frozen):
    """Declares, before anything is run, arms that are compared by one factor."""

    treated: Arms
    """Labels of arms; if several, at several depths from the least, in the order of `control`."""
    control: Arms = ()
    """Empty if the treated arms are measured without a control."""
    factor: Factor
    matched: Literal["depth", "parameters"] | None = None
    """For a dense network and its control: which of the two agrees; the other may differ."""
    across: Factor = "depth"
    """What several pairs differ in: depth, the other factor of a 2 x 2 design, or the learning rate."""
    tuned: Annotated[bool, Field(strict=True)] = False
    """Whether each arm has the learning rate that validation chose for it, so that they may differ."""
    timed: Annotated[bool, Field(strict=True)] = False
    """Whether seconds are compared, so that the machine must be the same."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.treated:
            raise ValueError("treated names an arm at least")
        if self.control and len(self.control) != len(self.treated):
            raise ValueError("each arm of treated has its own in control, in the same order")
        if (self.matched is not None) != (self.factor == "dense" and bool(self.control)):
            raise ValueError(
                'a dense network and its control say matched = "depth" or "parameters"; no others do'
            )
        return self

    def __str__(self) -> str:
        """Formats it as `resnet20 - plain20`, pairs separated by commas; arms without control as such."""
        if not self.control:
            return ", ".join(self.treated)
        pairs = zip(self.treated, self.control, strict=True)
        return ", ".join(f"{one} - {other}" for one, other in pairs)

    @property
    def arms(self) -> tuple[str, ...]:
        """Lists all arms without duplicates."""
        return tuple(dict.fromkeys((*self.treated, *self.control)))

    def only(self, arms: Collection[str]) -> Self | None:
        """Restricts the comparison to pairs of these arms; returns None if there are none."""
        sides = [self.treated, self.control] if self.control else [self.treated]
        kept = [pair for pair in zip(*sides, strict=True) if set(pair) <= set(arms)]
        if not kept:
            return None
        treated, *control = zip(*kept, strict=True)
        return self.model_copy(update={"treated": treated, "control": control[0] if control else ()})

    def at(self, *indices: int) -> Self:
        """Restricts the comparison to these pairs: 0 has the least depth, -1 the greatest."""
        sides = {side: getattr(self, side) for side in ("treated", "control")}
        kept = dict.fromkeys(range(len(self.treated))[index] for index in indices)
        return self.model_copy(
            update={side: tuple(arms[k] for k in kept if arms) for side, arms in sides.items()}
        )

    @property
    def pairs(self) -> "list[Self]":
        """Lists its pairs as comparisons of their own."""
        return [self.at(index) for index in range(len(self.treated))]

    def along(self, side: Literal["treated", "control"]) -> Self:
        """Takes one side by itself, comparing what its arms differ in."""
        update = {"treated": getattr(self, side), "control": (), "factor": self.across, "matched": None}
        return self.model_copy(update=update)

    @property
    def diagonal(self) -> Self:
        """Compares, in a 2 x 2 design, the last treated arm with the first control: both factors change."""
        update = {"treated": self.treated[-1:], "control": self.control[:1], "factor": "network"}
        return self.model_copy(update=update)

    @property
    def alone(self) -> bool:
        """Tells whether networks are measured without a control."""
        return not self.control and self.factor == "network"

    @property
    def own(self) -> frozenset[str]:
        """Gives the differences that the factor allows within a pair."""
        own = OWN[self.factor] | ({RATE} if self.tuned else set())
        if self.matched is None:
            return own
        return own | {"parameters" if self.matched == "depth" else "depth"}

    @property
    def own_across(self) -> frozenset[str]:
        """Gives the differences that are allowed between pairs."""
        own = OWN["network"] if self.factor == "network" else OWN[self.across]
        return own | ({RATE} if self.tuned else set())

    @property
    def at_other_rates(self) -> bool:
        """Tells whether arms' learning rates differ: such a comparison answers no other question."""
        return self.tuned or "rate" in (self.factor, self.across)
