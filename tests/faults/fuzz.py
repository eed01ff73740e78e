"""Coverage-guided fuzzing of one reader, in a process of its own, bounded in time and memory.

    python tests/faults/fuzz.py study --seconds 20 --found /tmp/found
    python tests/faults/fuzz.py all --seconds 20

atheris (libFuzzer) changes the files of `readers.corpus` and keeps what reaches code that nothing reached
before. A finding is whatever is no SkipscopeError, a reading of more than `SLOW` seconds, a gigabyte above
what the process held before its first reading, and, as Python's audit hooks tell it, a file that is written
outside of the reader's folder, a process or connection that is begun, and a name that a pickle asked for and
got. The input of a finding is left in the folder `--found`: it belongs into tests/faults/corpus/<reader>.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

SLOW = 30
"""Seconds: many times what any of these files takes."""
GIGABYTE = 1024
"""In MiB, as libFuzzer counts."""
INSTRUMENTED = ["readers", "skipscope", "tomllib", "tarfile", "zipfile", "PIL", "numpy.lib", "safetensors"]
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate"}
NEVER = {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"}
NEVER |= {"pickle.find_class", "ctypes.dlopen"}


@dataclass(frozen=True)
class Outcome:
    """What became of one reader."""

    inputs: int
    """How many were tried."""
    finding: str | None
    """What was wrong, with the file that shows it."""


def fuzz(reader: str, seconds: int, found: Path) -> Outcome:
    """Fuzzes until the time is over or something is found; leaves its input in `found`."""
    found.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name:
        room = Path(name)
        (room / "new").mkdir()
        command = [sys.executable, __file__, reader, "--inside", str(room), str(room / "new")]
        command += [f"-max_total_time={seconds}", f"-timeout={SLOW}", "-print_final_stats=1"]
        command += [f"-artifact_prefix={found}/{reader}-"]
        one = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        env = os.environ | one | {"XDG_CACHE_HOME": name, "SKIPSCOPE_DATA": name}
        env = {key: value for key, value in env.items() if not key.startswith("COVERAGE_")}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env=env,
            check=False,
            timeout=seconds + 300,
        )
    said = done.stdout + done.stderr
    counts = re.findall(r"stat::number_of_executed_units: (\d+)|^#(\d+)\t", said, re.MULTILINE)
    inputs = max((int(one or other) for one, other in counts), default=0)
    # Python's traceback comes on the one, libFuzzer's on the other, behind a line for every module
    told = re.sub(
        r"^INFO: Instrumenting .*\n", "", f"{done.stdout[-3000:]}\n{done.stderr}", flags=re.MULTILINE
    )
    return Outcome(
        inputs, None if done.returncode == 0 else f"{reader}, exit {done.returncode}: {told[:6000]}"
    )


def inside(reader: str, room: Path, arguments: list[str]) -> None:
    """The process that is fuzzed; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        import readers

        from skipscope.errors import SkipscopeError

    folder, seeds = room / "folder", room / "seeds"
    for made in (folder, seeds):
        made.mkdir()
    for number, path in enumerate(readers.corpus(reader)):
        shutil.copy(path, seeds / f"{number}-{path.name}")
    read = (readers.READERS | readers.FAULTS)[reader](folder)
    offences = watched(room)

    def one(data: bytes) -> None:
        with suppress(SkipscopeError):
            read(data)
        if offences:
            raise AssertionError(offences)

    for path in seeds.iterdir():  # what is imported at the first reading is imported, and counted, now
        with suppress(SkipscopeError):
            read(path.read_bytes())
    if offences:
        raise AssertionError(offences)
    held = int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) >> 10
    atheris.Setup([sys.argv[0], *arguments, str(seeds), f"-rss_limit_mb={held + GIGABYTE}"], one)
    atheris.Fuzz()


def watched(room: Path) -> list[str]:
    """What is done, from now on, that no reader has a reason to do: written outside of `room`, or begun."""
    offences: list[str] = []
    inner = os.fsencode(room.resolve()) + b"/"

    def outside(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False  # of a file that is open
        whole = os.path.abspath(os.fsencode(path))
        return not whole.startswith(inner) and whole != b"/dev/null"

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
        if event in NEVER or ((writes or event in CHANGES) and outside(arguments[0])):
            offences.append(f"{event}{arguments!r}")

    sys.addaudithook(hook)
    return offences


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--found", type=Path, default=Path("found"))
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked, arguments = parser.parse_known_args()
    if asked.inside:
        inside(asked.reader, asked.inside, arguments)
    import readers

    findings = 0
    for reader in readers.READERS if asked.reader == "all" else [asked.reader]:
        outcome = fuzz(reader, asked.seconds, asked.found)
        findings += outcome.finding is not None
        sys.stdout.write(f"{reader}: {outcome.inputs:,} inputs, {outcome.finding or 'no finding'}\n")
        sys.stdout.flush()
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
