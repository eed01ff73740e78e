"""Every error a user can meet, as one tree.

    SkipscopeError            something a person can mend
    ├── UsageError            a name, option or file that cannot be meant (exit code 2)
    │   ├── SpecError         a study file says something impossible: names the file and the key
    │   ├── UnknownName       no such network, study, data set: lists the known ones
    │   └── NetworkError      a user's file gives no network: names the file and the line
    ├── DataError             a data set is missing, damaged or not what it claims to be
    ├── PictureError          a file of a user's is no image, or one that cannot be looked at
    ├── FontError             a report cannot be printed: no font here has its characters
    ├── WorkspaceError        a run folder or study record cannot be read or written
    │   └── DamagedFile       a file of a run is not what was written: the run is trained again
    ├── MachineError          this machine cannot compute the way a recipe says
    ├── ProbeError            probes failed on a network; what the others read is kept
    └── TrainingError         a run could not be brought to its end
        └── Diverged          the loss stopped being a finite number

Each says what is wrong, where, and what to do next. Asserts are for us, these are for users.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path


class SkipscopeError(Exception):
    """Something a person can mend."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        """What is wrong, where it is, and what to do next."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """One line a fact: what, where, what next."""
        return "\n".join(
            line
            for line in (
                self.what,
                self.where and f"where: {self.where}",
                self.hint and f"next:  {self.hint}",
            )
            if line
        )


class UsageError(SkipscopeError):
    """A name, option or file that cannot be meant."""

    exit_code = 2


class SpecError(UsageError):
    """A study file says something impossible."""


class UnknownName(UsageError):
    """A name nobody registered; says which are known."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, near: Sequence[str] = (), where: str = ""
    ) -> None:
        """`kind` is what was looked for ("network", "study", "data set"), `where` in which file.

        `near` are names that may be meant, too, and are too many to be listed among the known.
        """
        known = sorted(known)
        meant = get_close_matches(name, [*known, *near], n=1 + len(near))
        guess = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
        super().__init__(
            f"There is no {kind} {name!r}.{guess}", where=where, hint=f"known: {', '.join(known)}"
        )


class NetworkError(UsageError):
    """A user's file gives no network that maps images to logits."""


class DataError(SkipscopeError):
    """A data set is missing, damaged or not what it claims to be."""


class PictureError(SkipscopeError):
    """A file of a user's is no image, or one that cannot be looked at."""


class FontError(SkipscopeError):
    """A report cannot be printed: no font here has all of its characters."""

    def __init__(self, what: str, *, hint: str = "", written: Iterable[Path] = ()) -> None:
        """`written` is what could be made all the same."""
        super().__init__(what, hint=hint)
        self.written = tuple(written)


class WorkspaceError(SkipscopeError):
    """A run folder or study record cannot be read or written."""


class DamagedFile(WorkspaceError):
    """A file's checksum is not the one it was written with, or the list of checksums is damaged."""


class MachineError(SkipscopeError):
    """This machine cannot compute the way a recipe says."""


class ProbeError(SkipscopeError):
    """Probes failed on a network; what the others read is kept."""


class TrainingError(SkipscopeError):
    """A run could not be brought to its end."""


class Diverged(TrainingError):
    """The loss stopped being a finite number."""

    def __init__(self, what: str, *, numbers: dict[str, float | int], hint: str = "") -> None:
        """`numbers` are the step's: step, epoch, loss, learning rate, gradient norm."""
        super().__init__(
            what, where=", ".join(f"{key} {value:.6g}" for key, value in numbers.items()), hint=hint
        )
        self.numbers = numbers
