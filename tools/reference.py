"""Keeps the records of the reference's studies, says how far they are, and makes what ships of them.

`python tools/reference.py [WORKSPACE ...]` copies the records of finished runs (no weights, no images)
from workspaces, folders or archives, to docs/reference, packs each study of which all runs have finished
into an archive there, rewrites the table in docs/reference.md, and makes the tables of
`skipscope.reference` from docs/findings/records.tar.xz and docs/reference. Of two studies of one name the one
in full ships once it has as many seeds.
"""

import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import polars as pl

from skipscope.analysis.tables import StudyTables, gather
from skipscope.records.schema import Member, RunRecord
from skipscope.records.store import Workspace
from skipscope.reference.card import ReferenceCard
from skipscope.reference.compact import card_of, table_of
from skipscope.reference.gradients import Gradients, gradients_of
from skipscope.reference.losses import LossCurve, loss_curves
from skipscope.reference.shipped import CARDS, GRADIENTS, LARGEST, LOSSES, TABLE
from skipscope.spec import Arm, load_study
from skipscope.submission.archive import records, tarred

ROOT = Path(__file__).parents[1]
SHORT, FULL = ROOT / "docs" / "findings" / "records.tar.xz", ROOT / "docs" / "reference"
FOLDER = ROOT / "src" / "skipscope" / "reference"
PAGE = ROOT / "docs" / "reference.md"
STUDIES = "lab", "noskip", "evening", "obstacles", "stem", "fair", "depth"
UNJUDGED = CURVED = ("obstacles",)
"""Studies whose claims do not ship, being made for one question: their curves do, which answer it."""
TABLES = re.compile(r"(<!-- how far -->\n).*?(<!-- end -->)", re.DOTALL)


def keep(workspace: Workspace) -> None:
    """Copies the records of a workspace's studies and finished runs to docs/reference, unless more is there.

    A run is measured on after it has finished, and some studies ask for the start of a network with more
    seeds than others: the copy with more readings stays.
    """
    done = finished(workspace).keys()
    for record in workspace.studies():
        files = dict(records(workspace, gather(workspace, record.study.name)))
        for file in [file for file in files if not new(file, files, done)]:
            del files[file]
        for file, content in files.items():
            path = FULL / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def new(file: str, files: Mapping[str, bytes], done: Collection[str]) -> bool:
    """Says whether to copy a file: its run has finished, and no copy has as many readings."""
    folder = Path(file).parts[0]
    if folder == "studies":
        return True
    if folder == "runs" and Path(file).parts[1] not in done:
        return False
    readings = file if folder == "start" else f"runs/{Path(file).parts[1]}/readings.parquet"
    kept = FULL / readings
    there = kept.exists() if folder == "start" else kept.parent.exists()
    return not there or len(files.get(readings, b"")) > (kept.stat().st_size if kept.is_file() else 0)


def pack(workspace: Workspace) -> None:
    """Packs each complete study of docs/reference into an archive of its own, and removes its records.

    What a study that is not complete needs as well, such as the start of a network that both have, stays.
    """
    done = finished(workspace)
    studies = {record.study.name: record.members for record in workspace.studies()}
    begun = {
        name
        for name, members in studies.items()
        if any(there < wanted for _, there, wanted in seeds_of(name, members, done))
    }
    kept = {name: dict(records(workspace, gather(workspace, name))) for name in studies}
    for study in studies.keys() - begun:
        (FULL / f"{study}.tar.xz").write_bytes(tarred(kept[study]))
    packed_ones = {file for study in studies.keys() - begun for file in kept[study]}
    for file in packed_ones - {file for study in begun for file in kept[study]}:
        (FULL / file).unlink()
        with suppress(OSError):
            (FULL / file).parent.rmdir()


def in_full() -> list[Workspace]:
    """Returns the workspaces of docs/reference: the folder, and the archives of complete studies."""
    return [Workspace(FULL), *map(Workspace, sorted(FULL.glob("*.tar.xz")))]


