"""Networks taken apart: changes measured on validation images, where each network looks, gates swapped."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from skipscope.analysis.reported import reported
from skipscope.diagrams import svg
from skipscope.diagrams.spans import boxes_of
from skipscope.engine.dissection.finished import finished_runs
from skipscope.errors import SkipscopeError, UnknownName
from skipscope.language import Language
from skipscope.live.asked import Image, Network, read, refusal
from skipscope.live.compute import Progress
from skipscope.live.lab import Lab, lab_of
from skipscope.live.told import explained
from skipscope.live.views.convolution import MOST_NETWORKS, finite
from skipscope.live.views.layers import IMAGES, row_of
from skipscope.spec.values import Frozen

if TYPE_CHECKING:
    from skipscope.engine.dissection.measuring import Effect, Measurer, Outcome
    from skipscope.engine.dissection.networks import Networks


class Heat(Frozen):
    """Where these networks look."""

    networks: Annotated[tuple[Network, ...], Field(max_length=MOST_NETWORKS)]
    image: Image
    label: Annotated[int, Field(ge=0, le=1_000)] | None = None


class Swap(Network):
    """What a network answers to two images, each with the other's gates in these blocks, or in all."""

    images: tuple[Image, Image]
    blocks: Annotated[tuple[str, ...], Field(max_length=300)] | None = None


async def possible(request: Request) -> Response:
    """Answers with what can be changed in a network."""
    network = await read(request, Network)

    def answer(networks: Networks) -> dict[str, Any]:
        from skipscope.probes.interventions import possible as what_is  # noqa: PLC0415 - loads torch

        return vars(what_is(network.opened(networks).view.anatomy))

    return JSONResponse(await lab_of(request).compute.look(answer))


class Drawing(Network):
    """A network's drawing, and where in it these blocks are."""

    language: Language
    blocks: Annotated[tuple[Annotated[str, Field(max_length=300)], ...], Field(max_length=2_000)]


async def drawing(request: Request) -> Response:
    """Answers with a network as SVG, and with rectangles around its blocks."""
    asked = await read(request, Drawing)
    return JSONResponse(await run_in_threadpool(_drawing, lab_of(request), asked))


def _drawing(lab: Lab, asked: Drawing) -> dict[str, Any]:
    cards = {run.record.id: run.record.network for run in finished_runs(lab.workspace)}
    if asked.run not in cards:
        raise UnknownName("finished run", asked.run, cards)
    row = row_of(cards[asked.run], IMAGES[asked.language])
    boxes = {block: found for block in asked.blocks if (found := boxes_of(row, block))}
    return {"svg": svg.picture([*row.parts()], row.bottom), "boxes": boxes}


async def what_papers_report(_request: Request) -> Response:
    """Answers with what papers report for such changes."""
    return JSONResponse(reported())


async def measure(request: Request) -> Response:
    """Measures networks with and without changes: a line of JSON on how far it is now and then, then all.

    A page that goes away, or aborts, cancels it.
    """
    content = await request.body()
    answers = lab_of(request).compute.measure(partial(_effects, content))

    async def lines() -> AsyncIterator[str]:
        last: dict[str, Any] = {}
        try:
            async for each in answers:
                now = _result(each) if isinstance(each, Future) else {"done": each.done, "of": each.total}
                if now != last:
                    yield json.dumps(now) + "\n"
                last = now
        except SkipscopeError as error:
            yield json.dumps({"refused": explained(error)}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _result(future: Future[Any]) -> dict[str, Any]:
    try:
        return {"effects": future.result()}
    except SkipscopeError as error:
        return {"refused": explained(error)}


def _effects(content: bytes, measurer: Measurer, progress: Progress) -> list[dict[str, Any]]:
    """Measures each network that is asked for; a twin's changes may not fit it."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from skipscope.engine.dissection.changes import MOST, Change  # noqa: PLC0415 - loads torch

    class Asked(Frozen):
        networks: Annotated[tuple[Network, ...], Field(min_length=1, max_length=MOST_NETWORKS)]
        changes: Annotated[tuple[Change, ...], Field(max_length=MOST)] = ()

    try:
        asked = TypeAdapter(Asked).validate_json(content)
    except ValidationError as error:
        raise refusal(error) from None

    def go_on(before: int, done: int, total: int) -> bool:
        progress.done, progress.total = before + done, before + total * (len(asked.networks) - len(told))
        return not progress.cancelled.is_set()

    told: list[dict[str, Any]] = []
    for index, network in enumerate(asked.networks):
        on_images = partial(go_on, progress.done)
        effect = measurer.effect(
            network.run, network.step, asked.changes, on_images=on_images, lenient=index > 0
        )
        told.append(_told(effect))
    return told


def _told(effect: Effect) -> dict[str, Any]:
    return {
        "run": effect.run,
        "step": effect.step,
        "changes": [change.model_dump() for change in effect.changes],
        "before": _outcome(effect.before),
        "after": None if effect.after is None else _outcome(effect.after),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return vars(outcome) | {"loss": outcome.loss if math.isfinite(outcome.loss) else None}


async def heat(request: Request) -> Response:
    """Answers with where each network looks: shares h w from 0 to 1, or none."""
    asked = await read(request, Heat)

    def answer(networks: Networks) -> list[dict[str, Any]]:
        from skipscope.engine.dissection import looking  # noqa: PLC0415 - loads torch

        told = []
        for network in asked.networks:
            opened = network.opened(networks)
            image = asked.image.seen(opened)
            found = looking.heat(opened, image, asked.label)
            shares = looking.look(opened, image).shares
            values = None if found is None else finite(found.values.tolist())
            module = found and found.module
            told.append(
                {"run": network.run, "shares": finite(shares.tolist()), "heat": values, "module": module}
            )
        return told

    return JSONResponse(await lab_of(request).compute.look(answer))


async def swap(request: Request) -> Response:
    """Answers with a network's probabilities for two images, as they are and with their gates swapped."""
    asked = await read(request, Swap)

    def answer(networks: Networks) -> dict[str, Any]:
        from skipscope.engine.dissection import looking  # noqa: PLC0415 - loads torch

        opened = asked.opened(networks)
        images = [image.seen(opened) for image in asked.images]
        gated = [site.module for site in opened.view.anatomy.gates]
        blocks = gated if asked.blocks is None else asked.blocks
        own = looking.swapped(opened, images, ())
        return {
            "own": finite(own.tolist()),
            "swapped": finite(looking.swapped(opened, images, blocks).tolist()),
        }

    return JSONResponse(await lab_of(request).compute.look(answer))


_post = partial(Route, methods=["POST"])
ROUTES = (
    Route("/apart/reported", what_papers_report),
    _post("/apart/possible", possible),
    _post("/apart/drawing", drawing),
    _post("/apart/measure", measure),
    _post("/apart/heat", heat),
    _post("/apart/swap", swap),
)
