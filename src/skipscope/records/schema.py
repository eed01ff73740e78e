"""What is written about a run and a study: `run.json` and `studies/<name>.json`.

A report is drawn from these alone, without torch, on any machine. `schema` is a number that grows;
keys are added, never renamed.
"""

from math import ceil
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from skipscope.spec import Frozen, RunSpec, StudySpec
from skipscope.spec.values import RunId

SCHEMA = 2
"""1: readings with `place` in place of typed columns (`readings.migrate` reads them)."""

State = Literal["unfinished", "done", "failed"]


class Stage(Frozen):
    """One call of one of a network's top-level modules."""

    name: str
    kind: str = Field(description="the module's class")
    shape: tuple[int, ...] = Field(description="of one image's output, without the batch: C H W or features")
    params: int = Field(description="0 where a module is called again")
    macs: int = Field(description="multiply-adds of convolutions and matrix products, one image")


class StemLayer(Frozen):
    """A convolution or pooling before the second convolution."""

    module: str
    kind: Literal["conv", "max-pool", "mean-pool"]
    channels: tuple[int, int] = Field(description="in and out")
    kernel: tuple[int, int] = Field(description="height and width, as are stride and padding")
    stride: tuple[int, int]
    padding: tuple[int, int]


class Shortcut(Frozen):
    """An addition f(x) + x."""

    module: str = Field(description="qualified name of the module that adds")
    kind: Literal["identity", "projection"] = Field(description="projection: x passes a layer of its own")
    shape: tuple[int, ...] = Field(description="of the sum, as of a stage")
    scale: Literal["none", "number", "by_channel"] = Field(
        "none",
        description="what f(x) is weighed by, the same for all images and so no gate: one number, or one a "
        "channel; not in older records",
    )


class Concatenation(Frozen):
    """Maps side by side, as more channels."""

    module: str = Field(description="qualified name of the module that concatenates")
    appended: int = Field(
        description="append: channels of the operand with the most layers before it; else 0"
    )
    shape: tuple[int, ...] = Field(description="of the output, as of a stage")
    kind: Literal["append", "beside"] = Field(
        "append", description="append: one map was computed from another; beside: branches side by side"
    )


class Gate(Frozen):
    """A map whose channels are weighed by numbers computed from means over pixels or the like."""

    module: str = Field(description="qualified name of the module that multiplies")
    shape: tuple[int, ...] = Field(description="of the map, as of a stage")


class Unfollowed(Frozen):
    """What joins maps and is neither a shortcut, a gate nor a concatenation, or cannot be seen."""

    module: str = Field(description="qualified name of the module that joins them")
    operator: str = Field(description="the torch function; `module` where its inside cannot be seen")
    reason: Literal["by_pixel", "whole_map", "broadcast", "vectors", "function", "hidden"] = Field(
        description="by_pixel: a product that varies by pixel. whole_map: one number weighs all channels. "
        "broadcast: a sum of different shapes. vectors: a concatenation of other things than maps. "
        "function: another function of several maps. hidden: code that is not torch's"
    )
    shape: tuple[int, ...] = Field(description="of the output, as of a stage")


CallKind = Literal["conv", "linear", "pool", "shortcut", "gate", "concat", "unfollowed"]


class CallCard(Frozen):
    """A layer, a pooling or a join, and what it is applied to."""

    module: str = Field(description="qualified name of its layer, or of the module around it")
    kind: CallKind
    shape: tuple[int, ...] = Field(description="of the output, as of a stage")
    reads: tuple[int, ...] = Field(
        description="indices of the calls whose outputs it is applied to, f(x) before x and a map before its "
        "gate; -1 is the image"
    )


class AnatomyCard(Frozen):
    """What a network is made of, found by following its calls (`anatomy.card`)."""

    depth: int = Field(
        description="convolutions and linear layers on the longest way to the logits, as far as followed"
    )
    stem: tuple[StemLayer, ...]
    maps: tuple[tuple[int, int, int], ...] = Field(
        description="C H W at the end of each size of the map, after the stem"
    )
    normalisation: tuple[str, ...] = Field(description="kinds, as torch names their modules")
    shortcuts: tuple[Shortcut, ...]
    concatenations: tuple[Concatenation, ...]
    gates: tuple[Gate, ...]
    unfollowed: tuple[Unfollowed, ...] = Field((), description="not in older records")
    conv_inputs: int = Field(
        description="numbers per image that convolutions read and keep for the backward pass"
    )
    calls: tuple[CallCard, ...] = Field(
        (), description="layers, poolings and joins in their order; not in older records"
    )


class NetworkCard(Frozen):
    """A network as a report shows it."""

    name: str
    structure: str = Field(description="print(net)")
    params: int
    macs: int
    stages: tuple[Stage, ...]
    anatomy: AnatomyCard | None = Field(
        None, description="not in older records, which `records.printed.anatomy_of` reads from their print"
    )


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
