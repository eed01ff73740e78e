"""Definitions taken out of the package's own sources, to the letter but for what they are to do without.

What is taken is text, found by `ast`: comments and blank lines stay as they were written. `without` names
what is left out of it: fields, methods, parameters and their arguments, and the statements about them.
"""

import ast
import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from types import MappingProxyType

Edit = tuple[int, int, str]
"""From one offset to another, another text."""


class Source:
    """One module's source."""

    def __init__(self, module: str) -> None:
        """`module` is dotted, below `skipscope`: `training.loop`."""
        *folders, last = module.split(".")
        place = files("skipscope").joinpath(*folders, f"{last}.py")
        self.module = module
        self.text = place.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    @cached_property
    def lines(self) -> list[int]:
        """The offset at which each line begins; line 1 is the first."""
        starts: list[int] = [0, 0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def imports(self) -> dict[str, tuple[str, str | None]]:
        """What `imported` says of the module."""
        return imported(self.tree)

    def take(self, name: str, without: Collection[str] = ()) -> str:
        """The definition of `name` at the module's top, with the comment above it and the text below it.

        Raises:
            KeyError: the module has none.
        """
        for node, after in zip(self.tree.body, [*self.tree.body[1:], None], strict=True):
            if name in _defined(node):
                end = after if after is not None and _is_text(after) and _is_value(node) else node
                return _plain(self._edited(self._start(node), self._end(end), node, frozenset(without)))
        raise KeyError(f"{self.module} defines no {name}")

    def _start(self, node: ast.stmt) -> int:
        """Where the node begins with its decorators and the comment right above it."""
        first: int = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        while first > 1 and self._line(first - 1).lstrip().startswith("#"):
            first -= 1
        return self.lines[first]

    def _end(self, node: ast.stmt) -> int:
        """Where the node's last line ends, with a comment behind it."""
        last: int = node.end_lineno or node.lineno
        return self.lines[last] + len(self._line(last))

    def _line(self, number: int) -> str:
        return self.text[self.lines[number] : self.lines[number + 1]].rstrip("\n")

    def _edited(self, start: int, end: int, node: ast.stmt, without: frozenset[str]) -> str:
        text = self.text
        edits = _outermost(self._edits(node, without))
        for first, last, new in sorted(edits, reverse=True):
            text = text[:first] + new + text[last:]
            end += len(new) - (last - first)
        left = text[start:end]
        return re.sub(r"\n{3,}", "\n\n", _SHORTENED.sub(_joined, left)) if edits else left

    def _edits(self, node: ast.AST, without: frozenset[str]) -> Iterator[Edit]:
        """What is cut, from the outside in."""
        if not without:
            return
        for child in ast.walk(node):
            body = getattr(child, "body", None)
            if isinstance(body, list):
                yield from self._cut_statements(body, without)
            if isinstance(child, ast.FunctionDef):
                yield from self._cut_parameters(child, without)
                yield from self._cut_docstring(child, without)
            elif isinstance(child, ast.Call):
                yield from self._cut_arguments(child, without)
            elif isinstance(child, ast.With):
                yield from self._cut_contexts(child, without)

    def _cut_statements(self, body: list[ast.stmt], without: frozenset[str]) -> Iterator[Edit]:
        for node, after in zip(body, [*body[1:], None], strict=True):
            if _is_about(node, without):
                text = after is not None and _is_text(after) and _is_value(node)
                yield self._start(node), self._end(after if text and after else node) + 1, ""

    def _cut_parameters(self, node: ast.FunctionDef, without: frozenset[str]) -> Iterator[Edit]:
        given = node.args.posonlyargs + node.args.args
        defaults = [*[None] * (len(given) - len(node.args.defaults)), *node.args.defaults]
        for parameter, default in zip(given, defaults, strict=True):
            if parameter.arg in without:
                yield self._listed(parameter, default or parameter)

    def _cut_arguments(self, call: ast.Call, without: frozenset[str]) -> Iterator[Edit]:
        for argument in (*call.args, *call.keywords):
            value = argument.value if isinstance(argument, ast.keyword) else argument
            if isinstance(value, ast.Name) and value.id in without:
                yield self._listed(argument, argument)

    def _cut_contexts(self, node: ast.With, without: frozenset[str]) -> Iterator[Edit]:
        gone = [item for item in node.items if _mentions(item, without)]
        if gone and len(gone) == len(node.items):  # what it surrounded moves to the left
            first, last = node.body[0], node.body[-1]
            inside = self.text[self.lines[first.lineno] : self._end(last)]
            moved = "\n".join(line.removeprefix("    ") for line in inside.split("\n"))
            yield self.lines[node.lineno], self._end(last), moved
        else:
            for item in gone:
                yield self._listed(item.context_expr, item.context_expr)

    def _cut_docstring(self, node: ast.FunctionDef, without: frozenset[str]) -> Iterator[Edit]:
        """Paragraphs that tell of what is gone."""
        said = node.body[0]
        if not _is_text(said):
            return
        start, end = self._offset(said.lineno, said.col_offset), self._end(said)
        kept = [
            part
            for part in re.split(r"\n\n", self.text[start:end])
            if not any(f"`{name}`" in part for name in without)
        ]
        yield start, end, "\n\n".join(kept)

    def _listed(self, first: ast.AST, last: ast.AST) -> Edit:
        """One of several between commas, with a comma and the space around it."""
        start = self._offset(first.lineno, first.col_offset)  # type: ignore[attr-defined]
        end = self._offset(last.end_lineno, last.end_col_offset)  # type: ignore[attr-defined]
        before = re.search(r",\s*$", self.text[:start])
        if before is not None:
            return before.start(), end, ""
        behind = re.match(r",\s*", self.text[end:])
        return start, end + (behind.end() if behind else 0), ""

    def _offset(self, line: int, column: int) -> int:
        """Of a place that ast names, which counts bytes."""
        text = self._line(line).encode()[:column].decode()
        return self.lines[line] + len(text)


def imported(tree: ast.Module) -> dict[str, tuple[str, str | None]]:
    """Every name imported from elsewhere than the package: the module, and its name there."""
    found: dict[str, tuple[str, str | None]] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: (alias.name, None) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.name: (node.module, alias.name) for alias in node.names}
    return {name: what for name, what in found.items() if not _is_ours(what[0])}


