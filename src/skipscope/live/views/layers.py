"""Layer by time: strips of what was measured while networks trained, and the networks they belong to."""

from functools import lru_cache
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skipscope.diagrams import svg
from skipscope.diagrams.layout import laid_out
from skipscope.diagrams.network import color_of
from skipscope.diagrams.row import Row
from skipscope.diagrams.wiring import LAYERS, wired
from skipscope.errors import UnknownName
from skipscope.figures import style
from skipscope.live.lab import Lab, lab_of
from skipscope.live.strips import KINDS, rectified, strip
from skipscope.records.network_card import NetworkCard

IMAGES = {"zh": "图像", "en": "image"}
KEPT = 64
"""Networks whose drawings are kept."""


async def table(request: Request) -> Response:
    """Answers with a strip of one run."""
    asked = request.query_params
    run, kind = asked.get("run", ""), asked.get("kind", "gradient")
    return JSONResponse(await run_in_threadpool(_table, lab_of(request), run, kind))


def _table(lab: Lab, run: str, kind: str) -> dict[str, Any]:
    if kind not in KINDS:
        raise UnknownName("strip", kind, KINDS)
    lab.refuse_unless_watched(run)
    readings = lab.workspace.run_folder(run).readings()
    found = strip(readings, KINDS[kind]) | {"colors": style.HEAT}
    if kind == "dead":
        main = layers_of(row_of(lab.workspace.run(run).network, IMAGES["en"]))
        found["after"] = rectified(readings, main)
    return found


async def network(request: Request) -> Response:
    """Answers with a run's network as SVG, and the modules of the layers on its main path in their order."""
    run = request.query_params.get("run", "")
    image = IMAGES["zh" if request.query_params.get("lang") == "zh" else "en"]
    return JSONResponse(await run_in_threadpool(_network, lab_of(request), run, image))


def _network(lab: Lab, run: str, image: str) -> dict[str, Any]:
    lab.refuse_unless_watched(run)
    return drawn(lab.workspace.run(run).network, image)


@lru_cache(KEPT)
def drawn(card: NetworkCard, image: str) -> dict[str, Any]:
    """Draws a network whose layers a page colours."""
    row = row_of(card, image)
    return {"svg": svg.picture([*row.parts()], row.bottom), "modules": layers_of(row)}


def row_of(card: NetworkCard, image: str) -> Row:
    """Lays out a network; `image` is what its input is called."""
    wiring = wired(card)
    return Row(wiring, laid_out(card, wiring, image), top=2.0, color=color_of(card))


def layers_of(row: Row) -> list[str]:
    """Lists the layers on the main path."""
    return [step.call.module for step in row.steps if step.kind in LAYERS]


ROUTES = (Route("/layers/table", table), Route("/layers/network", network))
