"""The machine and the versions that a run is trained with."""

import platform
import subprocess
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from skipscope.machine import cores, memory_limit
from skipscope.records.schema import Environment
from skipscope.training.backend import device

PACKAGES = ("skipscope", "torch", "numpy", "llvmlite")


def environment() -> Environment:
    """Describes this process's environment."""
    on = device()
    return Environment(
        versions={"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        machine={
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "cores": cores(),
            "memory_gib": round((memory_limit() or 0) / 2**30, 1),
            "device": str(on),
        }
        | _accelerator(on),
        threads=torch.get_num_threads(),
        git=_git(),
    )


def _accelerator(on: torch.device) -> dict[str, str | int | float]:
    """Names the accelerator and the library it computes with; nothing on a processor."""
    if on.type == "cpu":
        return {}
    module = torch.get_device_module(on)
    name = module.get_device_name() if hasattr(module, "get_device_name") else on.type  # Apple's has none
    libraries = {"cuda": torch.version.cuda, "hip": torch.version.hip}
    found = {"accelerator": name, "accelerators": torch.accelerator.device_count()}
    return found | {key: value for key, value in libraries.items() if value and on.type == "cuda"}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def _git() -> str | None:
    """Returns the commit of the skipscope checkout, with + if tracked files differ from it."""
    this = Path(__file__)
    run = partial(subprocess.run, cwd=this.parent, capture_output=True, text=True, timeout=5, check=True)
    try:
        described = run(["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"])
        # a package installed inside somebody else's repository is not a checkout of skipscope
        run(["git", "ls-files", "--error-unmatch", this.name])
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