def _defined(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign():
            found = (ast.walk(target) for target in node.targets)
            return {name.id for names in found for name in names if isinstance(name, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def _is_about(node: ast.stmt, without: frozenset[str]) -> bool:
    """Whether a statement defines, asks about or calls what is to be left out."""
    match node:
        case ast.FunctionDef() | ast.Assign() | ast.AnnAssign():
            return bool(_defined(node) & without)
        case ast.If():
            return _mentions(node.test, without)
        case ast.Expr(value=ast.Call(func=function)):
            return _mentions(function, without)
    return False


def _mentions(node: ast.AST, names: frozenset[str]) -> bool:
    return any(
        (isinstance(part, ast.Name) and part.id in names)
        or (isinstance(part, ast.Attribute) and part.attr in names)
        for part in ast.walk(node)
    )


def _outermost(edits: Iterator[Edit]) -> list[Edit]:
    """Without those inside others."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_value(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Assign, ast.AnnAssign))


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "skipscope"


WIDTH = 110
_SHORTENED = re.compile(r"^(?P<head>.*\()\n\s+(?P<inside>[^\n#]*[^\n#,])\n\s*(?P<tail>\).*)$", re.MULTILINE)


def _joined(call: re.Match[str]) -> str:
    """What stands in brackets on a line of its own, where it now fits on the line of the brackets."""
    line = f"{call['head']}{call['inside']}{call['tail']}"
    return line if len(line) <= WIDTH else call[0]


_MARKS = re.compile(
    r"  # (?:noqa|type: ignore)(?:: ?[A-Z0-9, ]+|\[[^]]*\])?(?: - (?P<why>.*))?$", re.MULTILINE
)


def _plain(text: str) -> str:
    """Without the marks that checkers of the package read; a reason behind one stays."""
    return _MARKS.sub(lambda mark: f"  # {mark['why']}" if mark["why"] else "", text)


def dataclass_of(
    source: Source,
    name: str,
    without: Collection[str] = (),
    defaults: Mapping[str, object] = MappingProxyType({}),
) -> str:
    """A pydantic model of plain fields as a dataclass: what `Field` says of a field stands beside it."""
    node = next(node for node in source.tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    lines = [
        "@dataclass(frozen=True, kw_only=True)",
        f"class {name}:",
        f'    """{ast.get_docstring(node)}"""',
        "",
    ]
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and not _defined(field) <= set(without):
            lines += _field(ast.unparse(field.target), field, defaults)
    return "\n".join(lines)


_AUTO = re.compile(r"Literal\['auto'\] \| ")
_ANNOTATED = re.compile(r"Annotated\[(\w+), Field\([^)]*\)\]")


def _field(name: str, field: ast.AnnAssign, defaults: Mapping[str, object]) -> list[str]:
    kind = _ANNOTATED.sub(r"\1", _AUTO.sub("", ast.unparse(field.annotation))).replace("'", '"')
    value, note = field.value, ""
    if isinstance(value, ast.Call):
        told = [keyword.value for keyword in value.keywords if keyword.arg == "description"]
        note = f"# {ast.literal_eval(told[0])}" if told else ""
        value = value.args[0] if value.args else None
    default = defaults.get(name, ast.literal_eval(value) if value is not None else ...)
    shown = json.dumps(default) if isinstance(default, str) else repr(default)
    line = f"    {name}: {kind}" + (f" = {shown}" if default is not ... else "")
    if not note:
        return [line]
    beside = f"{line}  {note}"
    return [beside] if len(beside) <= WIDTH else [f"    {note}", line]
