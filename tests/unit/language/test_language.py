"""Which language the command line speaks."""

import io
import os

import pytest

import skipscope.language as spoken_here
from skipscope.errors import UnknownName, UsageError
from skipscope.language import can_show, language, language_of, listed, readers, speak, spoken


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.Big5"}, "zh"),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN"}, "zh"),
    ],
)
def test_the_system_says_which_language_its_user_reads(environ: dict[str, str], expected: str) -> None:
    assert readers(environ) == expected


@pytest.mark.parametrize(
    ("setting", "expected"), [("Chinese (Simplified)_China", "zh"), ("English_US", "en"), (None, "en")]
)
def test_windows_has_a_setting_in_place_of_variables(
    setting: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoken_here, "getlocale", lambda: (setting, "cp936"))
    monkeypatch.setattr(os, "name", "nt")
    assert readers({}) == expected
    assert readers({"LANG": "zh_CN"}) == "zh"


def test_a_stream_that_cannot_hold_chinese_is_known() -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=name) for name in ("utf-8", "gbk", "cp1252", "ascii")]
    assert [can_show([stream]) for stream in streams] == [True, True, False, False]
    assert not can_show(streams)


def test_a_language_has_a_name() -> None:
    assert language_of("zh") == "zh"
    with pytest.raises(UnknownName, match="Did you mean 'zh'"):
        language_of("cn")


def test_errors_are_english_inside_and_chinese_when_shown() -> None:
    error = UsageError("No such file or folder.", where="a/b", hint="check the path")
    assert spoken(str(error)) == str(error)
    speak("zh")
    assert language() == "zh"
    assert str(error) == "No such file or folder.\nwhere: a/b\nnext:  check the path"
    assert spoken(str(error)) == "没有这个文件或文件夹。\n位置：a/b\n下一步：检查路径"
    assert listed(["a", "b"]) == "a、b"
