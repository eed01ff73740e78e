"""Describes the training: the recipe, each network's losses and accuracies, and all networks together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from skipscope.analysis.statistics import over_seeds
from skipscope.analysis.tables import ArmSummary
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import accuracies, losses
from skipscope.figures.losses import PANEL_HEIGHT
from skipscope.probes.schedule import CHECKED
from skipscope.report.appendix.results import gaps
from skipscope.report.context import Context
from skipscope.report.document import Block, Note, Panels, Section, Table
from skipscope.report.handin.course import CHANCE, Course, above_chance, course_of, last_by_seed
from skipscope.report.handin.course_panels import panels
from skipscope.report.handin.one_page import foremost
from skipscope.report.handin.own_curves import later
from skipscope.report.handin.prose import Prose, bracketed, prose_of
from skipscope.report.handin.running_averages import lag, own, understated
from skipscope.report.statements import Source, Statement
from skipscope.report.words import code, count, literal, percent, plain, rounded

SCHEDULE = tuple(Source(basis="known", key=key) for key in ("loshchilov2017", "goyal2017"))
KRIZHEVSKY = Source(basis="known", key="krizhevsky2009")
COLUMNS = ("arm", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
MANY_EPOCHS = 5
"""With fewer, that no accuracy falls says little."""
FITTED = 0.95
"""From this accuracy on its training images on, a network has little left to fit."""


def training(context: Context) -> Section:
    """Writes the chapter."""
    prose = replace(prose_of(context), context=foremost(context))
    begin: list[Block] = [prose.paragraph(*recipe(prose)), prose.paragraph(*split(prose))]
    shown = [each for each in prose.context.tables.summaries if course_of(context.tables, each.arm)]
    if not shown:
        begin.append(Note(text=context.words("overlay.nothing")))
        return context.section("course", "course", begin)
    more = foremost(context, controls=True).tables
    rows = [course for arm in more.arms if (course := course_of(more, arm))]
    parts = {"each": networks(prose, shown, rows), "together": together(prose, shown)}
    return context.section("course", "course", begin, context.sections("course", "course", parts))


def recipe(prose: Prose) -> Iterator[Statement]:
    """Says how the networks were trained."""
    context = prose.context
    recipes = list(context.tables.recipes.values())
    first = recipes[0]
    told = {
        "momentum": plain(first.momentum),
        "decay": plain(first.weight_decay),
        "batch": first.batch_size,
        "rate": plain(first.learning_rate),
        "warmup": plain(first.warmup_epochs),
        "epochs": first.epochs,
        "steps": context.words.listed([percent(share) for share in first.milestones]),
        "clip": plain(first.clip_norm),
    }
    yield prose.say(f"course.optimizer.{'nesterov' if first.nesterov else 'plain'}", **told)
    schedule = "steps" if first.milestones else "cosine" if first.warmup_epochs else "no_warmup"
    yield prose.say(f"course.schedule.{schedule}", *(() if first.milestones else SCHEDULE), **told)
    yield prose.say(f"course.augmentation.{first.augmentation}")
    if first.clip_norm is not None:
        yield prose.say("course.clip", **told)
    if len(set(recipes)) > 1:
        yield prose.say("course.differ")


def split(prose: Prose) -> Iterator[Statement]:
    """Says what images served for what, and how often the test images were looked at."""
    context, record = prose.context, prose.context.tables.record
    told = {
        "data": context.data_name,
        "train": count(record.study.train_limit or record.data.train),
        "validation": count(record.data.validation),
        "test": count(record.data.test),
    }
    known = (KRIZHEVSKY,) if record.data.name == "cifar10" else ()
    yield prose.say("course.split", *known, **told)
    if known and record.data.fidelity not in (None, "exact"):
        yield prose.say(f"course.copy.{record.data.fidelity}")
    if context.tables.checks.is_empty():
        yield prose.say("course.protocol.ends", **told)
    else:
        checked = count(min(CHECKED, record.data.validation))
        yield prose.say("course.protocol.checks", **told, checked=checked)
    seeds = record.study.seeds
    yield prose.say("course.seeds.one" if seeds == 1 else "course.seeds.several", seeds=seeds)


def networks(prose: Prose, shown: Sequence[ArmSummary], rows: Sequence[Course]) -> list[Block]:
    """Tabulates and draws the course of each network, and says what it looks like."""
    context = prose.context
    found = [course for each in shown if (course := course_of(context.tables, each.arm))]
    figure = panels(prose, [each.arm for each in found])
    table = context.tabled(first_and_last(prose, rows))
    told = {"figure": prose.figure(figure), "table": prose.table(table)}
    read = prose.say(f"course.reading.{'one' if len(found) == 1 else 'several'}", **told)
    return [prose.paragraph(read, prose.say("course.counted")), *shapes(prose, found), table, figure]


def first_and_last(prose: Prose, found: Sequence[Course]) -> Table:
    """Tabulates what each network begins and ends with."""
    return Table(
        columns=prose.context.columns("course.column", COLUMNS, right=COLUMNS[1:]),
        rows=tuple(row(prose, each) for each in found),
        caption=prose.context.words("course.table"),
        arms=tuple(each.arm for each in found),
    )


def row(prose: Prose, found: Course) -> tuple[str, ...]:
    """Writes an arm's first and last epoch."""
    losses = [(f"{each[0]:.2f}", f"{each[-1]:.2f}") for each in (found.train_loss, found.val_loss)]
    counted = [(percent(each[0]), percent(each[-1])) for each in (found.train_accuracy, found.val_accuracy)]
    spans = [prose.context.words("course.span", first=a, last=b) for a, b in (*losses, *counted)]
    return (code(found.arm), *spans)


