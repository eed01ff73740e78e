"""docs/findings: texts whose every number is that of the reference, and the records of the short studies."""

import re
import runpy
from pathlib import Path

import pytest
from made_up_pictures import Undrawn

from skipscope.analysis.tables import gather
from skipscope.records.store import Workspace
from skipscope.report import build_report

DOCS = Path(__file__).parents[2] / "docs"
WORKSPACE = Workspace(DOCS / "findings" / "records.tar.xz")
STUDIES = [record.study.name for record in WORKSPACE.studies()]
WRITER = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "findings.py"), run_name="findings")
filled, Untrue = WRITER["filled"], WRITER["Untrue"]
TEXTS = {language: WRITER["text_of"](language) for language in WRITER["TEXTS"]}
KEPT = {"run.json", "metrics.jsonl", "readings.parquet", "test.npz"}
DEPTH = r"(?:8|18|20|31|32|56)"
NO_RESULTS = (
    r"`[^`]*`",  # names of networks, options and files
    r"^ {4}.*$",  # commands
    r"\]\([^)]*\)",  # addresses
    r"\b[SDET]\d+[abc]?\b",  # claims
    r"\(?(?:19|20)\d\d\)?",  # years of papers
    rf"\b(?:about |约 ?)?{DEPTH}(?:[、, 和与至到]| and | to )*(?: ?layers| ?层)?",  # depths
    r"\b19 (?:networks|个网络)",
    r"fp32|bf16|AVX\w+(?:-BF16)?|CIFAR-10|1/2|1/\*l\*|偏离 1",  # formats, and ones that are no number
    r"2\.303|90 ?%|95 ?%|64,000",  # random guessing, the level of intervals, steps of He et al. (2015)
    r"\b(?:10|20) (?:seeds|个种子)|x 1 (?:or|或) 2|\| (?:2|5) (?:to|至)",  # as studies are declared
)
"""Digits that are no results; all others are filled in."""


@pytest.mark.parametrize(("language", "page"), WRITER["TEXTS"].items())
def test_the_pages_are_what_the_records_say(language, page):
    said = filled(TEXTS[language], language)
    assert (DOCS / page).read_text(encoding="utf-8") == said, "write it again: python tools/findings.py"


@pytest.mark.parametrize("language", TEXTS)
def test_no_result_is_typed(language):
    text = WRITER["FIELD"].sub("", TEXTS[language])
    for known in NO_RESULTS:
        text = re.sub(known, "", text, flags=re.MULTILINE)
    assert [line for line in text.splitlines() if re.search(r"\d", line)] == []


def test_both_languages_tell_the_same_numbers():
    fields = [sorted(WRITER["FIELD"].findall(text)) for text in TEXTS.values()]
    assert fields[0] == fields[1]


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("{S3 plain of plain8, plain56 in depth is inconclusive}", "is supported"),
        ("{S3 plain of plain8, plain57 in depth is supported}", "not measured"),
        ("{test accuracy of plain56 in stem}", "no such network"),
        ("{training error of plain56 in stream}", "no such study"),
        ("{seen: training error of plain8 in depth > training error of plain56 in depth}", "other way round"),
        ("{seen: test accuracy of resnet in stem > test accuracy of se_resnet in stem}", "overlap"),
        ("{the best of all}", "no such field"),
    ],
)
def test_a_sentence_that_the_records_do_not_bear_out_is_refused(field, told):
    with pytest.raises(Untrue, match=told):
        filled(field, "en")


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("{S5 fewer_lost of resnet20 - plain20 in fair is supported, fewer points}", r"61 [49, 72]"),
        ("{S5 fewer_lost of resnet20 - plain20 in fair is supported}", r"−0.61 [−0.72, −0.49]"),
        ("{S3 plain of plain8, plain56 in depth is supported, size}", r"28 [16, 40]"),
        ("{S1c start of resnet56 - plain56 in depth is supported, inverse}", r"280 [230, 340]"),
        ("{D3 parameters of densenet19_k10 - resnet20 in fair is supported}", "−48%"),
        ("{training error of plain56 in depth}", r"86% [79, 92]"),
        ("{seen: training error of plain56 in depth > training error of plain8 in depth}", ""),
        ("{test accuracy of resnet minus resnet_noskip in noskip}", "7.0 [5.9, 8.2]"),
        ("{seeds of plain56 in depth}", "5"),
    ],
)
def test_a_field_is_told_as_its_unit_and_its_sentence_want_it(field, told):
    assert filled(field, "en").replace("\\", "").replace("\u00a0", " ") == told


@pytest.mark.parametrize("text", WRITER["TEXTS"].values())
def test_every_figure_of_the_text_is_there_and_none_is_left_over(text):
    said = (DOCS / text).read_text(encoding="utf-8")
    language = "zh" if "zh" in text else "en"
    there = {f"findings/figures/{path.name}" for path in (DOCS / "findings" / "figures").iterdir()}
    named = {part.partition(")")[0] for part in said.split("](")[1:] if part.startswith("findings/figures/")}
    assert named == {name for name in there if name.endswith(f".{language}.svg")}


def test_there_are_records_of_the_real_data_set():
    assert STUDIES
    assert {record.data.name for record in WORKSPACE.studies()} == {"cifar10"}
    assert {run.state for run in WORKSPACE.runs()} == {"done"}


def test_they_hold_no_image_of_the_data_set_no_weights_and_few_megabytes():
    files = [path for path in WORKSPACE.path.rglob("*") if path.is_file()]
    runs = {path.name for path in files if "runs" in path.parts}
    others = {path.parent.name for path in files if "runs" not in path.parts}
    assert runs <= KEPT
    assert others <= {"studies", "start"}
    assert WORKSPACE.given.stat().st_size < 6_000_000


@pytest.mark.parametrize(
    "study", [pytest.param(study, marks=[] if study == "lab" else pytest.mark.slow) for study in STUDIES]
)
def test_anyone_draws_their_report_again(study, tmp_path, monkeypatch):
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    monkeypatch.setattr(Workspace, "report_folder", lambda self, name: tmp_path / name)
    *_, english, chinese = build_report(WORKSPACE, study, formats={"md"}, language=None)
    tables = gather(WORKSPACE, study)
    for arm in tables.arms:
        assert f"`{arm}`" in english.read_text(encoding="utf-8")
        assert f"`{arm}`" in chinese.read_text(encoding="utf-8")
