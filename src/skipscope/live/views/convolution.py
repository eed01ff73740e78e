"""Convolution by hand: one image through finished networks, maps, kernels, and one pixel worked out."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skipscope.data import picture as pictures
from skipscope.engine.dissection.finished import facts, finished_runs
from skipscope.errors import PictureError
from skipscope.language import Language
from skipscope.live.asked import Edits, Image, Network, Position, kernels, packed, read
from skipscope.live.lab import lab_of
from skipscope.live.told import both
from skipscope.records.store import Workspace

if TYPE_CHECKING:
    from skipscope.engine.dissection.networks import Networks

MOST_NETWORKS = 24
GALLERY = 60
"""Images of the sample that are sent at a time."""


class OfNetwork(Network):
    """A question about one network."""


class Answers(Network):
    """What these networks answer to an image."""

    run: str = ""
    networks: Annotated[tuple[Network, ...], Field(max_length=MOST_NETWORKS)]
    image: Image
    edits: Edits = ()


class Layer(Network):
    """A layer of a network that an image passes through."""

    image: Image
    edits: Edits = ()
    layer: Annotated[str, Field(max_length=300)]


class Filter(Layer):
    """A filter of it."""

    filter: Position


class Pixel(Filter):
    """A pixel of that filter's output."""

    row: Position
    column: Position


async def networks(request: Request) -> Response:
    """Lists the finished networks, with their classes in the page's language."""
    language: Language = "zh" if request.query_params.get("lang") == "zh" else "en"
    return JSONResponse(await run_in_threadpool(_networks, lab_of(request).workspace, language))


def _networks(workspace: Workspace, language: Language) -> list[dict[str, Any]]:
    from skipscope.report.words import Words  # noqa: PLC0415 - loads the report

    found, words = facts(finished_runs(workspace)), Words(language)

    def named(label: str) -> str:
        key = f"class_names.{label}"
        return str(words.raw(key)) if words.has(key) else label

    return [each | {"classes": [named(label) for label in each["data"]["classes"]]} for each in found]


async def gallery(request: Request) -> Response:
    """Answers with images of the sample from some position on, and their classes."""
    asked = request.query_params
    network, first = Network(run=asked.get("run", "")), _count(asked.get("from", "0"))

    def answer(networks: Networks) -> dict[str, Any]:
        sample = network.opened(networks).sample
        part = slice(first, first + GALLERY)
        total, labels = len(sample.labels), sample.labels[part].tolist()
        return {"total": total, "from": first, "labels": labels, "pixels": packed(sample.pixels[part])}

    return JSONResponse(await lab_of(request).compute.look(answer))


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0


async def picture(request: Request) -> Response:
    """Makes of an uploaded picture what networks see; nothing of it is kept."""
    content = await request.body()
    return JSONResponse(await run_in_threadpool(_read, content))


def _read(content: bytes) -> dict[str, Any]:
    try:
        given = pictures.from_bytes(content)
    except PictureError as error:  # it has no name
        raise PictureError(error.what, hint=error.hint) from None
    return {"pixels": packed(given.pixels), "size": given.size, "notes": [both(each) for each in given.notes]}


async def layers(request: Request) -> Response:
    """Lists a network's calls that make maps."""
    asked = await read(request, OfNetwork)

    def answer(networks: Networks) -> list[dict[str, Any]]:
        from skipscope.engine.dissection import looking  # noqa: PLC0415 - loads torch

        return [vars(layer) for layer in looking.layers(asked.opened(networks))]

    return JSONResponse(await lab_of(request).compute.look(answer))


async def answers(request: Request) -> Response:
    """Answers with each network's probabilities for an image."""
    asked = await read(request, Answers)

    def answer(networks: Networks) -> list[dict[str, Any]]:
        from skipscope.engine.dissection.looking import look  # noqa: PLC0415 - loads torch

        told = []
        for network in asked.networks:
            opened = network.opened(networks)
            looked = look(opened, asked.image.seen(opened), kernels(opened, asked.edits))
            told.append({"run": network.run, "shares": finite(looked.shares.tolist())})
        return told

    return JSONResponse(await lab_of(request).compute.look(answer))


async def _asked_of_layer(request: Request, asked: Layer, question: Any) -> Any:
    """Asks something of a layer's call while the image passes."""

    def answer(networks: Networks) -> Any:
        from skipscope.engine.dissection import looking  # noqa: PLC0415 - loads torch

        opened = asked.opened(networks)
        image = asked.image.seen(opened)
        edited = kernels(opened, asked.edits)
        return looking.look(opened, image, edited, layer=asked.layer, ask=question(looking)).asked

    return await lab_of(request).compute.look(answer)


async def maps(request: Request) -> Response:
    """Answers with a layer's maps: C h w bytes, each map's own range spread over 0..255."""
    found = await _asked_of_layer(request, await read(request, Layer), lambda looking: looking.maps)
    known = np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = known.min((1, 2)), known.max((1, 2))
    spread = np.where(high > low, high - low, 1)[:, None, None]
    levels = np.rint((known - low[:, None, None]) / spread * 255).astype(np.uint8)
    return JSONResponse({**packed(levels), "low": low.tolist(), "high": high.tolist()})


async def one_map(request: Request) -> Response:
    """Answers with one map as it was computed: h w floats."""
    asked = await read(request, Filter)
    found = await _asked_of_layer(request, asked, lambda looking: looking.one_map(asked.filter))
    return JSONResponse(packed(found.astype("<f4")))


async def kernel(request: Request) -> Response:
    """Answers with a filter's kernels: R h w floats."""
    asked = await read(request, Filter)
    found = await _asked_of_layer(request, asked, lambda looking: looking.kernel(asked.filter))
    return JSONResponse(packed(found.astype("<f4")))


async def pixel(request: Request) -> Response:
    """Answers with all that one pixel of a convolution is computed from."""
    asked = await read(request, Pixel)
    at = (asked.filter, asked.row, asked.column)
    found = await _asked_of_layer(request, asked, lambda looking: looking.pixel(*at))
    numbers = {name: finite(getattr(found, name).tolist()) for name in ("patch", "kernel", "products")}
    said = {name: finite(getattr(found, name)) for name in ("bias", "total", "value")}
    where = {"channel": found.channel, "rows": found.rows, "columns": found.columns}
    return JSONResponse({**numbers, **said, **where})


def finite(numbers: Any) -> Any:
    """Replaces what is not finite by None: JSON has no such numbers."""
    if isinstance(numbers, list):
        return [finite(each) for each in numbers]
    return numbers if math.isfinite(numbers) else None


_post = partial(Route, methods=["POST"])
ROUTES = (
    Route("/convolution/networks", networks),
    Route("/convolution/gallery", gallery),
    _post("/convolution/picture", picture),
    _post("/convolution/layers", layers),
    _post("/convolution/answers", answers),
    _post("/convolution/maps", maps),
    _post("/convolution/map", one_map),
    _post("/convolution/kernel", kernel),
    _post("/convolution/pixel", pixel),
)
