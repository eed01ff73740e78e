"""Measures untrained networks: the initial probes on many seeds, one file per network.

A network takes seconds: cheap evidence on what depth and shortcuts do before anything is learnt.
"""

import multiprocessing as mp
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import torch

from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.errors import MachineError
from skipscope.interrupts import ignore, signals_blocked
from skipscope.machine import cores
from skipscope.models.registry import build
from skipscope.models.user import attribute_errors_to
from skipscope.probes.measure import initial_rows, view_of
from skipscope.records.files import make_folder
from skipscope.records.frames import write_readings
from skipscope.records.readings import START
from skipscope.records.schema import StudyRecord
from skipscope.records.store import Workspace
from skipscope.said_once import say_once, saying_once
from skipscope.spec import DataName, Recipe, StudySpec, network_name, start_name
from skipscope.training.batches import BatchMaker
from skipscope.training.instruments import sample

SEEDS_PER_TURN = 5
"""Seeds of one network that a worker measures before they are written."""


def measure_starts(
    record: StudyRecord,
    workspace: Workspace,
    *,
    jobs: int | None = None,
    data_dir: Path | None = None,
    on_event: Callable[[str], object] = lambda _said: None,
    warn: Callable[[str], object] = warnings.warn,
) -> None:
    """Measures those of `study.initial_seeds` without readings, in `jobs` processes (or one a core).

    The study's record is written first, so readings can be used at any time. Where a probe fails, the
    others still measure, and `warn` is told.

    Raises:
        WorkspaceError: the workspace cannot be written to.
        MachineError: a process was ended from outside.
        Exception: what the first probe raised, if all of them failed on a network.
    """
    turns = [
        (model, seeds[first : first + SEEDS_PER_TURN])
        for model, seeds in unmeasured(record.study, record.data.sha256, workspace)
        for first in range(0, len(seeds), SEEDS_PER_TURN)
    ]
    if not turns:
        return
    workspace.write_study(record)
    ends, stays = mp.Pipe(duplex=False)
    arguments = (record.study.data, data_dir, ends)
    with ProcessPoolExecutor(
        jobs or cores(), mp.get_context("spawn"), initializer=_begin, initargs=arguments
    ) as pool:
        with signals_blocked(signal.SIGINT):  # with the first turn the pool starts its processes
            turns_begun = {pool.submit(_measure, model, seeds): model for model, seeds in turns}
        warned: set[str] = set()
        try:
            for done, turn in enumerate(as_completed(turns_begun), start=1):
                model, (rows, failed, said) = turns_begun[turn], turn.result()
                for each in said:
                    say_once(each)
                _keep(workspace, start_name(model, record.data.sha256), rows)
                on_event(f"{network_name(model)}, {done} of {len(turns)}")
                if failed and model not in warned:
                    warned.add(model)
                    warn(f"{network_name(model)}: {failed}")
        except BaseException as error:  # Ctrl-C, a disk that is full: what waits is not begun, nor ended
            stays.close()
            if isinstance(error, BrokenProcessPool):
                raise _broken() from None
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            stays.close()
            ends.close()


def unmeasured(study: StudySpec, data: str, workspace: Workspace) -> Iterator[tuple[str, list[int]]]:
    """Yields networks with the `initial_seeds` still to be measured; `data` is the data set's SHA-256."""
    for model in dict.fromkeys([*(arm.model for arm in study.arm), *study.initial]):
        measured = set(workspace.start_readings(start_name(model, data))["seed"])
        if seeds := [seed for seed in range(study.initial_seeds) if seed not in measured]:
            yield model, seeds


def _keep(workspace: Workspace, name: str, rows: pl.DataFrame) -> None:
    """Adds the rows to the network's file."""
    kept = pl.concat([workspace.start_readings(name), rows]).sort("seed", maintain_order=True)
    file = workspace.start_file(name)
    make_folder(file.parent)
    write_readings(file, kept)


_data: list[Dataset] = []
"""The data set of a worker, loaded once."""


def _begin(name: DataName, data_dir: Path | None, parent: "Connection[None, None]") -> None:
    """Prepares a worker process."""
    ignore(signal.SIGINT)
    if mp.parent_process():
        Thread(target=_end_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _data[:] = [load_data(name, data_dir=data_dir)]


def _end_with(parent: "Connection[None, None]") -> None:
    """Ends this worker wherever it is, once its parent closes the pipe or is gone."""
    with suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)


def _broken() -> MachineError:
    return MachineError(
        "A process that measured untrained networks was ended: usually memory ran out.",
        hint="end other programs or give --jobs 1, then the same command again: what was measured is kept",
    )


def _measure(model: str, seeds: list[int]) -> tuple[pl.DataFrame, str, list[str]]:
    """Returns the initial readings of one network's seeds, which probes failed, and what its code said."""
    (data,) = _data
    images, labels = sample(data, BatchMaker(data, Recipe(memory_format="contiguous"), torch.device("cpu")))
    rows: list[dict[str, Any]] = []
    failed, said = "", list[str]()
    with saying_once(said.append), attribute_errors_to(model, "measured as it starts"):
        for seed in seeds:
            tried = initial_rows(view_of(build(model, seed=seed), images, labels))
            if tried.failed and not tried.rows:
                raise next(iter(tried.failed.values()))
            failed = failed or (tried.error().what if tried.failed else "")
            rows += ({"seed": seed, "run": network_name(model), **row} for row in tried.rows)
    return pl.DataFrame(rows, schema=START), failed, said
