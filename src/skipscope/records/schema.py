"""What is written about a run and a study: `run.json` and `studies/<name>.json`.

A report is drawn from these alone, without torch, on any machine. `schema` is a number that grows;
keys are added, never renamed.
"""

from math import ceil
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from skipscope.records.network_card import NetworkCard
from skipscope.spec import Frozen, RunSpec, StudySpec
from skipscope.spec.values import RunId

SCHEMA = 2
"""1: readings with `place` in place of typed columns (`readings.migrate` reads them)."""

State = Literal["unfinished", "done", "failed"]


def tenths(value: float) -> float:
    """Rounds up to tenths, for sentences with "at most"."""
    return ceil(value * 10) / 10


class Likeness(Frozen):
    """How near what was imported as CIFAR-10 is to the official set, by its content."""

    exact: bool
    labels_in_order: bool = Field(description="all 60,000 labels are the official ones, in their order")
    images_known: int = Field(description="at least so many images are the official ones to the last bit")
    mean: float = Field(description="of any class and channel: how far off, in levels of 255")
    std: float = Field(description="as the mean's")

    def described(self) -> str:
        """Says in words what kind of a copy it is."""
        if self.exact:
            return "exact: labels and pixels are the official ones"
        order = "in the official order" if self.labels_in_order else "in another order"
        known = f", {self.images_known:,} images at least are exact" if self.images_known else ""
        return (
            f"inexact: labels {order}{known}, means of a class's channel off by {tenths(self.mean)} of 255 "
            f"at most, standard deviations by {tenths(self.std)}"
        )


class DataCard(Frozen):
    """A data set as a report shows it."""

    name: str
    sha256: str
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    source: str = Field(description="where the bytes came from, in words")
    mean: tuple[float, float, float] | None = Field(
        None, description="of its channels in 0..1, as networks are given them; not in older records"
    )
    std: tuple[float, float, float] | None = None
    likeness: Likeness | None = Field(None, description="of CIFAR-10 only; not in older records")

    @property
    def fidelity(self) -> Literal["exact", "inexact", "unchecked"] | None:
        """Says what kind of a copy of CIFAR-10 this is; None for any other data set."""
        if self.name != "cifar10":
            return None
        if self.likeness is None:  # older records say by the archive's checksum whether it was official
            return "exact" if self.source.startswith("the official") else "unchecked"
        return "exact" if self.likeness.exact else "inexact"

    @property
    def spoken(self) -> str:
        """Names the data set for a terminal: cifar10 (an inexact copy)."""
        copies = {"inexact": " (an inexact copy)", "unchecked": " (an unofficial copy)"}
        return self.name + copies.get(self.fidelity or "", "")


class Environment(Frozen):
    """Where and with what a run was trained."""

    versions: dict[str, str]
    machine: dict[str, str | int | float]
    threads: int
    git: str | None = Field(description="commit of the skipscope checkout, with + if it was changed")


class Result(Frozen):
    """What a finished run achieved. The test set was read once, to fill this."""

    val_loss: float
    val_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float = Field(description="of training and validation, over all sittings")
    train_seconds: float = Field(description="of forward, backward and step, with their data")
    images_per_second: float = Field(description="training images per train_second")
    probe_seconds: float = Field(
        0.0, description="of measuring the trained network, where an older version did that before the end"
    )
    train_accuracy: float | None = Field(
        None, description="of the final weights, on as many training images as validate; not in older records"
    )
    lowest_loss: float | None = Field(
        None, description="lowest smoothed training loss; unknown of runs that an older version began"
    )


class Snapshot(Frozen):
    """Weights that were kept after one step: `snapshots/step-NNNNNN.safetensors` in the run's folder."""

    step: int = Field(description="training steps made before")
    epoch: int = Field(description="the epoch that the step belongs to, from 1")
    losses: tuple[float, ...] = Field(
        (), description="levels that the smoothed training loss first fell below at this step, descending"
    )
    epoch_end: Annotated[bool, Field(description="kept since the epoch ended")] = False
    smoothed: float = Field(description="the smoothed training loss at this step")


class Failure(Frozen):
    """Why a run ended early."""

    kind: Literal["diverged", "error"]
    message: str
    numbers: dict[str, float | int | str] = Field({}, description="the step's; not-finite values as text")


class Row(BaseModel):
    """The fields of a row of `metrics.jsonl` that are read without its table."""

    model_config = ConfigDict(frozen=True)

    step: int | None = None
    epoch: int | None = None
    val_accuracy: float | None = None
    seconds: float | None = None


class RunRecord(Frozen):
    """`run.json`."""

    schema_: int = Field(SCHEMA, alias="schema")
    id: RunId
    spec: RunSpec
    state: State
    started: str = Field(description="UTC, ISO 8601")
    finished: str | None = None
    environment: Environment
    network: NetworkCard
    result: Result | None = None
    failure: Failure | None = None
    snapshots: tuple[Snapshot, ...] = Field((), description="of a run that has ended, in the order of steps")


class Member(Frozen):
    """One run of a study: its arm and seed there, and the run's id."""

    arm: str
    seed: int
    run: RunId


class Budget(Frozen):
    """The time a study was cut down to, and what it was before: what it is now stands in the study."""

    asked: str = Field(description="as it was written: 20m")
    seeds: int
    epochs: int
    images: int = Field(description="training images")


class StudyRecord(Frozen):
    """`studies/<name>.json`: the study as it was asked for, and its runs."""

    schema_: int = Field(SCHEMA, alias="schema")
    study: StudySpec
    data: DataCard
    members: tuple[Member, ...]
    planned: str = Field(description="UTC, ISO 8601")
    command: str = Field(description="the command line that makes it again")
    budget: Budget | None = None
    networks: tuple[NetworkCard, ...] = Field(
        (), description="of the arms, then of study.initial: known before any run; not in older records"
    )
