"""Memoizes pure functions of a table for as long as the table lives.

A report computes the same things from the same readings for every network, and in both languages.
"""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import finalize

import polars as pl

Given = ParamSpec("Given")
Made = TypeVar("Made")


def memoize_per_table(
    compute: Callable[Concatenate[pl.DataFrame, Given], Made],
) -> Callable[Concatenate[pl.DataFrame, Given], Made]:
    """Compute once for this very table and these arguments; nobody may change either."""
    found: dict[int, dict[Hashable, tuple[object, Made]]] = {}

    @wraps(compute)
    def remembered(table: pl.DataFrame, /, *given: Given.args, **named: Given.kwargs) -> Made:
        if id(table) not in found:
            finalize(table, found.pop, id(table), None)
        known = found.setdefault(id(table), {})
        key = (*map(_key, given), *((name, _key(value)) for name, value in sorted(named.items())))
        if key not in known:
            # with the arguments: what is known by its id must stay alive, or another could get that id
            known[key] = (given, named), compute(table, *given, **named)
        return known[key][1]

    return remembered


def _key(value: Any) -> Hashable:
    """The value, or its identity if it has no hash."""
    return value if isinstance(value, Hashable) else id(value)
