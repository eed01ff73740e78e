"""Pictures drawn in a process of their own.

Vega holds Python's lock while it draws, a tenth of a second a chart: beside it, a report is built on.
The process reads a chart a line and writes an SVG a line, both as JSON.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, Any

import vl_convert

from skipscope.figures import fonts

NOTHING = '{"data": {"values": []}, "mark": "point"}'


class Drawing:
    """Charts that are drawn (see `render.printable`), in the order in which they are given."""

    def __init__(self) -> None:
        """Of no chart yet, and no process."""
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[str] | None = None
        self.giving: Thread | None = None
        self.drawn: IO[str] | None = None

    def start(self) -> None:
        """Starts the process: it takes a second until it can draw."""
        if self.drawn is not None:
            return
        # no pipe: the process need not wait until somebody reads; `close` closes it
        self.drawn = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        # -P: a json.py that lies in the working directory is not ours
        command = [sys.executable or "python", "-P", "-m", "skipscope.figures.drawing"]
        with suppress(OSError):  # this Python starts no other: they are drawn here, when they are asked for
            self.process = subprocess.Popen(  # noqa: S603 - our own module, nobody's words
                command,
                stdin=subprocess.PIPE,
                stdout=self.drawn,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )

    def begin(self, charts: Iterable[dict[str, Any]]) -> None:
        """Gives it all its charts, and does not wait for it to take them."""
        self.start()
        self.lines = [json.dumps(chart) + "\n" for chart in charts]
        self.giving = Thread(target=self._give, daemon=True)
        self.giving.start()

    def _give(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with suppress(OSError):  # it was ended meanwhile
                self.process.stdin.writelines(self.lines or [])
            with suppress(OSError):
                self.process.stdin.close()

    def pictures(self) -> list[str]:
        """The SVGs, waited for."""
        lines = self.lines or []
        try:
            if self.process is None or self.drawn is None or self.process.wait():  # or it was killed
                return [svg(line) for line in lines]
            self.drawn.seek(0)
            return [json.loads(line) for line in self.drawn]
        finally:
            self.close()

    def close(self) -> None:
        """Ends it, whether or not anybody wants the pictures."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.giving is not None:
                self.giving.join()
            elif self.process.stdin is not None:
                self.process.stdin.close()
        if self.drawn is not None:
            self.drawn.close()


@cache
def know_fonts() -> None:
    """Tells Vega of the extra's font: where texts are not measured in it, a chart comes out otherwise."""
    folder = fonts.extra_folder()
    if folder is not None:
        vl_convert.register_font_directory(str(folder))


def svg(chart: str) -> str:
    """The picture of a chart with its data, given as JSON, drawn in this process."""
    know_fonts()
    return str(vl_convert.vegalite_to_svg(chart))


def main() -> None:
    """What the process does."""
    svg(NOTHING)  # the first takes a second, in which it has nothing to draw yet
    for line in sys.stdin:
        sys.stdout.write(json.dumps(svg(line)) + "\n")


if __name__ == "__main__":
    main()
