"""Networks in a user's file: what is built, and what is said where nothing can be."""

import os
import re
import sys
from pathlib import Path

import pytest
import torch

import skipscope
from skipscope.anatomy.describe import describe, parameters
from skipscope.errors import NetworkError, UnknownName
from skipscope.models.user import pinned

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.drop = nn.Dropout()
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(self.drop(self.norm(self.conv(x)).relu().mean((2, 3))))
"""


def written(folder: Path, text: str, name: str = "mynet.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_it_is_built_by_its_path_from_the_seed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, NET)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one = skipscope.build("mynet.py:Net", seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.training
    same, other = skipscope.build(f"{path}:Net", seed=3), skipscope.build(f"{path}:Net", seed=4)
    assert all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), same.state_dict().values(), strict=True)
    )
    assert not torch.equal(one.get_parameter("conv.weight"), other.get_parameter("conv.weight"))
    # the trial was made on another one: this one's statistics are as they begin
    assert not one.get_buffer("norm.running_mean").any()


def test_a_function_may_give_the_network_and_torch_may_make_weights_late(tmp_path: Path) -> None:
    text = NET + (
        "\ndef wide():\n    return Net(8)\n"
        "\ndef late():\n    return nn.Sequential(nn.LazyConv2d(4, 32), nn.Flatten(), nn.LazyLinear(10))\n"
    )
    path = written(tmp_path, text)
    assert parameters(skipscope.build(f"{path}:wide")) == 8 * 28 + 16 + 90
    assert parameters(skipscope.build(f"{path}:late")) == 4 * 3 * 32 * 32 + 4 + 50


def test_it_is_described(tmp_path: Path) -> None:
    card = describe(f"{written(tmp_path, NET)}:Net")
    assert [stage.name for stage in card.stages] == ["conv", "norm", "drop", "fc"]
    assert card.macs == 30 * 30 * 4 * 27 + 40


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, NET)
    stamp = path.stat()
    assert parameters(skipscope.build(f"{path}:Net")) == 4 * 28 + 8 + 50
    written(tmp_path, NET.replace("width=4", "width=5"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as long, and as old, as before
    assert parameters(skipscope.build(f"{path}:Net")) == 5 * 28 + 10 + 60


def test_a_pinned_network_is_built_from_the_same_text_only(tmp_path: Path) -> None:
    path = written(tmp_path, NET)
    pin = pinned(f"{path}:Net")
    assert pinned(pin) == pin
    assert pinned("resnet20") == "resnet20"
    skipscope.build(pin)
    path.write_bytes(b"\xef\xbb\xbf" + NET.replace("\n", "\r\n").encode())  # what an editor may make of it
    assert pinned(f"{path}:Net") == pin
    skipscope.build(pin)
    written(tmp_path, NET + "# another\n")
    with pytest.raises(NetworkError, match="has changed since this run was planned"):
        skipscope.build(pin)


def test_a_dataclass_with_its_annotations_as_text_is_found(tmp_path: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + NET
    text += (
        "\n@dataclass\nclass Settings:\n    width: int = 6\n\ndef net():\n    return Net(Settings().width)\n"
    )
    path = written(tmp_path, text)
    assert parameters(skipscope.build(f"{path}:net")) == 6 * 28 + 12 + 70


def test_nothing_is_run_that_stands_under_main(tmp_path: Path) -> None:
    path = written(tmp_path, NET + "\nif __name__ == '__main__':\n    raise RuntimeError\n")
    skipscope.build(f"{path}:Net")


FORWARD = "        return self.fc("


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("class Net(nn.Module)\n    pass", "This is not Python: ", 1),
        ("\0", "This is not Python: ", None),
        ("from torch import nn\nx = 1 / 0", "The file raised ZeroDivisionError: division by zero", 2),
        ("import torch\nimport sys\nsys.exit()", "The file raised SystemExit", 3),
        ("import surely_not_installed", "The file raised ModuleNotFoundError: No module named", 1),
        ("import beside", "imports 'beside', a file beside it", 1),
        ("\nfrom beside.more import Net", "imports 'beside.more', a file beside it", 2),
        ("from . import beside", "imports '.', a file beside it", 1),
        ("Net = 3", "neither a class nor a function, but a int", None),
        (
            "from torch import nn\nNet = nn.Linear(3, 10)",
            "neither a class nor a function, but a Linear",
            None,
        ),
        (NET.replace("width=4", "width"), "without arguments: missing a required argument: 'width'", 5),
        ("def Net():\n    return 3", "Net() returns a int, not a torch.nn.Module", 1),
        (NET.replace("super().__init__()", "None"), "Net() raised AttributeError: cannot assign module", 8),
        (NET.replace("mean((2, 3))", "mean((3, 3))"), "Net in evaluation raised RuntimeError: dim 3", 14),
        (NET.replace("Linear(width, 10)", "Linear(width, 7)"), "returns 2 x 7 numbers (torch.float32)", 5),
        (
            NET.replace(".mean((2, 3))", ".mean(3)").replace("Linear(width", "Linear(30"),
            "returns 2 x 4 x 10 num",
            5,
        ),
        (NET.replace(FORWARD, "        return None, ("), "returns a tuple for 2 images of 3 x 32 x 32", 5),
        (NET.replace("(2, 3))))", "(2, 3)))).argmax()"), "returns one numbers (torch.int64)", 5),
        (
            NET.replace(FORWARD, "        if self.training:\n            return None\n" + FORWARD),
            "Net in training returns a NoneType",
            5,
        ),
        (
            NET.replace("(2, 3))))", "(2, 3)))).detach()"),
            "cannot learn: its logits depend on no parameter",
            5,
        ),
        (
            NET.replace(
                FORWARD,
                "        y = self.conv.weight.sigmoid()\n        y *= 2\n        return y.sum() + self.fc(",
            ),
            "The gradient of Net raised RuntimeError: one of the variables needed for gradient",
            5,
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_line(tmp_path: Path, text: str, says: str, line: int | None) -> None:
    written(tmp_path, "", "beside.py")
    path = written(tmp_path, text)
    with pytest.raises(NetworkError) as caught:
        skipscope.build(f"{path}:Net")
    assert says in caught.value.what
    assert caught.value.where == (f"{path}, line {line}" if line else str(path))
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_what_is_assigned_is_told_of_without_a_line(tmp_path: Path) -> None:
    """No line of the file is on the way of an error that torch's own layers raise."""
    file = tmp_path / "n.py"
    file.write_text(
        "from functools import partial\nfrom torch import nn\n"
        "Net = partial(nn.Sequential, nn.Conv2d(3, 8, 3), nn.BatchNorm1d(8))\n",
        encoding="utf-8",
    )
    with pytest.raises(
        NetworkError, match="Net in evaluation raised ValueError: expected 2D or 3D"
    ) as caught:
        skipscope.build(f"{file}:Net")
    assert str(file) in str(caught.value.where)


