"""Says at which moments of training a study keeps the weights."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from skipscope.spec.values import Frozen

LADDER = (2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.8, 0.6, 0.4)
"""Losses from just below chance, log 10 = 2.3, to what five epochs reach."""


class Snapshots(Frozen):
    """Asks for weights while a run trains. It is no part of a recipe: runs have the same ids and bits."""

    model_config = ConfigDict(allow_inf_nan=False, strict=True)

    losses: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        LADDER,
        strict=False,  # brackets make a list
        max_length=16,
        description="levels that the smoothed training loss first falls below, from the highest",
    )
    epochs: Annotated[bool, Field(description="also at the end of each epoch but the last")] = False
    probes: tuple[str, ...] | None = Field(
        None,
        strict=False,
        description="those of an arm's probes that measure where arms have the same loss; all that can",
    )

    @model_validator(mode="after")
    def _descends(self) -> Self:
        if list(self.losses) != sorted(set(self.losses), reverse=True):
            raise ValueError("losses descend from the highest, each once")
        return self
