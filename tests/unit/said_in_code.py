"""Finds what the code says to a person: every string of its source that reads as a sentence."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "skipscope"
SPEAKERS = (
    *(
        "cli/*.py",
        "bench/*.py",
        "engine/*.py",
        "engine/cluster/*.py",
        "exports/*.py",
        "data/*.py",
        "models/*.py",
        "spec/*.py",
        "training/*.py",
    ),
    *(
        "api/cluster.py",
        "api/plans.py",
        "api/progress.py",
        "api/measuring.py",
        "api/status.py",
        "api/wording.py",
    ),
    *("records/[acfjl]*.py", "records/run_folder.py", "records/schema.py", "records/store.py"),
    *("anatomy/follow.py", "probes/measure.py", "figures/prediction.py", "errors.py"),
    *("submission/archive.py", "report/__init__.py", "report/rendering/paper.py"),
)
"""Files whose strings reach the terminal."""
QUIET = {"Field", "compile", "Connection"}
"""Calls whose strings nobody reads there."""
SENTENCE = re.compile(r"[A-Za-z]{2,}[,;]? .*[A-Za-z]{2,}|[a-z]{2,} \0|\0 [a-z]{2,}|[a-z]{3,}\.$")
"""What reads as a sentence; NUL stands for a value."""


def said() -> Iterator[tuple[str, str]]:
    """File and line, and a sentence that is said there, with NUL for each value."""
    for pattern in SPEAKERS:
        yield from (each for each in strings(pattern) if SENTENCE.search(each[1]))


def strings(pattern: str) -> Iterator[tuple[str, str]]:
    """File and line, and a line of each string in these files, with NUL for each value."""
    for path in sorted(SOURCE.glob(pattern)):
        for number, text in _strings(ast.parse(path.read_text(encoding="utf-8"))):
            for line in text.split("\n"):
                yield f"{path.relative_to(SOURCE)}:{number}", line.strip()


def _strings(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Strings below a node of the source, but for docstrings and notes on types."""
    match node:
        case ast.Constant(value=str(text)):
            yield node.lineno, re.sub(r"\{\w*\}", "\0", text)
        case ast.JoinedStr(values=values):
            yield node.lineno, "".join(p.value if isinstance(p, ast.Constant) else "\0" for p in values)  # type: ignore[misc]
            for part in values:
                if isinstance(part, ast.FormattedValue):
                    yield from _strings(part.value)
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in QUIET:
            return
        case ast.arg(annotation=ast.Constant()):
            return
        case _:
            children = [
                each for each in ast.iter_child_nodes(node) if each is not getattr(node, "returns", None)
            ]
            yield from _all(children)


def _all(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    for node in nodes:
        yield from _strings(node)
