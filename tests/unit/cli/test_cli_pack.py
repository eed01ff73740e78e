"""`skipscope pack`."""

import pytest
import typer
from made_up_pictures import Undrawn
from typer.testing import CliRunner

from skipscope.cli.pack import pack
from skipscope.errors import UsageError
from skipscope.figures.rendering import vega


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setattr(vega, "library", lambda: "")
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    # paper takes seconds; what is packed is tested in unit/submission
    monkeypatch.setattr("skipscope.submission.archive.FORMATS", frozenset({"html"}))
    application = typer.Typer()
    application.command()(pack)
    return application


def test_it_writes_into_this_folder_and_says_what(app, made_up, tmp_path, monkeypatch):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    arguments = ["-w", str(workspace.path), "--student-id", "2012345", "--name", "姓名", "--lang", "en"]
    ran = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    assert ran.output.splitlines() == ["2012345+姓名.zip"]
    assert (tmp_path / "here" / "2012345+姓名.zip").exists()


@pytest.fixture
def no_report(monkeypatch):
    """Packs no report: what the command says is tested."""
    monkeypatch.setattr("skipscope.submission.archive.build_report", lambda *_, **__: [])


def test_what_is_no_name_is_passed_on(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(UsageError, match="--name"):
        CliRunner().invoke(
            app, ["-w", str(workspace.path), "--student-id", "1", "--name", "a/b"], catch_exceptions=False
        )


def test_without_a_name_it_says_how_to_give_one(app, no_report, made_up, tmp_path):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    arguments = ["-w", str(workspace.path), "--lang", "en", "-o", str(tmp_path)]
    ran = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert ran.stdout.splitlines() == [str(tmp_path / "lab.zip")]
    assert "--student-id and --name" in ran.stderr
    assert "skipscope.toml" in ran.stderr


def test_the_name_may_be_in_the_workspaces_settings(app, no_report, made_up, tmp_path):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    told = '[author]\nname = "张三"\nstudent_id = 2023123456\n'
    (workspace.path / "skipscope.toml").write_text(told, encoding="utf-8")
    arguments = ["-w", str(workspace.path), "--lang", "en", "-o", str(tmp_path)]
    ran = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert ran.stdout.splitlines() == [str(tmp_path / "2023123456+张三.zip")]
    assert ran.stderr == ""


def test_a_study_without_a_result_says_so(app, no_report, made_up, tmp_path):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    for record in workspace.runs():
        workspace.run_folder(record.id).record_file.unlink()
    words = ["--student-id", "1", "--name", "a", "--lang", "en", "-o", str(tmp_path)]
    ran = CliRunner().invoke(app, ["-w", str(workspace.path), *words], catch_exceptions=False)
    assert ran.exit_code == 0
    assert "No run of lab is finished yet" in ran.stderr


def test_it_is_in_the_reader_s_language_and_says_how_to_have_the_other(app, made_up, tmp_path, monkeypatch):
    """A report is handed in in one language; both together may be larger than a course's upload."""
    workspace, asked = made_up(arms=("cnn",), epochs=1, steps=4), []
    monkeypatch.setattr(
        "skipscope.submission.archive.build_report", lambda *_, language, **__: asked.append(language) or []
    )
    arguments = ["-w", str(workspace.path), "-o", str(tmp_path)]
    for language in ("en", "zh"):
        monkeypatch.setattr("skipscope.language._spoken", language)
        ran = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert f"--lang {'zh' if language == 'en' else 'en'}" in ran.stderr
    assert (
        "--lang" not in CliRunner().invoke(app, [*arguments, "--lang", "zh"], catch_exceptions=False).stderr
    )
    assert asked == ["en", "zh", "zh"]
