"""Custom networks: the class or function `Net` of the user's `mynet.py`, called without arguments.

A run is identified by the text of that file, so a custom network must be a single file; it may import
installed packages only. Errors in the user's code are reported with file and line.
"""

import ast
import inspect
import sys
import tokenize
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skipscope.errors import NetworkError, SkipscopeError, UnknownName, UsageError
from skipscope.models.advice import advice
from skipscope.said_once import printer
from skipscope.spec import UserNetwork
from skipscope.spec.text_file import read_text

CLASSES, IMAGES = 10, 2
"""Classes of every data set, and images of a trial."""


def pinned(model: str) -> str:
    """Adds the digest of the file's current text to `mynet.py:Net`; returns any other name unchanged.

    Raises:
        NetworkError: the file does not exist or is not text.
    """
    own = UserNetwork.parse(model)
    if own is None or own.digest is not None:
        return model
    return str(own.model_copy(update={"digest": _read(own.file).digest}))


def build(own: UserNetwork) -> nn.Module:
    """Builds the network, after a trial that it maps 2 images to 2 x 10 logits and can learn.

    Raises:
        NetworkError: the trial fails; or the file is missing, changed since it was pinned, or raises.
        UnknownName: nothing in the file has this name.
    """
    text = _read(own.file)
    if own.digest not in (None, text.digest):
        raise NetworkError(
            f"The file of {own.name} has changed since this run was planned.",
            where=text.file,
            hint="run the study again (the changed network becomes a new run), or restore the file",
        )
    tree = _parsed(text)
    make = _maker(text, tree, own.name)
    defined = (node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef)))
    line = next((node.lineno for node in defined if node.name == own.name), None)
    network = _made(text, make, own.name, line)
    with torch.no_grad():  # lazy modules make their weights here
        for images in (IMAGES, 1):
            _answer(text, network.eval(), own.name, line, images)
    with torch.enable_grad():  # a second network: a pass in training changes it
        trial = _answer(text, _made(text, make, own.name, line).train(), own.name, line)
        if not trial.requires_grad:
            what = f"{own.name} cannot learn: its logits depend on no parameter."
            raise _wrong(what, text, line, hint="leave out torch.no_grad, detach and numpy in forward")
        with _theirs(text, f"The gradient of {own.name}", line):
            trial.sum().backward()  # type: ignore[no-untyped-call]
    _check_state(text, network, own.name, line)
    return network.train()


class _Text(NamedTuple):
    """The current text of a user's file."""

    file: str
    text: str

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()[:16]


def _read(file: str) -> _Text:
    """Reads the same text on every system: with line feeds, without a byte order mark."""
    path = Path(file)
    try:
        return _Text(file=file, text=read_text(path))
    except FileNotFoundError:
        raise NetworkError(
            "File not found.", where=str(path.absolute()), hint="check the path before the colon"
        ) from None
    except OSError as error:
        raise NetworkError(f"Cannot read the network's file: {error}.", where=file) from None
    except UsageError as error:
        with suppress(SyntaxError, UnicodeDecodeError), tokenize.open(path) as declared:
            return _Text(file=file, text=declared.read())  # its first lines may name an encoding
        raise NetworkError(error.what, where=error.where, hint=error.hint) from None


def _parsed(text: _Text) -> ast.Module:
    """Parses the file; rejects a syntax error, and an import of a file beside it."""
    try:
        tree = ast.parse(text.text, text.file)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, before Python 3.12
        what, line = getattr(error, "msg", error), getattr(error, "lineno", None)
        raise _wrong(f"This is not Python: {what}.", text, line) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            continue
        for name in names:
            beside = Path(text.file).parent / name.partition(".")[0]
            files = beside.with_suffix(".py"), beside / "__init__.py"
            if name.startswith(".") or any(file.exists() for file in files):
                raise _wrong(
                    f"The file imports {name!r}, a file beside it; a custom network must be a single file.",
                    text,
                    node.lineno,
                    hint="move that code into this file; it may import installed packages only",
                )
    return tree


