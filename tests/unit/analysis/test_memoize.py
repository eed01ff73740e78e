"""Functions of tables that remember what they came to."""

import gc
import weakref

import polars as pl

from skipscope.analysis.memoize import memoize_per_table


class Counted:
    """How often it was computed."""

    def __init__(self) -> None:
        self.times = 0
        self.scaled = memoize_per_table(self._scaled)

    def _scaled(self, table: pl.DataFrame, by: list[int], *, name: str = "a") -> pl.DataFrame:
        self.times += 1
        return table.select((pl.col("a") * by[0]).alias(name))


def test_one_table_and_the_same_arguments_are_computed_once() -> None:
    counted, table, by = Counted(), pl.DataFrame({"a": [1, 2]}), [3]

    first = counted.scaled(table, by)

    assert counted.scaled(table, by) is first
    assert counted.times == 1


def test_other_tables_and_arguments_are_computed() -> None:
    counted, table, by = Counted(), pl.DataFrame({"a": [1, 2]}), [3]

    counted.scaled(table, by)
    twin = counted.scaled(table.clone(), by)
    more = counted.scaled(table, [5])
    named = counted.scaled(table, by, name="b")

    assert counted.times == 4
    assert (twin["a"].to_list(), more["a"].to_list(), named.columns) == ([3, 6], [5, 10], ["b"])


def test_nothing_is_kept_when_the_table_is_gone() -> None:
    counted, table = Counted(), pl.DataFrame({"a": [1]})
    kept = weakref.ref(counted.scaled(table, [1]))

    del table
    gc.collect()

    assert kept() is None


def test_arguments_live_as_long_as_what_is_known_of_them() -> None:
    """A list is known by its place in memory, which another may be given when it is gone."""
    counted, table = Counted(), pl.DataFrame({"a": [1]})

    found = [counted.scaled(table, [number])["a"].item() for number in range(50)]

    assert found == list(range(50))
