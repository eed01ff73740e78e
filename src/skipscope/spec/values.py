"""What every part of a spec and of a record is: a value."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, compared by content, with no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
