"""What is asked of a study for a part of a claim: of which comparisons, which quantity, by which contrast."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from skipscope.analysis.statistics import Estimate
from skipscope.claims.confounds import Difference, confounds, confounds_of_networks, diverged
from skipscope.claims.contrasts import Contrast
from skipscope.claims.evidence import Evidence, Planned
from skipscope.claims.model import MINIMUM_SEEDS, Lost, Measured
from skipscope.spec import load_study
from skipscope.spec.comparison import Comparison, Factor

Chosen = Callable[[Evidence], list[Comparison]]


def first(comparison: Comparison) -> Comparison:
    """The first pair."""
    return comparison.at(0)


def deepest(comparison: Comparison) -> Comparison:
    """The pair at the greatest depth."""
    return comparison.at(-1)


def ends(comparison: Comparison) -> Comparison:
    """The pairs at the least and the greatest depth."""
    return comparison.at(0, -1)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One part of a claim."""

    part: str
    of: Chosen
    """The comparisons of a study that it is asked of."""
    quantity: str = ""
    """A name of `QUANTITIES`; none where networks themselves are counted."""
    by: Contrast
    among: Callable[[Comparison], Comparison] = lambda comparison: comparison
    """Of a comparison, from the least depth, the arms that the part speaks of: no others matter to it."""
    equal: frozenset[str] = frozenset()
    """What confounds it though it belongs to what is compared: the quantity depends on it by itself."""
    probe: str = ""
    """What measures the quantity, where training alone does not."""
    start: bool = False
    """Asked of networks before their first step, trained later or not."""
    least: int = 1
    """Pairs that a comparison must have: two for what is asked against depth."""
    timed: bool = False
    study: str
    """The shipped study that measures it best."""

    @property
    def alone(self) -> bool:
        """Whether it is asked of networks as they are, and compares nothing."""
        return any(each.alone for each in self.of(_shipped(self.study)))


def compared(
    factor: Factor,
    also: Callable[[Evidence, Comparison], bool] = lambda _evidence, _comparison: True,
) -> Chosen:
    """Comparisons for the sake of `factor`, with a control; depths are compared without one, too."""

    def chosen(evidence: Evidence) -> list[Comparison]:
        of_it = (each for each in evidence.comparisons if each.factor == factor)
        return [each for each in of_it if (each.control or factor == "depth") and also(evidence, each)]

    return chosen


def alone(that: Callable[[Evidence, str], bool], *, initial: bool = False) -> Chosen:
    """The arms of which `that` holds, as they are: one comparison without control.

    Among the study's arms; where `initial` says so, among the networks that it does not train, too.
    """

    def chosen(evidence: Evidence) -> list[Comparison]:
        known = evidence.models if initial else evidence.trained_arms
        arms = tuple(arm for arm in known if that(evidence, arm))
        return [Comparison(treated=arms, factor="network")] if arms else []

    return chosen


def ask(question: Question, evidence: Evidence) -> list[Measured]:
    """What the study says to it, comparison by comparison.

    Where one comparison is fair, those that are confounded are context: they decide nothing.
    """
    candidates = [_of_those_trained(question, evidence, each) for each in question.of(evidence)]
    found = [
        _measured(question, evidence, each)
        for each in dict.fromkeys(candidates)
        if each is not None and len(each.treated) >= question.least
    ]
    if not found:
        return [_not_asked(question, evidence)]
    fair = any(each.effect is not None and not each.confounds for each in found)
    return [replace(each, context=True) if fair and each.confounds else each for each in found]


def _of_those_trained(question: Question, evidence: Evidence, comparison: Comparison) -> Comparison | None:
    """Without the pairs of which an arm is measured at its start only, unless that is what is asked of."""
    if question.start:
        return comparison
    return comparison.only(evidence.trained_arms)


def _from_the_least(evidence: Evidence, comparison: Comparison) -> Comparison:
    """Its pairs by their depth, however a study orders them: contrasts take the first and the last."""
    known = set(comparison.arms) <= evidence.cards.keys()
    if comparison.across != "depth" or not comparison.control or not known:
        return comparison
    pairs = zip(comparison.treated, comparison.control, strict=True)
    ordered = sorted(pairs, key=lambda pair: evidence.depths(pair[::-1]))
    treated, control = zip(*ordered, strict=True)
    return comparison.model_copy(update={"treated": treated, "control": control})


