"""Reads what papers report for changes to trained networks: deleted blocks, gates, connections."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def reported() -> tuple[dict[str, Any], ...]:
    """Returns entries: the `changes` they are about, `source`, and `setting` and `finding` by language."""
    text = (files("skipscope.analysis") / "reported.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["report"])
