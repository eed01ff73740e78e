"""Defines the values that specs and records consist of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

RunId = Annotated[str, StringConstraints(pattern=r"^\w[\w.-]{0,150}$")]
"""A run's id is a folder's name, and leads nowhere else."""


class Frozen(BaseModel):
    """Makes a record immutable, compared by content, with no unknown keys; not-finite numbers come back."""

    # a class is made ready when it is first used: a command uses few of them
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", defer_build=True)
