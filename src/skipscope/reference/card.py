"""The card of a reference study: what was run, when, from which code, on which machines and data."""

from typing import Any, Literal

from skipscope.spec.values import Frozen


class ArmCard(Frozen):
    """An arm of a reference study."""

    arm: str
    model: str
    parameters: int | None
    epochs: int
    learning_rate: float
    clip_norm: float | None = None
    """The gradient's L2 norm was cut down to this; None: it was not clipped."""
    seeds: list[int]
    """Those that finished."""


class ReferenceCard(Frozen):
    """A reference study."""

    study: str
    command: str
    data: str
    """Where the images came from, in words."""
    fidelity: Literal["exact", "inexact", "unchecked"] | None
    """What kind of a copy of CIFAR-10 they are."""
    sha256: str
    images: int
    """Trained on by a run."""
    initial_seeds: int
    dates: tuple[str, str]
    """The days on which the first and the last run finished; empty without one."""
    commits: list[str]
    machines: list[str]
    core_seconds: int
    """What training and validation took, over all finished runs."""
    arms: list[ArmCard]
    claims: list[dict[str, Any]]
    """What `skipscope claims --json` says of each."""
