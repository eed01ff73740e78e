"""The explanation: every sentence is chosen by a verdict and has its number."""

import pytest
from documents import context_of, said
from made_up_results import all_of, finding, one_of

from skipscope.analysis.tables import gather
from skipscope.claims.calibration.calibrate import load_calibration
from skipscope.claims.catalogue import catalogue, part_of
from skipscope.claims.confounds import Confound
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import SeedsNeeded
from skipscope.claims.ratios import BASES, RATIO
from skipscope.report.appendix.explanation import explanation
from skipscope.report.words import Words, percent, unmarked

VERDICTS = ("supported", "contradicted", "inconclusive", "confounded", "not_measured")


@pytest.fixture
def tables(made_up):
    return gather(made_up(arms=("cnn",), epochs=1, steps=4), None)


def explained(tables, results, language="en"):
    return explanation(context_of(tables, language, results))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_claim_is_said_as_it_came_out(tables, verdict, language):
    text = said(explained(tables, all_of(verdict), language))
    for listed in catalogue().values():
        wording = listed.wording(language)
        others = {
            "supported": wording.supported,
            "contradicted": wording.contradicted,
            "inconclusive": wording.inconclusive,
        }
        mine = unmarked(others.get(verdict, wording.sentence)).rstrip("。.").replace("`", "")
        assert mine in text.replace("`", ""), listed.id
        for other in others.values():
            if other not in (others.get(verdict), wording.sentence):
                assert unmarked(other) not in text, listed.id


def test_where_textbook_and_measurement_part_both_are_said(tables):
    short = said(explained(tables, all_of("contradicted")).sections[0])
    first = next(iter(catalogue().values())).wording("en")
    assert f"The textbook statement “{first.sentence.rstrip('.')}” is not confirmed here: " in short
    assert "+0.75 [+0.50, +1.0] percentage points, 5 paired seeds (resnet20 - plain20)" in short


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_every_seed_was_lost_it_is_said_why_and_what_may_help(tables, language):
    diverged = all_of("not_measured", lost="diverged", missing=("plain20",))
    text = said(explained(tables, diverged, language))
    first, second = {
        "en": ("In every seed, a run of plain20 diverged", "No seed has a value"),
        "zh": ("每个种子都有 plain20 的运行发散", "没有一个种子得到数值"),
    }[language]
    assert text.count(first) == len(catalogue())
    assert "clip_norm" in text
    assert "Missing" not in text
    assert "缺少：" not in text
    assert second in said(explained(tables, all_of("not_measured", lost="no_number"), language))
    # of several parts once
    first = one_of("S7", "not_measured", lost="no_number", missing=("slice",))
    other = finding(part_of("S7", "plane"), "not_measured", lost="no_number", missing=("plane",))
    both = first.model_copy(update={"findings": (*first.findings, other)})
    assert said(explained(tables, (both,), language)).count(second) == 1


@pytest.mark.parametrize(
    ("language", "comparison", "seeds"),
    [
        ("en", "resnet20", "5 seeds (resnet20)"),
        ("en", "resnet8, resnet20", "5 seeds (resnet8, resnet20)"),
        ("zh", "resnet20", "5 个种子（resnet20）"),
        ("zh", "resnet20 - plain20", "5 对种子（resnet20 - plain20）"),
    ],
)
def test_seeds_are_paired_where_networks_are_compared(tables, language, comparison, seeds):
    text = said(explained(tables, all_of("supported", comparison=comparison), language))
    assert seeds in text
    assert ("paired seeds (" in text or "对种子（" in text) == (" - " in comparison)


@pytest.mark.parametrize("verdict", ["supported", "contradicted", "inconclusive"])
def test_what_a_control_says_stands_beside_its_claim(tables, verdict):
    control = part_of("S3", "tuned")
    mine = one_of("S3", "contradicted")
    mine = mine.model_copy(update={"findings": (*mine.findings, finding(control, verdict))})
    others = (each for each in all_of("contradicted") if each.id != "S3")
    found = explained(tables, (mine, *others))
    told = {"supported": control.en.supported, "contradicted": control.en.contradicted}
    for sentence in told.values():
        whole = f"{sentence}: +0.75 [+0.50, +1.0] percentage points (resnet20 - plain20)."
        assert said(found).count(whole) == (2 if sentence == told.get(verdict) else 0)


def test_verdicts_are_counted_and_open_claims_are_listed(tables):
    results = list(all_of("inconclusive"))
    results[0] = results[0].model_copy(update={"verdict": "supported"})
    results[1] = results[1].model_copy(update={"verdict": "confounded"})
    results[2] = results[2].model_copy(update={"verdict": "not_measured"})
    short = said(explained(tables, tuple(results)).sections[0])
    n, (_, withheld, absent, *open_) = len(results), [r.id for r in results if r.group == "shortcuts"]
    counts = f"1 supported, 0 contradicted, {n - 3} inconclusive, 1 withheld, 1 not measured"
    assert f"{n} claims: {counts}" in short
    assert f"differ in more than the factor compared: {withheld}." in short
    assert f"Not measured in this study: {absent}." in short
    assert f"Inconclusive: {', '.join(open_[:-1])} and {open_[-1]}." in short


