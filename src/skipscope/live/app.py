"""The application: the page, its static files, the stream, and the routes of each view."""

from importlib.metadata import version
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from skipscope.errors import SkipscopeError, UnknownName
from skipscope.live.guard import Guard
from skipscope.live.lab import Lab, lab_of
from skipscope.live.stream import events
from skipscope.live.told import explained
from skipscope.live.views import ROUTES

STATIC = Path(__file__).parent / "static"


def make_app(lab: Lab, *, token: str, cookie: str, names: tuple[str, ...] = ()) -> Starlette:
    """Makes the application that serves a lab to who has the token."""
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/about", about),
            Route("/events", events),
            *ROUTES,
            Mount("/static", Static(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, token=token, cookie=cookie, names=names)],
        exception_handlers={SkipscopeError: refused},
    )
    app.state.lab = lab
    return app


class Static(StaticFiles):
    """Serves the page's own files; a browser asks each time whether they are still the same."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Adds the header that says so."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response


async def page(_request: Request) -> Response:
    """Serves the page."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def about(request: Request) -> Response:
    """Says what is served."""
    lab = lab_of(request)
    known = {"workspace": str(lab.workspace.given), "language": lab.language, "version": version("skipscope")}
    return JSONResponse(known)


async def refused(_request: Request, error: Exception) -> Response:
    """Tells a page what is wrong, where, and what to do next."""
    assert isinstance(error, SkipscopeError)  # noqa: S101 - the application calls it for these alone
    return JSONResponse(explained(error), 404 if isinstance(error, UnknownName) else 409)
