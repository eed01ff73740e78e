"""The claim board: verdicts and intervals, and how they came about seed by seed."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skipscope.live.lab import lab_of


async def board(request: Request) -> Response:
    """Answers with what is known of a study's claims, at once; what is not is judged meanwhile."""
    lab = lab_of(request)
    record = lab.watcher.record(request.query_params.get("study", ""))
    return JSONResponse(await run_in_threadpool(lab.board().ask, record))


async def words(_request: Request) -> Response:
    """Answers with what the claims say."""
    return JSONResponse(await run_in_threadpool(_words))


def _words() -> dict[str, object]:
    from skipscope.live.board import wordings  # noqa: PLC0415 - loads scipy

    return dict(wordings())


ROUTES = (Route("/claims/board", board), Route("/claims/words", words))
