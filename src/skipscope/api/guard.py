"""Refuses to start workers where each of them would do again what the user's script does.

A worker is a new process, and Python runs the user's script in it from its top before anything else. Whatever
does not stand below `if __name__ == "__main__":` is done again there, a call of `skipscope.run` included. One
process that has nothing to do finds this out before anything is planned.
"""

import multiprocessing as mp
import sys
from functools import cache
from multiprocessing.spawn import get_preparation_data
from pathlib import Path

from skipscope.errors import UsageError
from skipscope.interrupts import INTERRUPTS, signals_blocked

TRIAL = "skipscope: does this script run again?"
"""Name of the process that finds it out."""
UNGUARDED = 78
"""Its exit code if it came to that call."""


def refuse_unguarded(call: str) -> None:
    """Returns if `call`, the name of a function, can start processes from here.

    Raises:
        UsageError: the script has no guard above the call, cannot be run by another process, or is itself
            in a process that may not start any.
        SystemExit: this is the process that finds it out.
    """
    process = mp.current_process()
    if getattr(process, "_inheriting", False):  # Python's own mark of a process that runs the script again
        if process.name == TRIAL:
            sys.exit(UNGUARDED)
        raise _unguarded(call, "")
    if process.daemon:
        raise UsageError(
            f"{call} starts processes, which a worker of a multiprocessing.Pool may not.",
            hint="call it from the program's main process; it trains several runs side by side by itself",
        )
    script = get_preparation_data(TRIAL)
    if "init_main_from_name" in script or "init_main_from_path" in script:
        _try(call, script.get("init_main_from_name"), script.get("init_main_from_path"))


@cache
def _try(call: str, module: str | None, file: str | None) -> None:
    """Lets another process run the program's main module; once is enough."""
    where = file or f"python -m {module}"
    if file is not None and not Path(file).exists():
        raise UsageError(
            f"{call} starts processes that run this script, too, and it is in no file.",
            where=where,
            hint="save it in a file, or run it in a notebook or with python -c",
        )
    trial = mp.get_context("spawn").Process(target=int, name=TRIAL, daemon=True)
    with signals_blocked(*INTERRUPTS):
        trial.start()
    trial.join()
    if trial.exitcode == UNGUARDED:
        raise _unguarded(call, where)
    if trial.exitcode:
        raise UsageError(
            f"{call} starts processes that run this script from its top, too, and that failed "
            f"(exit code {trial.exitcode}).",
            where=where,
            hint='put what it does, all but imports and definitions, below: if __name__ == "__main__":',
        )


def _unguarded(call: str, where: str) -> UsageError:
    return UsageError(
        f'This script calls {call} without `if __name__ == "__main__":` above it, and each process that it '
        "starts, which runs the script from its top, would do everything once more.",
        where=where,
        hint='write  if __name__ == "__main__":  above the call and indent what follows',
    )
