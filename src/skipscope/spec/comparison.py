"""Which arms are set against each other, for the sake of what, and what they may differ in for it."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from skipscope.spec.values import Frozen

Factor = Literal["shortcut", "gate", "pool", "dense", "depth", "normalisation", "network"]
"""What is compared. `network`: two networks as they are, whatever they differ in."""

ARCHITECTURE = (
    "stem",
    "maps",
    "depth",
    "width",
    "normalisation",
    "shortcut",
    "concatenation",
    "gate",
    "parameters",
    "arithmetic",
)
"""What a network's own properties are called."""
OWN: Mapping[Factor, frozenset[str]] = {
    # the addition has no parameters and, as He et al. count, no arithmetic; a projection's stay within 5 %
    "shortcut": frozenset({"shortcut"}),
    # two small layers a block: some parameters, next to no arithmetic: more than 5 % of it is not the gate's
    "gate": frozenset({"gate", "parameters"}),
    # a pool in the stem is the stem; all maps behind it are smaller, and so is the arithmetic
    "pool": frozenset({"stem", "maps", "arithmetic"}),
    # layers that append, in place of layers that add: another width and another cost; see `matched`
    # (what is measured of the channels themselves asks for equal widths beside that: `Question.equal`)
    "dense": frozenset({"concatenation", "shortcut", "width", "arithmetic"}),
    "depth": frozenset({"depth", "parameters", "arithmetic"}),
    "normalisation": frozenset({"normalisation"}),
    "network": frozenset(ARCHITECTURE),
}
"""Differences that belong to what is compared; any other confounds it."""


def _several(arms: Any) -> Any:
    """One arm may be written without brackets."""
    return (arms,) if isinstance(arms, str) else arms


Arms = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Comparison(Frozen):
    """Which arms are compared with which, and for the sake of what; named before anything is run."""

    treated: Arms
    """Labels of arms; several: at several depths, from the least, in the order of `control`."""
    control: Arms = ()
    """None: the claim is of the treated arms alone."""
    factor: Factor
    matched: Literal["depth", "parameters"] | None = None
    """Of a dense network and its control: which of the two agrees; the other may differ."""
    across: Factor = "depth"
    """What several pairs differ in among each other: depth, or the other factor of a 2 x 2."""
    timed: Annotated[bool, Field(strict=True)] = False
    """Whether seconds are compared: then the machine must be the same too."""

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
        """`resnet20 - plain20`; at several depths with commas; of one arm its name."""
        if not self.control:
            return ", ".join(self.treated)
        pairs = zip(self.treated, self.control, strict=True)
        return ", ".join(f"{one} - {other}" for one, other in pairs)

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm, each once."""
        return tuple(dict.fromkeys((*self.treated, *self.control)))

    def only(self, arms: Collection[str]) -> Self | None:
        """Its pairs of these arms; None if there are none."""
        sides = [self.treated, self.control] if self.control else [self.treated]
        kept = [pair for pair in zip(*sides, strict=True) if set(pair) <= set(arms)]
        if not kept:
            return None
        treated, *control = zip(*kept, strict=True)
        return self.model_copy(update={"treated": treated, "control": control[0] if control else ()})

    def at(self, *places: int) -> Self:
        """Its pairs at these places: at 0 the least depth, at -1 the greatest."""
        sides = {side: getattr(self, side) for side in ("treated", "control")}
        kept = dict.fromkeys(range(len(self.treated))[place] for place in places)
        return self.model_copy(
            update={side: tuple(arms[k] for k in kept if arms) for side, arms in sides.items()}
        )

    def along(self, side: Literal["treated", "control"]) -> Self:
        """One side by itself: what its arms differ in among each other is compared."""
        update = {"treated": getattr(self, side), "control": (), "factor": self.across, "matched": None}
        return self.model_copy(update=update)

    @property
    def diagonal(self) -> Self:
        """Of a 2 x 2 the last treated arm and the first control: both factors changed at once."""
        update = {"treated": self.treated[-1:], "control": self.control[:1], "factor": "network"}
        return self.model_copy(update=update)

    @property
    def alone(self) -> bool:
        """Whether nothing is compared: networks are asked as they are."""
        return not self.control and self.factor == "network"

    @property
    def own(self) -> frozenset[str]:
        """Differences that belong to what is compared."""
        if self.matched is None:
            return OWN[self.factor]
        return OWN[self.factor] | {"parameters" if self.matched == "depth" else "depth"}

    @property
    def own_across(self) -> frozenset[str]:
        """Differences between several pairs that belong to what they differ in among each other."""
        return OWN["network"] if self.factor == "network" else OWN[self.across]
