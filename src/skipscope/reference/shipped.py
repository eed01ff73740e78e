"""Reads the reference that ships with the package."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import polars as pl

from skipscope.reference.card import ReferenceCard
from skipscope.reference.gradients import Gradients
from skipscope.reference.losses import LossCurve
from skipscope.spec import load_study

TABLE, CARDS, GRADIENTS = "quantities.parquet", "cards.json", "gradients.json"
LOSSES = "losses.json"
LARGEST = 2_000_000
"""Bytes that the files may have together."""


@cache
def cards() -> Mapping[str, ReferenceCard]:
    """The reference studies by name."""
    text = (files("skipscope.reference") / CARDS).read_text(encoding="utf-8")
    return {name: ReferenceCard.model_validate(card) for name, card in json.loads(text).items()}


@cache
def quantities() -> pl.DataFrame:
    """What claims are judged by in these studies: the columns `compact.COLUMNS`."""
    return pl.read_parquet(BytesIO((files("skipscope.reference") / TABLE).read_bytes()))


@cache
def gradients() -> Gradients:
    """The gradients of plain and residual networks of several depths."""
    return Gradients.model_validate_json((files("skipscope.reference") / GRADIENTS).read_bytes())


@cache
def losses() -> Mapping[str, Mapping[str, LossCurve]]:
    """The training loss of the arms of those studies that are told by their curves, by study."""
    text = (files("skipscope.reference") / LOSSES).read_text(encoding="utf-8")
    told: dict[str, dict[str, Any]] = json.loads(text)
    return {
        study: {arm: LossCurve.model_validate(curve) for arm, curve in curves.items()}
        for study, curves in told.items()
    }


@cache
def values(study: str, quantity: str, moment: str = "end") -> dict[str, dict[int, Any]]:
    """A quantity of a reference study's arms, by seed; empty if it was not measured.

    Args:
        study: its name.
        quantity: a name of `analysis.quantities.QUANTITIES`.
        moment: start, end, or "loss 1.4": the training loss at which arms were compared.
    """
    rows = quantities().filter(study=study, quantity=quantity, moment=moment)
    found: dict[str, dict[int, Any]] = {}
    for arm, seed, value in rows.select("arm", "seed", "value").iter_rows():
        found.setdefault(arm, {})[seed] = json.loads(value)
    return found


@cache
def batch_size(study: str) -> int:
    """The images of a training step in a study that ships with the package."""
    return load_study(study).recipe.batch_size


def settled(card: ReferenceCard) -> tuple[list[str], int]:
    """The claims that a reference study settled (supported or contradicted), and how many there are.

    A claim of several questions (S1a, S1b, S1c) is settled if each of them is.
    """
    verdicts: dict[str, set[str]] = {}
    for claim in card.claims:
        verdicts.setdefault(claim["id"].rstrip("abc"), set()).add(claim["verdict"])
    found = [id for id, told in verdicts.items() if told <= {"supported", "contradicted"}]
    return found, len(verdicts)
