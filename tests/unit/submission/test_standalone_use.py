"""`standalone.py` as who gets it meets it: its length, its help, and the curves that it draws."""

import ast
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

FILE = files("skipscope.submission") / "standalone.py"
TEXT = FILE.read_text(encoding="utf-8")


def test_it_needs_torch_and_numpy_alone():
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in ast.walk(ast.parse(TEXT))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported - {"matplotlib"} <= {"torch", "numpy"} | set(sys.stdlib_module_names)
    for word in ("type: ignore", "noqa"):
        assert word not in TEXT


def test_a_reader_of_the_course_gets_through_it():
    assert len(TEXT.splitlines()) <= 500
    headings = [line for line in TEXT.splitlines() if line.startswith("# ") and line.endswith("--")]
    assert [heading.split(".")[0] for heading in headings] == [f"# {number}" for number in range(1, 8)]
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in heading) for heading in headings)


def test_its_help_needs_neither_data_nor_torch(tmp_path):
    (tmp_path / "code.py").write_text(TEXT, encoding="utf-8")
    for name in ("torch", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    environment = {"PATH": "", "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"}

    def run(*arguments):
        command = [sys.executable, str(tmp_path / "code.py"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)

    asked = run("--help")
    assert asked.returncode == 0
    assert asked.stdout.startswith("usage: code.py [-h] data")
    assert "cifar-10-binary.tar.gz" in asked.stdout
    absent = run("absent.tar.gz")
    assert absent.returncode == 2
    assert "absent.tar.gz does not exist" in absent.stderr


def test_it_does_not_hide_pythons_own_module(tmp_path):
    text = TEXT.replace("import numpy as np", "import code\n\nsys.exit(code.__file__)\nimport numpy as np", 1)
    (tmp_path / "code.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "code.py", "code.py"]
    ran = subprocess.run(command, cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert Path(ran.stderr.strip()).parent == Path(ast.__file__).parent


class Drawn:
    """Stands for matplotlib's Figure and Axes, and keeps what was asked of them."""

    calls: ClassVar[list[tuple[object, ...]]] = []

    def __init__(self, **options):
        self.axes = []

    def subplots(self, rows, columns):
        self.axes = [Drawn() for _ in range(rows * columns)]
        return self.axes

    def plot(self, x, y, look, label):
        self.calls.append(("plot", x, y, look, label))

    def set(self, title, xlabel):
        self.calls.append(("title", title, xlabel))

    def locator_params(self, axis, integer):
        pass

    def legend(self):
        self.calls.append(("legend",))

    def savefig(self, path, dpi):
        self.calls.append(("saved", path))


def test_it_draws_the_curves_of_every_network_and_seed(code, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", ModuleType("matplotlib"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", SimpleNamespace(Figure=Drawn))
    monkeypatch.setattr(Drawn, "calls", [])
    first, second = code["Epoch"](1, 2.0, 1.9, 0.3), code["Epoch"](2, 1.0, 1.1, 0.6)
    code["draw"]({"cnn": [[first, second], [second]], "resnet": [[first]]}, tmp_path / "curves.png")
    plots = [call[1:] for call in Drawn.calls if call[0] == "plot"]
    assert plots[:3] == [
        ((1, 2), (2.0, 1.0), "C0o-", "cnn"),
        ((2,), (1.0,), "C0o-", ""),
        ((1,), (2.0,), "C1o-", "resnet"),
    ]
    assert [plot[1] for plot in plots[3::3]] == [(1.9, 1.1), (0.3, 0.6)]
    titles = [call[1] for call in Drawn.calls if call[0] == "title"]
    assert titles == ["training loss", "validation loss", "validation accuracy"]
    assert Drawn.calls[-2:] == [("legend",), ("saved", tmp_path / "curves.png")]


def test_without_matplotlib_it_says_so(code, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code["draw"]({}, Path("curves.png"))
    assert "pip install matplotlib" in capsys.readouterr().out