def _maker(text: _Text, tree: ast.Module, name: str) -> Callable[[], Any]:
    """Executes the file's text, never a cached module, and returns what it calls `name`."""
    module = ModuleType(f"skipscope_user_{text.digest}")
    module.__file__ = text.file
    vars(module)["print"] = printer(text.file)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
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
    """Makes a new network."""
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise _wrong(
            f"{name} must be callable without arguments: {error}.",
            text,
            line,
            hint="give each a default value, or write a function that returns the network",
        ) from None
    with _theirs(text, f"{name}()", line):
        network = make()
    if not isinstance(network, nn.Module):
        raise _wrong(f"{name}() returns a {type(network).__name__}, not a torch.nn.Module.", text, line)
    return network


def _answer(text: _Text, network: nn.Module, name: str, line: int | None, images: int = IMAGES) -> Tensor:
    """Returns the network's logits for so many black images."""
    mode = "training" if network.training else "evaluation"
    with _theirs(text, f"{name} in {mode}", line):
        logits = network(torch.zeros(images, 3, 32, 32))
    if isinstance(logits, Tensor) and logits.shape == (images, CLASSES) and logits.is_floating_point():
        return logits
    number = f"{images} images" if images > 1 else "one image"
    raise _wrong(
        f"{name} in {mode} returns {in_words(logits)} for {number} of 3 x 32 x 32.",
        text,
        line,
        hint=f"forward must return logits, a float tensor of {images} x {CLASSES}{_instead(logits)}",
    )


def _check_state(text: _Text, network: nn.Module, name: str, line: int | None) -> None:
    """Refuses a network whose state is more than tensors: checkpoints and weights keep nothing else."""
    with _theirs(text, f"The state of {name}", line):
        state = network.state_dict()
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise _wrong(
                f"{name} has {key} in its state, a {type(value).__name__}, and a run keeps only tensors.",
                text,
                line,
                hint="keep it in a buffer (register_buffer), or leave get_extra_state out",
            )


def _instead(output: object) -> str:
    """Says how a network's output becomes logits, where that is known."""
    if isinstance(output, tuple | list):
        return ": return the first alone, also in training (auxiliary classifiers: aux_logits=False)"
    if isinstance(output, Mapping) or hasattr(output, "logits"):
        return ": return its logits alone"
    if isinstance(output, Tensor) and output.shape == (CLASSES,):
        return ": squeeze() drops the axis of a single image; write flatten(1)"
    if isinstance(output, Tensor) and output.ndim == 2:
        return f": give the last layer {CLASSES} outputs (num_classes={CLASSES})"
    return ""


def in_words(output: object) -> str:
    """Describes a network's output: a tuple, 2 x 10 numbers (torch.float32)."""
    if not isinstance(output, Tensor):
        return f"a {type(output).__name__}"
    return f"{' x '.join(map(str, output.shape)) or 'one'} numbers ({output.dtype})"


@contextmanager
def attribute_errors_to(model: str, where: str) -> Iterator[None]:
    """Attributes errors raised while a custom network computes to its file and line.

    Raises:
        NetworkError: the network raised an error; `where` says in what context.
    """
    own = UserNetwork.parse(model)
    if own is None:
        yield
        return
    with _theirs(_read(own.file), f"{own.name} {where}", None, sure=False):
        yield


@contextmanager
def _theirs(text: _Text, what: str, line: int | None, *, sure: bool = True) -> Iterator[None]:
    """Attributes errors to the last line of the user's file on the traceback.

    Unless it is `sure` that only the user's code runs, an error that touches no line of theirs is the
    system's or our own and passes; but torch raises RuntimeError from gradients, in which no line appears.
    """
    try:
        yield
    except (SkipscopeError, MemoryError):  # these explain themselves
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.walk_tb(error.__traceback__)
        reached = [number for frame, number in frames if frame.f_code.co_filename == text.file]
        if not sure and not reached and not isinstance(error, RuntimeError):
            raise
        said = str(error).strip().partition("\n")[0]
        raised = f"{what} raised {type(error).__name__}{said and ': '}{said}"
        raise _wrong(raised, text, [line, *reached][-1], hint=advice(said)) from error


def _wrong(what: str, text: _Text, line: int | None, hint: str = "fix it there") -> NetworkError:
    return NetworkError(what, where=text.file if line is None else f"{text.file}, line {line}", hint=hint)
