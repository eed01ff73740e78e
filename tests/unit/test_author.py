"""Who hands a report in: options, then skipscope.toml, the nearest file first."""

import pytest

from skipscope.errors import SpecError, UsageError
from skipscope.spec import author as module
from skipscope.spec.author import Author, read_author


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The workspace, the current folder and that of the user's settings."""
    made = [tmp_path / name for name in ("workspace", "here", "settings")]
    for folder in made:
        folder.mkdir()
    monkeypatch.chdir(made[1])
    monkeypatch.setattr(module, "user_config_path", lambda _: made[2])
    return made


def write(folder, text):
    (folder / "skipscope.toml").write_text(text, encoding="utf-8")


def test_without_anything_nobody_is_named(folders):
    assert read_author(folders[0]) == Author() == Author(name="", student_id="", course="", date="")


def test_the_nearest_wins_key_by_key(folders):
    workspace, here, settings = folders
    write(workspace, '[author]\ncourse = "A"\n')
    write(here, '[author]\ncourse = "B"\nname = "张三"\n')
    write(settings, '[author]\ncourse = "C"\nname = "李四"\nstudent_id = "2023123456"\n')
    found = Author(name="张三", student_id="2023123456", course="A")
    assert read_author(workspace) == found
    assert read_author(workspace, name="王五", course=None) == found.model_copy(update={"name": "王五"})


def test_the_workspace_may_be_the_current_folder(folders):
    write(folders[1], '[author]\nname = "a"\n')
    assert read_author(folders[1]).name == "a"


def test_numbers_and_dates_need_no_quotes(folders):
    write(folders[0], "[author]\nstudent_id = 2023123456\ndate = 2026-12-01\n")
    assert read_author(folders[0]) == Author(student_id="2023123456", date="2026-12-01")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[author]\nnmae = "a"\n', "line 2, author.nmae: there is no such key; did you mean 'name'"),
        ('name = "a"\n', r"line 1, name: there is no such key; it belongs under \[author\]"),
        ('[autor]\nname = "a"\n', "autor: there is no such key; did you mean 'author'"),
        ("[author]\nname = true\n", "author.name: this is text in quotes"),
        ('[author]\nname = "a\\nb"\n', r"author.name: it contains the control character U\+000A"),
        (f'[author]\nname = "{"a" * 101}"\n', "author.name: it has 101 characters"),
        ("[author]\nname = “张三”\n", "switch the input method"),
        ("author = 3\n", "author: .*"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(folders, text, why):
    write(folders[2], text)
    with pytest.raises(SpecError, match=why) as caught:
        read_author(folders[0])
    assert caught.value.where == str(folders[2] / "skipscope.toml")


def test_an_option_that_cannot_be_printed_is_named(folders):
    with pytest.raises(UsageError, match=r"--student-id cannot be printed: .*U\+202E"):
        read_author(folders[0], student_id="1\u202e2")


def test_a_name_is_composed_and_trimmed():
    assert Author(name=" Jose\u0301 ").name == "José"
