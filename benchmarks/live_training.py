"""The lab page beside training: the same bits, and what it costs. And what a change that is measured costs.

    python benchmarks/live_training.py [beside [PAIRS [EPOCHS]]]
    python benchmarks/live_training.py apart

`beside` trains the same run in turns, alone and beside `skipscope live` with the page open in Chromium, each
in a new process and workspace; it prints the ratio of the times (the run's own seconds), pair by pair and the
median. `apart` trains `resnet20` briefly, and deletes one block after another by the page's own requests:
seconds until accuracy and loss of the validation images are there.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from live_page import PROGRAM, chromium, seconds_of, served
from skipscope.records.store import Workspace

STUDY = """
name = "beside"
data = "shapes"
seeds = 1
probes = []
{more}

[recipe]
epochs = {epochs}
batch_size = 64
precision = "fp32"
memory_format = "channels_last"
kernels = "fast"
threads = 1

[[arm]]
model = "{model}"
"""


def trained(study: Path, workspace: Path) -> tuple[float, bytes, bytes]:
    """Trains; returns the seconds it took, the weights and the losses."""
    command = [*PROGRAM, "run", str(study), "-w", str(workspace), "--jobs", "1"]
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


def beside(pairs: int, epochs: int) -> None:
    """Prints the ratios."""
    ratios = []
    for pair in range(pairs):
        with TemporaryDirectory() as made:
            study, found = Path(made) / "beside.toml", {}
            study.write_text(STUDY.format(epochs=epochs, model="resnet8", more=""), encoding="utf-8")
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


def apart(blocks: int = 6) -> None:
    """Prints the seconds that a change takes; the first loads torch, and measures the network as it is."""
    with TemporaryDirectory() as made:
        study, workspace = Path(made) / "apart.toml", Path(made) / "workspace"
        study.write_text(STUDY.format(epochs=1, model="resnet20", more="train_limit = 640"), encoding="utf-8")
        trained(study, workspace)
        (run,) = Workspace(workspace).runs()
        with served(workspace) as (url, pid), httpx.Client(follow_redirects=True, timeout=120) as client:
            base = url.partition("/?")[0]
            client.get(url)
            client.headers["Origin"] = base
            for number in range(blocks):
                change = {"kind": "delete", "block": f"layer{1 + number // 3}.{number % 3}"}
                before, began = seconds_of(pid), time.perf_counter()
                answer = client.post(
                    f"{base}/apart/measure", json={"networks": [{"run": run.id}], "changes": [change]}
                )
                wall, worked = time.perf_counter() - began, seconds_of(pid) - before
                (effect,) = json.loads(answer.text.splitlines()[-1])["effects"]
                images = effect["after"]["images"]
                cost = f"{wall:.2f} s, {worked:.2f} s of processor time"
                print(f"{change['block']} deleted, {images:,} images: {cost}", flush=True)


if __name__ == "__main__":
    name, *numbers = sys.argv[1:] or ["beside"]
    if name == "apart":
        apart()
    else:
        beside(*(int(number) for number in [*numbers, *("5", "4")[len(numbers) :]]))
