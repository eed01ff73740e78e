"""Packs the report, its records and the code into one archive that is named after a student."""

import tarfile
from collections.abc import Iterator, Mapping
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
from skipscope.spec.author import NOBODY, Author
from skipscope.submission.notebook import notebook
from skipscope.submission.program import program, program_arms

FORMATS = frozenset({"html", "pdf", "docx"})
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
"""Names that Windows reserves for devices, with any extension."""
FORBIDDEN = '<>:"/\\|?*'
MAX_NAME_BYTES = 255
"""The most bytes that ext4, like most file systems, allows in a file's name."""
RUN_FILES = ("run.json", "metrics.jsonl", "readings.parquet", "readings.jsonl", "test.npz")
"""Files of a run's folder that the report is drawn from, except pictures and weights. test.npz says which
test images were classified correctly and contains no image."""


def pack(
    workspace: Workspace,
    study: str | None,
    *,
    author: Author = NOBODY,
    notes: Path | None = None,
    output: Path = Path(),
    language: str | None = None,
) -> Path:
    """Writes `<student_id>+<name>.zip` into the folder `output`, completely or not at all; returns its path.

    It is called after the study if nobody is named. PDF and DOCX are in `language`, or in both languages; the
    page is always in both. `notes` is the reader's own analysis, for the report.

    Raises:
        UsageError: number and name make no valid file name on every system, or the notes cannot be read.
        UnknownName: no such study or language.
        FontError: no installed font has the report's characters; nothing is packed.
        WorkspaceError: there is no study, a record is damaged, or the archive cannot be written.
    """
    file_stem(author, "")  # refused before anything is made
    tables = gather(workspace, study)
    stem = file_stem(author, tables.record.study.name)
    report = build_report(
        workspace, tables.record.study.name, formats=FORMATS, language=language, author=author, notes=notes
    )
    path = output / f"{stem}.zip"
    contents = [*((each.name, each.read_bytes()) for each in report), *code_files(tables)]
    contents += ((f"records/{path}", content) for path, content in records(workspace, tables))
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for inside, content in contents:
            archive.writestr(_entry(f"{stem}/{inside}"), content)
    try:
        write_whole(path, packed.getvalue())
    except WorkspaceError as error:
        hint = "free some space, get write permission, or choose another folder with --output"
        raise WorkspaceError(error.what, where=error.where, hint=hint) from None
    return path


def file_stem(author: Author, study: str) -> str:
    """Returns `<student_id>+<name>`, or the one that is known, or the name of the study.

    Raises:
        UsageError: it is not a valid file name on every system.
    """
    parts = {"--student-id": author.student_id, "--name": author.name}
    named = {option: part for option, part in parts.items() if part}
    for option, part in named.items():
        if problem := _problem(part):
            raise UsageError(
                f"{option} {part!a} cannot be part of a file name: {problem}.",
                hint="letters of every language, digits, spaces, - and _ are allowed",
            )
    if "+" in author.student_id:
        raise UsageError("--student-id contains '+', which separates id and name.", hint="leave it out")
    stem = "+".join(named.values()) or study
    if (size := len(f"{stem}.zip".encode())) > MAX_NAME_BYTES:
        raise UsageError(
            f"{stem[:24]}….zip is too long for a file name: {size} bytes of UTF-8.",
            hint=f"shorten --student-id or --name: at most {MAX_NAME_BYTES} bytes, 3 a Chinese character",
        )
    return stem


def _problem(part: str) -> str | None:
    """Returns why a file cannot have this name, or None."""
    for letter in part:
        if letter in FORBIDDEN:
            return f"it contains {letter!r}"
    if part != part.strip(" .\u3000"):
        return "it starts or ends with a space or a full stop"
    if part.partition(".")[0].strip().upper() in RESERVED:
        return "Windows reserves this name for a device"
    return None


def code_files(tables: StudyTables) -> Iterator[tuple[str, bytes]]:
    """Yields the program, and the notebook that shows what it does."""
    study, arms, fixed = program_arms(tables)
    yield "code.py", program(study, arms, fixed=fixed).encode()
    yield "code.ipynb", notebook(tables, arms).encode()


def records(workspace: Workspace, tables: StudyTables) -> Iterator[tuple[str, bytes]]:
    """Yields path in the workspace and content of each file the report is drawn from, except pictures."""
    record = tables.record
    files = [workspace.path / "studies" / f"{record.study.name}.json"]
    files += [workspace.run_folder(member.run).path / name for member in record.members for name in RUN_FILES]
    started = [*(arm.model for arm in record.study.arm), *record.study.initial]
    files += [workspace.start_file(start_name(model, record.data.sha256)) for model in started]
    for file in dict.fromkeys(files):
        if file.exists():
            yield file.relative_to(workspace.path).as_posix(), file.read_bytes()


def tarred(files: Mapping[str, bytes]) -> bytes:
    """Packs files by their paths into a tar.xz, which `-w` reads; equal files give equal bytes."""
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w:xz", preset=9) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)  # without a time
            entry.size = len(files[name])
            archive.addfile(entry, BytesIO(files[name]))
    return made.getvalue()


def _entry(path: str) -> ZipInfo:
    """Returns an entry dated now; zipfile marks names beyond ASCII as UTF-8."""
    entry = ZipInfo(path, datetime.now().astimezone().timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
