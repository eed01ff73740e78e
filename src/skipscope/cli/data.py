"""`skipscope data get | import | check | info`: the data sets, where they are and whether they are sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from skipscope.data.store import Store

app = typer.Typer(name="data", help="Get, import, check and show the data sets.", no_args_is_help=True)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="The folder of the data sets [SKIPSCOPE_DATA; default: your data folder].",
    ),
]


@app.command()
def get(data_dir: DataDir = None) -> None:
    """Download CIFAR-10 (162 MB) and import it."""
    _download(_console(), data_dir)


def _download(console: "Console", data_dir: Path | None) -> None:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from skipscope.data import fetch

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("asking the servers", total=None)
        told = ""

        def progress(url: str, done: int, total: int) -> None:
            nonlocal told
            host = url.split("/")[2]
            if url != told:
                told = url
                bar.reset(task)
                if not console.is_terminal:
                    _print(console, f"downloading from {host}")
            bar.update(task, description=host, completed=done, total=total or None)

        stored = fetch.get(data_dir=data_dir, progress=progress)
    _say_imported(console, stored)


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

    console = _console()
    with console.status("reading and checking 60,000 images"):
        stored = cifar10.import_from(path, data_dir=data_dir)
    _say_imported(console, stored)


@app.command()
def check(
    data_dir: DataDir = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Download and import again what is damaged.")
    ] = False,
) -> None:
    """Read every byte of the data sets and compare it with its checksum."""
    from skipscope.data import cifar10, shapes, store
    from skipscope.errors import DataError

    console = _console()
    with console.status("drawing the embedded data set"):
        drawn = store.content_sha256(*shapes.draw())
    if drawn != shapes.SHA256:
        raise DataError(
            f"This machine draws the embedded data set differently: sha256 {drawn}, not {shapes.SHA256}.",
            hint="do not compare its results with those of other machines; please report this",
        )
    _print(console, "shapes: sound, it draws to the same bytes as everywhere")
    try:
        stored = cifar10.open_store(data_dir)
        with console.status("reading CIFAR-10"):
            store.check(stored)
    except DataError as error:
        if not repair:
            raise
        _print(console, f"cifar10: {error.what} It is downloaded again.")
        _download(console, data_dir)
        return
    _print(console, f"cifar10: sound, sha256 {stored.index.sha256}")


@app.command()
def info(data_dir: DataDir = None) -> None:
    """Show which data sets there are, their splits, checksums and sources."""
    from skipscope.data import cifar10, dataset, shapes, store

    console = _console()
    facts = {
        "where": "embedded: drawn when it is needed, no network",
        "source": shapes.SOURCE,
        "images": "32 x 32 RGB",
        "classes": ", ".join(shapes.CLASSES),
        "splits": f"train {shapes.TRAIN:,}, validation {shapes.VALIDATION:,}, test {shapes.TEST:,} (sealed)",
        "sha256": shapes.SHA256,
    }
    _show(console, "shapes", facts)
    stored = store.read(cifar10.NAME, data_dir=data_dir)
    if stored is None:
        where = store.data_folder(data_dir) / cifar10.NAME
        _show(console, "cifar10", {"where": f"not there yet: {where}", "next": cifar10.WAYS_OUT})
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
    _show(console, "cifar10", facts)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def _print(console: "Console", text: str) -> None:
    # paths and sums are to be copied: neither wrapped at the edge nor read as markup
    console.print(text, markup=False, soft_wrap=True)


def _show(console: "Console", name: str, facts: dict[str, str]) -> None:
    console.print(name, style="bold")
    for key, value in facts.items():
        _print(console, f"  {key:<10} {value}")


def _say_imported(console: "Console", stored: "Store") -> None:
    index = stored.index
    _print(
        console,
        f"CIFAR-10 is ready: {index.train:,} training and {index.test:,} test images in {stored.folder}",
    )
    _print(console, f"source: {index.source}")
    _print(console, f"sha256: {index.sha256}")


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
