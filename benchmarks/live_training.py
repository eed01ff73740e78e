"""Training with and without the lab page open: the same bits, and what it costs.

    python benchmarks/live_training.py [PAIRS [EPOCHS]]

Trains the same run in turns, alone and beside `skipscope live` with the page open in Chromium, each in a new
process and workspace. Prints the ratio of the times (the run's own seconds), pair by pair and in the median.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from live_page import PROGRAM, chromium, served
from skipscope.records.store import Workspace

STUDY = """
name = "beside"
data = "shapes"
seeds = 1
probes = []

[recipe]
epochs = {epochs}
batch_size = 64
precision = "fp32"
memory_format = "channels_last"
kernels = "fast"
threads = 1

[[arm]]
model = "resnet8"
"""


def trained(study: Path, workspace: Path) -> tuple[float, bytes, bytes]:
    """Trains; returns the seconds it took, the weights and the losses."""
    command = [*PROGRAM, "run", str(study), "-w", str(workspace), "--jobs", "1", "--yes"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)  # noqa: S603
    (run,) = Workspace(workspace).runs()
    folder = Workspace(workspace).run_folder(run.id)
    rows = [json.loads(line) for line in folder.metrics_file.read_bytes().splitlines()]
    losses = [row["loss"] for row in rows if row["kind"] == "step"]
    return (
        run.result.seconds if run.result else np.nan,
        folder.model_file.read_bytes(),
        json.dumps(losses).encode(),
    )


def main(pairs: int, epochs: int) -> None:
    """Prints the ratios."""
    ratios = []
    for pair in range(pairs):
        with TemporaryDirectory() as made:
            study, found = Path(made) / "beside.toml", {}
            study.write_text(STUDY.format(epochs=epochs), encoding="utf-8")
            for watched in (False, True) if pair % 2 else (True, False):
                workspace = Path(made) / ("watched" if watched else "alone")
                if watched:
                    workspace.mkdir()
                    with served(workspace) as (url, _pid), chromium() as browser:
                        browser.new_page().goto(url)
                        found[watched] = trained(study, workspace)
                else:
                    found[watched] = trained(study, workspace)
        if found[True][1:] != found[False][1:]:
            raise SystemExit("other bits")
        ratios.append(found[True][0] / found[False][0])
        print(
            f"{found[False][0]:.2f} s alone, {found[True][0]:.2f} s with the page: {ratios[-1]:.3f}",
            flush=True,
        )
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(
        f"with the page open {np.median(ratios):.3f} times as long (median of {pairs}; {spread}), same bits"
    )


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], *("5", "4")[len(sys.argv) - 1 :]]))
