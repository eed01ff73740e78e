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
from typing import Any

import vl_convert

from skipscope.figures import fonts


class Drawing:
    """Charts that are being drawn (see `render.printable`)."""

    def __init__(self, charts: Iterable[dict[str, Any]]) -> None:
        """Begins; each chart is asked for once, and forgotten."""
        # files and no pipes: neither process waits for the other to read; `close` closes them
        self.given, self.drawn = (TemporaryFile("w+", encoding="utf-8") for _ in range(2))  # noqa: SIM115
        self.given.writelines(json.dumps(chart) + "\n" for chart in charts)
        self.given.seek(0)
        # -P: a json.py that lies in the working directory is not ours
        command = [sys.executable or "python", "-P", "-m", "skipscope.figures.drawing"]
        self.process = None
        with suppress(OSError):  # this Python starts no other: they are drawn here, when they are asked for
            self.process = subprocess.Popen(  # noqa: S603 - our own module, nobody's words
                command, stdin=self.given, stdout=self.drawn, stderr=subprocess.DEVNULL
            )

    def pictures(self) -> list[str]:
        """The SVGs, waited for."""
        try:
            if self.process is None or self.process.wait():  # or it was killed
                self.given.seek(0)
                return [svg(json.loads(chart)) for chart in self.given]
            self.drawn.seek(0)
            return [json.loads(line) for line in self.drawn]
        finally:
            self.close()

    def close(self) -> None:
        """Ends it, whether or not anybody wants the pictures."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.given.close()
        self.drawn.close()


@cache
def know_fonts() -> None:
    """Tells Vega of the extra's font: where texts are not measured in it, a chart comes out otherwise."""
    folder = fonts.extra_folder()
    if folder is not None:
        vl_convert.register_font_directory(str(folder))


def svg(chart: dict[str, Any]) -> str:
    """The picture of a chart with its data, drawn in this process."""
    know_fonts()
    return str(vl_convert.vegalite_to_svg(chart))


def main() -> None:
    """What the process does."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(svg(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
