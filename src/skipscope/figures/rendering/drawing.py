"""Draws charts as SVG, in processes of their own.

Vega holds Python's lock while it draws, a tenth of a second a chart: beside it, a report is built on.
"""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import vl_convert

from skipscope.figures.rendering import fonts, rewording
from skipscope.interrupts import ignore, signals_blocked

PROCESSES = 2
"""Each needs a second of a core until it can draw, and 0.2 GB: a report has a hundred charts."""
NUMBERED = re.compile(r'(?<=id="|rl\(#)(clip|gradient_)\d+')
"""Vega numbers these through all pictures of a process: in one of ours they begin at 0, whoever drew it."""
NOTHING = '{"data": {"values": []}, "mark": "point"}'
Picture = Callable[[], str]
"""Waits for a chart's SVG and returns it."""


class Drawing:
    """Draws charts (see `vega.printable`) in the background; it has to be closed."""

    def __init__(self) -> None:
        """Starts its processes early, so that they are ready when there is a chart."""
        self.pool = ProcessPoolExecutor(PROCESSES, get_context("spawn"), initializer=_prepare)
        self.begun: dict[str, tuple[str, Picture]] = {}
        """Charts (as JSON: rows of a table take six times the memory) with their pictures, by name."""
        with _safe_path(), signals_blocked(signal.SIGINT):  # each task starts one
            for _ in range(PROCESSES):
                self.pool.submit(svg, NOTHING)

    def draw(self, name: str, chart: dict[str, Any]) -> Picture:
        """Begins to draw a chart.

        If one of this name was drawn before that differs in its words alone, its picture is reworded.
        """
        line = json.dumps(chart)
        if name not in self.begun:
            self.begun[name] = line, self._begin(line)
            return self.begun[name][1]
        earlier, picture = self.begun[name]
        words = rewording.words_between(json.loads(earlier), chart)
        if words is None:
            return self._begin(line)
        return lambda: rewording.reworded(picture(), words) or self._begin(line)()

    def _begin(self, line: str) -> Picture:
        """Begins to draw a chart; this process draws it if the others cannot start or were killed."""
        try:
            begun = self.pool.submit(svg, line)
        except BrokenExecutor:
            return partial(svg, line)

        def picture() -> str:
            try:
                return begun.result()
            except BrokenExecutor:
                return svg(line)

        return picture

    def close(self) -> None:
        """Ends the processes; pictures that are not begun are never drawn."""
        self.pool.shutdown(cancel_futures=True)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keeps processes that are started inside from importing what lies in the working directory."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before


def _prepare() -> None:
    """Makes a process ready to draw while there is no chart yet: its first picture takes a second."""
    ignore(signal.SIGINT)  # not every system can block it
    Thread(target=_end_with_parent, daemon=True).start()
    svg(NOTHING)


def _end_with_parent() -> None:
    # an idle process waits at a pipe whose other end it holds open itself
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


@cache
def know_fonts() -> None:
    """Tells Vega of the extra's font, in which it measures texts: a chart depends on their widths."""
    folder = fonts.extra_folder()
    if folder is not None:
        vl_convert.register_font_directory(str(folder))


def svg(chart: str) -> str:
    """Draws a chart with its data, given as JSON, in this process."""
    know_fonts()
    numbers: dict[str, str] = {}
    picture = str(vl_convert.vegalite_to_svg(chart))
    return NUMBERED.sub(lambda name: numbers.setdefault(name[0], f"{name[1]}{len(numbers)}"), picture)


def png(chart: dict[str, Any], *, scale: float = 1.5) -> bytes:
    """Draws a chart with its data as a raster image, in this process."""
    know_fonts()
    return bytes(vl_convert.vegalite_to_png(json.dumps(chart), scale=scale))
