"""Networks that a user wrote: the class or function `Net` of `mynet.py`, called without arguments.

Such a network is its file's text: a run of another text is another run. So all of it has to be in that file,
but for what is installed. Whatever their code does wrong is told of with the file and the line.
"""

import ast
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from skipscope.errors import NetworkError, SkipscopeError, UnknownName
from skipscope.spec import UserNetwork

CLASSES = 10
"""Of every data set there is."""
IMAGES = 2
"""Of a trial."""


def pinned(model: str) -> str:
    """`mynet.py:Net` with the digest of what the file says now; any other name as it is.

    Raises:
        NetworkError: there is no such file, or it is no text.
    """
    own = UserNetwork.parse(model)
    if own is None or own.digest is not None:
        return model
    return str(own.model_copy(update={"digest": _read(own.file).digest}))


def build(own: UserNetwork) -> nn.Module:
    """The network, which answers 2 images with 2 x 10 logits and can learn: another one of it was tried.

    Raises:
        NetworkError: it does not; or the file is not there, has changed since it was pinned, or fails.
        UnknownName: nothing in the file has this name.
    """
    text = _read(own.file)
    if own.digest not in (None, text.digest):
        raise NetworkError(
            f"The file of {own.name} says something else than when this run was planned.",
            where=text.file,
            hint="run the study again: the changed network is another run; or put the file back as it was",
        )
    tree = _parsed(text)
    make, line = _maker(text, tree, own.name), _line(tree, own.name)
    network = _made(text, make, own.name, line)
    with torch.no_grad():  # weights that torch makes when the first image comes are made here
        _answer(text, network.eval(), own.name, line)
    with torch.enable_grad():  # while it is trained it may do something else, and it changes
        trial = _answer(text, _made(text, make, own.name, line).train(), own.name, line)
        if not trial.requires_grad:
            raise _wrong(f"{own.name} cannot learn: its logits depend on no parameter.", text, line)
        with _theirs(text, f"The gradient of {own.name}", line):
            trial.sum().backward()  # type: ignore[no-untyped-call]
    return network.train()


@dataclass(frozen=True, kw_only=True)
class _Text:
    """A user's file as it is now."""

    file: str
    text: str

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()[:16]


def _read(file: str) -> _Text:
    """The same on every system: lines end in a line feed, without the mark that editors put in front."""
    try:
        return _Text(file=file, text=Path(file).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NetworkError(
            "There is no such file.", where=str(Path(file).absolute()), hint="check the path before the colon"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise NetworkError(f"The network's file cannot be read: {error}.", where=file) from None


def _parsed(text: _Text) -> ast.Module:
    """Refuses what is no Python, and what is spread over several files."""
    try:
        tree = ast.parse(text.text, text.file)
    except SyntaxError as error:
        raise _wrong(f"This is not Python: {error.msg}.", text, error.lineno) from None
    except ValueError as error:  # a null byte, before Python 3.12
        raise _wrong(f"This is not Python: {error}.", text, None) from None
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for name in _imported(node):
            beside = Path(text.file).parent / name.partition(".")[0]
            files = beside.with_suffix(".py"), beside / "__init__.py"
            if name.startswith(".") or any(file.exists() for file in files):
                raise _wrong(
                    f"The file imports {name!r}, a file beside it: a run is known by the text of one file.",
                    text,
                    node.lineno,
                    hint="put all of the network into this one file",
                )
    return tree


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return ["." * node.level + (node.module or "")]


def _maker(text: _Text, tree: ast.Module, name: str) -> Callable[[], Any]:
    """What the file calls `name`, made by running the file's text: never an older one out of a cache."""
    module = ModuleType(f"skipscope_user_{text.digest}")
    module.__file__ = text.file
    sys.modules[module.__name__] = module  # where a dataclass looks for it
    with _theirs(text, "The file", None):
        exec(compile(tree, text.file, "exec"), vars(module))  # noqa: S102 - the user named it
    theirs = [
        key for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    if not hasattr(module, name):
        raise UnknownName("class or function", name, theirs, where=text.file)
    make = getattr(module, name)
    if not callable(make) or isinstance(make, nn.Module):
        raise _wrong(f"{name} is neither a class nor a function, but a {type(make).__name__}.", text, None)
    return make  # type: ignore[no-any-return]


def _made(text: _Text, make: Callable[[], Any], name: str, line: int | None) -> nn.Module:
    """A fresh network."""
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise _wrong(
            f"{name} is called without arguments, but needs some: {error}.",
            text,
            line,
            hint="give each a default value, or write a function that returns the network",
        ) from None
    with _theirs(text, f"{name}()", line):
        network = make()
    if not isinstance(network, nn.Module):
        raise _wrong(f"{name}() gives a {type(network).__name__}, not a torch.nn.Module.", text, line)
    return network


def _answer(text: _Text, network: nn.Module, name: str, line: int | None) -> Tensor:
    """Its logits for two black images."""
    with _theirs(text, f"{name} in {'training' if network.training else 'evaluation'}", line):
        logits = network(torch.zeros(IMAGES, 3, 32, 32))
    if isinstance(logits, Tensor) and logits.shape == (IMAGES, CLASSES) and logits.is_floating_point():
        return logits
    mode = "training" if network.training else "evaluation"
    raise _wrong(
        f"{name} in {mode} gives {in_words(logits)} for {IMAGES} images of 3 x 32 x 32.",
        text,
        line,
        hint=f"its forward has to give logits, a float tensor of {IMAGES} x {CLASSES}",
    )


def in_words(output: object) -> str:
    """What a network gave: a tuple, 2 x 10 numbers (torch.float32)."""
    if not isinstance(output, Tensor):
        return f"a {type(output).__name__}"
    return f"{' x '.join(map(str, output.shape)) or 'one'} numbers ({output.dtype})"


@contextmanager
def attribute_errors_to(model: str, where: str) -> Iterator[None]:
    """Around what computes with a network: if it is a user's own, an error names their file and line.

    Raises:
        NetworkError: the network raised something; `where` says in what it did.
    """
    own = UserNetwork.parse(model)
    if own is None:
        yield
        return
    with _theirs(_read(own.file), f"{own.name} {where}", None, sure=False):
        yield


def _line(tree: ast.Module, name: str) -> int | None:
    """Where in the file `name` is defined, if it is a class or function."""
    defined = (node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef)))
    return next((node.lineno for node in defined if node.name == name), None)


@contextmanager
def _theirs(text: _Text, what: str, line: int | None, *, sure: bool = True) -> Iterator[None]:
    """Around what runs the user's code: an error names the last line of their file that was on the way.

    Where it is not `sure` that nothing else is run, one of no line of theirs is what the system refuses or a
    mistake of ours; but torch, which computes gradients without them, raises RuntimeError.
    """
    try:
        yield
    except (SkipscopeError, MemoryError):  # of ours, and it says what is wrong itself; of no line
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.walk_tb(error.__traceback__)
        reached = [number for frame, number in frames if frame.f_code.co_filename == text.file]
        if not sure and not reached and not isinstance(error, RuntimeError):
            raise
        said = str(error).strip().partition("\n")[0]
        raise _wrong(
            f"{what} raised {type(error).__name__}{said and ': '}{said}", text, [line, *reached][-1]
        ) from error


def _wrong(what: str, text: _Text, line: int | None, hint: str = "mend it there") -> NetworkError:
    return NetworkError(what, where=text.file if line is None else f"{text.file}, line {line}", hint=hint)
