"""A snapshot of known vulnerabilities in the OSV format, for machines that reach no advisory service.

It is what https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip has, or a clone of
https://github.com/pypa/advisory-database: a zip or a folder of JSON or YAML, an entry a file.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

Entry = Mapping[str, Any]
SUFFIXES = ".json", ".yaml", ".yml"


def read(path: Path) -> list[Entry]:
    """Reads every entry of a zip or a folder.

    Raises:
        OSError: there is no such path.
        ValueError: it holds no entry, or one of them cannot be read.
    """
    entries = [_parsed(name, content) for name, content in _files(path)]
    entries = [each for each in entries if isinstance(each, Mapping) and "affected" in each and "id" in each]
    if not entries:
        raise ValueError(f"{path} holds no advisory in the OSV format")
    return entries


def latest(entries: Sequence[Entry]) -> str:
    """Returns the day, as 2026-11-29, on which the newest entry was changed."""
    return max(str(each.get("modified", "")) for each in entries)[:10]


def found(entries: Sequence[Entry], pinned: Sequence[tuple[str, str]]) -> list[str]:
    """Says which of the packages, given with their versions, have a known vulnerability."""
    # without what it was built for: 2.13.0+cpu has the holes of 2.13.0
    versions = {canonicalize_name(name): Version(Version(version).public) for name, version in pinned}
    return [
        f"{name} {version}: {entry['id']}, fixed in {_fixes(affected) or 'none'}"
        for entry in entries
        if not entry.get("withdrawn")
        for affected in entry["affected"]
        if affected.get("package", {}).get("ecosystem") == "PyPI"
        and (version := versions.get(name := canonicalize_name(affected["package"]["name"]))) is not None
        and _affects(affected, version)
    ]


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        yield from ((file.name, file.read_bytes()) for file in path.rglob("*") if file.suffix in SUFFIXES)
        return
    try:
        with ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist() if name.endswith(SUFFIXES))
    except BadZipFile as error:
        raise ValueError(f"{path} is neither a folder nor a zip") from error


def _parsed(name: str, content: bytes) -> Any:
    if name.endswith(".json"):
        return json.loads(content)
    yaml = import_module("yaml")  # comes with `make audit`; the zip of OSV has JSON alone
    try:
        return yaml.load(content, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is no YAML") from error


def _ranges(affected: Entry) -> list[Entry]:
    """Selects ranges of versions: there are ranges of commits, too."""
    return [each for each in affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM"]


def _affects(affected: Entry, version: Version) -> bool:
    if any(_version(each) == version for each in affected.get("versions", ())):
        return True
    return any(_within(each["events"], version) for each in _ranges(affected))


def _within(events: Sequence[Mapping[str, str]], version: Version) -> bool:
    """Follows a range: introduced, until it is fixed or past the last that is affected."""
    inside = False
    points = [(_version(at), kind) for event in events for kind, at in event.items()]
    for at, kind in sorted((point for point in points if point[0] is not None), key=lambda point: point[0]):
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _version(text: str) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:  # of before 2014
        return None


def _fixes(affected: Entry) -> str:
    events = (event for each in _ranges(affected) for event in each["events"])
    return ", ".join(event["fixed"] for event in events if "fixed" in event)
