"""Classifies a picture with the trained networks of a study, and draws where each of them looks.

They compute in fp32 on the CPU: a network trained in bf16 may be a hair more or less sure here.
"""

from dataclasses import dataclass
from hashlib import sha256
from math import nan
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from skipscope.analysis.pictures import right_when_said
from skipscope.data import picture
from skipscope.data.picture import Picture
from skipscope.data.store import Triple
from skipscope.engine.trained import data_of, network
from skipscope.errors import WorkspaceError
from skipscope.figures.prediction import Panel, drawn_of, prediction
from skipscope.models.user import attribute_errors_to
from skipscope.probes.grad_cam import HeatMap, grad_cam
from skipscope.records.files import write_whole
from skipscope.records.schema import RunRecord, StudyRecord
from skipscope.records.store import Workspace
from skipscope.torch_threads import threads_for_cores

TOP = 5
STEM = 50
"""Maximum number of characters of a picture's name that its drawing keeps."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Holds one network's prediction for a picture."""

    arm: str
    run: str
    top: tuple[tuple[str, float], ...]
    """At most five classes with their probabilities, the likeliest first."""
    heat: HeatMap | None
    """Grad-CAM of the likeliest class; None for a network without feature maps."""
    test_accuracy: float
    said: int
    """On how many validation images it gave this answer; 0 where that was not measured."""
    right: int
    """On how many of them rightly."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Holds the predictions of every network for one picture."""

    picture: Picture
    answers: tuple[Answer, ...]
    file: Path
    """The drawing of them."""


class Networks:
    """Holds the trained networks of a study: for each arm, the finished run with the lowest seed."""

    def __init__(self, workspace: Workspace, study: str | None, *, data_dir: Path | None) -> None:
        """Loads the study planned last unless one is named; reads the data set for older records only.

        Raises:
            UnknownName: there is no such study.
            WorkspaceError: there is no study, nothing of it is finished, or weights are missing or damaged.
            DataError: an older record does not say how images are normalised, and its data set is gone.
        """
        self.workspace = workspace
        self.study = workspace.study(study)
        self.runs = _first_finished(workspace, self.study)
        if not self.runs:
            raise WorkspaceError(
                f"No network of the study {self.study.study.name} is trained yet.",
                where=str(workspace.given),
                hint=f"train them: {workspace.typed(self.study.command)}",
            )
        self.mean, self.std = _statistics(self.study, next(iter(self.runs.values())), data_dir)
        self.models = {arm: network(workspace, record) for arm, record in self.runs.items()}
        labels = workspace.sample(self.study.data.sha256).get("labels", np.zeros(0))
        self.right = {
            arm: right_when_said(workspace.run_folder(record.id).readings(), labels)
            for arm, record in self.runs.items()
        }
        self.drawn: set[str] = set()

    @property
    def untrained(self) -> list[str]:
        """The study's arms without a finished run."""
        return [arm.label for arm in self.study.study.arm if arm.label not in self.runs]

    @threads_for_cores()
    def predict(self, path: Path) -> Prediction:
        """Classifies the picture in this file with every network, and draws that into the workspace.

        Raises:
            PictureError: it is no image, too large, or breaks half-way.
            WorkspaceError: the drawing cannot be written.
        """
        given = picture.read(path)
        x = torch.from_numpy(given.normalised(self.mean, self.std))  # 3 32 32
        answers = tuple(self._answer(arm, model, x) for arm, model in self.models.items())
        file, of = self._file(path), _identity(path)
        write_whole(file, prediction(given.shown, given.size, given.pixels, [*map(_panel, answers)], of))
        self.drawn.add(str(file).casefold())  # not every system tells A from a
        return Prediction(picture=given, answers=answers, file=file)

    def _answer(self, arm: str, model: nn.Module, x: Tensor) -> Answer:
        with attribute_errors_to(self.runs[arm].spec.model, "asked of one picture"):
            with torch.inference_mode():
                shares = model(x[None])[0].softmax(0)  # classes
            heat = grad_cam(model, x)
        best = shares.topk(min(TOP, len(shares)))
        labels = best.indices.tolist()
        names = [self.study.data.classes[label] for label in labels]
        said, right = self.right[arm].get(labels[0], (0, 0))
        return Answer(
            arm=arm,
            run=self.runs[arm].id,
            top=tuple(zip(names, best.values.tolist(), strict=True)),
            heat=heat,
            test_accuracy=_test_accuracy(self.runs[arm]),
            said=said,
            right=right,
        )

    def _file(self, path: Path) -> Path:
        """Returns the drawing's file: replaces an older one of this picture, no other and no picture given.

        `a.tiff` is drawn into `a.tiff.png`, so that `a.webp` has a drawing of its own; `a.png` into `a.png`.
        """
        folder, times = self.workspace.output / "predictions", 1
        kind = "" if path.suffix.lower() == ".png" else path.suffix.lower()
        file = folder / f"{path.stem[:STEM]}{kind}.png"
        while (
            str(file).casefold() in self.drawn
            or file.resolve() == path.resolve()
            or drawn_of(file) not in ("", _identity(path))
        ):
            times += 1
            file = folder / f"{path.stem[:STEM]}-{times}{kind}.png"
        return file


def _identity(path: Path) -> str:
    """Identifies a picture by where it is, without telling that to whoever is given its drawing."""
    return sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _first_finished(workspace: Workspace, study: StudyRecord) -> dict[str, RunRecord]:
    """Maps each arm to its run, in the study's order."""
    chosen: dict[str, RunRecord] = {}
    for arm in study.study.arm:
        members = [member for member in study.members if member.arm == arm.label]
        for member in sorted(members, key=lambda member: member.seed):
            record = workspace.run_folder(member.run).read()
            if record is not None and record.state == "done":
                chosen[arm.label] = record
                break
    return chosen


def _statistics(study: StudyRecord, run: RunRecord, data_dir: Path | None) -> tuple[Triple, Triple]:
    """Returns the channels' mean and standard deviation; older records lack them, so the data set is read."""
    if study.data.mean is not None and study.data.std is not None:
        return study.data.mean, study.data.std
    data = data_of(run.spec, data_dir)
    return data.mean, data.std


def _test_accuracy(run: RunRecord) -> float:
    return run.result.test_accuracy if run.result is not None else nan  # done: it has a result


def _panel(answer: Answer) -> Panel:
    heat = answer.heat
    label, probability = answer.top[0]
    return Panel(
        arm=answer.arm,
        answer=label,
        probability=probability,
        test_accuracy=answer.test_accuracy,
        module="" if heat is None else heat.module,
        heat=None if heat is None else heat.values.float().numpy(),
    )
