"""What evidence consists of: a measured part of a claim, a claim's verdict, and a quantity over seeds.

Each knows the body of evidence it is from: a basis (own or reference) and a study.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from skipscope.analysis.statistics import Estimate, over_seeds
from skipscope.claims.model import Effect, Finding, Verdict
from skipscope.report.statements import Basis, Source

SETTLED: frozenset[Verdict] = frozenset({"supported", "contradicted"})


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a claim as it was measured on one comparison, and by which study."""

    claim: str
    finding: Finding
    basis: Basis
    study: str

    @property
    def effect(self) -> Effect:
        """The estimate; a piece always has one."""
        if self.finding.effect is None:
            raise ValueError(self.claim)
        return self.finding.effect

    @property
    def settled(self) -> bool:
        """Whether it is supported or contradicted."""
        return self.finding.verdict in SETTLED

    @property
    def origin(self) -> tuple[Basis, str]:
        """Which body of evidence it is from; a count's, too."""
        return self.basis, self.study

    @property
    def told(self) -> Verdict:
        """The verdict that a text is chosen by: inconclusive unless it is settled."""
        return self.finding.verdict if self.settled else "inconclusive"

    @property
    def confounded(self) -> bool:
        """Whether the two sides differ in more than what the claim is about, so that it is withheld."""
        return self.finding.verdict == "confounded"

    @property
    def source(self) -> Source:
        """What a statement with this number rests on; a count is a count, whoever counted."""
        return Source(basis="exact" if self.finding.exact else self.basis, key=self.claim, study=self.study)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A claim's verdict in one body of evidence."""

    claim: str
    verdict: Verdict
    basis: Basis
    study: str
    pieces: tuple[Piece, ...]
    """What was measured, in the order of the claim's parts."""

    @property
    def parts(self) -> Mapping[str, Piece]:
        """What was measured by part; of several comparisons the first."""
        found: dict[str, Piece] = {}
        for piece in self.pieces:
            found.setdefault(piece.finding.part, piece)
        return found

    @property
    def deepest(self) -> Piece:
        """What represents the verdict: of the first part that counts and has it, the deepest networks'."""
        alike = [piece for piece in self.pieces if piece.finding.counts and piece.told == self.verdict]
        of_one_part = [piece for piece in alike if piece.finding.part == alike[0].finding.part]
        return next(reversed(of_one_part), self.pieces[0])

    @property
    def origin(self) -> tuple[Basis, str]:
        """Which body of evidence it is."""
        return self.basis, self.study

    @property
    def settled(self) -> bool:
        """Whether the claim is supported or contradicted."""
        return self.verdict in SETTLED

    @property
    def source(self) -> Source:
        """What a statement of this verdict rests on."""
        return Source(basis=self.basis, key=self.claim, study=self.study)


@dataclass(frozen=True, kw_only=True)
class Level:
    """A quantity of one arm over its seeds."""

    quantity: str
    arm: str
    values: tuple[float, ...]
    basis: Basis
    study: str

    @property
    def median(self) -> float:
        """The middle of its seeds."""
        return median(self.values)

    @property
    def estimate(self) -> Estimate | None:
        """The mean over seeds with Student's interval, on the quantity's own scale."""
        return over_seeds(dict(enumerate(self.values)))

    @property
    def origin(self) -> tuple[Basis, str]:
        """Which body of evidence it is from."""
        return self.basis, self.study

    @property
    def ends(self) -> tuple[float, float, float]:
        """The mean over seeds and the ends of its interval; of a single seed its value alone."""
        found = self.estimate
        if found is None or found.n == 1:
            return (self.median,) * 3
        return found.value, found.low, found.high

    @property
    def source(self) -> Source:
        """What a statement with this number rests on."""
        return Source(basis=self.basis, key=self.quantity, study=self.study)
