"""What one hands in of the assignment itself: every file once, small enough for a course's upload."""

import shutil
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from skipscope.records.store import Workspace
from skipscope.spec.author import Author
from skipscope.submission.archive import pack

LAB = Path(__file__).parents[3] / "docs" / "reference"
MOST = 5_000_000


@pytest.mark.slow
def test_of_lab_it_is_below_five_megabytes(tmp_path):
    workspace = Workspace(shutil.copytree(LAB, tmp_path / "lab"))
    author = Author(name="张三", student_id="2023123456")
    path = pack(workspace, "lab", author=author, output=tmp_path, language="zh")
    assert path.name == "2023123456+张三.zip"
    assert path.stat().st_size < MOST
    with ZipFile(path) as archive:
        names = [Path(name).relative_to(path.stem).as_posix() for name in archive.namelist()]
        contents = [sha256(archive.read(name)).hexdigest() for name in archive.namelist()]
    assert len(set(contents)) == len(names)
    papers = {"handin.zh.pdf", "appendix.zh.pdf", "handin.zh.docx"}
    expected = papers | {"report.html", "code.py", "code.ipynb"}
    assert {name for name in names if not name.startswith("records/")} == expected
