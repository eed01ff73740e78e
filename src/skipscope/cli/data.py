"""`skipscope data get | import | check | info`: manages the data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skipscope.cli.options import DataDir, console, say

if TYPE_CHECKING:
    from skipscope.data.store import Store

app = typer.Typer(name="data", help="Get, import, check and show the data sets.", no_args_is_help=True)


@app.command()
def get(data_dir: DataDir = None) -> None:
    """Download CIFAR-10 (162 MB) and import it."""
    from rich import progress as bars

    from skipscope.data import fetch

    columns = bars.BarColumn(), bars.DownloadColumn(), bars.TransferSpeedColumn(), bars.TimeRemainingColumn()
    quiet = not console.is_terminal
    with bars.Progress("{task.description}", *columns, console=console, disable=quiet) as bar:
        task = bar.add_task("asking the servers", total=None)
        told = ""

        def progress(url: str, done: int, total: int) -> None:
            nonlocal told
            host = url.split("/")[2]
            if url != told:
                told = url
                bar.reset(task)
                if quiet:
                    say(f"downloading from {host}")
            bar.update(task, description=host, completed=done, total=total or None)

        stored = fetch.get(data_dir=data_dir, progress=progress)
    _say_imported(stored)


@app.command(name="import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(
            help="An archive or folder: official binary or python version, or Hugging Face parquet."
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Import CIFAR-10 from a copy you have."""
    from skipscope.data import cifar10

    with console.status("reading and checking 60,000 images"):
        stored = cifar10.import_from(path, data_dir=data_dir)
    _say_imported(stored)


@app.command()
def check(
    data_dir: DataDir = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Download and import again what is damaged.")
    ] = False,
) -> None:
    """Read the data sets and verify their checksums."""
    from skipscope.data import cifar10, shapes, store
    from skipscope.errors import DataError

    with console.status("drawing the embedded data set"):
        drawn = store.content_sha256(*shapes.draw())
    if drawn != shapes.SHA256:
        raise DataError(
            f"This machine draws the embedded data set differently: sha256 {drawn}, not {shapes.SHA256}.",
            hint="do not compare its results with those of other machines; please report this",
        )
    say("shapes: sound, it draws to the same bytes as everywhere")
    try:
        stored = cifar10.open_store(data_dir)
        with console.status("reading CIFAR-10"):
            store.check(stored)
    except DataError as error:
        if not repair:
            raise
        say(f"cifar10: {error.what} It is downloaded again.")
        get(data_dir)
        return
    say(f"cifar10: sound, sha256 {stored.index.sha256}")


@app.command()
def info(data_dir: DataDir = None) -> None:
    """Show the data sets, their splits, checksums and sources."""
    from skipscope.data import cifar10, dataset, shapes, store

    drawn = {
        "where": "embedded: drawn when it is needed, no network",
        "source": shapes.SOURCE,
        "images": "32 x 32 RGB",
        "classes": ", ".join(shapes.CLASSES),
        "splits": f"train {shapes.TRAIN:,}, validation {shapes.VALIDATION:,}, test {shapes.TEST:,} (sealed)",
        "sha256": shapes.SHA256,
    }
    _show("shapes", drawn)
    stored = store.read(cifar10.NAME, data_dir=data_dir)
    if stored is None:
        where = store.data_folder(data_dir) / cifar10.NAME
        _show("cifar10", {"where": f"not there yet: {where}", "next": cifar10.WAYS_OUT})
        return
    index = stored.index
    held = dataset.VALIDATION_PER_CLASS * len(cifar10.CLASSES)
    facts = {
        "where": str(stored.folder),
        "source": index.source,
        "imported": index.imported,
        "images": "32 x 32 RGB",
        "classes": ", ".join(cifar10.CLASSES),
        "splits": f"train {index.train - held:,}, validation {held:,}, test {index.test:,} (sealed)",
        "mean, std": f"{_triple(index.mean)}, {_triple(index.std)}",
        "sha256": index.sha256,
    }
    _show("cifar10", facts)


def _show(name: str, facts: dict[str, str]) -> None:
    console.print(name, style="bold")
    for key, value in facts.items():
        say(f"  {key:<10} {value}")


def _say_imported(stored: "Store") -> None:
    index = stored.index
    say(f"CIFAR-10 is ready: {index.train:,} training and {index.test:,} test images in {stored.folder}")
    say(f"source: {index.source}")
    say(f"sha256: {index.sha256}")


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
