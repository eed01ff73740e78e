"""Tells what was seen where one thing that may keep deep chains from training was taken away by itself.

Two of these: BatchNorm, without which gradients are more even before training, and large first updates,
which clipping makes small. If a network with even gradients hardly begins to learn, they are not enough.
Clipping changes more than the first updates: it goes on for as long as gradients are long, and that is told.
"""

from dataclasses import dataclass

from skipscope.analysis.step_quantities import LAST, LONG
from skipscope.reference.card import ArmCard
from skipscope.report.handin.by_depth import depth_of
from skipscope.report.handin.course import CHANCE, LEFT
from skipscope.report.handin.first_steps import FAR, FIRST
from skipscope.report.handin.pieces import Level
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import literal, rounded
from skipscope.spec import Recipe

LOSS, LASTING = "training loss at the end", "last long gradient"
START = "first over last at the start"
BARE, NORMED = "plain20_nobn", "plain20"
"""A chain without BatchNorm, and with it."""
OTHER_RATES = "plain20_nobn_r01", "plain20_nobn_r20"
"""The chain without BatchNorm at a lower and at a higher learning rate."""
CLIPPED, SHALLOW, USUAL = "plain56_clip", "plain20_clip", "plain56"
"""A deep chain and a shallow one that are clipped, and the deep one that is not."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A network that hardly begins to learn, beside one that does, in one study."""

    losses: list[Level]
    """At the end of training, in nats: its own, and the other's."""
    before: list[Level]
    """What was taken away, as it is now and as it was, as log10."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """What the finding rests on: claims' codes would say more than these arms are judged by."""
        return tuple(dict.fromkeys(each.source for each in (*self.before, *self.losses)))


def tried(prose: Prose) -> bool:
    """Whether a chain without BatchNorm was trained beside one with it."""
    return bool(prose.evidence.together(LOSS, (BARE, NORMED)))


def evened(prose: Prose) -> Failed | None:
    """Finds that a chain with more even gradients hardly begins to learn; None unless it was seen."""
    losses = prose.evidence.together(LOSS, (BARE, NORMED))
    ratios = prose.evidence.together(START, (BARE, NORMED), "start")
    if not (losses and ratios and _fails(losses)) or abs(ratios[0].median) >= ratios[1].median:
        return None
    if any(each.ends[1] <= LEFT for each in prose.evidence.together(LOSS, OTHER_RATES)):
        return None  # it learns at another rate
    return Failed(losses=losses, before=ratios)


def tamed(prose: Prose) -> Failed | None:
    """Finds that a deep chain with small first updates hardly begins to learn; None unless it was seen."""
    losses = prose.evidence.together(LOSS, (CLIPPED, SHALLOW))
    updates = prose.evidence.together(FIRST, (CLIPPED, USUAL))
    if not (losses and updates and _fails(losses)) or updates[0].ends[2] > -FAR:
        return None
    return Failed(losses=losses, before=updates)


def said_of_evened(prose: Prose) -> list[Statement]:
    """Says that an even gradient before training is not enough, if that was found."""
    found = evened(prose)
    if found is None:
        return []
    bare, normed = map(prose.number, found.losses)
    even, uneven = prose.times(found.before[0]), literal(rounded(10 ** found.before[1].median))
    told = {"layers": depth_of(BARE), "study": found.losses[0].study, "bare": bare, "normed": normed}
    loss = {"steps": LAST, "chance": literal(f"{CHANCE:.2f}")}
    said = prose.say("without.evened", *found.sources, even=even, uneven=uneven, **told, **loss)
    return [said, *_at_other_rates(prose, found.losses[0])]


def _at_other_rates(prose: Prose, usual: Level) -> list[Statement]:
    """Says that the chain without BatchNorm learns no better at a lower and at a higher learning rate."""
    others = prose.evidence.together(LOSS, OTHER_RATES)
    recipes = [_recipe(prose, level) for level in (*others, usual)]
    rates = [literal(f"{recipe.learning_rate:g}") for recipe in recipes if recipe]
    if not others or len(rates) != len(recipes):
        return []
    told = dict(zip(("low", "high", "usual"), rates, strict=True))
    return [prose.say("without.evened_rates", others[0].source, **told)]


def said_of_tamed(prose: Prose) -> list[Statement]:
    """Says that small first updates did not help, if that was found, and how long a gradient stays long."""
    found = tamed(prose)
    recipe = _recipe(prose, found.losses[0]) if found else None
    lasting = prose.evidence.together(LASTING, (CLIPPED, USUAL))
    if found is None or not lasting or recipe is None or recipe.clip_norm != LONG:
        return []
    deep, shallow = map(prose.number, found.losses)
    told = {"layers": depth_of(CLIPPED), "shallow": depth_of(SHALLOW), "norm": literal(f"{LONG:g}")}
    update = prose.times(found.before[0])
    said = prose.say("without.tamed", *found.sources, update=update, deep=deep, other=shallow, **told)
    ends = dict(zip(("clipped", "free"), (literal(f"{each.median:.0f}") for each in lasting), strict=True))
    return [said, prose.say("without.tamed_lasts", lasting[0].source, **ends)]


def _fails(losses: list[Level]) -> bool:
    """Whether the first network still guesses where the second one has begun to learn, intervals and all."""
    one, other = losses
    return one.ends[1] > LEFT > other.ends[2]


def _recipe(prose: Prose, level: Level) -> ArmCard | Recipe | None:
    """Returns what knows the learning rate and the clipping of an arm; None if nothing does."""
    if level.basis == "reference":
        arms = prose.evidence.reference[level.study].arms
        return next((arm for arm in arms if arm.arm == level.arm), None)
    return prose.evidence.tables.recipes.get(level.arm)