def shapes(prose: Prose, found: Sequence[Course]) -> list[Block]:
    """Says whose validation loss still falls, and whose accuracy falls back on the way."""
    if max(len(each.epochs) for each in found) < 2:
        return []
    words, told = prose.context.words, list[Statement]()
    for turn in ("falls", "levels", "turns"):
        alike = [each for each in found if each.turn == turn]
        if alike:
            arms = words.listed([code(each.arm) for each in alike])
            lows = words.by_arm({each.arm: each.epochs[each.lowest] for each in alike})
            key = "all" if turn == "falls" and len(alike) == len(found) > 1 else turn
            told.append(prose.say(f"course.{key}", own(prose), arms=arms, lows=lows))
    if begun := above_chance(prose.context.tables):
        losses = {"losses": words.by_arm(begun, rounded), "chance": literal(f"{CHANCE:.2f}")}
        told.append(prose.say("course.begins", own(prose), **losses))
    told += understated(prose) or [lag(prose, each) for each in found if each.lags]
    back = {each.arm: f"{100 * max(each.drops):.1f}" for each in found if each.drops}
    if back or all(len(each.epochs) >= MANY_EPOCHS for each in found):
        key = "unsteady" if back else "steady"
        told.append(prose.say(f"course.{key}", own(prose), drops=words.by_arm(back)))
    return [prose.paragraph(*told)]


def together(prose: Prose, shown: Sequence[ArmSummary]) -> list[Block]:
    """Compares all networks, over epochs and over time."""
    context = prose.context
    found = [course for each in shown if (course := course_of(context.tables, each.arm))]
    figure = overlay(prose, [each.arm for each in found])
    seeded = with_seeds(prose, found)
    more = [*seeded, *fitting(prose, found)], [*times(prose, found), *later(prose)]
    return [*prose.paragraphs(leaders(prose, found, figure)), figure, *prose.paragraphs(*more)]


def overlay(prose: Prose, arms: Sequence[str]) -> Panels:
    """Draws what the first page leaves out: the validation loss of all, and their accuracies over time."""
    context = prose.context
    tables, labels = context.tables, context.labels
    epochs, checks = tables.epochs, tables.checks
    compare, high = context.times_compare, PANEL_HEIGHT + 14
    validated = losses.validation_losses(tables.losses, arms=arms, labels=labels)
    if compare:
        beside = accuracies.accuracy_in_time(epochs, arms=arms, labels=labels)
    else:
        beside = accuracies.accuracy(
            epochs, checks=checks, arms=arms, quantity="train_accuracy", labels=labels
        )
    key = "course.caption_together" if compare else "course.caption_no_times"
    caption = context.words(key, beside=context.beside)
    charts = (replace(validated, height=high), replace(beside, height=high))
    named = dict(zip(("course-together-a", "course-together-b"), charts, strict=True))
    return context.panels(named, caption=caption, spoken=(caption, caption))


def leaders(prose: Prose, found: Sequence[Course], figure: Panels) -> Iterator[Statement]:
    """Says who is ahead after the first and after the last epoch, and by how much."""
    if len(found) < 2:
        return
    early = sorted(found, key=lambda each: -each.val_accuracy[0])
    late = sorted(found, key=lambda each: -each.val_accuracy[-1])
    told: dict[str, object] = {
        "figure": prose.figure(figure),
        "early": code(early[0].arm),
        "early_value": percent(early[0].val_accuracy[0]),
        "behind": code(early[-1].arm),
        "behind_value": percent(early[-1].val_accuracy[0]),
        "late": code(late[0].arm),
    }
    if max(len(each.epochs) for each in found) > 1:
        yield prose.say("course.early", own(prose), **told)
    same = early[0].arm == late[0].arm
    yield prose.say(f"course.late.{'same' if same else 'other'}", own(prose), **told)
    yield margin(prose, late[0], late[1])


def margin(prose: Prose, first: Course, second: Course) -> Statement:
    """Says whether the lead over the next is more than seeds differ by."""
    tables = prose.context.tables
    told: dict[str, object] = {"first": code(first.arm), "second": code(second.arm)}
    ends = {each.arm: last_by_seed(tables, each.arm) for each in (first, second)}
    pairs = {
        seed: 100 * (value - ends[second.arm][seed])
        for seed, value in ends[first.arm].items()
        if seed in ends[second.arm]
    }
    estimate = over_seeds(pairs)
    gap = f"{100 * (first.val_accuracy[-1] - second.val_accuracy[-1]):.1f}"
    if estimate is None or len(pairs) < MINIMUM_SEEDS:
        key = "one" if tables.record.study.seeds == 1 else "few"
        return prose.say(f"course.margin.{key}", own(prose), **told, gap=gap)
    key = "apart" if estimate.low > 0 else "open"
    shown = bracketed(estimate.value, estimate.low, estimate.high)
    return prose.say(f"course.margin.{key}", own(prose), **told, gap=shown)


