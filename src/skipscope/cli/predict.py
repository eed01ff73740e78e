"""`skipscope predict`: the predictions of all trained networks for a picture, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len
from rich.text import Text

from skipscope.cli.options import (
    DEFAULT_WORKSPACE,
    DataDir,
    Json,
    WorkspaceOption,
    busy,
    complain,
    console,
    print_json,
    say,
)
from skipscope.language import listed, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skipscope.engine.predict import Answer, Networks, Prediction
    from skipscope.errors import PictureError

GAP = 3
"""Columns between two networks."""


def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="PNG, JPEG, WebP, GIF, ...", show_default=False)
    ],
    study: Annotated[
        str | None,
        typer.Option(help="The study of the networks.  [default: the one planned last]", show_default=False),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Ask every trained network what a picture shows.

    Prints the five likeliest classes side by side, and draws where each network looks (Grad-CAM) into the
    workspace's folder predictions. A picture is cropped to its central square and made 32 x 32, as the
    networks' own images are. They know the classes they were trained on and no other: they predict one of
    these, whatever the picture shows.
    """
    from skipscope.engine.predict import Networks
    from skipscope.errors import PictureError
    from skipscope.records.store import Workspace

    with busy("Loading the trained networks"):
        networks = Networks(Workspace(workspace), study, data_dir=data_dir)
    answered, refused = [], []
    for image in images:
        try:
            with busy(f"Asking the networks about {image.name}"):
                prediction = networks.predict(image)
        except PictureError as error:
            refused.append((image, error))
            continue
        answered.append(prediction)
        if not json:
            _show(prediction)
    if json:
        _print_json(networks, answered, refused)
    elif answered:
        _explain(networks, answered[0])
    for _, refusal in refused:
        complain(refusal)
    if refused:
        raise typer.Exit(1)


def _show(prediction: "Prediction") -> None:
    """Prints a column for each network, as many side by side as there is room for."""
    from rich.table import Table

    say(prediction.picture.path, "bold")
    for note in prediction.picture.notes:
        console.print(note)
    for answers in _abreast([(answer, _column(answer)) for answer in prediction.answers]):
        table = Table(box=None, padding=(0, GAP, 0, 0))
        for answer, _ in answers:
            table.add_column(Text(answer.arm), no_wrap=True)
        for row in range(max(len(column) for _, column in answers)):
            table.add_row(*(Text(column[row]) for _, column in answers), style="" if row else "bold")
        console.print(table)
    measured = [answer for answer in prediction.answers if answer.said]
    if measured:
        told = (spoken(f"{a.arm} {a.right / a.said:.0%} (of {a.said:,})") for a in measured)
        console.print(f"How often these first answers are right on validation images: {listed(told)}.")
    say(f"drawn: {prediction.file}")
    console.print()


def _column(answer: "Answer") -> list[str]:
    """Formats one class per line, with the probabilities aligned."""
    top = [(spoken(label), share) for label, share in answer.top]
    widest = max(cell_len(label) for label, _ in top)
    return [f"{label}{' ' * (widest - cell_len(label))} {share:6.1%}" for label, share in top]


def _abreast(columns: "list[tuple[Answer, list[str]]]") -> "Iterator[list[tuple[Answer, list[str]]]]":
    """Groups the columns into rows that fit the console."""
    row: list[tuple[Answer, list[str]]] = []
    used = 0
    for answer, column in columns:
        width = max(cell_len(answer.arm), *map(cell_len, column)) + GAP
        if row and used + width - GAP > console.width:
            yield row
            row, used = [], 0
        row.append((answer, column))
        used += width
    yield row


def _explain(networks: "Networks", prediction: "Prediction") -> None:
    """Prints what the drawings show, once for all of them."""
    drawn = [
        spoken(f"{answer.arm} at {answer.heat.module} ({' x '.join(map(str, answer.heat.values.shape))})")
        for answer in prediction.answers
        if answer.heat is not None
    ]
    data = networks.study.data
    console.print(f"Probabilities over the {len(data.classes)} classes of {data.name}.")
    accuracies = listed(f"{answer.arm} {answer.test_accuracy:.1%}" for answer in prediction.answers)
    console.print(f"Right on the {data.test:,} test images, sealed until training ended: {accuracies}.")
    if drawn:
        said = "Drawn in orange is what speaks for a network's first answer (Grad-CAM)"
        console.print(f"{said}: {listed(drawn)}.", markup=False)
    if networks.untrained:
        console.print(f"Without a finished run: {listed(networks.untrained)}.")


def _print_json(
    networks: "Networks", answered: "list[Prediction]", refused: "list[tuple[Path, PictureError]]"
) -> None:
    content = {
        "schema": 1,
        "study": networks.study.study.name,
        "data": networks.study.data.name,
        "images": [_as_json(prediction) for prediction in answered],
        "refused": [
            {"image": str(image), "why": error.what, "hint": error.hint, "todo": error.hint}
            for image, error in refused
        ],
    }
    print_json(content, ensure_ascii=False)


def _as_json(prediction: "Prediction") -> dict[str, Any]:
    """Describes one picture under the documented keys."""
    return {
        "image": str(prediction.picture.path),
        "drawing": str(prediction.file),
        "notes": list(prediction.picture.notes),
        "answers": [
            {
                "arm": answer.arm,
                "run": answer.run,
                "test_accuracy": answer.test_accuracy,
                "validation": {"same_answer": answer.said, "right": answer.right},
                "top": [{"class": label, "probability": share} for label, share in answer.top],
                # the second is the first's old name, for one version
                **dict.fromkeys(("grad_cam_module", "grad_cam_place"), answer.heat and answer.heat.module),
            }
            for answer in prediction.answers
        ],
    }
