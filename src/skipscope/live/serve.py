"""Serves a lab from a thread of this process, for as long as a block lasts."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_urlsafe
from threading import Thread
from time import monotonic, sleep

import uvicorn

from skipscope.errors import UsageError
from skipscope.language import Language
from skipscope.live.app import make_app
from skipscope.live.control import Control
from skipscope.live.guard import LOOPBACK, TOKEN
from skipscope.live.lab import Lab

PORT = 8457
"""Where a page is unless somebody else is there already."""
START_SECONDS = 10.0
END_SECONDS = 2
"""What an answer may still take when the server ends."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """Where a page is to be had."""

    url: str
    port: int
    host: str

    @property
    def is_local(self) -> bool:
        """Whether this machine alone can reach it."""
        return self.host in LOOPBACK


@contextmanager
def serving(
    control: Control, *, language: Language, host: str = "127.0.0.1", port: int | None = None
) -> Iterator[Served]:
    """Serves a workspace while the block lasts; a free port is chosen if none is named.

    Raises:
        UsageError: the port is taken, or the host is not this machine's.
    """
    listening = _listen(host, port)
    taken = listening.getsockname()[1]
    token = token_urlsafe(24)
    lab = Lab(workspace=control.workspace, language=language, control=control)
    names = () if host in LOOPBACK else _names(host)
    app = make_app(lab, token=token, cookie=f"skipscope-{taken}", names=names)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=END_SECONDS,
        server_header=False, limit_concurrency=200,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="lab page", daemon=True)
    thread.start()
    until = monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and monotonic() < until:
        sleep(0.01)
    named = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104 - compared, not bound
    shown = f"[{named}]" if ":" in named else named
    try:
        yield Served(url=f"http://{shown}:{taken}/?{TOKEN}={token}", port=taken, host=host)
    finally:
        lab.close()
        server.should_exit = True
        thread.join(END_SECONDS + 2)
        listening.close()


def _listen(host: str, port: int | None) -> socket.socket:
    """Binds a socket: to the port that was asked for, else to the usual one or any that is free.

    Raises:
        UsageError: that cannot be.
    """
    refused: OSError | None = None
    for each in (PORT, 0) if port is None else (port,):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, each))
        except OSError as error:
            listening.close()
            refused = error
        else:
            listening.listen(128)
            return listening
    assert refused is not None  # noqa: S101 - or a socket would have been returned
    why = refused.strerror or str(refused)
    raise UsageError(
        f"The page cannot be served at {host}, port {PORT if port is None else port}: {why}.",
        hint=_hint(refused),
    )


def _hint(refused: OSError) -> str:
    """Says what to do where a socket could not be bound."""
    match refused.errno:
        case errno.EADDRINUSE:
            return "something else listens there: choose another --port, or --port 0 for any that is free"
        case errno.EACCES:
            return "a low port needs the system's permission: choose a --port above 1023"
        case _:
            return "--host must be an address of this machine; leave it out to serve this machine alone"


def _names(host: str) -> tuple[str, ...]:
    """Lists what this machine may be called in a request, if others can reach it."""
    own = socket.gethostname()
    return (host, own, socket.getfqdn(), f"{own}.local", *_addresses(own))


def _addresses(name: str) -> tuple[str, ...]:
    """Lists the addresses of this machine."""
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(name, None)}
    except OSError:
        return ()
    return tuple(sorted(found))
