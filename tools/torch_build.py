"""Installs the build of PyTorch that fits this machine, before `make setup` installs the rest.

On Linux PyPI's torch brings gigabytes of CUDA along. PyTorch's own index has a build without, `2.13.0+cpu`,
which is taken where there is no NVIDIA GPU. A constraint `torch==2.13.0` admits both (PEP 440: what stands
behind a plus does not count where the constraint has none). Where that index cannot be reached, or has no
build for this machine, pip's own is used. What was taken is said in one line.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from shutil import which
from threading import Thread
from urllib.request import urlopen

PATIENCE = 4.0
"""Seconds that may pass until the index answers, the look-up of its name included."""
HEAVY = "it may bring gigabytes of CUDA along"
GPU_FILES = "/dev/nvidiactl", "/proc/driver/nvidia/version", "/usr/lib/wsl/lib/nvidia-smi"


def pinned(constraints: Path) -> str:
    """Reads the version of torch that the project is tested with."""
    return re.findall(r"^torch==([\w.]+)", constraints.read_text(encoding="utf-8"), re.MULTILINE)[0]


def has_gpu() -> bool:
    """Tells whether a driver of NVIDIA is at work here."""
    return any(Path(each).exists() for each in GPU_FILES) or which("nvidia-smi") is not None


def why_not(index: str, *, system: str, gpu: bool, installed: str | None, version: str) -> str | None:
    """Says why the CPU build is not asked for; None if it is."""
    if installed is not None and installed.partition("+")[0] == version:
        return f"{installed} is installed"
    if not system.startswith("linux"):
        return "pip's own index, whose build has no CUDA on this system"
    if gpu:
        return "pip's own index, for the NVIDIA GPU of this machine"
    if not index:
        return "pip's own index, as asked"
    return None


def answers(index: str, patience: float = PATIENCE) -> bool:
    """Tells whether the index answers in time, by the proxies that the environment names."""
    answered: list[int] = []

    def ask() -> None:
        try:
            with urlopen(f"{index.rstrip('/')}/torch/", timeout=patience) as page:  # noqa: S310 - as the user says
                answered.append(page.status)
        except (OSError, ValueError):
            return

    # looking up a name has no limit of its own: a thread is left behind where it hangs
    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    return answered == [200]


def install(pip: Sequence[str], index: str, version: str) -> bool:
    """Installs the CPU build alone: what it needs comes with the rest, from the usual index."""
    options = ["--disable-pip-version-check", "--quiet", "--no-deps", "--retries", "1"]
    command = [*pip, "install", *options, "--index-url", index, f"torch=={version}+cpu"]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - no shell


def main(argv: Sequence[str] | None = None, pip: Sequence[str] = (sys.executable, "-m", "pip")) -> None:
    """Installs the CPU build or leaves torch to the command that follows, and says which."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("constraints", type=Path)
    parser.add_argument("--index", default="", help="has the CPU build; empty: pip's own index alone")
    asked = parser.parse_args(argv)
    version = pinned(asked.constraints)
    try:
        installed = installed_version("torch")
    except PackageNotFoundError:
        installed = None
    why = why_not(asked.index, system=sys.platform, gpu=has_gpu(), installed=installed, version=version)
    if why is None and not answers(asked.index):
        why = f"pip's own index, since {asked.index} does not answer; {HEAVY}"
    if why is None and not install(pip, asked.index, version):
        why = f"pip's own index, since {asked.index} has no build for this machine; {HEAVY}"
    print(f"torch {version}: {why or f'the CPU build, from {asked.index}'}", flush=True)


if __name__ == "__main__":
    main()
