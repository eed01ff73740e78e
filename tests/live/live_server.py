"""A served page's address, and a browser without a window."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from skipscope.live.serve import Served


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def base_of(served: Served) -> str:
    """The address without its token."""
    return served.url.partition("/?")[0]


@contextmanager
def browsing(served: Served) -> Iterator[httpx.Client]:
    """Opens the address that was printed, and keeps the cookie."""
    base = base_of(served)
    with httpx.Client(base_url=base, headers={"Origin": base}, follow_redirects=True) as client:
        assert client.get(served.url).status_code == 200
        yield client


Event = tuple[str, dict[str, Any]]


@contextmanager
def events(client: httpx.Client, study: str = "lab", since: str = "") -> Iterator[Iterator[Event]]:
    """Opens a stream, from the event with the id `since` on, and yields its events' ids and data."""
    headers = {"Last-Event-ID": since} if since else {}
    with client.stream("GET", "/events", params={"study": study}, headers=headers, timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield parsed(answer.iter_lines())


def parsed(lines: Iterator[str]) -> Iterator[Event]:
    """Parses lines as events that have data."""
    id, data = "", ""
    for line in lines:
        if line.startswith("id: "):
            id = line[4:]
        elif line.startswith("data: "):
            data += line[6:]
        elif not line and data:
            yield id, json.loads(data)
            data = ""


def until_known(stream: Iterator[Event], runs: int) -> tuple[str, dict[str, Any]]:
    """Reads events until so many runs are known; returns the last id and all lines together."""
    known: dict[str, Any] = {"runs": {}, "lines": {}}
    for id, news in stream:
        for key in known:
            known[key] |= news.get(key, {})
        known |= {key: each for key, each in news.items() if key not in ("runs", "lines")}
        if len(known["runs"]) >= runs:
            return id, known
    raise AssertionError("the stream ended")
