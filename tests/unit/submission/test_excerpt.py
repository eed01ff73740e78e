"""Definitions taken out of sources."""

import ast

import pytest

from skipscope.submission import excerpt
from skipscope.submission.excerpt import Source, dataclass_of

TEXT = '''"""A module."""

import json
import os.path as paths
from contextlib import nullcontext

from skipscope.errors import DataError

# how many there are
MANY = 3
"""Overrides below it."""

FEW: int = 1


@decorated
class Kept:  # noqa: N801 - a name from elsewhere
    """Keeps."""

    first: int = 0
    """Of the first."""
    second: int = 0
    """Of the second."""

    def one(self) -> int:
        return self.first  # type: ignore[no-any-return]

    def two(self, probe: object = None, other: int = 1) -> int:
        """Sums.

        The `probe` looks on.

        Returns: a sum.
        """
        # 变 a comment beside something wide, before what goes
        if probe:
            probe.look()
        with nullcontext(), probe.on() if probe else nullcontext():
            # inside
            value = self.one(other, probe, named=probe)
        with probe.on():
            value += 1

            value += 2
        self.told(value)
        return value
'''


@pytest.fixture
def source(monkeypatch, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "up.py").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(excerpt, "files", lambda package: tmp_path)
    return Source("made.up")


def test_a_value_comes_with_the_comment_above_and_the_text_below(source):
    assert source.take("MANY") == '# how many there are\nMANY = 3\n"""Overrides below it."""'
    assert source.take("FEW") == "FEW: int = 1"


def test_marks_for_checkers_go_and_reasons_stay(source):
    text = source.take("Kept")
    assert "class Kept:  # a name from elsewhere\n" in text
    assert "        return self.first\n" in text
    assert text.startswith("@decorated\n")


def test_what_it_is_to_do_without_is_gone_and_everything_else_to_the_letter(source):
    text = source.take("Kept", {"probe", "second", "told"})
    ast.parse(text)
    assert text.endswith(
        '''    def two(self, other: int = 1) -> int:
        """Sums.

        Returns: a sum.
        """
        with nullcontext():
            # inside
            value = self.one(other)
        value += 1

        value += 2
        return value
'''.rstrip()
    )
    assert "first: int = 0" in text
    assert "second" not in text


def test_a_method_without_which_it_does(source):
    text = source.take("Kept", {"one"})
    assert "def one" not in text
    assert "def two" in text
    assert "\n\n\n" not in text


def test_imports_of_others_only(source):
    assert source.imports() == {
        "json": ("json", None),
        "paths": ("os.path", None),
        "nullcontext": ("contextlib", "nullcontext"),
    }


def test_what_is_not_there(source):
    with pytest.raises(KeyError, match=r"made\.up defines no Absent"):
        source.take("Absent")


def test_a_recipe_as_a_dataclass_has_the_models_fields_and_defaults():
    from dataclasses import dataclass, fields
    from typing import Literal

    from skipscope.spec import Recipe

    text = dataclass_of(Source("spec.__init__"), "Recipe", defaults={"memory_format": "channels_last"})
    names = {"dataclass": dataclass, "Literal": Literal}
    names |= dict.fromkeys(("Precision", "MemoryFormat", "Kernels"), str)
    exec(text, names)
    made = names["Recipe"]()
    assert [field.name for field in fields(made)] == list(Recipe.model_fields)
    for name, field in Recipe.model_fields.items():
        assert getattr(made, name) == ("channels_last" if name == "memory_format" else field.default), name
    assert "learning_rate: float = 0.05  # the peak, reached after the warm-up" in text
    assert "    # shares of training at which" in text
    assert max(map(len, text.splitlines())) <= 110
