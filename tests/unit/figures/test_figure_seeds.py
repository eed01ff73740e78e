"""What of many seeds is drawn: worked out before Vega sees it, by hand here."""

import polars as pl
import pytest

from skipscope.figures.seeds import SHOWN, drawn, means

MANY = 2 * SHOWN + 1
TABLE = pl.DataFrame(
    {
        "arm": ["a"] * MANY + ["b"] * MANY,
        "seed": [*range(MANY)] * 2,
        "module": ["x", "w"] + ["y"] * (2 * MANY - 2),
        "value": [float(seed**2) for seed in range(MANY)] * 2,
    }
)


@pytest.mark.parametrize(
    ("how", "expected"), [("median", SHOWN**2), ("mean", sum(s**2 for s in range(MANY)) / MANY)]
)
def test_the_middle_is_of_all_seeds_and_has_none_itself(how, expected) -> None:
    table = drawn(TABLE, "arm", how=how)
    bold = table.filter(pl.col("seed").is_null())
    assert bold["arm"].to_list() == ["a", "b"]
    assert bold["value"].to_list() == pytest.approx([expected] * 2, rel=1e-4)  # five digits are kept
    assert bold["module"].to_list() == ["w", "y"]  # as Vega's min takes it
    assert table.filter(pl.col("arm") == "b")["seed"].to_list() == [*range(SHOWN), None]
    assert table.schema == TABLE.schema


def test_means_alone_are_a_row_each() -> None:
    assert means(TABLE, "arm").select("arm", "seed").rows() == [("a", None), ("b", None)]


def test_few_seeds_are_left_as_they_are() -> None:
    few = TABLE.filter(pl.col("seed") < SHOWN)
    assert drawn(few, "arm") is few
    assert means(few, "arm") is few
