"""What a page asks of networks, checked: nothing that a request says is trusted."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from skipscope.data.picture import SIDE
from skipscope.errors import UsageError
from skipscope.live.lab import asked_of
from skipscope.spec.values import Frozen, RunId

if TYPE_CHECKING:
    from starlette.requests import Request
    from torch import Tensor

    from skipscope.engine.dissection.networks import Networks, Opened, Sample
    from skipscope.probes.interventions import Kernel

CHANNELS = 3
Position = Annotated[int, Field(ge=0, le=10_000)]
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Row = Annotated[tuple[Number, ...], Field(min_length=1, max_length=SIDE)]
Model = TypeVar("Model", bound=BaseModel)


class Network(Frozen):
    """A run's network, as it was after some step, or trained."""

    run: RunId
    step: Annotated[int, Field(ge=0)] | None = None

    def opened(self, networks: Networks) -> Opened:
        """Loads it."""
        return networks.open(self.run, self.step)


class Image(Frozen):
    """An image of the sample by its position, or any pixels: 32 x 32 x 3 bytes in base64."""

    position: Position | None = None
    pixels: Annotated[str, Field(max_length=4 * SIDE * SIDE * CHANNELS)] | None = None

    def of(self, sample: Sample) -> NDArray[np.uint8]:
        """Returns its pixels: 32 32 3.

        Raises:
            UsageError: the sample has no such image, or the pixels are others in number.
        """
        if self.pixels is None:
            position = self.position or 0
            if position >= len(sample.pixels):
                raise UsageError(f"There are {len(sample.pixels):,} images here, and no image {position:,}.")
            chosen: NDArray[np.uint8] = sample.pixels[position]
            return chosen
        try:
            content = b64decode(self.pixels, validate=True)
        except (Base64Error, ValueError):
            content = b""
        if len(content) != SIDE * SIDE * CHANNELS:
            raise UsageError(f"A picture for networks has {SIDE} x {SIDE} pixels of three bytes.")
        return np.frombuffer(content, np.uint8).reshape(SIDE, SIDE, CHANNELS)

    def seen(self, opened: Opened) -> Tensor:
        """Returns what a network sees of it: 3 32 32."""
        return opened.sample.normalised(self.of(opened.sample))


class Edited(Frozen):
    """A kernel written by hand into a convolution: the same one of every network, or of one run's."""

    layer: Annotated[int, Field(ge=0, le=2_000)]
    """Its number among the network's convolutions."""
    numbers: Annotated[tuple[Row, ...], Field(min_length=1, max_length=SIDE)]
    filter: Position | None = None
    channel: Position | None = None
    same_norm: bool = False
    run: RunId | None = None


Edits = Annotated[tuple[Edited, ...], Field(max_length=64)]


def kernels(opened: Opened, edits: Edits) -> list[Kernel]:
    """Returns the edits that concern this network, each for the layer it means."""
    from skipscope.probes.interventions import Kernel  # noqa: PLC0415 - loads torch

    names = [site.module for site in opened.view.anatomy.of("conv")]
    return [
        Kernel(
            layer=names[edit.layer],
            numbers=edit.numbers,
            filter=edit.filter,
            channel=edit.channel,
            same_norm=edit.same_norm,
        )
        for edit in edits
        if edit.run in (None, opened.run.record.id)
        and edit.layer < len(names)
        and len({len(row) for row in edit.numbers}) == 1
    ]


async def read(request: Request, model: type[Model]) -> Model:
    """Reads what a page asks.

    Raises:
        UsageError: it is not of this form; says which part.
    """
    try:
        return model.model_validate(await asked_of(request))
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError) -> UsageError:
    """Says which part of what a page sent is not of its form."""
    first = error.errors(include_url=False, include_input=False)[0]
    part = ".".join(map(str, first["loc"]))
    return UsageError(f"The page asked for something that cannot be: {part}: {first['msg']}.")


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """Packs an array for a page: its shape, and its numbers in base64."""
    return {"shape": list(array.shape), "data": b64encode(np.ascontiguousarray(array).tobytes()).decode()}
