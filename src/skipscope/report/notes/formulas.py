"""Checks that the formulas of notes can be set on a page and in print, before anything is made of them."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypandoc  # type: ignore[import-untyped]
import typst

from skipscope.errors import UsageError
from skipscope.report.notes.source import MOST_SECONDS


def check_formulas(tree: Any, path: Path) -> None:
    """Raises an error for the first formula in a syntax tree that pandoc or typst does not understand.

    Raises:
        UsageError: there is such a formula.
    """
    formulas = list(dict.fromkeys(_formulas(tree)))
    if not formulas:
        return
    source = "\n\n".join(f"${tex}$" for tex in formulas)
    for format, understood in (("html", "<math"), ("typst", "")):
        parts = _converted(source, format)
        wrong = [tex for tex, part in zip(formulas, parts, strict=True) if understood not in part]
        if format == "typst" and not _compiles("\n\n".join(parts)):
            wrong = [tex for tex, part in zip(formulas, parts, strict=True) if not _compiles(part)]
        if wrong:
            raise UsageError(
                f"The formula ${wrong[0]}$ is not understood.",
                where=str(path),
                hint="use LaTeX's commands for mathematics only; words within a formula stand in \\text",
            )


def _formulas(tree: Any) -> Iterator[str]:
    """Yields the TeX of every formula, on one line; what has a dollar sign is set as it was typed."""
    match tree:
        case {"t": "Math", "c": [_, str(tex)]}:
            if "$" not in tex and tex.strip():
                yield " ".join(tex.split())
        case dict():
            for part in tree.values():
                yield from _formulas(part)
        case list():
            for part in tree:
                yield from _formulas(part)


def _converted(source: str, format: str) -> list[str]:
    """Returns each formula in another format; one that cannot be converted stays TeX."""
    command = [pypandoc.get_pandoc_path(), "--from=commonmark+tex_math_dollars", f"--to={format}"]
    command += ["--wrap=none", "--quiet", "--sandbox", "--mathml"]
    made = subprocess.run(  # noqa: S603 - pandoc, as pypandoc found it
        command, input=source.encode(), capture_output=True, check=True, timeout=MOST_SECONDS
    ).stdout.decode()
    if format == "html":
        return re.findall(r"<p>.*?</p>", made, re.DOTALL)
    return made.rstrip("\n").split("\n\n")


def _compiles(source: str) -> bool:
    try:
        typst.compile(source.encode(), format="svg")
    except typst.TypstError:
        return False
    return True
