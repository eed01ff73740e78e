"""Runs side by side: the stream sends their lines, and this what lies between two steps in detail."""

import math

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skipscope.errors import UsageError
from skipscope.live.lab import asked_of, lab_of


async def window(request: Request) -> Response:
    """Answers with the lines of a study's runs between two steps."""
    asked = request.query_params
    low, high = number(asked.get("from", "")), number(asked.get("to", ""))
    return JSONResponse(
        await run_in_threadpool(lab_of(request).watcher.between, asked.get("study", ""), low, high)
    )


async def stop(request: Request) -> Response:
    """Asks what trains to save and stop."""
    await run_in_threadpool(lab_of(request).control.stop)
    return JSONResponse({})


async def go_on(request: Request) -> Response:
    """Continues a study."""
    lab, asked = lab_of(request), await asked_of(request)
    record = lab.watcher.record(str(asked.get("study")))
    await run_in_threadpool(lab.control.go_on, record)
    return JSONResponse({})


def number(text: str) -> float:
    """Reads a finite number.

    Raises:
        UsageError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{text!r} is no number.")
    return value


ROUTES = (
    Route("/curves/window", window),
    Route("/curves/stop", stop, methods=["POST"]),
    Route("/curves/continue", go_on, methods=["POST"]),
)
