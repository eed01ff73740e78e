"""Decides which requests the server answers: its own page's alone.

Any page that a browser shows can send requests to this machine, and a name that resolves to 127.0.0.1 at its
second look-up (DNS rebinding) makes them look like the page's own. So a request must name this server as its
host, come from its own page, and carry the token: once in the URL, then as a cookie that scripts cannot read.
"""

from collections.abc import Collection
from secrets import compare_digest
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN = "token"  # noqa: S105 - the name of a parameter
COOKIE_SECONDS = 30 * 24 * 3600
LARGEST = 16 * 2**20
"""Bytes of a request's body: an upload is a picture."""
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
REFUSED = """This page belongs to a skipscope that asks for its token.
Open the whole address that `skipscope live` printed last.

此页面需要令牌：请打开 skipscope live 最后一次显示的完整地址。
"""


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, *, token: str, cookie: str, names: Collection[str] = ()) -> None:
        """`names` are further hosts that requests may name; `cookie` is the cookie's name."""
        self.app, self.token, self.cookie = app, token, cookie
        self.names = {*LOOPBACK, *names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or refuses one request; each answer has the headers that keep other pages out."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer: ASGIApp = self._refusal(Request(scope)) or self.app
        await answer(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """Returns what is answered in place of the application's answer, if that is not to be had."""
        headers = request.headers
        if host_name(headers.get("host", "")) not in self.names:
            return PlainTextResponse("This server does not go by that name.\n", 421)
        if not from_own_page(headers, safe=request.method in ("GET", "HEAD")):
            return PlainTextResponse("Another page asks for this.\n", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST or "transfer-encoding" in headers:
            return PlainTextResponse("That is too large.\n", 413)
        if compare_digest(request.cookies.get(self.cookie, "").encode(), self.token.encode()):
            return self._without_token(request) if TOKEN in request.query_params else None
        if compare_digest(request.query_params.get(TOKEN, "").encode(), self.token.encode()):
            return self._without_token(request)
        return PlainTextResponse(REFUSED, 403)

    def _without_token(self, request: Request) -> Response:
        """Redirects to the same page without the token, which is a cookie from now on."""
        parameters = [(key, value) for key, value in request.query_params.multi_items() if key != TOKEN]
        where = request.url.path + (f"?{urlencode(parameters)}" if parameters else "")
        answer = RedirectResponse(f"/{where.lstrip('/')}", 303)
        answer.set_cookie(
            self.cookie, self.token, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="strict"
        )
        return answer


def host_name(host: str) -> str:
    """Returns the name in a Host header, without port and brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def from_own_page(headers: Headers, *, safe: bool) -> bool:
    """Tells whether a request's Origin is this server; one that is `safe`, changing nothing, may lack it."""
    origin = headers.get("origin")
    if origin is None:
        return safe
    return origin == f"http://{headers.get('host', '')}"
