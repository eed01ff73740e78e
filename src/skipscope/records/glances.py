"""The few fields of a record that a list of all runs shows: of hundreds, the rest need not be parsed.

A file that is not as it was written is found by its checksum, whatever of it is read.
"""

from pydantic import BaseModel, ConfigDict, Field

from skipscope.records.schema import SCHEMA, State
from skipscope.spec.values import RunId


class Glance(BaseModel):
    """Makes a record immutable; what else is written there is left out."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class RecipeGlance(Glance):
    """How long a run trains."""

    epochs: int


class SpecGlance(Glance):
    """Which seed a run has, and its recipe."""

    seed: int
    recipe: RecipeGlance


class NetworkGlance(Glance):
    """How large a network is."""

    params: int


class ResultGlance(Glance):
    """What a finished run achieved."""

    val_accuracy: float
    test_accuracy: float
    seconds: float
    images_per_second: float


class RunGlance(Glance):
    """A `RunRecord` at a glance."""

    schema_: int = Field(SCHEMA, alias="schema")
    id: RunId
    spec: SpecGlance
    state: State
    network: NetworkGlance
    result: ResultGlance | None = None


class MemberGlance(Glance):
    """Which arm a run is of."""

    arm: str
    run: RunId


class StudyGlance(Glance):
    """A `StudyRecord` at a glance."""

    schema_: int = Field(SCHEMA, alias="schema")
    members: tuple[MemberGlance, ...]
    planned: str
