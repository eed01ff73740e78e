"""skipscope: train a CNN, a ResNet, a DenseNet and an SE-ResNet side by side, and measure how they differ.

In a notebook, or in a script below `if __name__ == "__main__":`:

    import skipscope

    net = skipscope.build("se_resnet")
    workspace = skipscope.run("lab", epochs=2)
    workspace.metrics()
    workspace.claims()["S3"]
    workspace.report()

The probes measure anybody's network, on anybody's images:

    >>> import skipscope, torch
    >>> from torch import nn
    >>> mine = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 5))
    >>> images = torch.randn(32, 3, 16, 16)  # as `mine` is given them: normalised
    >>> labels = torch.arange(32) % 5
    >>> frame = skipscope.probe(mine, images, labels, probes=["gradient_flow", "activations"])
    >>> frame.columns[:6]  # those behind them apply to some probes only
    ['run', 'probe', 'step', 'module', 'quantity', 'value']
    >>> sorted(set(frame.filter(frame["module"] == "0")["quantity"]))  # of the convolution
    ['depth', 'mean', 'output_l2', 'output_rms', 'signal_to_noise', 'std', 'weight_l2', 'weight_rms']

`skipscope probe --list` says what each quantity is, and in which unit.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from skipscope.anatomy.calls import Anatomy
    from skipscope.api.probe import probe
    from skipscope.api.train import RunFailed, run
    from skipscope.api.workspace import Workspace
    from skipscope.errors import SkipscopeError, UsageError
    from skipscope.models.registry import build
    from skipscope.spec import load_study

__all__ = [
    "Anatomy",
    "RunFailed",
    "SkipscopeError",
    "UsageError",
    "Workspace",
    "__version__",
    "anatomy",
    "build",
    "load_study",
    "probe",
    "run",
]

_HOMES = {
    "Anatomy": "skipscope.anatomy.calls",
    "RunFailed": "skipscope.api.train",
    "SkipscopeError": "skipscope.errors",
    "UsageError": "skipscope.errors",
    "Workspace": "skipscope.api.workspace",
    "build": "skipscope.models.registry",
    "load_study": "skipscope.spec",
    "probe": "skipscope.api.probe",
    "run": "skipscope.api.train",
}


def __getattr__(name: str) -> object:
    """The public names, imported when they are asked for: `skipscope --help` does not wait for torch."""
    if name == "__version__":
        return import_module("importlib.metadata").version("skipscope")
    if name == "anatomy":  # a package that can be called
        return import_module("skipscope.anatomy")
    if name not in _HOMES:
        raise AttributeError(f"module 'skipscope' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names, imported or not: what a notebook completes."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
