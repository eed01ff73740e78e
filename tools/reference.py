"""Makes the reference that ships with the package from the records of its studies.

`python tools/reference.py WORKSPACE ...` takes folders or archives; a study of a later one takes the place of
one of the same name. The records themselves lie in docs/findings.
"""

import json
import sys
from io import BytesIO
from pathlib import Path

import polars as pl

from skipscope.analysis.tables import gather
from skipscope.records.store import Workspace
from skipscope.reference.card import ReferenceCard
from skipscope.reference.compact import card_of, table_of
from skipscope.reference.shipped import CARDS, LARGEST, TABLE

FOLDER = Path(__file__).parents[1] / "src" / "skipscope" / "reference"


def made(*workspaces: Workspace) -> tuple[pl.DataFrame, dict[str, ReferenceCard]]:
    """Returns the table and the cards of all studies of these workspaces."""
    tables = {
        record.study.name: gather(workspace, record.study.name)
        for workspace in workspaces
        for record in workspace.studies()
    }
    cards = {name: card_of(found) for name, found in sorted(tables.items())}
    return pl.concat([table_of(found) for _, found in sorted(tables.items())]), cards


def files_of(table: pl.DataFrame, cards: dict[str, ReferenceCard]) -> dict[str, bytes]:
    """Returns the files by name: equal records give equal bytes."""
    packed = BytesIO()
    table.write_parquet(packed, compression="zstd", compression_level=19, statistics=False)
    text = json.dumps({name: card.model_dump() for name, card in cards.items()}, ensure_ascii=False, indent=1)
    return {TABLE: packed.getvalue(), CARDS: (text + "\n").encode()}


def main(*paths: str) -> None:
    """Writes the files, unless they are too large."""
    files = files_of(*made(*map(Workspace, paths)))
    size = sum(map(len, files.values()))
    if size > LARGEST:
        sys.exit(f"The reference has {size:,} bytes; at most {LARGEST:,} ship with the package.")
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)
        print(f"{len(content):>9,} bytes  {FOLDER / name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
