"""requirements.lock, constraints.txt and pyproject.toml say the same."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[\w+\])?==([^\s\\;]+)", re.MULTILINE)


def pinned(name: str) -> dict[str, str]:
    """Versions by package, without what they were built for (`+cpu`)."""
    found = PINNED.findall((ROOT / name).read_text(encoding="utf-8"))
    return {package.lower().replace("_", "-"): version.partition("+")[0] for package, version in found}


def test_what_is_needed_at_run_time_is_locked_at_the_version_that_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=\[; ]", line)[0].lower() for line in project["dependencies"]}
    locked, tested = pinned("requirements.lock"), pinned("constraints.txt")
    assert needed <= locked.keys()
    del locked["setuptools"]  # torch needs it; pip freeze, which makes constraints.txt, leaves it out
    assert {name: tested.get(name) for name in locked} == locked


def test_everything_locked_has_a_hash():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(PINNED.findall(text))
    assert all("--hash=sha256:" in entry for entry in entries)
