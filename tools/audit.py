"""Audits dependencies: known vulnerabilities of the locked packages, licences of the installed ones.

`make audit` runs `python tools/audit.py requirements.lock`. It asks PyPI, then OSV, by pip-audit, and reads
the snapshot that `make audit ADVISORIES=PATH` names. Exits with 1 if there is a known vulnerability, with 3
if packages could not be looked up, or in an old snapshot only: nothing passes that was not looked up.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import advisories

SERVICES = {"pypi": "PyPI", "osv": "OSV"}
"""What pip-audit can ask."""
FRESH_DAYS = 30
"""A snapshot that is older says too little of packages of today."""
HOW = (
    "get https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip, or clone "
    "https://github.com/pypa/advisory-database, where they can be reached, then: make audit ADVISORIES=PATH"
)
NOTES = {
    "pypandoc-binary": "contains pandoc (GPL-2.0-or-later), which skipscope only runs as a program",
    "torch": "contains third-party libraries; see its licences folder",
}
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s\\;]+)", re.MULTILINE)


def licence(name: str) -> str:
    """Licence in the package's metadata: the SPDX expression, the old field, or the classifiers."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return "not installed here"
    classifiers = said.get_all("Classifier", [])
    classified = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    first = (said.get("License") or "").strip().partition("\n")[0]
    return said.get("License-Expression") or first or ", ".join(classified) or "not stated"


class Answer(NamedTuple):
    """What a source says."""

    source: str
    found: list[str]
    problem: str = ""
    """Why not all was looked up; empty if all was."""


def asked(service: str, pinned: Sequence[tuple[str, str]]) -> Answer:
    """Asks a service by pip-audit, which must look up every package."""
    source = SERVICES[service]
    with TemporaryDirectory() as folder:
        # without hashes and what a version was built for: services know neither 2.13.0+cpu nor its wheel
        requirements = Path(folder) / "requirements.txt"
        lines = [f"{name}=={version.partition('+')[0]}\n" for name, version in pinned]
        requirements.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
        command += ["--disable-pip", "--no-deps", "--timeout", "10", "-s", service, "-r", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no user input
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines()
        return Answer(source, [], lines[-1] if lines else "pip-audit printed nothing")
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}, fixed in {', '.join(hole['fix_versions'])}"
        for each in packages
        for hole in each.get("vulns", [])
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    why = (
        f"{len(skipped)} of {len(pinned)} packages were not found there, e.g. {skipped[0]}" if skipped else ""
    )
    return Answer(source, holes, why)


def looked_up(path: Path, pinned: Sequence[tuple[str, str]], today: date) -> Answer:
    """Looks the packages up in a snapshot."""
    source = f"the snapshot {path}"
    try:
        entries = advisories.read(path)
        day = date.fromisoformat(advisories.latest(entries))
    except (OSError, ValueError, ImportError) as error:
        return Answer(source, [], f"it cannot be read: {error}")
    old = (today - day).days
    why = f"it ends on {day}, {old} days ago: what was found since is not in it" if old > FRESH_DAYS else ""
    return Answer(
        f"{source} ({len(entries):,} advisories up to {day})", advisories.found(entries, pinned), why
    )


def answers(pinned: Sequence[tuple[str, str]], snapshot: Path | None) -> Iterator[Answer]:
    """Asks one source after the other, until one has looked up everything."""
    for service in SERVICES:
        yield asked(service, pinned)
    if snapshot is not None:
        yield looked_up(snapshot, pinned, datetime.now(UTC).date())


def main(argv: Sequence[str] | None = None) -> int:
    """Print licences and vulnerabilities, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--advisories", default="", help="a zip or a folder of advisories in the OSV format")
    options = parser.parse_args(argv)
    pinned = _PINNED.findall(options.lock.read_text(encoding="utf-8"))
    print(f"licences of the {len(pinned)} packages in {options.lock.name}")
    for name, version in pinned:
        note = f" ({NOTES[name]})" if name in NOTES else ""
        print(f"  {name} {version}: {licence(name)}{note}")
    found: list[str] = []
    for answer in answers(pinned, Path(options.advisories) if options.advisories else None):
        found += answer.found
        if not answer.problem:
            print(f"looked up in {answer.source}")
            break
        print(f"not all was looked up in {answer.source}: {answer.problem}")
    else:
        print(f"NOT AUDITED: no source of advisories has looked up all {len(pinned)} packages; {HOW}")
    for line in dict.fromkeys(found):
        print(line)
    if found:
        return 1
    if answer.problem:
        return 3
    print(f"no known vulnerability in {len(pinned)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
