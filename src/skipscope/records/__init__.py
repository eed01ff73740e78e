"""What is written about runs and studies, and where.

Tables and arrays are polars' and numpy's, which take half a second to import: who shows runs alone needs
neither, so these modules are imported when somebody takes the first thing out of them.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skipscope.records import arrays as arrays
    from skipscope.records import frames as frames
    from skipscope.records import readings as readings

LATER = ("arrays", "frames", "readings")


def __getattr__(name: str) -> ModuleType:
    """A module of `LATER`, asked for the first time."""
    if name in LATER:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
