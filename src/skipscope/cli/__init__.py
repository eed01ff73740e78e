"""The command line: nothing else in the package prints, but for the progress of runs (`api/`).

Every command imports what it needs when it is called, so that `--help` shows at once.
"""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from skipscope.cli.bench import bench
from skipscope.cli.calibrate import calibrate
from skipscope.cli.claims import claims
from skipscope.cli.data import app as data
from skipscope.cli.export import export
from skipscope.cli.interrupt import ended_by_ctrl_c
from skipscope.cli.live import live
from skipscope.cli.models import app as models
from skipscope.cli.options import complain
from skipscope.cli.pack import pack
from skipscope.cli.predict import predict
from skipscope.cli.probe import probe
from skipscope.cli.report import report
from skipscope.cli.run import RunCommand, demo, run
from skipscope.cli.status import status
from skipscope.cli.work import work
from skipscope.errors import SkipscopeError, UsageError
from skipscope.language import can_show, language, language_of, readers, speak
from skipscope.said_once import saying_once


class Program(TyperGroup):
    """Chooses the language before anything is said."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Reads --lang ahead of all else; help and errors of the command line are translated, too."""
        shown = can_show((sys.stdout, sys.stderr))
        speak(readers() if shown else "en")
        if shown and (asked := _asked(args)) is not None:
            speak(language_of(asked))
        if language() == "en":
            return super().make_context(info_name, args, *rest, **extra)
        from skipscope.cli.help_in_chinese import errors_translated, translate

        translate(self)
        with errors_translated():
            return super().make_context(info_name, args, *rest, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        if language() == "en":
            return super().invoke(ctx)
        from skipscope.cli.help_in_chinese import errors_translated

        with errors_translated():
            return super().invoke(ctx)


def _asked(args: list[str]) -> str | None:
    """Returns what --lang says before the name of a command: a report's own --lang comes behind it."""
    match args:
        case ["--lang", name, *_]:
            return name
        case [option, *_] if option.startswith("--lang="):
            return option.removeprefix("--lang=")
    return None


app = typer.Typer(
    name="skipscope",
    cls=Program,
    help="See what a shortcut does: a CNN, a ResNet, a DenseNet and an SE-ResNet, side by side, measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # typer imports half of rich to draw boxes: a quarter of the time of --help
)


def _say_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    from importlib.metadata import version

    if asked:
        typer.echo(f"skipscope {version('skipscope')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
    lang: Annotated[
        str | None,
        typer.Option(
            metavar="zh|en", help="The language to speak.  [default: the system's]", show_default=False
        ),
    ] = None,
) -> None:
    """Options before a command."""


app.command()(demo)
app.command(cls=RunCommand)(run)
for command in (live, status, claims, calibrate, report, pack, probe, predict, export, bench, work):
    app.command()(command)
app.add_typer(models, name="models")
app.add_typer(data, name="data")


def _here() -> None:
    """Raises an error if there is no working directory: torch would fail to load, and not say why."""
    try:
        Path.cwd()
    except OSError:
        raise UsageError("The current directory no longer exists.", hint="cd to another") from None


def main() -> None:
    """Runs the program: exits 0, 1 (failed) or 2 (misuse)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot show must not fail
            stream.reconfigure(errors="backslashreplace")
    try:
        _here()
        with ended_by_ctrl_c(), saying_once():
            app()
    except SkipscopeError as error:
        complain(error)
        sys.exit(error.exit_code)
    except OSError as error:
        # a name that is too long, a device that is full: whatever a command did not expect
        refused = SkipscopeError(
            f"Operating system error: {error.strerror or error}.",
            where=str(error.filename or ""),
            hint="check the paths you gave, the permissions and the space there",
        )
        complain(refused)
        sys.exit(1)
    except KeyboardInterrupt:  # before a command has begun to listen to it
        sys.exit(130)
