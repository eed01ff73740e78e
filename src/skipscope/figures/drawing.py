"""Pictures drawn in a process of their own.

Vega holds Python's lock while it draws, a tenth of a second a chart: beside it, a report is built on.
The process reads a chart a line and writes an SVG a line, both as JSON.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from tempfile import TemporaryFile
from typing import Any

import vl_convert

from skipscope.figures import fonts


def begin(charts: Sequence[dict[str, Any]]) -> Callable[[], list[str]]:
    """Begins to draw these (see `render.printable`); what is given back waits for the SVGs."""
    # files and no pipes: neither process waits for the other to read; `end` closes them
    given, drawn = (TemporaryFile("w+", encoding="utf-8") for _ in range(2))  # noqa: SIM115
    given.writelines(json.dumps(chart) + "\n" for chart in charts)
    given.seek(0)
    # -P: a json.py that lies in the working directory is not ours
    command = [sys.executable, "-P", "-m", "skipscope.figures.drawing"]
    process = subprocess.Popen(command, stdin=given, stdout=drawn, stderr=subprocess.DEVNULL)  # noqa: S603

    def end() -> list[str]:
        with given, drawn:
            if process.wait():  # it was killed, or this Python starts no other
                return [str(vl_convert.vegalite_to_svg(chart)) for chart in charts]
            drawn.seek(0)
            return [json.loads(line) for line in drawn]

    return end


def main() -> None:
    """What the process does."""
    folder = fonts.extra_folder()
    if folder is not None:
        vl_convert.register_font_directory(str(folder))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(vl_convert.vegalite_to_svg(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
