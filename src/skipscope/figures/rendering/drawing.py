"""Pictures drawn in processes of their own.

Vega holds Python's lock while it draws, a tenth of a second a chart: beside it, a report is built on.
A process reads a chart a line and writes an SVG a line, both as JSON.
"""

import json
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from typing import Any

import vl_convert

from skipscope.figures.rendering import fonts, rewording

PROCESSES = 2
"""Each needs a second of a core until it can draw, and 0.2 GB: a report has a hundred charts."""
NUMBERED = re.compile(r'(?<=id="|rl\(#)(clip|gradient_)\d+')
"""Vega numbers these through all pictures of a process: in one of ours they begin at 0, whoever drew it."""
NOTHING = '{"data": {"values": []}, "mark": "point"}'


class Drawing:
    """Draws charts (see `render.printable`) beside whoever asks for them. Somebody has to `close` it."""

    def __init__(self) -> None:
        """Starts its processes: they are ready by the time there is a chart."""
        self.closed = False
        self.processes = [_started() for _ in range(PROCESSES)]
        self.idle: SimpleQueue[subprocess.Popen[str] | None] = SimpleQueue()
        for process in self.processes:
            self.idle.put(process)
        self.pool = ThreadPoolExecutor(PROCESSES)
        self.begun: dict[str, tuple[str, Future[str]]] = {}
        """Charts (as lines: rows of a table take six times the memory) with their pictures, by name."""

    def draw(self, name: str, chart: dict[str, Any]) -> Future[str]:
        """The chart's SVG, once it is drawn: by the first process that is free.

        If one of this name was drawn before that differs in its words alone, its picture is reworded.
        """
        line = json.dumps(chart) + "\n"
        if name not in self.begun:
            picture = self.pool.submit(self._drawn, line)
            self.begun[name] = line, picture
            return picture
        earlier, picture = self.begun[name]
        words = rewording.words_between(json.loads(earlier), chart)
        if words is None:
            return self.pool.submit(self._drawn, line)
        return self.pool.submit(self._reworded, picture, words, line)

    def _reworded(self, picture: Future[str], words: dict[str, str], line: str) -> str:
        # whoever draws what was asked for earlier has begun with it
        return rewording.reworded(picture.result(), words) or self._drawn(line)

    def _drawn(self, line: str) -> str:
        process = self.idle.get()  # as many as there are threads: none waits for it
        answer = "" if process is None else _answer(process, line)
        self.idle.put(process if answer else None)
        if answer:
            return str(json.loads(answer))
        # it never started, or was killed: what it would have drawn is drawn here
        return "" if self.closed else svg(line)

    def close(self) -> None:
        """Ends the processes, whether or not anybody still wants what they draw."""
        self.closed = True
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in self.processes:
            if process is not None:
                process.kill()
        self.pool.shutdown()
        for process in self.processes:
            if process is not None:
                with suppress(OSError), process:  # waits for it; the rest of a line has no reader
                    pass


def _started() -> subprocess.Popen[str] | None:
    """A process that draws, or None if this Python can start no other."""
    # -P: a json.py that lies in the working directory is not ours
    command = [sys.executable or "python", "-P", "-m", "skipscope.figures.rendering.drawing"]
    with suppress(OSError):
        return subprocess.Popen(  # noqa: S603 - our own module, nobody's words
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
    return None


def _answer(process: subprocess.Popen[str], line: str) -> str:
    """What it writes for the line; nothing if it is gone."""
    if process.stdin is None or process.stdout is None:
        return ""
    try:
        process.stdin.write(line)
        process.stdin.flush()
        answer = process.stdout.readline()
    except OSError:
        return ""
    return answer if answer.endswith("\n") else ""


@cache
def know_fonts() -> None:
    """Tells Vega of the extra's font: where texts are not measured in it, a chart comes out otherwise."""
    folder = fonts.extra_folder()
    if folder is not None:
        vl_convert.register_font_directory(str(folder))


def svg(chart: str) -> str:
    """The picture of a chart with its data, given as JSON, drawn in this process."""
    know_fonts()
    numbers: dict[str, str] = {}
    picture = str(vl_convert.vegalite_to_svg(chart))
    return NUMBERED.sub(lambda name: numbers.setdefault(name[0], f"{name[1]}{len(numbers)}"), picture)


def main() -> None:
    """What a process does."""
    svg(NOTHING)  # the first takes a second, in which there is nothing to draw yet
    for line in sys.stdin:
        sys.stdout.write(json.dumps(svg(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