def finished(workspace: Workspace) -> dict[str, RunRecord]:
    """Returns the finished runs of a workspace by their ids."""
    return {run.id: run for run in workspace.runs() if run.state == "done"}


def seeds_of(name: str, members: Sequence[Member], done: Collection[str]) -> Iterator[tuple[Arm, int, int]]:
    """Yields each arm of a reference study with its seeds that are done, and as many as it takes."""
    study = load_study(name)
    for arm in study.arm:
        there = sum(each.arm == arm.label and each.run in done for each in members)
        yield arm, there, arm.seeds or max(study.seeds, 5)


def how_far() -> str:
    """Tabulates, arm by arm, how many runs are there of those that a study of the reference takes."""
    studies = {record.study.name: record for each in in_full() for record in each.studies()}
    done = {id for each in in_full() for id in finished(each)}
    lines = ["| study | arm | images x epochs | seeds done | of |", "|---|---|---:|---:|---:|"]
    for name in STUDIES:
        study = load_study(name)
        members = studies[name].members if name in studies else ()
        for arm, seeds, wanted in seeds_of(name, members, done):
            size = f"{study.train_limit or 45_000:,} x {study.recipe_of(arm).epochs}"
            lines.append(f"| `{name}` | `{arm.label}` | {size} | {seeds} | {wanted} |")
    return "\n".join(lines) + "\n"


def sources() -> Iterator[StudyTables]:
    """Yields each study once, in full where that has as many seeds as the short one."""
    found: dict[str, StudyTables] = {}
    for workspace in (Workspace(SHORT), *in_full()):
        for record in workspace.studies():
            tables = gather(workspace, record.study.name)
            known = found.get(record.study.name)
            if known is None or fewest_seeds(tables) >= fewest_seeds(known):
                found[record.study.name] = tables
    yield from (found[name] for name in sorted(found))


def fewest_seeds(tables: StudyTables) -> int:
    """Counts the finished seeds of the arm that has the fewest."""
    return min(len(arm.seeds) for arm in card_of(tables, claims=False).arms)


Curves = dict[str, dict[str, LossCurve]]


def made() -> tuple[pl.DataFrame, dict[str, ReferenceCard], Gradients | None, Curves]:
    """Returns the table and the cards of all studies, the gradients of `depth`, and losses of `CURVED`."""
    studies = {tables.record.study.name: tables for tables in sources()}
    table = pl.concat(map(table_of, studies.values()))
    cards = {name: card_of(tables, claims=name not in UNJUDGED) for name, tables in studies.items()}
    losses = {name: loss_curves(studies[name], studies[name].arms) for name in CURVED}
    return table, cards, gradients_of(studies["depth"]), losses


def files_of(
    table: pl.DataFrame,
    cards: dict[str, ReferenceCard],
    gradients: Gradients | None = None,
    losses: Curves | None = None,
) -> dict[str, bytes]:
    """Returns the files by name: equal records give equal bytes."""
    packed = BytesIO()
    table.write_parquet(packed, compression="zstd", compression_level=19, statistics=False)
    text = json.dumps({name: card.model_dump() for name, card in cards.items()}, ensure_ascii=False, indent=1)
    files = {TABLE: packed.getvalue(), CARDS: (text + "\n").encode()}
    if gradients is not None:
        files[GRADIENTS] = gradients.model_dump_json().encode() + b"\n"
    if losses is not None:
        told = {
            study: {arm: curve.model_dump() for arm, curve in each.items()} for study, each in losses.items()
        }
        files[LOSSES] = (json.dumps(told) + "\n").encode()
    return files


def main(*paths: str) -> None:
    """Keeps, says and makes, unless what would ship is too large."""
    for path in paths:
        keep(Workspace(path))
    pack(Workspace(FULL))
    said = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLES.sub(lambda found: found[1] + how_far() + found[2], said), encoding="utf-8")
    files = files_of(*made())
    size = sum(map(len, files.values()))
    if size > LARGEST:
        sys.exit(f"The reference has {size:,} bytes; at most {LARGEST:,} ship with the package.")
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)
        print(f"{len(content):>9,} bytes  {FOLDER / name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
