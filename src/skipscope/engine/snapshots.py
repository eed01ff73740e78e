"""How much disk the weights take that a study keeps while its runs train, and how much is too much."""

from collections.abc import Iterable
from dataclasses import dataclass

from skipscope.anatomy.describe import describe
from skipscope.errors import UsageError
from skipscope.spec import RunSpec, Snapshots

MOST_FILES = 100
MOST_BYTES = 4 * 10**9
"""The most that one run may keep. A file of the classroom's networks has 0.3 to 45 MB."""
BYTES = 4
"""A weight takes so many: they are kept in fp32."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Counts files and bytes, at most: a run that does not learn reaches few levels."""

    files: int = 0
    bytes: int = 0

    @classmethod
    def together(cls, several: Iterable["Kept"]) -> "Kept":
        """Adds them up."""
        each = list(several)
        return cls(files=sum(one.files for one in each), bytes=sum(one.bytes for one in each))


NOTHING = Kept()


def kept_by(spec: RunSpec, asked: Snapshots | None) -> Kept:
    """Counts what a run may keep.

    Raises:
        UsageError: that is too much; says how much, and what to change.
    """
    if asked is None:
        return NOTHING
    files = len(asked.losses) + asked.epochs * (spec.recipe.epochs - 1)
    card = describe(spec.model)
    kept = Kept(files=files, bytes=files * BYTES * card.params)
    if files > MOST_FILES or kept.bytes > MOST_BYTES:
        raise UsageError(
            f"A run of {card.name} would keep its weights {files} times, {kept.bytes / 1e9:.1f} GB: "
            f"at most {MOST_FILES} times and {MOST_BYTES / 1e9:.0f} GB are kept of one run.",
            where="snapshots",
            hint="leave levels out of snapshots.losses, or epochs = true",
        )
    return kept