def with_seeds(prose: Prose, courses: Sequence[Course]) -> Iterator[Statement]:
    """Says what the same networks came to in a reference study of several seeds, if this one has few."""
    if prose.context.tables.record.study.seeds >= MINIMUM_SEEDS:
        return
    arms = [each.arm for each in courses]
    studies = prose.evidence.levels("test accuracy", arms)
    told = (found for found in studies if [each.arm for each in found] == list(arms))
    for levels in told:
        if min(len(each.values) for each in levels) >= MINIMUM_SEEDS:
            images, epochs = prose.evidence.budget(levels[0])
            values = prose.context.words.by_arm({each.arm: each for each in levels}, prose.percent)
            more = {"images": count(images), "epochs": epochs, "seeds": len(levels[0].values)}
            yield prose.say("course.seeded", levels[0].source, study=levels[0].study, values=values, **more)
            best, *others = sorted(levels, key=lambda each: -each.ends[0])
            if others and best.ends[1] > max(each.ends[2] for each in others):
                here = max(courses, key=lambda each: each.val_accuracy[-1])
                key = "leads" if here.arm == best.arm else "leads_instead"
                yield prose.say(f"course.{key}", best.source, arm=code(best.arm), here=code(here.arm))
            return


def fitting(prose: Prose, found: Sequence[Course]) -> Iterator[Statement]:
    """Says how much better training images are recognised, and whether any network overfits."""
    words = prose.context.words
    measured = {arm: pair for arm, pair in gaps(prose.context).items() if arm in {each.arm for each in found}}
    if measured:
        more = {arm: 100 * (trained - validated) for arm, (trained, validated) in measured.items()}
        widest = max(more, key=more.__getitem__)
        told = {
            "gaps": words.by_arm(more, lambda gap: f"{gap:.1f}".replace("-", "−")),
            "arm": code(widest),
            "trained": percent(measured[widest][0]),
        }
        yield prose.say("course.gap", own(prose), **told)
        yield from overtaken(prose, found, more)
        fits = "fitted" if max(trained for trained, _ in measured.values()) >= FITTED else "unfitted"
        yield prose.say(f"course.{fits}", own(prose), **told)
    turned = [code(each.arm) for each in found if each.turn == "turns"]
    several = any(len(each.epochs) > 1 for each in found)
    if several:
        key = "some" if turned else "none"
        yield prose.say(f"course.overfitting.{key}", own(prose), arms=words.listed(turned))


def overtaken(prose: Prose, found: Sequence[Course], gap: Mapping[str, float]) -> Iterator[Statement]:
    """Says that who leads early is overtaken on new images alone, if its training loss ends lower still."""
    early, late = (max(found, key=lambda each: each.val_accuracy[at]) for at in (0, -1))
    fits = early.train_loss[-1] <= late.train_loss[-1]
    if early.arm == late.arm or not fits or not {early.arm, late.arm} <= gap.keys():
        return
    if gap[late.arm] < gap[early.arm]:
        told = {
            f"{who}{of}": value
            for who, each in (("early", early), ("late", late))
            for of, value in (
                ("", code(each.arm)),
                ("_loss", literal(f"{each.train_loss[-1]:.2f}")),
                ("_gap", literal(f"{gap[each.arm]:.1f}")),
            )
        }
        yield prose.say("course.overtaken", own(prose), **told)


def times(prose: Prose, found: Sequence[Course]) -> Iterator[Statement]:
    """Says what it takes to come to an accuracy that all reach."""
    words = prose.context.words
    if not prose.context.tables.finished:
        return
    if not prose.context.times_compare:
        yield prose.say("course.no_times", own(prose))
        return
    lowest = min(found, key=lambda one: one.val_accuracy[-1])
    level = lowest.val_accuracy[-1]
    reached = {one.arm: (one, at) for one in found if (at := one.reaches(level)) is not None}
    if len(found) < 2 or len(reached) < len(found):
        return
    epochs = {arm: one.epochs[at] for arm, (one, at) in reached.items()}
    seconds = {arm: one.seconds[at] for arm, (one, at) in reached.items()}
    told = {
        "level": percent(level),
        "arm": code(lowest.arm),
        "seconds": words.by_arm(seconds, words.duration),
        "fastest": code(min(seconds, key=seconds.__getitem__)),
    }
    yield prose.say("course.reached", own(prose), **told)
    same = epochs[min(seconds, key=seconds.__getitem__)] == min(epochs.values())
    yield prose.say(f"course.order.{'same' if same else 'other'}", own(prose), **told)
