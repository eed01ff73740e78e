"""Audits dependencies: known vulnerabilities of the locked packages, licences of the installed ones.

`make audit` runs `python tools/audit.py requirements.lock`; it needs pip-audit. Exits with 1 if there is a
known vulnerability, with 3 if packages could not be looked up.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

NOTES = {
    "pypandoc-binary": "contains pandoc (GPL-2.0-or-later), which skipscope only runs as a program",
    "torch": "contains third-party libraries; see its licences folder",
}
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \\]+)", re.MULTILINE)


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


def vulnerabilities(lock: Path) -> tuple[list[str], list[str]]:
    """Known vulnerabilities, and packages that could not be looked up."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--disable-pip", "--require-hashes", "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no user input
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], [
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip-audit printed nothing"
        ]
    found = [
        f"{package['name']} {package['version']}: {hole['id']}, fixed in {hole['fix_versions'] or 'none'}"
        for package in packages
        for hole in package.get("vulns", [])
    ]
    return found, [package["name"] for package in packages if "skip_reason" in package]


def main(lock: Path) -> int:
    """Print both lists and return the exit code."""
    pinned = _PINNED.findall(lock.read_text(encoding="utf-8"))
    print(f"licences of the {len(pinned)} packages in {lock.name}")
    for name, version in pinned:
        note = f" ({NOTES[name]})" if name in NOTES else ""
        print(f"  {name} {version}: {licence(name)}{note}")
    found, skipped = vulnerabilities(lock)
    for line in found:
        print(line)
    if skipped:
        print(f"NOT AUDITED: {len(skipped)} of {len(pinned)}, e.g. {skipped[0]}: needs PyPI")
    print(f"{len(found)} known vulnerabilities in {len(pinned) - len(skipped)} audited packages")
    return 1 if found else 3 if skipped else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
