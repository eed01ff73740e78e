"""Measures the parts of claims on a study: their effects, or what is missing and the command that adds it."""

import re
import shlex
from dataclasses import replace
from functools import cache

from skipscope.claims.asked import Asked, asked
from skipscope.claims.catalogue import Part
from skipscope.claims.confounds import Confound, confounds, confounds_of_networks, diverged
from skipscope.claims.evidence import Evidence, Planned
from skipscope.claims.model import MINIMUM_SEEDS, Lost, Measurement
from skipscope.spec import load_study
from skipscope.spec.comparison import Comparison

LEARNT_TOO_LITTLE: frozenset[Lost] = frozenset({"too_inaccurate", "loss_too_high"})


def measure(part: Part, evidence: Evidence) -> list[Measurement]:
    """Measures a part on each comparison of the study, and of each what `part.each` asks for.

    If one comparison is fair, the confounded ones become context: they decide nothing. So do those of
    networks that learnt too little to be asked, if others did not.
    """
    whole = part.comparisons(evidence)
    comparisons = whole if part.at_init else [each.only(evidence.trained_arms) for each in whole]
    found = [
        _each(part, evidence, each)
        for each in dict.fromkeys(comparisons)
        if each and len(each.treated) >= part.min_pairs
    ]
    if not found:
        return _without_arms(part, evidence)
    fair = any(all(one.effect is not None and not one.confounds for one in each) for each in found)
    some = any(one.effect is not None for each in found for one in each)
    aside = (any(one.confounds for one in each) and fair for each in found)
    return [
        replace(one, context=True) if beside or (some and one.lost in LEARNT_TOO_LITTLE) else one
        for each, beside in zip(found, aside, strict=True)
        for one in each
    ]


def _each(part: Part, evidence: Evidence, comparison: Comparison) -> list[Measurement]:
    """Measures the part on the whole comparison, on each of its pairs, or on each step between them."""
    timed = comparison.model_copy(update={"timed": part.timed})
    selected = part.select(_by_depth(evidence, timed))
    steps = range(1, len(selected.treated))
    split = {
        "whole": [selected],
        "pair": selected.pairs,
        "step": [selected.at(index - 1, index) for index in steps],
    }
    # each is asked for by itself: two networks may come to a loss that a third does not
    return [_measured(part, asked(part, evidence, one), one) for one in split[part.each]]


def _by_depth(evidence: Evidence, comparison: Comparison) -> Comparison:
    """The comparison with its pairs sorted by depth, since contrasts take the first and the last."""
    known = set(comparison.arms) <= evidence.cards.keys()
    if comparison.across != "depth" or not known:
        return comparison
    sides = [side for side in (comparison.control, comparison.treated) if side]
    depths = list(zip(*map(evidence.depths, sides), strict=True))
    return comparison.at(*sorted(range(len(depths)), key=lambda pair: depths[pair]))


def _measured(part: Part, ready: Asked, comparison: Comparison) -> Measurement:
    evidence = ready.evidence
    series = evidence.series(part.quantity) if part.quantity else evidence.cards
    lacking = [arm for arm in comparison.arms if arm not in evidence.cards or not series.get(arm)]
    unasked = ready.missing or set(ready.arms) & set(comparison.arms)
    effect = None if lacking or unasked else part.contrast(evidence, part.quantity, comparison)
    if effect is not None and part.minus_start:
        effect = replace(effect, level=False)  # the start was subtracted
    known = evidence.runs if part.at_init else evidence.done
    runs = (run.id for arm in comparison.arms for _, run in sorted(known.get(arm, {}).items()))
    measured = Measurement(
        part=part.id, comparison=comparison, effect=effect, runs=tuple(runs), at_loss=ready.at_loss
    )
    if effect is None:
        return _unmeasured(part, ready, measured, lacking)
    confounded = confounds_of(part, evidence, comparison)
    hint = _run_study(part) if confounded else ""
    return replace(measured, confounds=confounded, hint=hint)


