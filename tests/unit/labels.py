"""The English labels of charts, as a report hands them to figures."""

import tomllib
from importlib.resources import files

LABELS: dict[str, str] = tomllib.loads(
    files("skipscope.report").joinpath("text", "en.toml").read_text(encoding="utf-8")
)["chart"]
