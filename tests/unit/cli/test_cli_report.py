"""`skipscope report`."""

import pytest
import typer
from made_up_pictures import Undrawn
from typer.testing import CliRunner

from skipscope.cli.report import report
from skipscope.errors import FontError, UnknownName, UsageError
from skipscope.figures.rendering import fonts, vega


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setattr(vega, "library", lambda: "")
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    application = typer.Typer()
    application.command()(report)
    return application


def test_it_prints_what_it_wrote(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    ran = CliRunner().invoke(app, ["lab", "-w", str(workspace.path)], catch_exceptions=False)
    assert ran.exit_code == 0
    folder = workspace.report_folder("lab")
    assert ran.output.splitlines() == [
        str(folder / name)
        for name in ("report.html", "handin.en.md", "handin.zh.md", "appendix.en.md", "appendix.zh.md")
    ]


def test_with_a_paper_it_says_how_ones_own_analysis_gets_into_it(app, made_up, tmp_path):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    notes = tmp_path / "notes.md"
    notes.write_text("Mine.", encoding="utf-8")
    asked = ["lab", "-w", str(workspace.path), "--format", "docx", "--lang", "en"]
    ran = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert "skipscope report --notes notes.md" in " ".join(ran.output.split())
    again = CliRunner().invoke(app, [*asked, "--notes", str(notes)], catch_exceptions=False)
    assert "--notes notes.md" not in again.output


@pytest.mark.parametrize("given", [["--format", "html,md"], ["--format", "md", "--format", "html"]])
def test_formats_are_repeated_or_listed(app, made_up, given):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    environment = {"SKIPSCOPE_WORKSPACE": str(workspace.path)}
    ran = CliRunner().invoke(app, [*given, "--lang", "zh"], env=environment, catch_exceptions=False)
    assert len(ran.output.splitlines()) == 5  # the page, and both parts in both languages


def test_errors_are_passed_on(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(UnknownName):
        CliRunner().invoke(app, ["absent", "-w", str(workspace.path)], catch_exceptions=False)


def test_what_could_be_made_is_printed_before_what_could_not(app, made_up, monkeypatch, fonts_forgotten):
    monkeypatch.setattr(fonts, "families", lambda language: ("Libertinus Serif",))
    monkeypatch.setattr(fonts, "missing", lambda text, family: "中" if "中" in text or "网" in text else "")
    workspace = made_up(arms=("cnn",), epochs=1, steps=4, title={"en": "One network"})
    ran = CliRunner().invoke(app, ["-w", str(workspace.path), "--format", "pdf"])
    assert ran.output.splitlines() == [
        str(workspace.report_folder("lab") / f"{part}.en.pdf") for part in ("handin", "appendix")
    ]
    assert isinstance(ran.exception, FontError)
    assert ran.exception.exit_code == 1
    assert "pip install" in str(ran.exception)


def test_no_format_at_all_is_no_report(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(UsageError, match="No format"):
        CliRunner().invoke(app, ["lab", "--format", "", "-w", str(workspace.path)], catch_exceptions=False)


def test_a_study_without_a_result_says_so_and_what_to_run(app, made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    for record in workspace.runs():
        workspace.run_folder(record.id).record_file.unlink()
    ran = CliRunner().invoke(app, ["lab", "-w", str(workspace.path)], catch_exceptions=False)
    assert ran.exit_code == 0
    assert len(ran.stdout.splitlines()) == 5
    (line,) = ran.stderr.splitlines()
    assert line.startswith("No run of lab is finished yet")
    assert line.endswith(f"skipscope run lab -w {workspace.path}")
