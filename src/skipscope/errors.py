"""Every error a user can meet, as one tree.

    SkipscopeError            something a person can fix
    ├── UsageError            an invalid name, option or file (exit code 2)
    │   ├── SpecError         invalid keys or values in a study file: names the file and each key
    │   ├── UnknownName       no such network, study, data set: lists the known ones
    │   └── NetworkError      a user's file defines no network: names the file and the line
    ├── DataError             a data set is missing, damaged or not what it claims to be
    ├── PictureError          a file is not an image, or cannot be shown to the networks
    ├── FontError             a report cannot be printed: no font here has its characters
    ├── WorkspaceError        a run folder or study record cannot be read or written
    │   └── DamagedFile       a file of a run is not what was written: the run is trained again
    ├── MachineError          this machine cannot compute the way a recipe says
    ├── ProbeError            probes failed on a network; the others' readings are kept
    └── TrainingError         a run could not finish
        ├── Diverged          the loss stopped being a finite number
        └── RunFailed         runs of `skipscope.run` failed (`api/train.py`); the others' results are kept

Each says what is wrong, where, and what to do next. Asserts are for us, these are for users.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType


def closest(name: str, known: Iterable[str], *, count: int = 1) -> list[str]:
    """The known names that `name` may stand for: spelt alike in any case, or with its letters as initials."""
    lower = {each.lower(): each for each in known}
    initials = [each for key, each in lower.items() if "".join(w[:1] for w in key.split("_")) == name.lower()]
    return [*initials, *(lower[key] for key in get_close_matches(name.lower(), lower, n=count))][:count]


class SkipscopeError(Exception):
    """Something a person can fix."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        """What is wrong, where it is, and what to do next."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles the error as it is, whatever its constructor takes: workers hand theirs to their parent."""
        return _rebuilt, (type(self), self.args, vars(self))

    def __str__(self) -> str:
        """One line a fact: what, where, what next."""
        lines = self.what, self.where and f"where: {self.where}", self.hint and f"next:  {self.hint}"
        return "\n".join(filter(None, lines))


def _rebuilt(
    kind: type[SkipscopeError], args: tuple[object, ...], state: dict[str, object]
) -> SkipscopeError:
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error


class UsageError(SkipscopeError):
    """An invalid name, option or file."""

    exit_code = 2


class SpecError(UsageError):
    """A study file has invalid keys or values."""


class UnknownName(UsageError):
    """No such name; lists the known ones."""

    def __init__(
        self,
        kind: str,
        name: str,
        known: Iterable[str],
        *,
        near: Sequence[str] = (),
        synonyms: Mapping[str, str] = MappingProxyType({}),
        where: str = "",
    ) -> None:
        """`kind` is what was looked for ("network", "study", "data set"), `where` in which file.

        `near` are names that may be meant, too, but are too many to be listed among the known; `synonyms` are
        other words for known names.
        """
        known = sorted(known)
        meant = closest(name, [*known, *near], count=1 + len(near))
        meant = [synonyms[name.lower()]] if name.lower() in synonyms else meant
        guess = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
        hint = f"known: {', '.join(known)}"
        super().__init__(f"There is no {kind} {name!r}.{guess}", where=where, hint=hint)


class NetworkError(UsageError):
    """A user's file defines no network that maps images to logits."""


class DataError(SkipscopeError):
    """A data set is missing, damaged or not what it claims to be."""


class PictureError(SkipscopeError):
    """A file is not an image, or cannot be shown to the networks."""


class FontError(SkipscopeError):
    """A report cannot be printed: no font here has all of its characters."""

    def __init__(self, what: str, *, hint: str = "", written: Iterable[Path] = ()) -> None:
        """`written` are the files that could be made all the same."""
        super().__init__(what, hint=hint)
        self.written = tuple(written)


class WorkspaceError(SkipscopeError):
    """A run folder or study record cannot be read or written."""


class DamagedFile(WorkspaceError):
    """A file's checksum is not the one it was written with, or the list of checksums is damaged."""


class MachineError(SkipscopeError):
    """This machine cannot compute the way a recipe says."""


class ProbeError(SkipscopeError):
    """Probes failed on a network; the others' readings are kept."""


class TrainingError(SkipscopeError):
    """A run could not finish."""


class Diverged(TrainingError):
    """The loss stopped being a finite number."""

    def __init__(
        self,
        what: str,
        *,
        numbers: dict[str, float | int],
        rows: Sequence[Mapping[str, float | int]] = (),
        hint: str = "",
    ) -> None:
        """`numbers` are the step's: step, epoch, loss, learning rate; `rows` are of steps fetched with it."""
        where = ", ".join(f"{key} {value:.6g}" for key, value in numbers.items())
        super().__init__(what, where=where, hint=hint)
        self.numbers = numbers
        self.rows = rows
