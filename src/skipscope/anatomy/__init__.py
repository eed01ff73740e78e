"""What a network is made of, found from the operators it calls.

The package can be called, `skipscope.anatomy(model, images)`, as `follow` in it.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skipscope.anatomy.calls import Anatomy


class _Callable(ModuleType):
    def __call__(self, model: Any, images: Any) -> "Anatomy":
        """Follows a network through one pass; see `follow.follow`."""
        from skipscope.anatomy.follow import follow  # noqa: PLC0415 - naming the package does not import torch

        return follow(model, images)


sys.modules[__name__].__class__ = _Callable
