"""Readings as a dictionary."""

from collections.abc import Iterable

from skipscope.probes.base import Reading


def told(readings: Iterable[Reading]) -> dict[tuple[object, ...], float]:
    """Values by module (where there is one), quantity, and the other columns that apply, in their order."""
    found = {}
    for reading in readings:
        columns = {name: value for name, value in vars(reading).items() if value is not None}
        value, module = columns.pop("value"), columns.pop("module", None)
        key = tuple(columns.values()) if module is None else (module, *columns.values())
        assert key not in found
        found[key] = value
    return found
