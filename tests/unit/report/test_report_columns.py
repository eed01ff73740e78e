"""How wide a printed table's columns are, and how large its letters."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from skipscope.report.galleries import Gallery, Tile
from skipscope.report.rendering import paper_source
from skipscope.report.words import Words, literal


def test_columns_get_their_longest_word_and_share_the_rest():
    shares, size = paper_source.widths([["a", "b"], ["unbreakable", "word " * 60]])
    assert size == 1
    assert sum(shares) == pytest.approx(1)
    assert shares[0] * paper_source.LINE >= len("unbreakable")
    assert shares[1] > 0.8
    narrow, _ = paper_source.widths([["a", "b"], ["网络", "1"]])
    assert narrow == [6 / paper_source.LINE, 3 / paper_source.LINE]


def test_width_goes_where_it_makes_the_rows_lowest():
    # the second column has the longest cell, but a single one; the first is longer in most rows
    rows = [["word " * 8, "y " * 10]] * 9 + [["word", "y " * 90]]
    shares, _ = paper_source.widths(rows)
    assert shares[0] * paper_source.LINE > len("word " * 8)  # nine rows of a line each
    assert shares[1] > 0.55  # a row that is of one line asks for no more


def test_long_digests_and_names_may_be_broken():
    shares, size = paper_source.widths([["f" * 64, "a_long_name-with-parts"], ["x " * 80, "y " * 80]])
    assert 0.4 < shares[0] < 0.6
    assert size == 1


def test_letters_shrink_where_words_are_too_long_for_the_line():
    shares, size = paper_source.widths([["unbreakable word"] * 14])
    assert shares == [pytest.approx(1 / 14)] * 14
    assert size == pytest.approx(paper_source.LINE / (14 * len("unbreakable..")))


def test_signs_between_pictures_are_in_columns_of_their_own():
    picture, caption = np.zeros((4, 4, 3), np.uint8), literal("c")
    tiles = tuple(Tile(picture=picture, zoom=32, caption=literal(name)) for name in "abc")
    steps = Gallery(
        name="g", number="1", caption=caption, spoken="c", tiles=tiles, table=pl.DataFrame(), steps=True
    )
    signed = paper_source._gallery(replace(steps, signs=("×", "=")), Words("en"))
    cells = next(line for line in signed.splitlines() if "g-1" in line).strip("| ").split(" | ")
    assert [cell[:4] for cell in cells[1::2]] == ["[×]{", "[=]{"]
    assert len(cells) == 5
    assert paper_source._gallery(steps, Words("en")).count("→ |") == 2
