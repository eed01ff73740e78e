"""`models` as it is typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.errors import UnknownName
from skipscope.models.registry import NETWORKS

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
    assert list(card) == ["schema", "name", "params", "macs", "stages"]
    assert card["params"] == 1_753_546
    assert card["stages"][-1]["shape"] == [10]


def test_the_table_shows_shapes_and_sums() -> None:
    text = output("show", "cnn")
    assert "16 x 12 x 12" in text
    assert "83,126" in text


def test_the_overview_lists_every_network() -> None:
    text = output()
    assert all(name in text for name in NETWORKS)


def test_an_unknown_network_is_a_misuse() -> None:
    assert isinstance(CliRunner().invoke(app, ["models", "show", "vgg"]).exception, UnknownName)
