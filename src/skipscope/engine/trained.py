"""Finds finished runs by what people call them, and loads their networks."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as unpacked_weights
from torch import nn

from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.engine.trust import refuse_unless_trusted
from skipscope.errors import DataError, UnknownName, UsageError, WorkspaceError
from skipscope.models.registry import build
from skipscope.records.checksums import has_checksum, read_checksummed
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace, opened
from skipscope.spec import RunSpec


def finished(workspace: Workspace, name: str) -> RunRecord:
    """Finds a finished run by its id, the beginning of its id, or an arm's name.

    The arm is one of the study planned last, and has a single run there.

    Raises:
        UnknownName: no run matches; lists the runs and arms.
        UsageError: several match; lists them.
        WorkspaceError: the run is not finished, or cannot be read.
    """
    runs = workspace.found()
    latest = workspace.studies()[-1:]
    arms = [member.run for study in latest for member in study.members if member.arm == name]
    begun = [id for id in runs if id.startswith(name)]
    candidates = [name] if name in runs else arms if len(arms) == 1 else list(dict.fromkeys(arms + begun))
    if not candidates:
        known = [*runs, *(member.arm for study in latest for member in study.members)]
        raise UnknownName("run", name, dict.fromkeys(known), where=str(workspace.given))
    if len(candidates) > 1:
        raise UsageError(f"Several runs are called {name!r}.", hint=f"choose one: {', '.join(candidates)}")
    found = runs.get(candidates[0])
    record = None if found is None else opened(found)
    if record is None or record.state != "done":
        states = {None: "not begun", "unfinished": "not finished", "failed": "a run that failed"}
        raise WorkspaceError(
            f"The run {candidates[0]} is {states[record.state if record else None]}.",
            where=str(workspace.given),
            hint=f"finish it with the command that began it{_command(workspace, candidates[0])}",
        )
    return record


def network(workspace: Workspace, record: RunRecord, step: int | None = None) -> nn.Module:
    """Loads the run's trained network, in evaluation mode, on the CPU, in the formats it was made with.

    With a `step` it is the network after so many steps, whose weights the run kept.

    Raises:
        WorkspaceError: its weights are missing, damaged, or another network's.
        NetworkError: it is a user's, and its file has changed, or no study has named it on this machine.
    """
    folder = workspace.run_folder(record.id)
    file = folder.model_file if step is None else folder.snapshot_file(step)
    # an older skipscope's have no checksum: whether they are damaged is not seen when the study is run
    again = "" if has_checksum(folder.model_file) else f"delete the folder {folder.path} and "
    again += f"train it again{_command(workspace, record.id)}"
    if step is not None:
        again = "delete this file: comparisons at this loss leave the run out then"
    refuse_unless_trusted(record.spec.model)
    model = build(record.spec.model, seed=record.spec.seed)
    try:
        model.load_state_dict(unpacked_weights(read_checksummed(file, hint=again, folder=folder.path)))
        others = read_checksummed(folder.buffers_file, hint=again) if folder.buffers_file.exists() else None
        for name, buffer in unpacked_weights(others).items() if others and step is None else ():
            module, _, last = name.rpartition(".")
            model.get_submodule(module).register_buffer(last, buffer, persistent=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        missing = isinstance(error, FileNotFoundError)
        how = "are missing." if missing else f"cannot be read: {str(error).splitlines()[0]}"
        raise WorkspaceError(f"The weights of {record.id} {how}", where=str(file), hint=again) from None
    return model.eval()


def data_of(spec: RunSpec, data_dir: Path | None) -> Dataset:
    """Loads the data set that a run was trained on, with the images that trained it.

    Raises:
        DataError: it is gone, or its content has changed.
    """
    ref = spec.data
    data = load_data(ref.name, data_dir=data_dir, train_limit=ref.train_limit, seed=spec.subset_seed)
    if data.sha256 != ref.sha256:
        raise DataError(
            f"This {ref.name} is not the one that the run was trained on: its checksum is another.",
            where=data.source,
            hint=f"import that one again (skipscope data import PATH): its checksum is {ref.sha256[:16]}...",
        )
    return data


def _command(workspace: Workspace, run: str) -> str:
    """Returns ": COMMAND" of the last study with this run; empty if there is none."""
    for study in reversed(workspace.studies()):
        if any(member.run == run for member in study.members):
            return f": {workspace.typed(study.command)}"
    return ""
