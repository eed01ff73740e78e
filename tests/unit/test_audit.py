"""tools/audit.py: what is known of the locked packages, and that nothing passes unseen."""

import json
import runpy
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
TODAY = date.today()  # noqa: DTZ011 - days are enough
LOCK = "Jinja2==3.1.6\ntorch==2.13.0+cpu \\\n    --hash=sha256:0\n"


def entry(id: str, package: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
        "versions": more.pop("versions", []),
    }
    return {"id": id, "modified": f"{more.pop('day', TODAY)}T00:00:00Z", "affected": [affected], **more}


def written(folder: Path, *entries: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for each in entries:
        (folder / f"{each['id']}.json").write_text(json.dumps(each))
    return folder


HARMLESS = entry("H", "other", {"introduced": "0"})


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the tool on LOCK with a pip-audit that prints what `services` has, and returns code and text."""
    monkeypatch.syspath_prepend(str(TOOLS))
    fake = tmp_path / "fake" / "pip_audit"
    fake.mkdir(parents=True)
    (fake / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(fake.parent))
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)
    main = runpy.run_path(str(TOOLS / "audit.py"), run_name="audit")["main"]

    def run(*options: object, **services: str) -> tuple[int, str]:
        # reads the requirements as pip-audit does: a version with + would be unknown to every service
        (fake / "__main__.py").write_text(
            "import sys\nsaid = sys.argv[sys.argv.index('-s') + 1]\n"
            "assert '+' not in open(sys.argv[-1]).read()\n"
            f"print({services!r}.get(said) or sys.exit('no ' + said))\n"
        )
        code = main([str(lock), *map(str, options)])
        return code, capsys.readouterr().out

    return run


def dependencies(**vulns: list[dict[str, Any]] | None) -> str:
    packages = [
        {"name": name, "version": "1", **({"skip_reason": "x"} if found is None else {"vulns": found})}
        for name, found in vulns.items()
    ]
    return json.dumps({"dependencies": packages})


def test_a_service_that_knows_every_package_is_enough(audit: Any) -> None:
    code, said = audit(pypi=dependencies(torch=[], jinja2=[]))
    assert code == 0
    assert "looked up in PyPI" in said
    code, said = audit(pypi=dependencies(torch=[{"id": "PYSEC-1", "fix_versions": ["2"]}], jinja2=[]))
    assert code == 1
    assert "torch 1: PYSEC-1, fixed in 2" in said


def test_a_service_that_leaves_packages_out_is_not_enough(audit: Any) -> None:
    partly = dependencies(torch=None, jinja2=[])
    assert audit(pypi=partly, osv=dependencies(torch=[], jinja2=[]))[0] == 0
    code, said = audit(pypi=partly)
    assert code == 3
    assert "PyPI: 1 of 2 packages were not found there, e.g. torch" in said
    assert "OSV: no osv" in said
    assert "NOT AUDITED" in said
    assert "ADVISORIES=PATH" in said


def test_a_snapshot_stands_in_for_the_services(audit: Any, tmp_path: Path) -> None:
    folder = written(tmp_path / "snapshot", HARMLESS)
    assert audit("--advisories", folder)[0] == 0
    written(folder, entry("PYSEC-2", "jinja2", {"introduced": "3.0"}, {"fixed": "3.1.7"}))
    code, said = audit("--advisories", folder)
    assert (code, "jinja2 3.1.6: PYSEC-2, fixed in 3.1.7" in said) == (1, True)
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert audit("--advisories", tmp_path / "all.zip")[0] == 1


@pytest.mark.parametrize(
    ("made", "holds"),
    [
        (entry("A", "torch", versions=["2.13.0"]), True),  # 2.13.0+cpu has its holes
        (entry("A", "torch", {"introduced": "0"}, {"last_affected": "2.13.0"}), True),
        (entry("A", "torch", {"introduced": "0"}, {"last_affected": "2.12.1"}), False),
        (entry("A", "torch", {"fixed": "2.6.0"}, {"introduced": "0"}), False),
        (entry("A", "torch", {"introduced": "0"}, {"fixed": "2.6"}, {"introduced": "2.10"}), True),
        (entry("A", "torch", {"introduced": "2.14"}), False),
        (entry("A", "JINJA2", {"introduced": "0"}), True),
        (entry("A", "torch", {"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z"), False),
    ],
)
def test_versions_are_compared_as_they_are_ordered(
    made: dict[str, Any], holds: bool, audit: Any, tmp_path: Path
) -> None:
    assert audit("--advisories", written(tmp_path / "snapshot", made))[0] == (1 if holds else 0)


def test_an_old_snapshot_does_not_pass(audit: Any, tmp_path: Path) -> None:
    day = TODAY - timedelta(days=40)
    code, said = audit("--advisories", written(tmp_path / "old", entry("H", "other", day=day)))
    assert code == 3
    assert f"it ends on {day}" in said


@pytest.mark.parametrize("content", [None, b"", b"no zip"])
def test_what_is_no_snapshot_does_not_pass(content: bytes | None, audit: Any, tmp_path: Path) -> None:
    path = tmp_path / "given"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    code, said = audit("--advisories", path)
    assert code == 3
    assert "cannot be read" in said
    assert audit("--advisories", tmp_path / "nowhere")[0] == 3
