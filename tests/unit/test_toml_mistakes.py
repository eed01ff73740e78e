"""What people write into a study that is not TOML: all of it is told, with its line and the right word."""

import tomllib
from pathlib import Path

import pytest

from skipscope.errors import SpecError
from skipscope.spec import load_study

STUDY = """data = "shapes"
train_limit = 200
[recipe]
epochs = 1
[[arm]]
model = "cnn"
"""
ENGLISH = " (switch the input method to English)"
QUOTES = "in double quotes \\ begins an escape: write / in a path, or put it in single quotes"


def mistakes(folder: Path, text: str | bytes) -> SpecError:
    path = folder / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError) as caught:
        load_study(path)
    return caught.value


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('"cnn"', "“cnn”", f'line 6, in place of “ ” write "{ENGLISH}'),
        ("epochs =", "epochs ＝", f"line 4, in place of ＝ write ={ENGLISH}"),
        ("epochs = 1", "milestones = [0.5，0.7、0.8]", f"line 4, in place of ， 、 write ,{ENGLISH}"),
        ("epochs = 1", "epochs = １", f"line 4, in place of １ write 1{ENGLISH}"),
        ("epochs =", "epochs\u3000=", f"line 4, in place of U+3000 write a space{ENGLISH}"),
        ("[[arm]]", "【【arm】】", f"line 5, in place of 【 】 write [ ]{ENGLISH}"),
        ('"cnn"', '"C:\\Users\\net.py:Net"', f"line 6, {QUOTES}"),
        ('"cnn"', '"D:\\code\\net.py:Net"', f"line 6, {QUOTES}"),
        ("epochs = 1", "epochs: 1", "line 4, between a key and its value stands ="),
        ("epochs = 1", "nesterov = False", "line 4, this is written true or false"),
        ("epochs = 1", "nesterov = yes", "line 4, this is written true"),
        ("epochs = 1", "clip_norm = None", "line 4, leave out a key without a value"),
        ("epochs = 1", "learning_rate = .1", "line 4, a number has a digit before its point: 0.1"),
        ("epochs = 1", "learning_rate = 1.", "line 4, a number has a digit behind its point: 1.0"),
        ("epochs = 1", "epochs = 1;", "line 4, nothing stands behind a value: leave out ;"),
        ("epochs = 1", "epochs = 1 // one", "line 4, a comment begins with #"),
        ("epochs = 1", "milestones = 0.5, 0.7", "line 4, several values stand in brackets: [1, 2]"),
        ('"cnn"', "cnn", 'line 6, text stands in quotes: "text"'),
        ('"cnn"', '"cnn', "line 6, a quote is opened and not closed"),
        ("[[arm]]", "[[arm]", "line 5, brackets go in pairs around a table's name: [recipe], [[arm]]"),
        ("train_limit", 'data = "x"\ntrain_limit', "line 2, data is there twice, first in line 1: leave one"),
        ("[[arm]]", "[recipe]\n[[arm]]", "line 5, [recipe] is there twice, first in line 3: leave one"),
    ],
)  # fmt: skip
def test_it_is_named_with_its_line_and_nothing_else_is(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    error = mistakes(tmp_path, STUDY.replace(right, wrong))
    assert error.what == f"This is not a TOML file:\n{said}"
    assert (error.where, error.hint) == (str(tmp_path / "mine.toml"), "mend these lines")


def test_all_of_them_are_told_at_once_with_wrong_keys_and_values_in_the_files_order(tmp_path: Path) -> None:
    text = 'name = 3\nseeds ＝ 2\n[recipe]\nlr: 0.1\nepochs = "3"\n[[arm]]\nmodel = cnn\ndata = "x"\n'
    assert mistakes(tmp_path, text).what.splitlines() == [
        "This is not a TOML file:",
        "line 1, name: this is text in quotes (it says 3)",
        f"line 2, in place of ＝ write ={ENGLISH}",
        "line 4, between a key and its value stands =",
        "line 4, recipe.lr: there is no such key; did you mean 'learning_rate'?",
        "line 5, recipe.epochs: this is a whole number, without quotes or a point (it says '3')",
        'line 7, text stands in quotes: "text"',
        "line 8, arm.0.data: there is no such key; it belongs above the first [table]",
    ]


def test_chinese_punctuation_in_comments_and_strings_is_nobodys_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("# 我的研究：“小”，＝\ntitle.zh = '网络：“一”'\n\t" + STUDY, encoding="utf-8")
    assert load_study(path).title["zh"] == "网络：“一”"
    error = mistakes(tmp_path, "title.zh = “网络：一”  # “二”\n" + STUDY)
    assert len(error.what.splitlines()) == 2


def test_a_backslash_that_happens_to_be_an_escape_is_one_all_the_same(tmp_path: Path) -> None:
    """TOML reads a tab, or a line's end."""
    for path in ("nets\\table.py:Net", "nets\\net.py:Net"):
        error = mistakes(tmp_path, STUDY.replace("cnn", path))
        assert error.what == f"line 6, arm.0.model: {QUOTES}"


@pytest.mark.parametrize(
    ("encoding", "said", "line"),
    [("gbk", "in GBK", ", line 2"), ("utf-16", "in UTF-16", ""), ("utf-16-le", "in UTF-16", "")],
)
def test_another_encoding_is_named(tmp_path: Path, encoding: str, said: str, line: str) -> None:
    error = mistakes(tmp_path, f"# mine\n# 我的研究\n{STUDY}".encode(encoding))
    assert error.what == f"This is no text in UTF-8, but {said}."
    assert error.where == f"{tmp_path / 'mine.toml'}{line}"
    assert error.hint.startswith("save it as UTF-8 in your editor")


@pytest.mark.parametrize(
    ("text", "said"), [("\n<!DOCTYPE html>", "a web page"), ('{"arm": []}', "JSON")], ids=["html", "json"]
)
def test_another_kind_of_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert f"line 1, this is {said}" in mistakes(tmp_path, text).what


def test_a_file_of_nothing_but_mistakes_ends(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "a b c\n" * 500).what.splitlines()
    assert len(told) == 21
    assert told[1] == "line 1, expected '=' after a key in a key/value pair"
    assert "line 2" in mistakes(tmp_path, 'name = """\nx').what


def test_no_line_is_looked_for_in_a_sound_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking parses the file once a line: twenty milliseconds for a shipped study."""
    parsed, loads = [], tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda text: parsed.append(text) or loads(text))
    assert load_study("lab").name == "lab"
    assert len(parsed) <= 2
