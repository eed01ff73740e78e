"""Weights that are kept while a run trains: where its smoothed loss falls below a level, at epoch ends."""

import torch
from safetensors.torch import save
from torch import nn

from skipscope.records.run_folder import RunFolder
from skipscope.records.schema import Snapshot
from skipscope.spec import Snapshots
from skipscope.training.checkpoint import Progress


def packed_weights(model: nn.Module, run: str) -> bytes:
    """Packs a network's state as safetensors: equal weights of a run are equal bytes."""
    # copies: safetensors refuses weights that two names share
    weights = {
        name: tensor.cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    # one metadata entry: several are written in random order, and equal runs must leave equal files
    return save(weights, metadata={"run": run})


def packed_buffers(model: nn.Module, run: str) -> bytes | None:
    """Packs buffers that are no part of a network's state (`persistent=False`); None if it has none.

    Training may have changed them, and what measures the network later must compute with what was trained.
    """
    state = model.state_dict()
    kept = {
        name: buffer.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, buffer in model.named_buffers()
        if name not in state and not buffer.is_complex()  # safetensors has no complex numbers
    }
    return save(kept, metadata={"run": run}) if kept else None


def keep_if_due(
    folder: RunFolder,
    model: nn.Module,
    run: str,
    progress: Progress,
    asked: Snapshots,
    *,
    epoch: int,
    epoch_end: bool,
) -> None:
    """Keeps the weights after the step that was just made, if they are asked for.

    The file is written before `progress` lists it, and a checkpoint comes later: a run that is killed between
    them goes on from before this step and writes the same bytes again.

    Args:
        folder: of the run.
        model: as the step left it.
        run: the run's id.
        progress: after the step; what is kept is added to its `snapshots`.
        asked: what the study asks for.
        epoch: the step's, from 1.
        epoch_end: whether the step ends an epoch that is not the last, whose weights are the run's own.

    Raises:
        WorkspaceError: the disk is full, or the folder is gone.
    """
    losses = progress.fell_below(asked.losses)
    epoch_end = epoch_end and asked.epochs
    if losses or epoch_end:
        folder.write_snapshot(progress.step, packed_weights(model, run))
        kept = Snapshot(
            step=progress.step, epoch=epoch, losses=losses, epoch_end=epoch_end, smoothed=progress.smoothed
        )
        progress.snapshots.append(kept.model_dump())
