"""What the tests of the handed-in program share."""

import runpy
from importlib.resources import files

import pytest


@pytest.fixture(scope="module")
def code():
    """The names that the program defines."""
    return runpy.run_path(str(files("skipscope.submission") / "standalone.py"))