def _measured(question: Question, evidence: Evidence, comparison: Comparison) -> Measured:
    ordered = _from_the_least(evidence, comparison.model_copy(update={"timed": question.timed}))
    comparison = question.among(ordered)
    missing = _missing(question, evidence, comparison)
    effect: Estimate | None = None if missing else question.by(evidence, question.quantity, comparison)
    lost = "" if effect is not None else _lost(question, evidence, comparison)
    if lost:
        missing = _diverged(evidence, comparison) if lost == "diverged" else (question.quantity,)
    elif effect is None and not missing:
        missing = ("seeds",)
    confounded = () if effect is None else differences_of(question, evidence, comparison)
    told = effect is not None or lost or _is_unequal(question, evidence, comparison)
    hint = "" if told else _hint(question, evidence, comparison)
    return Measured(
        part=question.part,
        comparison=comparison,
        effect=effect,
        confounds=confounded,
        runs=_runs(question, evidence, comparison),
        missing=missing,
        # no shipped study has two such networks in which that is equal
        hint=_study(question) if confounded and not question.equal else hint,
        lost=lost,
    )


def differences_of(question: Question, evidence: Evidence, comparison: Comparison) -> tuple[Difference, ...]:
    """What confounds it: before the first step networks alone can differ."""
    if question.start or not question.quantity:
        return confounds_of_networks(comparison, evidence.cards, equal=question.equal)
    return confounds(comparison, evidence.runs, evidence.facts, equal=question.equal)


def _is_unequal(question: Question, evidence: Evidence, comparison: Comparison) -> bool:
    """Whether its networks differ in what has to be equal: what is missing would only be withheld."""
    differences = confounds_of_networks(comparison, evidence.cards, equal=question.equal)
    return any(each.what in question.equal for each in differences)


def _lost(question: Question, evidence: Evidence, comparison: Comparison) -> Lost:
    """Why no seed gives it a number, if more of the same kind would not."""
    if not question.quantity:
        return ""
    gone = {seed for seeds in diverged(comparison, evidence.runs).values() for seed in seeds}
    several = evidence.study.seeds > 1  # what became of one says little of others
    if several and not question.start and gone >= set(range(evidence.study.seeds)):
        return "diverged"
    if _lacking(question, evidence, comparison):
        return ""
    measured = set.intersection(*(set(evidence.series(question.quantity)[arm]) for arm in comparison.arms))
    return "no_number" if len(measured) > 1 else ""  # of a single one there may be no spread yet


def _diverged(evidence: Evidence, comparison: Comparison) -> tuple[str, ...]:
    """Its arms of which a run did."""
    return tuple(arm for arm, seeds in diverged(comparison, evidence.runs).items() if seeds)


def _lacking(question: Question, evidence: Evidence, comparison: Comparison) -> list[str]:
    """Its arms of which the quantity was not measured."""
    series = evidence.series(question.quantity) if question.quantity else evidence.cards
    return [arm for arm in comparison.arms if arm not in evidence.cards or not series.get(arm)]


def _missing(question: Question, evidence: Evidence, comparison: Comparison) -> tuple[str, ...]:
    """Arms that lack the quantity; of those that are trained, what lacks."""
    return tuple(
        f"{arm}: {question.probe or question.quantity}" if evidence.done.get(arm) else arm
        for arm in _lacking(question, evidence, comparison)
    )


def _runs(question: Question, evidence: Evidence, comparison: Comparison) -> tuple[str, ...]:
    """The runs of its arms: those with a result, unless it is asked of their start."""
    known = evidence.runs if question.start else evidence.done
    return tuple(run.id for arm in comparison.arms for _, run in sorted(known.get(arm, {}).items()))


def _hint(question: Question, evidence: Evidence, comparison: Comparison) -> str:
    """What adds what it lacks: the study's own command, a probe of runs that are there, another study."""
    lacking = _lacking(question, evidence, comparison)
    if not lacking:
        return with_seeds(evidence.command, MINIMUM_SEEDS)
    there = [run for arm in lacking for run in evidence.done.get(arm, {}).values()]
    if not there or not question.probe:
        return evidence.command
    probes = evidence.study.probes
    if probes is not None and question.probe not in probes:
        return "; ".join(f"skipscope probe {run.id} --only {question.probe}" for run in there)
    return _study(question)  # it has nothing to measure there


def _study(question: Question) -> str:
    """The shipped study that measures it best."""
    return shlex.join(["skipscope", "run", question.study])


def with_seeds(command: str, seeds: int) -> str:
    """A study's command with so many seeds: runs that are there already are not trained again."""
    said = re.sub(r" --seeds[ =]\d+", "", command)
    return f"{said} --seeds {seeds}"


@cache
def _shipped(name: str) -> Planned:
    return Planned(load_study(name))


def _not_asked(question: Question, evidence: Evidence) -> Measured:
    """No arms of the study can be asked: which of a shipped study's are lacking."""
    planned = _shipped(question.study)
    wanted, *_ = (each for each in question.of(planned) if len(each.treated) >= question.least)
    wanted = question.among(wanted)
    known = {*evidence.trained_arms, *(evidence.models if question.start else ())}
    missing = tuple(arm for arm in wanted.arms if arm not in known)
    return Measured(
        part=question.part,
        comparison=wanted,
        effect=None,
        missing=missing or wanted.arms,
        hint="" if question.equal else _study(question),  # none has two such networks that are equal in that
    )