def test_a_name_that_is_not_in_the_file_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'Net'") as caught:
        skipscope.build(f"{written(tmp_path, NET)}:Nett")
    assert caught.value.hint == "known: Net"
    assert "mynet.py" in caught.value.where


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="File not found") as caught:
        skipscope.build(f"{tmp_path}/none.py:Net")
    assert str(tmp_path) in caught.value.where
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(NetworkError, match="Cannot read"):
        skipscope.build(f"{tmp_path / 'folder.py'}:Net")


def test_another_encoding_is_named_unless_the_file_says_so_itself(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    for encoding, said in (("gbk", "in GBK"), ("utf-16", "in UTF-16")):
        path.write_bytes(f"# 网络\n{NET}".encode(encoding))
        with pytest.raises(NetworkError, match=f"no text in UTF-8, but {said}"):
            skipscope.build(f"{path}:Net")
    path.write_bytes(f"# coding: gbk\n# 网络\n{NET}".encode("gbk"))
    assert parameters(skipscope.build(f"{path}:Net")) == 4 * 28 + 8 + 50


def test_a_package_beside_the_file_is_refused_even_where_it_could_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run would be taken for an equal one although its network changed."""
    (tmp_path / "mine").mkdir()
    written(tmp_path / "mine", NET, "__init__.py")
    path = written(tmp_path, "def Net():\n    from mine import Net\n    return Net()\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(NetworkError, match="must be a single file"):
        skipscope.build(f"{path}:Net")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ('{"scale": 2}', "Net has _extra_state in its state, a dict, and a run keeps only tensors."),
        ("lambda: 1", "Net has _extra_state in its state, a function, and a run keeps only tensors."),
        ("1 / 0", "The state of Net raised ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_run_cannot_keep_is_said_before_it_is_planned(state: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{NET}\n    def get_extra_state(self):\n        return {state}\n")
    with pytest.raises(NetworkError, match=re.escape(said)) as caught:
        skipscope.build(f"{path}:Net")
    assert caught.value.where.startswith(f"{path}, line ")
