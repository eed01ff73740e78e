"""What is written about a network: its stages, its calls and what it is made of."""

from typing import Literal

from pydantic import Field

from skipscope.spec.values import Frozen


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
