"""A hand-in: the report, the records behind it, and the code, as one archive named after a student."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from skipscope.analysis.tables import StudyTables, gather
from skipscope.errors import UsageError, WorkspaceError
from skipscope.records.files import write_whole
from skipscope.records.store import Workspace
from skipscope.report import build_report
from skipscope.spec import start_name
from skipscope.submission.program import arms_of, notebook, program

FORMATS = frozenset({"html", "pdf", "docx"})
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
"""Names that Windows keeps for devices, with any ending."""
FORBIDDEN = '<>:"/\\|?*'
LONGEST = 255
"""Bytes of a file's name: what ext4 takes, and most others."""
BESIDE = ("run.json", "metrics.jsonl", "readings.parquet", "readings.jsonl", "test.npz")
"""Of a run's folder: what the report is drawn from, but for pictures and weights. test.npz says which test
images were right, and shows none."""


def pack(
    workspace: Workspace,
    study: str | None,
    *,
    student_id: str,
    name: str,
    output: Path = Path(),
    language: str | None = None,
) -> Path:
    """Writes `<student_id>+<name>.zip` into the folder `output`, whole or not at all, and says where it is.

    PDF and DOCX are in `language`, or in both; the page is in both.

    Raises:
        UsageError: the two are no name of a file on every system.
        UnknownName: no such study or language.
        FontError: no font here has the report's characters: nothing is packed.
        WorkspaceError: there is no study, a record is damaged, or the archive cannot be written.
    """
    stem = file_stem(student_id, name)
    tables = gather(workspace, study)
    report = build_report(workspace, tables.record.study.name, formats=FORMATS, language=language)
    path = output / f"{stem}.zip"
    contents = [*((f"report/{each.name}", each.read_bytes()) for each in report), *_code(tables)]
    contents += ((f"records/{place}", content) for place, content in records(workspace, tables))
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for place, content in contents:
            archive.writestr(_entry(f"{stem}/{place}"), content)
    try:
        write_whole(path, packed.getvalue())
    except WorkspaceError as error:
        hint = "free space or rights there, or choose another folder with --output"
        raise WorkspaceError(error.what, where=error.where, hint=hint) from None
    return path


def file_stem(student_id: str, name: str) -> str:
    """`<student_id>+<name>`, composed as Windows and Linux write it (NFC).

    Raises:
        UsageError: it is no name of a file on every system; says why.
    """
    number, called = (unicodedata.normalize("NFC", part) for part in (student_id, name))
    for option, part in (("--student-id", number), ("--name", called)):
        problem = _problem(part)
        if problem is not None:
            raise UsageError(
                f"{option} {part!a} cannot be part of a file's name: {problem}.",
                hint="give it without that; letters of every language, digits, spaces, - and _ are fine",
            )
    if "+" in number:
        raise UsageError(
            "--student-id has a '+': it is what stands between id and name.", hint="give it without one"
        )
    stem = f"{number}+{called}"
    if len(f"{stem}.zip".encode()) > LONGEST:
        raise UsageError(
            f"{stem[:24]}….zip is too long for a file's name: {len(f'{stem}.zip'.encode())} bytes of UTF-8.",
            hint=f"shorten --student-id or --name: at most {LONGEST} bytes; a Chinese character has 3",
        )
    return stem


def _problem(part: str) -> str | None:
    """Why a file cannot be called so."""
    if not part.strip():
        return "it is empty"
    for letter in part:
        kind = unicodedata.category(letter)
        if letter in FORBIDDEN:
            return f"it has {letter!r}"
        if kind in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            return f"it has the control character U+{ord(letter):04X}"
    if part != part.strip(" .\u3000"):
        return "it begins or ends with a space or a full stop"
    if part.partition(".")[0].strip().upper() in RESERVED:
        return "Windows keeps this name for a device"
    return None


def _code(tables: StudyTables) -> Iterator[tuple[str, bytes]]:
    text = program(tables)
    yield "code.py", text.encode()
    yield "code.ipynb", notebook(arms_of(text)).encode()


def records(workspace: Workspace, tables: StudyTables) -> Iterator[tuple[str, bytes]]:
    """What the report is drawn from, but for pictures: places in a workspace, and what is there."""
    record = tables.record
    files = [workspace.path / "studies" / f"{record.study.name}.json"]
    files += [workspace.run_folder(member.run).path / name for member in record.members for name in BESIDE]
    started = [*(arm.model for arm in record.study.arm), *record.study.initial]
    files += [workspace.start_file(start_name(model, record.data.sha256)) for model in started]
    for file in dict.fromkeys(files):
        if file.exists():
            yield file.relative_to(workspace.path).as_posix(), file.read_bytes()


def _entry(place: str) -> ZipInfo:
    """A file as it is now; zipfile marks names beyond ASCII as UTF-8."""
    entry = ZipInfo(place, datetime.now().astimezone().timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
