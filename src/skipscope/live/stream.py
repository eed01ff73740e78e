"""Sends what changes to a page, as server-sent events: one stream a page, at most four updates a second.

Each event has an id, the version that the page has then seen; a page that comes back names the last one and
lacks nothing. A browser opens six connections to a server at most, all its tabs together: so streams beyond
the first few send what there is and end, and the browser asks again by itself.
"""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from skipscope.live.lab import Lab, lab_of

UPDATE_SECONDS = 0.25
IDLE_UPDATE_SECONDS = 1.0
"""Between two looks where nothing has happened for a while."""
IDLE_SECONDS = 15.0
"""That while; a comment then tells whether the page is still there."""
OPEN = 4
"""Streams that stay open."""
CROWDED_SECONDS = 2.0
"""After so long one that did not stay open asks again."""


async def events(request: Request) -> Response:
    """Opens a stream on a study: from the start, or from the id of the last event that was seen."""
    lab, study = lab_of(request), request.query_params.get("study")
    since = request.headers.get("last-event-id") or request.query_params.get("since", "")
    return StreamingResponse(_stream(lab, study, since), media_type="text/event-stream")


async def _stream(lab: Lab, study: str | None, since: str) -> AsyncIterator[str]:
    stays = lab.streams < OPEN
    lab.streams += 1
    try:
        yield f"retry: {round((1 if stays else CROWDED_SECONDS) * 1000)}\n\n"
        idle = 0.0
        while not lab.ended.is_set():
            since, news = await run_in_threadpool(lab.watcher.changes, study, since)
            if news is not None:
                idle = 0.0
                yield f"id: {since}\ndata: {json.dumps(news, separators=(',', ':'))}\n\n"
            if not stays:
                return
            wait = UPDATE_SECONDS if idle < IDLE_SECONDS else IDLE_UPDATE_SECONDS
            idle += wait
            if idle % IDLE_SECONDS < wait:
                yield ": still here\n\n"
            await asyncio.sleep(wait)
    finally:
        lab.streams -= 1