def test_what_else_differs_is_named_beside_a_withheld_verdict(tables):
    differs = (Confound(what="maps", treated="16x16", control="8x8"),)
    text = said(explained(tables, all_of("confounded", confounds=differs)))
    assert "Other differences: feature map sizes (16x16 against 8x8)." in text


def test_what_is_lacking_comes_with_the_command_and_the_seeds_that_it_takes(tables):
    lacking = {"missing": ("plain20",), "hint": "skipscope run fair"}
    text = said(explained(tables, all_of("not_measured", **lacking)))
    assert f"Missing: plain20. To add it: skipscope run fair -w {tables.workspace.path}." in text
    more = {"more_seeds": 7, "seeds": SeedsNeeded(least=3, likely=7, most=31), "power": 0.236}
    open_ = [each.model_copy(update={"seconds_per_seed": 60.0}) for each in all_of("inconclusive", **more)]
    text = said(explained(tables, open_)).replace("\u00a0", " ")
    assert "find an effect of twice the smallest effect of interest in 23.6% of cases." in text
    wanted = "Between 3 and 31 more seeds would settle it if the effect is as estimated"
    assert f"{wanted} (3 to 31 min of training on the machine of these runs)." in text
    assert "more seeds would settle" not in said(explained(tables, all_of("supported", **more)))
    many = more | {"seeds": SeedsNeeded(least=3, likely=None, most=None)}
    assert "At least 3 more seeds would settle it" in said(explained(tables, all_of("inconclusive", **many)))
    none = more | {"seeds": None}
    assert "would hardly settle it" in said(explained(tables, all_of("inconclusive", **none)))
    # a network that is not there, and a pair without a number, are no matter of seeds
    first = one_of("S7", "inconclusive", **more)
    absent = first.model_copy(
        update={"findings": (*first.findings, finding(part_of("S7", "plane"), "not_measured", **lacking))}
    )
    text = said(explained(tables, (absent,)))
    assert "Missing: plain20." in text
    assert "more seeds would settle" not in text


def test_of_many_commands_that_differ_in_the_run_the_first_is_shown(tables):
    hint = "; ".join(f"skipscope probe plain20-s{seed} --only curvature" for seed in range(30))
    text = said(explained(tables, all_of("not_measured", missing=("plain20: curvature",), hint=hint)))
    shown = f"skipscope probe plain20-s0 --only curvature -w {tables.workspace.path}"
    names = f"skipscope claims {tables.record.study.name} --json -w {tables.workspace.path}"
    assert f"To add it: {shown} (and likewise for 29 more, listed by {names})." in text
    assert "plain20-s1 " not in text


def test_how_often_a_verdict_is_false_stands_beside_it(tables):
    text = said(explained(tables, all_of("supported")))
    rows = load_calibration()["claims"]
    worst = rows["E3"]["least_favourable"]["skewed"]
    told = f"falsely supported in {percent(worst['supported'])} and falsely contradicted in"
    expected = f"{told} {percent(worst['contradicted'])}".replace("\u00a0", " ")
    assert expected in text
    assert text.count("at the spread and skewness of recorded runs") == len(rows)
    assert text.count("This exceeds the limit of 5%") == sum(bool(row["misses"]) for row in rows.values())


def test_a_demo_measures_what_asks_neither_for_depth_nor_for_equal_loss(made_up, with_readings):
    tables = gather(with_readings(made_up(data="shapes", name="demo", epochs=2, steps=16)), None)
    results = evaluate(tables)
    measured = {result.id for result in results if result.verdict != "not_measured"}
    assert {"S4", "D1", "D3", "E1", "E2", "E3", "T1"} <= measured
    assert {result.data for result in results} == {"shapes"}


def test_of_many_runs_the_first_are_named(tables):
    runs = tuple(f"resnet20-s{seed}-00000000" for seed in range(9))
    text = said(explained(tables, all_of("supported", runs=runs)))
    assert "9 runs, among them resnet20-s0-00000000" in text
    assert "resnet20-s8" not in text


def test_the_embedded_data_set_is_named_as_what_verdicts_hold_of(made_up):
    for data, expected in (("shapes", True), ("cifar10", False)):
        tables = gather(made_up(arms=("cnn",), epochs=1, steps=4, data=data, name=data), data)
        assert ("says nothing about CIFAR-10" in said(explained(tables, all_of("supported")))) == expected


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_group_and_unit_has_its_words(language):
    words = Words(language)
    for listed in catalogue().values():
        assert words.has(f"claims.{listed.group}")
        for part in listed.parts.values():
            unit = RATIO if part.unit in BASES else part.unit
            assert words.has(f"claim_unit.{unit.replace(' ', '_')}"), part.unit
