"""What is said of the course of training, on the reference that ships and on verdicts made up."""

import pytest
from made_up_bodies import card, prose, read

from skipscope.report.document import Table
from skipscope.report.handin.beside import beside
from skipscope.report.words import unmarked

RESIDUAL, DENSE, GATED = ("resnet20 - plain20", "densenet22_k12 - resnet20", "se_resnet20 - resnet20")
CLASSROOM = "resnet - cnn"


@pytest.fixture
def tables(study_tables):
    return study_tables()


def told(tables, language="en", **claims):
    return read(beside(prose(tables, card("fair", claims), language=language)))


def speed(pair, epochs, seconds, verdict="supported"):
    return [("epochs", pair, verdict, epochs), ("seconds", pair, verdict, seconds)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_the_reference_it_has_a_figure_a_table_and_intervals(tables, language):
    blocks = beside(prose(tables, language=language))
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert len(table.columns) == 5  # what is compared, and four connections
    cells = read([table])
    assert {"f(x)", "f(x)+x", "[x, f(x)]", "s·f(x)+x"} <= {unmarked(cell) for cell in table.rows[0]}
    assert cells.count("26 [") == 1  # of 20 layers before training, and not in training
    assert cells.count({"en": "study fair", "zh": "实验 fair"}[language]) == 1  # of three rows below it


def test_what_is_withheld_as_confounded_is_in_no_sentence_and_no_cell(tables):
    text = told(tables, T1=("confounded", speed(RESIDUAL, -1.0, 2.0, "confounded")))
    assert "0.50" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "inconclusive"])
@pytest.mark.parametrize("estimate", [-0.5, 0.5])
def test_every_verdict_has_its_words(tables, verdict, estimate, language):
    pairs = (CLASSROOM, RESIDUAL, DENSE, GATED)
    text = told(
        tables,
        language,
        T1=(verdict, [part for pair in pairs for part in speed(pair, estimate, estimate, verdict)]),
        T3=(verdict, [("gap", pair, verdict, 4 * estimate) for pair in pairs]),
        T4=(verdict, [("spread", RESIDUAL, verdict, estimate)]),
        T5=(verdict, [("images", pair, verdict, 0.9) for pair in pairs]),
    )
    if verdict != "inconclusive":
        assert ("−2.00" if estimate < 0 else "+2.00") in text
