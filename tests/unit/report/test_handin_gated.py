"""What is said of gates, on the reference that ships and on verdicts made up."""

import re

import pytest
from made_up_bodies import card, prose, read

from skipscope.reference import shipped
from skipscope.report.document import Equation, Figure
from skipscope.report.handin.gate_evidence import differences_figure
from skipscope.report.handin.gated import gated

POOL = "se_resnet_pool - resnet"
STATIC = "se_resnet_pool - se_resnet_pool_static"
HALF = "se_resnet_pool_half - resnet"


@pytest.fixture
def tables(study_tables):
    return study_tables()


def told(tables, language="en", **claims):
    return read(gated(prose(tables, card("stem", claims), language=language)))


def e4(content, half, gain):
    return (content, [("content", STATIC, content, 0.1), ("half", HALF, half, gain)])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_the_reference_it_has_all_that_a_section_needs(tables, language):
    blocks = gated(prose(tables, language=language))
    text = read(blocks)
    assert sum(isinstance(block, Equation) for block in blocks) == 2
    assert sum(isinstance(block, Figure) for block in blocks) == 1
    assert "0.80%" in text  # counted
    assert re.search(r"\d \[\S+, \S+\]", text)  # measured, with its interval
    assert {"en": "not refuted here", "zh": "不否定他们的结论"}[language] in text  # a limit
    assert {"en": "one more map in memory", "zh": "多存一幅特征图"}[language] in text  # a price


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_figure_has_the_differences_that_the_text_tells(tables, language):
    [figure] = [block for block in gated(prose(tables, language=language)) if isinstance(block, Figure)]
    values = [round(value, 2) for value in figure.table["value"]]
    assert values == [
        1.80,
        1.64,
        0.02,
        0.14,
        0.16,
        -0.25,
        -1.58,
        1.43,
        -0.16,
    ]  # of gates, then of pool and gates
    headings = [name for name in rows_of(figure) if re.match(r"\w+(: |：)\d", name)]
    assert [re.split("[:：]", name)[0] for name in headings] == ["evening", "fair", "stem"]
    assert "±0.5" in figure.caption
    alone = prose(tables, evening(), language=language)
    [figure] = [block for block in gated(alone) if isinstance(block, Figure)]
    assert len(figure.table) == 5
    assert not [name for name in rows_of(figure) if name.startswith(("stem:", "stem："))]


def rows_of(figure):
    """The lines of a chart: headings and rows."""
    return figure.chart.layers[-1].to_dict()["encoding"]["y"]["scale"]["domain"]


def evening():
    """The shipped study that compared gates, without that of the stem."""
    return shipped.cards()["evening"]


def test_a_gain_is_put_down_to_the_scale_only_where_halving_alone_brings_it(tables):
    gain = ("supported", [("accuracy", POOL, "supported", 1.6)])
    halved = told(tables, E3=gain, E4=e4("contradicted", "supported", 1.5))
    assert "need not be due to attention" in halved
    assert "already makes the network 1.50 [1.35, 1.65] percentage points more accurate" in halved
    worse = told(tables, E3=gain, E4=e4("contradicted", "supported", -1.5))
    assert "need not be due to attention" not in worse
    assert "changes by −1.50" in worse
    most = told(tables, E3=gain, E4=e4("inconclusive", "supported", 1.5))
    assert "most of the gain seen here need not be due to attention" in most
    assert "the interval of what the content of the image adds ends at 0.11 points" in most
    as_much = told(tables, E3=gain, E4=e4("inconclusive", "supported", 0.1))
    assert "need not be due to attention" not in as_much


def test_rates_are_those_of_the_networks_that_are_told_of(tables):
    """They are those of the gates' study, whose peak rate is half of that of the assignment's networks."""
    text = read(gated(prose(tables)))
    arms = {arm.arm: arm for arm in shipped.cards()["evening"].arms}
    assert f"trained at no rate below {arms['se_resnet_pool'].learning_rate:g}." in text


