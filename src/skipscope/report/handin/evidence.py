"""Chooses on what a statement rests: this workspace's runs where they settle it, else the reference.

A body of evidence is a study and its verdicts. This workspace's own comes first wherever it settles what is
asked. Where it is silent or too small, the reference study that settles it speaks; where none does, the
largest that measured it. Runs on another data set than CIFAR-10 settle nothing that is said of CIFAR-10.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from skipscope.analysis.quantities import QUANTITIES
from skipscope.analysis.tables import StudyTables
from skipscope.claims import evidence as records
from skipscope.claims.model import MINIMUM_SEEDS, ClaimResult, Finding, Verdict
from skipscope.reference import shipped
from skipscope.reference.card import ReferenceCard
from skipscope.report.handin.pieces import Judged, Level, Piece
from skipscope.report.statements import Basis


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a hand-in may rest on."""

    tables: StudyTables
    results: tuple[ClaimResult, ...]
    reference: Mapping[str, ReferenceCard]

    @property
    def study(self) -> str:
        """The name of this workspace's study."""
        return self.tables.record.study.name

    @property
    def on_cifar10(self) -> bool:
        """Whether this workspace's runs saw CIFAR-10."""
        return self.tables.record.data.name == "cifar10"

    def bodies(self, claim: str) -> list[Judged]:
        """The claim in every body that measured any of it, the one that is to be told first in front."""
        found = [each for each in self._judged.get(claim, ()) if each.pieces]
        return sorted(found, key=self._rank)

    def judged(self, claim: str) -> Judged | None:
        """The verdict that is to be told; None if nobody measured the claim."""
        return next(iter(self.bodies(claim)), None)

    def of(self, claim: str, origin: tuple[Basis, str]) -> Judged | None:
        """The claim in this body of evidence; None if it measured nothing of the claim."""
        return next((body for body in self.bodies(claim) if body.origin == origin), None)

    def along(self, piece: Piece, part: str) -> Piece | None:
        """Another part of the same claim, from the same study."""
        body = self.of(piece.claim, piece.origin)
        return body.parts.get(part) if body else None

    def same(self, piece: Piece, part: str) -> Piece | None:
        """Another part of the claim on the same comparison, from the same study."""
        body = self.of(piece.claim, piece.origin)
        found = (each for each in (body.pieces if body else ()) if each.finding.part == part)
        return next((each for each in found if each.finding.comparison == piece.finding.comparison), None)

    def elsewhere(self, piece: Piece) -> list[Piece]:
        """The same part on the same comparison in other bodies of evidence, where it has an interval."""
        asked = piece.finding.part, piece.finding.comparison
        others = (body for body in self.bodies(piece.claim) if body.origin != piece.origin)
        found = (each for body in others for each in body.pieces)
        return [
            each
            for each in found
            if (each.finding.part, each.finding.comparison) == asked and each.effect.interval
        ]

    def disagreement(self, claim: str) -> tuple[Judged, Judged] | None:
        """The own verdict and the reference's, where both are settled and differ."""
        settled = [each for each in self.bodies(claim) if each.settled]
        own = next((each for each in settled if each.basis == "own"), None)
        other = next((each for each in settled if each.basis == "reference"), None)
        return (own, other) if own and other and own.verdict != other.verdict else None

    def pieces(self, claim: str, part: str) -> dict[str, Piece]:
        """The best measurement of a part on each comparison, by comparison, in their order."""
        found: dict[str, list[Piece]] = {}
        for body in self._judged.get(claim, ()):
            for piece in body.pieces:
                if piece.finding.part == part:
                    found.setdefault(piece.finding.comparison, []).append(piece)
        return {comparison: min(each, key=self._piece_rank) for comparison, each in found.items()}

    def piece(self, claim: str, part: str, comparison: str | None = None) -> Piece | None:
        """The best measurement of a part, of any comparison or of this one; None if there is none."""
        found = self.pieces(claim, part)
        if comparison is not None:
            return found.get(comparison)
        return min(found.values(), key=self._piece_rank, default=None)

    def level(self, quantity: str, arm: str, moment: str = "end") -> Level | None:
        """A quantity of an arm over seeds: this workspace's if they carry an interval, else the reference's.

        Where neither has `MINIMUM_SEEDS`, this workspace's own runs speak for themselves. The moment is start
        or end; at equal loss the claims compare.
        """
        first = None
        for level in chain.from_iterable(self.levels(quantity, [arm], moment)):
            if len(level.values) >= MINIMUM_SEEDS:
                return level
            first = first or level
        return first

    def level_of(self, piece: Piece, quantity: str, arm: str, moment: str = "end") -> Level | None:
        """A quantity of an arm in the study that the piece is from."""
        found = (level for each in self.levels(quantity, [arm], moment) for level in each)
        return next((each for each in found if each.origin == piece.origin), None)

    def levels(self, quantity: str, arms: Iterable[str], moment: str = "end") -> Iterator[list[Level]]:
        """A quantity of these arms, study by study: this workspace's, then references, the largest first.

        Arms that a study has no value of are left out.
        """
        for (basis, study), series in self.series(quantity, arms, moment):
            yield _levels(quantity, {arm: _numbers(found) for arm, found in series.items()}, basis, study)

    def series(
        self, quantity: str, arms: Iterable[str], moment: str = "end"
    ) -> Iterator[tuple[tuple[Basis, str], dict[str, Mapping[int, Any]]]]:
        """What was read of a quantity by arm and seed, study by study, in the order of `levels`."""
        asked = list(arms)
        own = {arm: self._own(quantity, arm, moment) for arm in asked if self.on_cifar10}
        yield ("own", self.study), own
        for study in sorted(self.reference, key=lambda name: -self._sizes[name]):
            found = shipped.values(study, quantity, moment)
            yield ("reference", study), {arm: found.get(arm, {}) for arm in asked}

    def together(self, quantity: str, arms: Iterable[str], moment: str = "end") -> list[Level]:
        """A quantity of all of these arms, in the first study that has it of each; empty if none has."""
        asked = list(arms)
        found = self.levels(quantity, asked, moment)
        return next((levels for levels in found if len(levels) == len(asked)), [])

    def budget(self, found: Piece | Judged | Level) -> tuple[int, int]:
        """How many images its runs trained on, and for how many epochs at most."""
        if found.basis == "reference":
            card = self.reference[found.study]
            images, epochs = card.images, {each.arm: each.epochs for each in card.arms}
        else:
            record = self.tables.record
            images = record.study.train_limit or record.data.train
            epochs = {arm: recipe.epochs for arm, recipe in self.tables.recipes.items()}
        arms = found.finding.arms if isinstance(found, Piece) else (getattr(found, "arm", ""),)
        asked = [epochs[arm] for arm in arms if arm in epochs]
        return images, max(asked or epochs.values(), default=0)

    @cached_property
    def _records(self) -> records.Evidence:
        return records.Evidence(self.tables, QUANTITIES)

    def _own(self, quantity: str, arm: str, moment: str) -> Mapping[int, Any]:
        at_start = moment == "start" and not quantity.endswith("at the start")
        ask = self._records.series_at_start if at_start else self._records.series
        return ask(quantity).get(arm, {})

    @cached_property
    def _judged(self) -> dict[str, list[Judged]]:
        """Every body's verdict on each claim, this workspace's first: it is asked for hundreds of times."""
        found: dict[str, list[Judged]] = {}
        for result in self.results if self.on_cifar10 else ():
            own = _body(result.id, result.verdict, result.findings, "own", self.study)
            found.setdefault(own.claim, []).append(own)
        for study, card in self.reference.items():
            for row in card.claims:
                told = _body(row["id"], row["verdict"], map(_finding, row["parts"]), "reference", study)
                found.setdefault(told.claim, []).append(told)
        return found

    @cached_property
    def _sizes(self) -> dict[str, float]:
        return {study: self._size(card) for study, card in self.reference.items()}

    def _rank(self, body: Judged) -> tuple[bool, bool, float]:
        size = self._sizes[body.study] if body.basis == "reference" else 0
        return not body.settled, body.basis != "own", -size

    def _piece_rank(self, piece: Piece) -> tuple[bool, bool, bool, bool, float]:
        size = self._sizes[piece.study] if piece.basis == "reference" else 0
        alone = piece.effect.interval is None and not piece.finding.exact
        return not piece.settled, piece.confounded, alone, piece.basis != "own", -size * piece.effect.n

    @staticmethod
    def _size(card: ReferenceCard) -> float:
        """How many images a run of the study saw."""
        return card.images * max((arm.epochs for arm in card.arms), default=0)


def _body(claim: str, verdict: Verdict, findings: Iterable[Finding], basis: Basis, study: str) -> Judged:
    pieces = tuple(
        Piece(claim=claim, finding=finding, basis=basis, study=study)
        for finding in findings
        if finding.effect is not None
    )
    return Judged(claim=claim, verdict=verdict, basis=basis, study=study, pieces=pieces)


def _levels(quantity: str, values: Mapping[str, tuple[float, ...]], basis: Basis, study: str) -> list[Level]:
    return [
        Level(quantity=quantity, arm=arm, values=found, basis=basis, study=study)
        for arm, found in values.items()
        if found
    ]


def _finding(part: dict[str, Any]) -> Finding:
    """Reads a part of a claim as `claims --json` writes it."""
    return Finding.model_validate({key: part[key] for key in part.keys() & Finding.model_fields.keys()})


def _numbers(by_seed: Mapping[int, Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in by_seed.values() if isinstance(value, int | float))
