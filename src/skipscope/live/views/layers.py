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
from skipscope.live.strips import KINDS, strip
from skipscope.records.network_card import NetworkCard

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
    return strip(lab.workspace.run_folder(run).readings(), KINDS[kind]) | {"colors": style.HEAT}


async def network(request: Request) -> Response:
    """Answers with a run's network as SVG, and the modules of the layers on its main path in their order."""
    run = request.query_params.get("run", "")
    image = "图像" if request.query_params.get("lang") == "zh" else "image"
    return JSONResponse(await run_in_threadpool(_network, lab_of(request), run, image))


def _network(lab: Lab, run: str, image: str) -> dict[str, Any]:
    lab.refuse_unless_watched(run)
    return drawn(lab.workspace.run(run).network, image)


@lru_cache(KEPT)
def drawn(card: NetworkCard, image: str) -> dict[str, Any]:
    """Draws a network whose layers a page colours."""
    wiring = wired(card)
    row = Row(wiring, laid_out(card, wiring, image), top=2.0, color=color_of(card))
    modules = [step.call.module for step in wiring.steps if step.kind in LAYERS]
    return {"svg": svg.picture([*row.parts()], row.bottom), "modules": modules}


ROUTES = (Route("/layers/table", table), Route("/layers/network", network))
