"""skipscope: train a CNN, a ResNet, a DenseNet and an SE-ResNet side by side, and measure how they differ.

In a notebook or a script:

    import skipscope

    net = skipscope.build("se_resnet")
    study = skipscope.load_study("lab")
    workspace = skipscope.run(study)
    workspace.metrics()
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skipscope.engine.study import run
    from skipscope.models.registry import build
    from skipscope.records.store import Workspace
    from skipscope.spec import load_study

__all__ = ["Workspace", "build", "load_study", "run"]

_HOMES = {
    "Workspace": "skipscope.records.store",
    "build": "skipscope.models.registry",
    "load_study": "skipscope.spec",
    "run": "skipscope.engine.study",
}


def __getattr__(name: str) -> object:
    """The public names, imported when they are asked for: `skipscope --help` does not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'skipscope' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