def _unmeasured(part: Part, ready: Asked, measured: Measurement, lacking: list[str]) -> Measurement:
    """Says what is missing, and the command that adds it, or why there will be no value."""
    comparison, evidence = measured.comparison, ready.evidence
    poor = tuple(arm for arm in comparison.arms if arm in ready.arms)
    lost = _lost(part, evidence, comparison, lacking)
    if lost == "diverged" or (lost and not poor and not ready.missing):
        failed = tuple(arm for arm, seeds in diverged(comparison, evidence.runs).items() if seeds)
        return replace(measured, lost=lost, missing=failed if lost == "diverged" else (part.quantity,))
    if poor:
        return replace(measured, lost=ready.lost, missing=poor)
    if ready.missing and not lacking:
        hint = evidence.command if evidence.study.snapshots else _run_study(part)
        return replace(measured, missing=(ready.missing,), hint=hint)
    moment = " at the start" if part.minus_start else ""
    moment = moment if ready.at_loss is None else f" at training loss {ready.at_loss:g}"
    wanted = (part.probe or part.quantity) + moment
    missing = [f"{arm}: {wanted}" if evidence.done.get(arm) else arm for arm in lacking]
    return replace(measured, missing=tuple(missing) or ("seeds",), hint=_hint(part, evidence, lacking))


def confounds_of(part: Part, evidence: Evidence, comparison: Comparison) -> tuple[Confound, ...]:
    """What confounds a comparison; before the first step only the networks can differ."""
    if part.at_init or not part.quantity:
        return confounds_of_networks(comparison, evidence.cards)
    return confounds(comparison, evidence.runs, evidence.facts)


def _lost(part: Part, evidence: Evidence, comparison: Comparison, lacking: list[str]) -> Lost:
    """Why no seed has a value, if further seeds would have none either."""
    if not part.quantity:
        return ""
    gone = {seed for seeds in diverged(comparison, evidence.runs).values() for seed in seeds}
    seeds = evidence.study.seeds  # one says little about others
    if seeds > 1 and not part.at_init and gone >= set(range(seeds)):
        return "diverged"
    if lacking:
        return ""
    measured = set.intersection(*(set(evidence.series(part.quantity)[arm]) for arm in comparison.arms))
    return "no_number" if len(measured) > 1 else ""  # a single seed may have no spread yet


def _hint(part: Part, evidence: Evidence, lacking: list[str]) -> str:
    """The command that adds what is missing: more seeds, the study's own, a probe, or another study."""
    if not lacking:
        return with_seeds(evidence.command, MINIMUM_SEEDS)
    finished = [run for arm in lacking for run in evidence.done.get(arm, {}).values()]
    if not finished or not part.probe or part.minus_start or part.moment != "end":
        return evidence.command  # it measures networks at other moments, too
    asked = [evidence.study.probes_of(arm) for arm in lacking if evidence.done.get(arm)]
    if any(probes is not None and part.probe not in probes for probes in asked):
        return "; ".join(f"skipscope probe {run.id} --only {part.probe}" for run in finished)
    return _run_study(part)  # the probe has nothing to measure in these networks


def _run_study(part: Part) -> str:
    """The command of the shipped study that measures the part best."""
    return shlex.join(["skipscope", "run", part.study])


def with_seeds(command: str, seeds: int) -> str:
    """A study's command with this number of seeds; finished runs are not trained again."""
    if command.endswith(")"):  # Python's
        return re.sub(r", seeds=\d+", "", command).removesuffix(")") + f", seeds={seeds})"
    return re.sub(r" --seeds[ =]\d+", "", command) + f" --seeds {seeds}"


@cache
def shipped(study: str) -> Planned:
    """A shipped study, before any run."""
    return Planned(load_study(study))


def _without_arms(part: Part, evidence: Evidence) -> list[Measurement]:
    """The measurement of a part for which the study has no arms: names those of a shipped study.

    None of a control that no shipped study has arms for either.
    """
    planned = part.comparisons(shipped(part.study))
    wanted = [part.select(each) for each in planned if len(each.treated) >= part.min_pairs][:1]
    known = evidence.models if part.at_init else evidence.trained_arms
    return [
        Measurement(
            part=part.id,
            comparison=one,
            effect=None,
            missing=tuple(arm for arm in one.arms if arm not in known) or one.arms,
            hint=_run_study(part),
        )
        for one in wanted
    ]
