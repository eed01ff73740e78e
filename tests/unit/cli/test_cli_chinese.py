"""The command line in Chinese: what every command says, and how a language is chosen."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_pictures import Undrawn
from PIL import Image
from rich.cells import cell_len
from typer.testing import CliRunner

from skipscope.claims.catalogue import catalogue
from skipscope.cli import app, main
from skipscope.cli.help_in_chinese import wrapped
from skipscope.cli.options import console
from skipscope.data.dataset import load
from skipscope.language import language
from skipscope.probes.registry import PROBES
from skipscope.records.store import Workspace

ENGLISH = re.compile(r"(?:(?<![\w/.-])[a-z]{2,}[,;:]? ){3,}")
"""Four English words in a row."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")
COMMANDS = (
    "", "run", "demo", "live", "status", "claims", "calibrate", "report", "pack", "probe", "predict", "bench",
    "models", "models show", "data", "data get", "data import", "data check", "data info",
)  # fmt: skip


def call(*words: str | Path, lang: str = "zh", columns: int = 200) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "_width", columns)
        return CliRunner().invoke(app, ["--lang", lang, *map(str, words)])


def said(done: Any) -> str:
    """What a command printed, in Chinese and without a sentence of English."""
    assert done.exit_code == 0, done.output
    assert CHINESE.search(done.output)
    assert not ENGLISH.findall(re.sub(r"skipscope [a-z ]+", "", done.output))
    return str(done.output)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_chinese_and_fits_the_terminal(command: str) -> None:
    text = said(call(*command.split(), "--help"))
    assert text.startswith("用法：skipscope" if not command else "用法：")
    assert max(map(cell_len, text.splitlines())) <= 80


def test_a_paragraph_is_wrapped_at_columns_and_no_line_begins_with_punctuation() -> None:
    text = "网络只认得训练过的类别：无论图片上是什么，答案都是其中之一（见 README）。" * 3
    for width in range(10, 60):
        lines = wrapped(text, width)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert max(map(cell_len, lines)) <= width + 4  # a character, and the punctuation behind it
        assert not any(line[0] in "，。：；）、" or line[-1] == "（" for line in lines)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["runn"], "错误：没有 'runn' 这个命令。是否想用 'run'？"),
        (["run"], "错误：缺少参数 'study'。"),
        (["run", "--sed", "3"], "错误：没有 --sed 这个选项"),
        (["run", "lab", "--seeds", "x"], "错误：'--seeds' 的取值无效：应为整数"),
        (["run", "lab", "--seeds", "0"], "错误：'--seeds' 的取值无效：应不小于 1"),
        (["data", "import"], "错误：缺少参数 'path'。"),
        (["probe"], "错误：RUN 的取值无效：请指定一次运行，或使用 --list"),
    ],
)
def test_misuse_is_told_in_chinese(words: list[str], expected: str) -> None:
    done = call(*words)
    assert done.exit_code == 2
    assert expected in done.output
    assert "查看帮助" in done.output


def test_what_is_trained_is_shown_in_chinese(trained: Workspace) -> None:
    table = said(call("status", "-w", trained.path))
    assert table.split()[:3] == ["运行", "名称", "状态"]
    assert "完成" in table
    columns = {cell_len(line[: line.index("%")]) for line in table.splitlines() if "%" in line}
    assert len(columns) == 1  # aligned by columns of the terminal
    verdicts = said(call("claims", "-w", trained.path))
    assert "尚未测量" in verdicts
    assert all(claim.zh.name in verdicts for claim in catalogue().values())


@pytest.mark.parametrize("words", [("models",), ("data", "info"), ("models", "show", "cnn")])
def test_what_comes_with_the_program_is_shown_in_chinese(words: tuple[str, ...]) -> None:
    done = call(*words)
    assert "CNN(" not in done.output or "\nCNN(\n" in done.output  # print(net) as torch writes it
    done.stdout_bytes = done.stdout_bytes.partition(b"CNN(")[0]
    said(done)


