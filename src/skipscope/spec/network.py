"""Parses a network's name in a study: a name of ours, or a class in a file of the user."""

import os
import re
from pathlib import Path
from typing import Self

from pydantic import Field

from skipscope.spec.values import Frozen


class UserNetwork(Frozen):
    """Names a network that a user wrote: `mynet.py:Net` is the class or function `Net` of that file.

    Before it is trained it is pinned to what the file says: `mynet.py:Net@0123456789abcdef`.
    """

    file: str
    name: str
    digest: str | None = Field(None, description="16 hexadecimal digits of the SHA-256 of the file's text")

    @classmethod
    def parse(cls, model: str) -> Self | None:
        """Returns None if `model` is not written this way, and so names a network of ours, or none."""
        found = _IN_A_FILE.fullmatch(model)
        return None if found is None else cls.model_validate(found.groupdict())

    def __str__(self) -> str:
        """Writes it as a study does."""
        return f"{self.file}:{self.name}" + (f"@{self.digest}" if self.digest else "")


_IN_A_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d]\w{0,63})(?:@(?P<digest>[0-9a-f]{16}))?")
OWN = "own_"
"""Precedes the name of a user's network in ids, where that is called as one of ours."""
_LIKE_OURS = re.compile(r"(cnn|plain|resnet|se_resnet|densenet)(\d.*|_.*)?")


def network_name(model: str) -> str:
    """Returns a network's name: `resnet20`, or `Net` if it is `mynet.py:Net`."""
    own = UserNetwork.parse(model)
    return model if own is None else own.name


def distinct_name(model: str) -> str:
    """Returns a network's name, `own_resnet20` for a `mynet.py:resnet20`: only ours is `resnet20`."""
    name = network_name(model)
    return f"{OWN}{name}" if name != model and _LIKE_OURS.fullmatch(name) else name


def seen_from_here(file: Path) -> str:
    """Returns the path of a file as people write it: from the working directory if it is below that."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 - links are not followed
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def wherever(model: str) -> str:
    """Identifies the network without the path of a user's file."""
    own = UserNetwork.parse(model)
    return model if own is None else f"{own.name}@{own.digest}"
