"""Decides whose code may be run: that of networks which a study of this user named on this machine.

A record names a network's file, too, and records travel: a workspace that somebody sent must not make
`predict` or `probe` run a file that came with it. So what a study named is kept in the user's cache, by the
SHA-256 of its text.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from skipscope.errors import NetworkError
from skipscope.records.files import cache_file, write_cache
from skipscope.spec import UserNetwork


def trust(models: Iterable[str]) -> None:
    """Trusts these networks, pinned to their files' text, from now on: a study of the user names them."""
    named = {own.digest for model in models if (own := UserNetwork.parse(model)) is not None and own.digest}
    known = _known()
    if named - known:
        write_cache(_file(), json.dumps(sorted(known | named)).encode())


def refuse_unless_trusted(model: str) -> None:
    """Refuses to build a user's network that `trust` was not told of.

    Raises:
        NetworkError: it is a user's, and no study has named it on this machine.
    """
    own = UserNetwork.parse(model)
    if own is not None and own.digest not in _known():
        raise NetworkError(
            f"Refusing to run untrusted code in {own.name}; reference it from a study first.",
            where=own.file,
            hint="read that file; if you trust it, name it in a study and plan that: "
            "skipscope run STUDY.toml --dry-run",
        )


def _file() -> Path:
    return cache_file("networks.json")


def _known() -> set[str]:
    with suppress(OSError, ValueError):
        known = json.loads(_file().read_bytes())
        if isinstance(known, list):
            return {digest for digest in known if isinstance(digest, str)}
    return set()
