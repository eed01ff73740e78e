"""A served page's address, a browser without a window, and a run that grows."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from skipscope.live.serve import Served
from skipscope.records.run_folder import RunFolder
from skipscope.records.store import Workspace


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
        for key in ("runs", "lines"):
            known[key] |= news.get(key, {})
        known |= {key: each for key, each in news.items() if key not in ("runs", "lines")}
        if len(known["runs"]) >= runs:
            return id, known
    raise AssertionError("the stream ended")


def grow(folder: RunFolder, *, first: int, steps: int) -> None:
    """Writes what a run writes: rows at the end of its metrics."""
    with folder.metrics_file.open("a") as file:
        for step in range(first, first + steps):
            row = {"kind": "step", "step": step, "epoch": 2, "loss": 1.0, "learning_rate": 0.1}
            file.write(json.dumps(row) + "\n")


def unfinished(workspace: Workspace) -> RunFolder:
    """The run that is not finished: it has 140 steps."""
    (run,) = (run for run in workspace.runs() if run.state == "unfinished")
    return workspace.run_folder(run.id)


PROGRAM = "from skipscope.cli import main; main()"


@contextmanager
def by_command(workspace: Workspace, before: str = "") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`skipscope live` in a process of its own, which begins with some Python; and its address."""
    words = ["live", "-w", str(workspace.path), "--no-open", "--port", "0"]
    program = [sys.executable, "-c", before + PROGRAM, *words]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=os.environ | {"LANG": "C"}) as page:
        try:
            assert page.stdout is not None
            yield page.stdout.readline().strip(), page
        finally:
            page.kill()
