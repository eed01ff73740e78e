"""`skipscope data get | import | check | info`: manages the data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skipscope.cli.options import DataDir, console, say
from skipscope.language import listed, spoken

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
        task = bar.add_task(spoken("asking the servers"), total=None)
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
            help="An archive or folder: official binary or python version, parquet, or pictures by class."
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Take ten classes of 32x32 RGB images that are not CIFAR-10 as a data set of this name.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Import CIFAR-10 from a copy you have, or a data set of your own."""
    from skipscope.data import cifar10, own

    with console.status("reading and checking the images"):
        if name is None:
            stored = cifar10.import_from(path, data_dir=data_dir)
        else:
            stored = own.import_from(path, name, data_dir=data_dir)
    _say_imported(stored)


@app.command()
def check(
    data_dir: DataDir = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Download and import again what is damaged.")
    ] = False,
) -> None:
    """Read the data sets and verify their checksums."""
    from skipscope.data import cifar10, own, shapes, store
    from skipscope.errors import DataError

    with console.status("drawing the embedded data set"):
        drawn = store.content_sha256(*shapes.draw())
    if drawn != shapes.SHA256:
        raise DataError(
            f"This machine draws the embedded data set differently: sha256 {drawn}, not {shapes.SHA256}.",
            hint="do not compare its results with those of other machines; please report this",
        )
    say("shapes: sound, it draws to the same bytes as everywhere")
    for name in own.names(data_dir):
        say(f"{name}: sound, sha256 {_checked(name, data_dir)}")
    try:
        sha256 = _checked(cifar10.NAME, data_dir)
    except DataError as error:
        if not repair:
            raise
        say(f"cifar10: {spoken(error.what)} {spoken('It is downloaded again.')}")
        get(data_dir)
        return
    say(f"{cifar10.NAME}: sound, sha256 {sha256}")
    say(f"cifar10: {spoken(_copy(cifar10.open_store(data_dir)))}")


def _checked(name: str, data_dir: Path | None) -> str:
    """Reads an imported data set and returns its checksum."""
    from skipscope.data import dataset, store

    stored = dataset.stored(name, data_dir)
    with console.status(f"reading {name}"):
        store.check(stored)
    return stored.index.sha256


@app.command()
def info(data_dir: DataDir = None) -> None:
    """Show the data sets, their splits, checksums and sources."""
    from skipscope.data import cifar10, own, shapes, store

    drawn = {
        "where": "embedded: drawn when it is needed, no network",
        "source": shapes.SOURCE,
        "images": "32 x 32 RGB",
        "classes": listed(map(spoken, shapes.CLASSES)),
        "splits": f"train {shapes.TRAIN:,}, validation {shapes.VALIDATION:,}, test {shapes.TEST:,} (sealed)",
        "sha256": shapes.SHA256,
    }
    _show("shapes", drawn)
    if store.read(cifar10.NAME, data_dir=data_dir) is None:
        where = store.data_folder(data_dir) / cifar10.NAME
        _show("cifar10", {"where": f"not there yet: {where}", "next": cifar10.WAYS_OUT})
    else:
        _show("cifar10", _facts("cifar10", data_dir))
    for name in own.names(data_dir):
        _show(name, _facts(name, data_dir))


def _facts(name: str, data_dir: Path | None) -> dict[str, str]:
    from skipscope.data import dataset

    data = dataset.load(name, data_dir=data_dir)
    stored = dataset.stored(name, data_dir)
    return {
        "where": str(stored.folder),
        "source": data.source,
        **({"copy": _copy(stored)} if data.likeness else {}),
        "imported": stored.index.imported,
        "images": "32 x 32 RGB",
        "classes": listed(map(spoken, data.classes)),
        "splits": f"train {len(data.train):,}, validation {len(data.validation):,}, "
        f"test {data.test_size:,} (sealed)",
        "mean, std": f"{_triple(data.mean)}, {_triple(data.std)}",
        "sha256": data.sha256,
    }


def _show(name: str, facts: dict[str, str]) -> None:
    from rich.cells import cell_len

    console.print(name, style="bold")
    told = {spoken(key): spoken(value) for key, value in facts.items()}
    width = max(10, *map(cell_len, told))
    for key, value in told.items():
        say(f"  {key}{' ' * (width - cell_len(key))} {value}")


def _say_imported(stored: "Store") -> None:
    index = stored.index
    name = "CIFAR-10" if index.likeness else index.name
    say(f"{name} is ready: {index.train:,} training and {index.test:,} test images in {stored.folder}")
    say(f"source: {index.source}")
    if index.likeness:
        say(f"copy: {_copy(stored)}")
    else:
        say(f'next: data = "{index.name}" in a study, or skipscope run STUDY --data {index.name}')
    say(f"sha256: {index.sha256}")


def _copy(stored: "Store") -> str:
    """Says how near the imported CIFAR-10 is to the official one."""
    found = stored.index.likeness
    return "" if found is None else found.described()


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
