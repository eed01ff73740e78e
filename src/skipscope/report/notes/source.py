"""Reads a Markdown file of notes as pandoc's syntax tree."""

import json
import re
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pypandoc  # type: ignore[import-untyped]

from skipscope.errors import UsageError
from skipscope.spec.text_file import read_text

FORMAT = (
    "commonmark+pipe_tables+tex_math_dollars+footnotes+strikeout+yaml_metadata_block+east_asian_line_breaks"
)
"""CommonMark with tables, formulas and footnotes."""
MOST_BYTES = 500_000
MOST_SECONDS = 30
"""Pandoc takes a tenth of a second for a long text; some texts are made to take for ever."""

OUTSIDE = "，。；：！？、“”‘’（）《》〈〉【】…—"
BOLD = re.compile(rf"\*\*([{OUTSIDE}]*)([^*\n]+?)([{OUTSIDE}]*)\*\*")
"""Bold print with the punctuation at its ends, beside which CommonMark neither begins nor ends any."""

Node = dict[str, Any]
"""A part of the tree: its type `t` and its content `c`."""


def read_notes(path: Path) -> list[Node]:
    """Returns the blocks of the file.

    Raises:
        UsageError: there is no such file, or it is no text that can be read as Markdown.
    """
    text = _text(path)
    command = [pypandoc.get_pandoc_path(), "--sandbox", f"--from={FORMAT}", "--to=json"]
    try:
        read = subprocess.run(  # noqa: S603 - pandoc, as pypandoc found it
            command, input=text.encode(), capture_output=True, check=True, timeout=MOST_SECONDS
        )
        blocks: list[Node] = json.loads(read.stdout)["blocks"]
    except (subprocess.SubprocessError, ValueError, RecursionError):
        raise UsageError(
            "These notes cannot be read as Markdown.",
            where=str(path),
            hint="leave out what is nested very deeply, and the header between --- if there is one",
        ) from None
    return blocks


def _text(path: Path) -> str:
    """Reads the file without control characters, which neither Word nor a printer can show."""
    try:
        if path.stat().st_size > MOST_BYTES:
            hint = "put long tables and listings into files of their own"
            raise UsageError(f"Notes have at most {MOST_BYTES:,} bytes.", where=str(path), hint=hint)
        text = read_text(path)
    except FileNotFoundError:
        raise UsageError("There is no such file of notes.", where=str(path), hint="check the path") from None
    except OSError as error:
        raise UsageError(f"These notes cannot be read: {error.strerror}.", where=str(path)) from None
    return BOLD.sub(
        r"\1**\2**\3", "".join(letter for letter in text if letter in "\n\t\u200d" or _is_shown(letter))
    )


def _is_shown(letter: str) -> bool:
    return unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
