"""Runs side by side: the stream sends their lines, and this what lies between two steps in detail."""

import math

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skipscope.errors import UsageError
from skipscope.live.lab import lab_of


async def window(request: Request) -> Response:
    """Answers with the lines of a study's runs between two steps."""
    asked = request.query_params
    low, high = number(asked.get("from", "")), number(asked.get("to", ""))
    return JSONResponse(await run_in_threadpool(lab_of(request).watcher.between, asked["study"], low, high))


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


ROUTES = (Route("/curves/window", window),)
