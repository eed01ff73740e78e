"""The evidence below a claim: its effects in cells, in a table and in a figure."""

import json

import pytest
from documents import context_of, said
from labels import LABELS
from made_up_results import all_of, finding

from skipscope.analysis.tables import gather
from skipscope.claims.catalogue import catalogue, part_of
from skipscope.claims.model import ClaimResult, Effect
from skipscope.figures import claims as figures
from skipscope.figures import style
from skipscope.figures.rendering import vega
from skipscope.figures.rendering.drawing import svg
from skipscope.report.appendix.evidence import bound_cell, effect_cell, unit_cell
from skipscope.report.appendix.explanation import explanation
from skipscope.report.document import Figure, Table
from skipscope.report.words import Words, unmarked


@pytest.fixture
def tables(made_up):
    return gather(made_up(arms=("cnn",), epochs=1, steps=4), None)


def explained(tables, results, language="en"):
    return explanation(context_of(tables, language, results))


def test_an_effect_has_no_interval_from_one_seed_and_needs_none_where_it_is_counted():
    part = part_of("S6", "start")
    one = finding(
        part, effect=Effect(estimate=-2.0, low=None, high=None, n=1, unit="x", spread=0, images_error=0)
    )
    assert effect_cell(one) == "−2.0"
    assert effect_cell(finding(part, exact=True)) == "+0.75"
    assert effect_cell(finding(part)) == "+0.75 \\[+0.50, +1.0\\]"
    assert effect_cell(finding(part, "not_measured")) == "—"


@pytest.mark.parametrize(
    ("direction", "told"),
    [("above", "> +0.30"), ("below", "< +0.30"), ("apart", "|·| > 0.30"), ("within", "|·| < 0.30")],
)
def test_what_would_count_is_told_by_its_direction(direction, told):
    part = part_of("S6", "start")
    assert unmarked(bound_cell(finding(part, direction=direction, bound=0.3))) == told


def test_a_difference_of_logarithms_is_written_as_the_ratio_that_it_is(tables):
    part = part_of("T1", "epochs")
    logs = Effect(estimate=-0.49, low=-1.0, high=0.2, n=5, unit="log2", spread=0.1, images_error=0)
    one = finding(part, effect=logs)
    assert effect_cell(one) == "0.71 \\[0.50, 1.1\\]"
    assert unit_cell(Words("zh"), one) == "倍"
    assert unmarked(bound_cell(one)) == "∉ [0.91, 1.1]"  # a tenth, either way
    tens = logs.model_copy(update={"unit": "log10", "estimate": 2.0})
    below = finding(part_of("S1a", "start"), effect=tens)
    assert (effect_cell(below)[:4], unmarked(bound_cell(below))) == ("100 ", "< 0.50")
    result = ClaimResult(id="T1", group="course", verdict="supported", findings=(one, one))
    section = explained(tables, (result,))
    assert "0.71 [0.50, 1.1] times, 5 paired seeds (resnet20 / plain20)" in said(section)
    [figure] = [block for part in section.sections for block in part.blocks if isinstance(block, Figure)]
    assert figure.table["row"][0].endswith("resnet20 / plain20")
    row = figure.table.row(0, named=True)
    assert row["effect"] == pytest.approx(2**-0.49)
    assert row["at"] == pytest.approx(-0.49 / 0.14, abs=1e-3)  # as it is drawn, in multiples of the bound


def test_effects_are_drawn_in_multiples_of_the_smallest_worth_having():
    table = figures.scaled(
        [
            ("a", "supported", 0.6, 0.3, 9.0, 0.3, False),
            ("b", "inconclusive", -0.5, -1.0, 0.5, 0.0, False),
            ("d", "contradicted", 0.0, 0.0, 0.0, 0.0, False),
            ("e", "contradicted", 1.0, 0.5, 2.0, 0.5, True),  # ratios: a half is as far from 1 as double
        ]
    )
    assert table.select("at", "from", "to", "side").rows() == [
        (2.0, 1.0, figures.FARTHEST, 1.0),
        (-0.5, -1.0, 0.5, 0.0),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, -1.0, 1.0, -1.0),
    ]
    chart = figures.forest(table, labels=LABELS)
    spec = vega.specification(chart, validate=True)
    picture = svg(json.dumps(vega.printable(spec, chart.data, width=680, font=style.FONT)))
    assert picture.startswith("<svg")
    assert "NaN" not in picture


def test_a_quantity_of_several_comparisons_has_a_row_each(tables):
    part = part_of("T1", "epochs")
    several = tuple(finding(part, comparison=f"{arm} - cnn") for arm in ("resnet", "densenet", "se_resnet"))
    result = ClaimResult(id="T1", group="course", verdict="supported", findings=several)
    section = explained(tables, (result,))
    [figure] = [block for part in section.sections for block in part.blocks if isinstance(block, Figure)]
    rows = figure.table["row"].to_list()
    assert [row.split(figures.BREAK)[-1] for row in rows] == [
        "resnet - cnn",
        "densenet - cnn",
        "se_resnet - cnn",
    ]


@pytest.mark.parametrize(
    ("language", "column"), [("en", ("“criterion”", "mirror image")), ("zh", ("“成立条件”", "镜像"))]
)
def test_the_picture_says_where_an_interval_counts(tables, language, column):
    section = explained(tables, all_of("supported"), language)
    captions = [
        block.caption for part in section.sections for block in part.blocks if isinstance(block, Figure)
    ]
    assert captions
    for caption in captions:
        assert all(each in caption for each in column)
    assert Words(language).raw("explanation.bound") == column[0].strip("“”")


def test_cards_have_their_quantities_in_a_table_and_groups_their_picture(tables):
    section = explained(tables, all_of("supported"))
    for part in section.sections[1:]:
        claims = [block for block in part.blocks if isinstance(block, Table)]
        assert len(claims) == sum(f"claims-{listed.group}" == part.id for listed in catalogue().values())
        assert isinstance(part.blocks[0], Figure)
    nothing = explained(tables, all_of("not_measured"))
    blocks = [block for part in nothing.sections[1:] for block in part.blocks]
    assert not any(isinstance(block, Figure) for block in blocks)
    # what there is to tabulate is the reference's
    before = [blocks[index - 1] for index, block in enumerate(blocks) if isinstance(block, Table)]
    assert before
    assert all(block.text.startswith("In the reference study") for block in before)
