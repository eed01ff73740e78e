"""`skipscope report`."""

from pathlib import Path

import pytest
import typer
from made_up_pictures import Undrawn
from typer.testing import CliRunner

from skipscope.cli.report import report
from skipscope.errors import FontError, UnknownName, UsageError
from skipscope.figures.rendering import vega


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setattr(vega, "library", lambda: "")
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    application = typer.Typer()
    application.command()(report)
    return application


@pytest.fixture
def asked(monkeypatch):
    """The formats of each report that was asked for: it has five files, and nobody writes them."""
    found = []

    def build_report(*_, formats, **__):
        found.append(formats)
        return [Path(str(number)) for number in range(5)]

    monkeypatch.setattr("skipscope.report.build_report", build_report)
    return found


def test_it_prints_what_it_wrote(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    ran = CliRunner().invoke(app, ["lab", "-w", str(workspace.path)], catch_exceptions=False)
    assert ran.exit_code == 0
    assert ran.output.splitlines() == [str(workspace.report_folder("lab") / "report.html")]


def test_with_a_paper_it_says_how_ones_own_analysis_gets_into_it(app, asked, made_up, tmp_path):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    notes = tmp_path / "notes.md"
    notes.write_text("Mine.", encoding="utf-8")
    words = ["lab", "-w", str(workspace.path), "--format", "docx", "--lang", "en"]
    ran = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "skipscope report --notes notes.md" in " ".join(ran.output.split())
    again = CliRunner().invoke(app, [*words, "--notes", str(notes)], catch_exceptions=False)
    assert "--notes notes.md" not in again.output
    assert asked == [{"docx"}] * 2


@pytest.mark.parametrize("given", [["--format", "html,md"], ["--format", "md", "--format", "html"]])
def test_formats_are_repeated_or_listed(app, asked, made_up, given):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    environment = {"SKIPSCOPE_WORKSPACE": str(workspace.path)}
    ran = CliRunner().invoke(app, [*given, "--lang", "zh"], env=environment, catch_exceptions=False)
    assert asked == [{"html", "md"}]
    assert ran.output.splitlines() == list("01234")


def test_errors_are_passed_on(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(UnknownName):
        CliRunner().invoke(app, ["absent", "-w", str(workspace.path)], catch_exceptions=False)


def test_what_could_be_made_is_printed_before_what_could_not(app, made_up, monkeypatch):
    def build_report(*_, **__):
        raise FontError(
            "No font has these.", hint="pip install x", written=[Path("handin.en.pdf"), Path("b")]
        )

    monkeypatch.setattr("skipscope.report.build_report", build_report)
    ran = CliRunner().invoke(app, ["-w", str(made_up().path), "--format", "pdf"])
    assert ran.output.splitlines() == ["handin.en.pdf", "b"]
    assert isinstance(ran.exception, FontError)
    assert ran.exception.exit_code == 1
    assert "pip install" in str(ran.exception)


def test_no_format_at_all_is_no_report(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(UsageError, match="No format"):
        CliRunner().invoke(app, ["lab", "--format", "", "-w", str(workspace.path)], catch_exceptions=False)


def test_a_study_without_a_result_says_so_and_what_to_run(app, asked, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    for record in workspace.runs():
        workspace.run_folder(record.id).record_file.unlink()
    ran = CliRunner().invoke(app, ["lab", "-w", str(workspace.path)], catch_exceptions=False)
    assert ran.exit_code == 0
    assert len(asked) == 1
    (line,) = ran.stderr.splitlines()
    assert line.startswith("No run of lab is finished yet")
    assert line.endswith(f"skipscope run lab -w {workspace.path}")
