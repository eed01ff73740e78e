"""Help, and errors of misuse, in Chinese: click writes both, and knows English only.

It wraps help by counting characters, at spaces: Chinese characters take two columns each, and have no spaces
between them.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any

import typer
from rich.cells import cell_len

from skipscope.language import spoken

PIECE = re.compile(r"[“（]*(?:[^\s\u2e80-\uffff“”]+|[\u2e80-\uffff])[，。、；：）！？”]*|\s+")
"""What no line break may divide: a word, or one Chinese character with the punctuation beside it."""
_EXTRAS = re.compile(r"  \[([^\[\]]+)\]$")
"""What click says of an option's default behind its help."""


def translate(command: Any) -> None:
    """Puts the help of a command, its options and its commands into the language that is spoken."""
    command.context_class = ChineseContext
    if command.help:
        paragraphs = [spoken(" ".join(each.split())) for each in command.help.split("\n\n")]
        command.help = "\n\n".join(paragraphs)
        command.short_help = paragraphs[0].removesuffix("。")
    for each in getattr(command, "commands", {}).values():
        translate(each)


@contextmanager
def errors_translated() -> Iterator[None]:
    """Lets click's errors show themselves in the language that is spoken."""
    try:
        yield
    except Exception as error:
        if show := getattr(error, "show", None):

            def translated(_file: Any = None) -> None:
                text = StringIO()
                show(text)
                typer.echo(spoken(text.getvalue()), err=True, nl=False)

            error.show = translated  # type: ignore[attr-defined]
        raise


def wrapped(text: str, width: int) -> list[str]:
    """Breaks a paragraph into lines of at most so many columns."""
    lines = [""]
    for piece in PIECE.findall(text):
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return lines


def _explained(text: str) -> str:
    """Translates an option's help, and its default behind it."""
    extras = _EXTRAS.search(text)
    if extras is None:
        return spoken(text)
    said, told = text[: extras.start()], "；".join(spoken(each) for each in extras[1].split("; "))
    # a default that we name ourselves is part of the sentence
    return spoken(text) if spoken(said) == said else f"{spoken(said)}  [{told}]"


_Formatter: Any = typer.Context.formatter_class  # click's own, wherever this typer has it


class ChineseFormatter(_Formatter):  # type: ignore[misc]
    """Writes help in lines that fit the terminal."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Writes how a command is typed."""
        super().write_usage(prog, args, spoken("Usage:") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Writes a heading."""
        self.write(f"{' ' * self.current_indent}{spoken(heading)}：\n")

    def write_text(self, text: str) -> None:
        """Writes paragraphs."""
        indent = " " * self.current_indent
        lines = (wrapped(each, self.width - len(indent)) for each in text.split("\n\n"))
        self.write("\n\n".join("\n".join(indent + line for line in each) for each in lines) + "\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Writes names, each with its explanation beside it, or below if it is long."""
        first = min(max(cell_len(name) for name, _ in rows), col_max) + col_spacing
        indent = " " * self.current_indent
        for name, text in rows:
            lines = wrapped(_explained(text), max(self.width - self.current_indent - first, 10))
            if cell_len(name) > first - col_spacing:
                lines = ["", *lines]
            names = [name, *("" for _ in lines[1:])]
            for left, right in zip(names, lines, strict=True):
                self.write(f"{indent}{left}{' ' * (first - cell_len(left))}{right}".rstrip() + "\n")


class ChineseContext(typer.Context):
    """Formats what is said of a command."""

    formatter_class = ChineseFormatter
