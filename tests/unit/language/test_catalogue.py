"""The catalogue of Chinese sentences against the code that says them in English."""

import re
import tomllib
from itertools import pairwise
from string import Formatter
from typing import Any

import pytest
from said_in_code import SOURCE, said, strings

from skipscope.language.sentences import HOLE, Sentences, chinese


def _section(text: str, title: str) -> str:
    """The part of a file below a comment, up to the next."""
    return text.partition(title)[2].partition("\n")[2].partition("\n# ")[0]


SAMPLES = {
    "d": "7",
    "w": "w0",
    "k": "key.a",
    "q": "'q 0'",
    "n": "n0, m",
    "s": "⟨s; t⟩",
    "c": "c 0",
    None: "⟨ v ⟩",
}
"""A value of each kind."""
CATALOGUE = Sentences()
WORD = re.compile(r"[\w'-]+")
KEYS = sorted(CATALOGUE.table)
OTHERS = {
    key
    for file, title in (("help", "# `--help`"), ("errors", "# What systems"), ("studies", "# What pydantic"))
    for key in tomllib.loads(
        _section((SOURCE / "language" / "zh" / f"{file}.toml").read_text("utf-8"), title)
    )
}
"""What click, systems and pydantic say."""
NOT_SAID = (
    "[bold red]", "DataName", "Connection[Event", "their folders", "next:",
    "not compiled with", "mat1 and mat2", "to have", "more than 1 value", "No module named",
    "missing the required", "before Module", "modified by an inplace", "on a CUDA device", "eps=",
    "stride=", "timed out", "hash of downloaded", "name or service", "missing dependencies",
    "tunnel connection", "unsupported scheme", "failed to parse", "only use http", "not known",
    "validation split", "train limit", "the official", "Value error", "(it says", "hex value",
    "Hiragino", "Arial Unicode", "can't allocate", "model name", "skipscope",
    "how a run is computed", "a network in a file is pinned", "written by a person",
    "they seem to be", "pass images as", "GPU", "a network whose start",
    "a network that is not being", "network's own",
)  # fmt: skip
"""Beginnings of what is looked for and not said, and of errors that only programmers meet."""


def literals(english: str) -> list[str]:
    return HOLE.sub("\0", english).split("\0")


def filled(text: str) -> tuple[str, dict[str, str]]:
    """A sentence of the catalogue with a value in each hole, and the values."""
    values = {hole["name"]: SAMPLES[hole["kind"]] for hole in HOLE.finditer(text)}
    return HOLE.sub(lambda hole: values[hole["name"]], text), values


def test_every_sentence_of_the_code_has_chinese() -> None:
    """Its words stand in an entry, in order; an entry has more where the code puts a sentence together."""
    entries = ["\0".join(literals(key)) for key in KEYS]
    lacking = [
        f"{where}: {line}".replace("\0", "{}")
        for where, line in said()
        if not any(line.strip("\0 (").startswith(each) for each in NOT_SAID)
        and not any(_within([each.strip(" .,:;()") for each in line.split("\0")], entry) for entry in entries)
    ]
    assert lacking == []


def _within(pieces: list[str], entry: str) -> bool:
    at = 0
    for piece in pieces:
        at = entry.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def test_no_sentence_has_chinese_that_the_code_does_not_say() -> None:
    """Most pairs of its words stand in the source; the code puts some sentences together from two."""
    files = [path for end in ("py", "toml") for path in SOURCE.rglob(f"*.{end}") if path.parent.name != "zh"]
    texts = [path.read_text("utf-8") for path in files] + [line for _, line in strings("**/*.py")]
    words = [word for text in texts for word in WORD.findall(text)]
    pairs, known = {*pairwise(words)}, {*words}
    stale = []
    for key in KEYS:
        own = [*pairwise(WORD.findall(HOLE.sub(" ", key)))]
        found = sum(pair in pairs for pair in own) if len(own) > 2 else len(own)
        if key not in OTHERS and (
            found < 0.6 * len(own) or not known.issuperset(WORD.findall(HOLE.sub(" ", key)))
        ):
            stale.append(key)
    assert stale == []


@pytest.mark.parametrize("key", KEYS)
def test_a_sentence_is_known_again_with_its_values(key: str) -> None:
    text, values = filled(key)
    told = CATALOGUE.table[key]
    names = {name for _, name, _, _ in Formatter().parse(told) if name}
    assert names <= set(values)
    expected = re.sub(r"\{(\w+)(?::t)?\}", lambda hole: chinese(values[hole[1]].strip()), told)
    assert chinese(text) == expected


def test_what_is_left_out_in_chinese_is_grammar() -> None:
    """No value is lost: only verbs and pronouns that agree with a number."""
    lost = set()
    for key, told in CATALOGUE.table.items():
        lost |= {hole["name"] for hole in HOLE.finditer(key)} - {
            name for _, name, _, _ in Formatter().parse(told)
        }
    assert lost == {"verb", "have", "folders"}


def test_chinese_can_be_written_in_the_code_page_of_chinese_windows() -> None:
    for told in CATALOGUE.table.values():
        told.encode("gbk")


def test_the_report_says_the_same_in_the_same_words() -> None:
    """Names of verdicts, classes and the like: what one calls a thing the other does, too."""
    folder = SOURCE / "report" / "text"
    english, told = (tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in ("en", "zh"))
    for group in ("class_names", "runs.states"):
        there, theirs = (_group(table, group) for table in (english, told))
        assert {
            theirs[key]
            for key, word in there.items()
            if CATALOGUE.table.get(word, theirs[key]) != theirs[key]
        } == set()
    verdicts = ("supported", "contradicted", "inconclusive")
    assert [CATALOGUE.table[each] for each in verdicts] == [told["explanation"][each] for each in verdicts]
    assert CATALOGUE.table["withheld"] == told["explanation"]["confounded"]


def _group(table: dict[str, Any], group: str) -> dict[str, str]:
    for part in group.split("."):
        table = table[part]
    return table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("nothing of ours", "nothing of ours"),
        ("  done", "  完成"),
        ("There is no network 'a. b'. Did you mean 'c'?", "没有名为 'a. b' 的网络。是不是想写 'c'？"),
        ("line 3, arm.0.model: there is no such key", "第 3 行，arm.0.model：没有这个键"),
        ("check the path; make the file readable", "检查路径；把文件设为可读"),
        ("check the path; of another program", "检查路径；of another program"),
        ("of another program; check the path", "of another program；检查路径"),
        ("one; two", "one; two"),
        ("Permission denied.\nwhere: done", "没有权限。\n位置：完成"),
    ],
)
def test_what_surrounds_a_sentence_stays(text: str, expected: str) -> None:
    assert chinese(text) == expected