def test_learnt_gates_are_set_against_the_constant_seed_by_seed(tables):
    accuracies = shipped.values("evening", "test accuracy")
    pairs = zip(*(accuracies[f"se_resnet_pool{end}"].values() for end in ("", "_half")), strict=True)
    mean = sum(a - b for a, b in pairs) / 10
    rows = differences_figure(prose(tables)).table.rows_by_key("row", unique=True)
    assert rows["SE gate − constant 1/2"][1] == pytest.approx(mean)


def test_a_gain_is_put_down_to_the_content_only_where_static_gates_do_worse(tables):
    gain = ("supported", [("accuracy", POOL, "supported", 1.6)])
    none = ("contradicted", [("accuracy", POOL, "contradicted", 0.1)])
    content = e4("supported", "contradicted", 0.1)
    assert "does depend on the content" in told(tables, E3=gain, E4=content)
    assert "does depend on the content" not in told(tables, E3=none, E4=content)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "inconclusive"])
def test_every_verdict_has_its_words(tables, verdict, language):
    text = told(
        tables,
        language,
        E1=(verdict, [("class_share", "se_resnet", verdict, 3.0)]),
        E2=(
            verdict,
            [
                ("parameters", POOL, "supported", 0.8),
                ("arithmetic", POOL, "supported", 0.2),
                ("time", POOL, verdict, 1.4),
            ],
        ),
        E3=(verdict, [("accuracy", POOL, verdict, 1.6)]),
        E4=(verdict, [("content", STATIC, verdict, 0.7), ("half", HALF, verdict, 0.7)]),
        E5=(verdict, [(name, "resnet_nopool - resnet", verdict, 2.0) for name in ("pool", "gate", "whole")]),
    )
    for number in ("1.4", "1.60", "0.70", "2.00"):
        assert number in text, number


@pytest.mark.parametrize(("whole", "hidden"), [(0.0, True), (2.0, False)])
def test_a_difference_that_may_be_none_has_no_share_of_the_pool(tables, whole, hidden):
    parts = [("pool", "resnet_nopool - resnet", "supported", 2.0), ("gate", POOL, "inconclusive", 2.0)]
    text = told(tables, E5=("supported", [*parts, ("whole", "se_resnet - resnet", "inconclusive", whole)]))
    assert ("does not show what gates do" in text) == hidden
    assert ("Part of this is due to the pooling" in text) == (not hidden)


def test_what_is_withheld_as_confounded_is_not_told_of_the_gates(tables):
    text = told(tables, E3=("confounded", [("accuracy", "se_resnet - resnet", "confounded", 9.0)]))
    assert "9.0" not in text


def test_that_gates_steady_the_training_is_said_where_it_is_settled(tables):
    def of(verdict, estimate):
        return told(tables, T2=(verdict, [("steps", POOL, verdict, estimate)]))

    assert "from step to step by 0.71 [" in of("supported", -0.5)
    assert "steady the training" not in of("inconclusive", -0.5)
    assert "steady the training" not in of("supported", 0.5)


def test_what_gates_bring_with_either_stem_is_called_open_where_it_is(tables):
    assert "it rises by 1.4 [0.5, 2.4], above zero, but not surely above the 0.5 points" in read(
        gated(prose(tables))
    )


@pytest.mark.parametrize(("lead", "told_of"), [(1.5, True), (-1.5, False)])
def test_a_lead_of_the_pair_in_a_longer_study_is_told_beside_the_short_ones(tables, lead, told_of):
    parts = [("pool", "resnet_nopool - resnet", "supported", -2.0), ("gate", POOL, "inconclusive", 2.0)]
    short = card(
        "stem", {"E5": ("supported", [*parts, ("whole", "se_resnet - resnet", "inconclusive", 0.0)])}
    )
    whole = ("confounded", [("accuracy", "se_resnet - resnet", "confounded", lead)])
    text = read(gated(prose(tables, short, card("lab", {"E3": whole}))))
    assert "does not show what gates do" in text
    assert ("se_resnet leads by 1.50 [1.35, 1.65]" in text) == told_of
