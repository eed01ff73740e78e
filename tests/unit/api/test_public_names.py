"""What `import skipscope` offers, to people and to a notebook that completes names."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import skipscope
from skipscope.errors import UsageError

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_every_public_name_is_there_and_is_completed() -> None:
    assert set(skipscope.__all__) <= set(dir(skipscope))
    assert all(getattr(skipscope, name) is not None for name in skipscope.__all__)
    shown = [name for name in dir(skipscope) if not name.startswith("_")]
    assert shown == [name for name in skipscope.__all__ if not name.startswith("_")]


def test_the_version_is_the_project_s() -> None:
    assert skipscope.__version__ == tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"]


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        skipscope.train  # noqa: B018 - attribute access is what is tested


@pytest.mark.parametrize("given", [None, 3, ["resnet"], object])
def test_what_is_no_name_is_told(given: object) -> None:
    for call in (skipscope.build, skipscope.load_study, skipscope.run):
        with pytest.raises(UsageError, match=f"A {type(given).__name__} is no "):
            call(given)


def test_names_are_shown_before_torch_is_imported() -> None:
    asked = "import sys, skipscope; dir(skipscope); skipscope.__version__; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
