"""Journals notice what is done to their file while they are written."""

import shutil

import pytest

from skipscope.errors import WorkspaceError
from skipscope.records.journal import Journal


@pytest.fixture
def journal(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    written = Journal(folder / "metrics.jsonl")
    written.begin()
    written.append([{"step": 1}])
    return written


def test_a_file_that_is_gone_is_not_begun_again_without_its_first_rows(journal):
    """A folder is deleted under a run, and something else of the run makes it again."""
    shutil.rmtree(journal.path.parent)
    journal.path.parent.mkdir()
    with pytest.raises(WorkspaceError, match="cannot be written: No such file"):
        journal.append([{"step": 2}])
    assert not journal.path.exists()


def test_rows_of_somebody_else_are_noticed(journal):
    with journal.path.open("a", encoding="utf-8") as file:
        file.write('{"step": 7}\n')
    with pytest.raises(WorkspaceError, match=r"24 bytes are there where 12 were written") as told:
        journal.append([{"step": 2}])
    assert "goes on" in told.value.hint
    assert journal.path.read_text(encoding="utf-8") == '{"step": 1}\n{"step": 7}\n'


def test_a_folder_that_is_gone_is_not_made_again(journal):
    shutil.rmtree(journal.path.parent)
    with pytest.raises(WorkspaceError, match="cannot be written: No such file"):
        journal.append([{"step": 2}])
    assert not journal.path.parent.exists()
