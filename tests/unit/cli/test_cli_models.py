"""`models` as it is typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.errors import UnknownName
from skipscope.models.registry import FAMILIES, NETWORKS, USERS

GOLDEN = Path(__file__).parents[2] / "golden"


def output(*words: str) -> str:
    result = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["models", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", [path.stem for path in sorted(GOLDEN.glob("*.txt"))])
def test_text_is_exactly_print_of_the_network(name: str) -> None:
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n") + "\n"
    assert output("show", name, "--text") == expected


def test_json_has_the_documented_keys() -> None:
    card = json.loads(output("show", "densenet", "--json"))
    assert list(card) == ["schema", "name", "params", "macs", "stages", "anatomy"]
    assert [each["kind"] for each in card["anatomy"]["concatenations"]] == 12 * ["append"]
    assert card["params"] == 1_753_546
    assert card["stages"][-1]["shape"] == [10]


def test_the_table_shows_shapes_and_sums_before_the_structure() -> None:
    text = output("show", "cnn")
    assert text.index("16 x 12 x 12") < text.index("83,126") < text.index("Net(")


@pytest.mark.parametrize("name", ["cnn", "resnet", "densenet", "se_resnet", "resnet20"])
def test_the_table_fits_a_terminal_of_eighty_columns(name: str) -> None:
    table = output("show", name).partition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= 80


def test_what_was_not_followed_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a, self.b, self.h = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(4, 10)\n"
        "    def forward(self, x):\n"
        "        return self.h((self.a(x) * self.b(x)).mean((2, 3)))\n"
    )
    shown = output("show", f"{file}:Net")
    assert "depth: 2   shortcuts: 0   gates: 0   concatenations: 0" in shown
    assert "not followed: mul multiplies maps pixel by pixel" in shown


def test_the_overview_lists_every_network_and_rule() -> None:
    text = output()
    assert all(name in text for name in (*NETWORKS, *FAMILIES, USERS))


def test_a_network_of_a_family_is_shown() -> None:
    text = output("show", "resnet20")
    assert "32 x 16 x 16" in text
    assert "269,722" in text


def test_a_network_of_a_user_is_shown(tmp_path: Path) -> None:
    text = "from torch import nn\n\ndef Net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))\n"
    (tmp_path / "mynet.py").write_text(text)
    assert "30,730" in output("show", f"{tmp_path / 'mynet.py'}:Net")


def test_an_unknown_network_is_a_misuse() -> None:
    assert isinstance(CliRunner().invoke(app, ["models", "show", "vgg"]).exception, UnknownName)