def test_every_probe_says_in_chinese_what_it_measures() -> None:
    lines = call("probe", "--list", columns=2_000).output.splitlines()
    assert {*PROBES} < {*lines}
    told = [
        line for line in lines if line.startswith("  ") and not line.startswith("  来源")
    ]  # cited as it is
    assert len(told) > 80
    assert not [line for line in told if ENGLISH.search(line)]


def test_a_plan_and_its_end_are_told_in_chinese(
    in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    monkeypatch.setattr("skipscope.figures.rendering.vega.library", lambda: "")
    study = tmp_path / "small.toml"
    study.write_text(
        'data = "shapes"\ntrain_limit = 100\nprobes = []\n[recipe]\nepochs = 1\nbatch_size = 50\n'
        'precision = "fp32"\nmemory_format = "contiguous"\nkernels = "stock"\n[[arm]]\nmodel = "cnn"\n'
    )
    text = said(call("run", study, "-w", tmp_path / "out"))
    assert text.startswith("small：1 个网络 × 1 个种子，数据集 shapes，100 张训练图像，另有 1,000 张用于验证")
    assert "预计用时" in text
    assert "计算方式：fp32、contiguous、stock 算子、1 个线程" in text
    assert re.search(r"cnn s0: 第 \d/2 步，第 1/1 轮，损失 \d", text)
    assert "cnn s0: 完成，测试准确率 " in text
    assert "报告（用浏览器打开）：" in text
    assert "无需训练" in said(call("run", study, "-w", tmp_path / "out"))
    record = next((tmp_path / "out" / "runs").glob("*/run.json")).read_text("utf-8")
    assert not CHINESE.search(record)


def test_predictions_are_told_in_chinese(trained: Workspace, tmp_path: Path) -> None:
    images, _ = load("shapes").validation.take(np.arange(1))
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    text = said(call("predict", tmp_path / "a.png", "-w", trained.path))
    assert "测试集准确率（1,000 张，训练结束后才使用）：cnn " in text
    assert re.search("圆环|圆盘|正方形|三角形|星形|十字|条纹|月牙|心形|箭头", text)
    rows = text.splitlines()[2:7]
    assert len({cell_len(row[: row.index("%")]) for row in rows}) == 1


def test_json_is_the_same_in_every_language(trained: Workspace, tmp_path: Path) -> None:
    images, _ = load("shapes").validation.take(np.arange(1))
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    for words in (["status"], ["claims"], ["predict", str(tmp_path / "a.png"), str(tmp_path / "b.png")]):
        english, chinese = (
            call(*words, "--json", "-w", trained.path, lang=lang).stdout for lang in ("en", "zh")
        )
        assert json.loads(english) == json.loads(chinese)


@pytest.mark.parametrize(
    ("variables", "args", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": ""}, [], "zh"),
        ({"LANG": "C", "LC_MESSAGES": ""}, [], "en"),
        ({"LC_ALL": "zh_CN.UTF-8"}, [], "zh"),
        ({"LC_ALL": "zh_CN.UTF-8"}, ["--lang", "en"], "en"),
        ({"LC_ALL": "C"}, ["--lang=zh"], "zh"),
    ],
)
def test_the_option_wins_over_the_system(
    variables: dict[str, str], args: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, [*args, "--help"])
    assert done.output.startswith({"zh": "用法：", "en": "Usage:"}[expected])
    assert language() == expected


def test_a_terminal_without_chinese_is_spoken_to_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    done = CliRunner(charset="cp1252").invoke(app, ["--lang", "zh", "status", "-w", "nowhere"])
    assert done.output == "No run in nowhere yet. Begin with: skipscope demo\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--lang zh models show rsenet", "没有名为 'rsenet' 的网络。是不是想写 'resnet'？"),
        ("--lang zh claims -w nowhere", "本工作区中还没有实验。\n位置：nowhere\n下一步："),
        ("--lang cn status", "There is no language 'cn'. Did you mean 'zh'?"),
    ],
)
def test_errors_are_told_in_chinese(
    words: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["skipscope", *words.split()])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.startswith(f"skipscope: {expected}")
