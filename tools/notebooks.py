"""Execute the notebooks of docs/ in an empty folder and keep their outputs: python tools/notebooks.py."""

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))
SECONDS = 600
"""Longest that a cell may take."""


def executed(notebook: Path, folder: Path) -> NotebookNode:
    """Execute every cell in the folder; an error of a cell is raised."""
    read = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        read,
        timeout=SECONDS,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def main() -> None:
    """Write each notebook with the outputs that it has here."""
    for notebook in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            ran = executed(notebook, Path(folder))
        ran.metadata.language_info = {"name": "python"}
        nbformat.write(ran, notebook)
        print(notebook)


if __name__ == "__main__":
    main()
