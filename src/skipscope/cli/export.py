"""`skipscope export`: a finished run for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skipscope.cli.options import DEFAULT_WORKSPACE, WorkspaceOption, busy, console, say

if TYPE_CHECKING:
    from skipscope.exports.export import Exported


def export(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run's id or the beginning of one, or an arm of the study planned last.",
            show_default=False,
        ),
    ],
    *,
    to: Annotated[str, typer.Option(help="onnx, torchscript, tensorboard or csv.", show_default=False)],
    step: Annotated[
        int | None,
        typer.Option(
            min=0, help="The weights that the run kept after so many steps.  [default: the trained ones]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file or folder to write.  [default: in exports of the workspace]"
        ),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Write a finished run for other programs: ONNX, TorchScript, TensorBoard, CSV.

    onnx and torchscript are the network as one file, which is loaded again and must give the network's own
    logits. tensorboard and csv are the run's curves and readings.
    """
    from skipscope.exports.export import export as exported
    from skipscope.records.store import Workspace

    with busy(f"Exporting {run} as {to}"):
        done = exported(Workspace(workspace), run, to, step=step, path=output)
    _show(done, to)


def _show(done: "Exported", to: str) -> None:
    say(done.record.id, "bold")
    if done.apart == 0:
        console.print("Loaded again, it gives the network's logits to the last bit.")
    elif done.apart is not None:
        console.print(f"Loaded again, its logits are {done.apart:.0e} of the largest off at most: rounding.")
    if done.apart is not None:
        _explain(done)
    if to == "tensorboard":
        say(f"to see it: tensorboard --logdir {done.path.parent}")
    say(f"written: {done.path}")


def _explain(done: "Exported") -> None:
    """Prints what goes in and what comes out."""
    console.print("It takes N x 3 x 32 x 32 numbers and gives N x 10 logits.")
    if done.data is not None and done.data.mean is not None and done.data.std is not None:
        mean, std = (", ".join(f"{each:.4f}" for each in side) for side in (done.data.mean, done.data.std))
        console.print(f"Red, green and blue in 0 to 1, less the mean ({mean}), divided by ({std}).")
        say(f"classes: {', '.join(done.data.classes)}")
