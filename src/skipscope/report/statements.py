"""Holds the statements of an explanation: what is said, and what it rests on."""

from dataclasses import dataclass
from typing import Literal

from skipscope.report.words import Inline

Basis = Literal["own", "reference", "exact", "known"]
"""This workspace's runs; the studies that ship with the package; counted; literature, not measured here."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a statement rests on."""

    basis: Basis
    key: str
    """A claim's id, the name of a quantity, or a work's key in `works.toml`."""
    study: str = ""
    """The study that measured it."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One or two sentences with the numbers that are filled into them."""

    text: Inline
    sources: tuple[Source, ...] = ()
    """Empty only of what is defined or derived on the spot."""
    numbers: tuple[str, ...] = ()
    """As they are written in the text."""
