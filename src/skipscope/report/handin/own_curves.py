"""Says what matched networks tell about the curves of the assignment's four, and what remains a guess."""

from collections.abc import Iterator, Mapping, Sequence

from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import anatomy_of
from skipscope.report.appendix.results import gaps
from skipscope.report.document import Block, Column, Table
from skipscope.report.handin.control import beside_cnn, in_table
from skipscope.report.handin.course import Course, course_of
from skipscope.report.handin.epoch_gains import gains
from skipscope.report.handin.four_ways import FOUR, START, TRAINING
from skipscope.report.handin.gated import covers
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.handin.running_averages import furthest
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, count, literal, percent, rounded

KEPT = 10.0
"""A first-to-last ratio, or its inverse, below which a gradient keeps its size, roughly."""


def own_curves(prose: Prose) -> list[Block]:
    """Explains why each curve of the four lies where it does, as far as other runs allow.

    A table has a row a network; after it stands what their gradients do not show.
    """
    rows = _reasons(prose)
    if not rows:
        return []
    table = _tabled(prose, rows)
    begin = prose.say("beside.curves.begin", table=prose.table(table))
    return [prose.paragraph(begin), table, *prose.paragraphs([*_gradients(prose)])]


def later(prose: Prose) -> list[Statement]:
    """Says that these curves will be explained, if they will."""
    return [prose.say("course.later")] if _reasons(prose) else []


def _courses(prose: Prose) -> dict[str, Course]:
    tables = prose.context.tables
    return {arm: course for arm in FOUR if (course := course_of(tables, arm))}


def _reasons(prose: Prose) -> dict[str, list[Statement]]:
    """Says of each of the four, where all are there, what may explain its curve."""
    found = _courses(prose)
    if len(found) < len(FOUR):
        return {}
    cards = {each.arm: each.network for each in prose.context.tables.summaries if each.network}
    source = Source(basis="own", key="validation accuracy", study=prose.evidence.study)
    told = {
        "cnn": [*_cnn(prose, found, cards, source)],
        "resnet": [*_residual(prose)],
        "densenet": [*_dense(prose, found, cards, source)],
        "se_resnet": [*_early(prose, found, source), *_gated(prose, found, source)],
    }
    return {arm: said for arm, said in told.items() if said}


def _tabled(prose: Prose, rows: Mapping[str, Sequence[Statement]]) -> Table:
    """Sets beside each network where its curve ends and what may explain that."""
    words = prose.context.words
    courses = _courses(prose)
    ends = {arm: course.val_accuracy[-1] for arm, course in courses.items()}
    ranks = {min(ends, key=ends.__getitem__): "lowest", max(ends, key=ends.__getitem__): "highest"}
    cells = tuple(
        (
            code(arm),
            words(
                f"beside.curves.ends.{ranks.get(arm, 'between')}",
                first=percent(courses[arm].val_accuracy[0]),
                accuracy=percent(ends[arm]),
            ),
            prose.paragraph(*said).text,
        )
        for arm, said in rows.items()
    )
    columns = tuple(Column(title=Inline(title)) for title in words.raw("beside.curves.titles"))
    statements = tuple(each for said in rows.values() for each in said)
    caption = words("beside.curves.caption")
    return prose.context.tabled(Table(columns=columns, rows=cells, caption=caption, statements=statements))


def _cnn(
    prose: Prose, found: dict[str, Course], cards: dict[str, NetworkCard], source: Source
) -> Iterator[Statement]:
    """Says whether it is for want of shortcuts that `cnn` ends below the others."""
    shallow, card = _epochs(prose, 8), cards.get("cnn")
    if not (shallow and card) or min(found, key=lambda arm: found[arm].val_accuracy[-1]) != "cnn":
        return
    bare = [arm for arm in cards if not anatomy_of(cards[arm]).normalisation]
    if shallow.told == "contradicted" and bare == ["cnn"]:
        told = {"epochs": prose.times(shallow), "params": count(card.params)}
        yield prose.say("beside.curves.cnn", source, shallow.source, **told)
        yield from beside_cnn(prose)


def _residual(prose: Prose) -> Iterator[Statement]:
    """Says that shortcuts do matter at the depth of `resnet`, if they do: by its control, else by others."""
    own, deeper = in_table(prose), _epochs(prose, 20)
    yield from own
    if not own and deeper and deeper.told == "supported" and deeper.effect.estimate < 0:
        yield prose.say("beside.curves.resnet", deeper.source, epochs=prose.times(deeper))
    late = furthest(prose.context.tables)
    if late and late.arm == "resnet":
        yield prose.say("beside.curves.lag", Source(basis="own", key="epochs", study=prose.evidence.study))


def _dense(
    prose: Prose, found: dict[str, Course], cards: dict[str, NetworkCard], source: Source
) -> Iterator[Statement]:
    """Says in what else than its connections `densenet` differs, if it ends above `resnet`."""
    ends = {arm: found[arm].val_accuracy[-1] for arm in ("densenet", "resnet")}
    maps = {arm: _last_map(cards[arm]) for arm in ends if arm in cards}
    if ends["densenet"] > ends["resnet"] and len(maps) == 2 and maps["densenet"][1] > maps["resnet"][1] > 0:
        told = {arm: literal("×".join(map(str, shape))) for arm, shape in maps.items()}
        yield prose.say("beside.curves.densenet", source, Source(basis="exact", key="params"), **told)


def _early(prose: Prose, found: dict[str, Course], source: Source) -> Iterator[Statement]:
    """Says that `se_resnet` leads early, as networks with gates do, if both is so."""
    matched = gains(prose)
    first = max(found, key=lambda arm: found[arm].val_accuracy[0])
    if first == "se_resnet" and matched and matched.gated:
        yield prose.say("beside.curves.gated_early", source, matched.gated.source)


def _gated(prose: Prose, found: dict[str, Course], source: Source) -> Iterator[Statement]:
    """Says why `se_resnet` may fit its training images best and yet not lead, if that is so."""
    fitted = {arm: pair for arm, pair in gaps(prose.context).items() if arm in FOUR}
    pool = prose.evidence.piece("E5", "pool")
    gate = prose.evidence.along(pool, "gate") if pool else None
    leads = max(found, key=lambda arm: found[arm].val_accuracy[-1]) == "se_resnet"
    best = max(fitted, key=lambda arm: fitted[arm][0], default="") == "se_resnet"
    if leads or not best or pool is None or gate is None:
        return
    opposite = pool.told == "supported" and pool.effect.estimate < 0 < gate.effect.estimate
    if opposite and not covers(gate, 0) and covers(prose.evidence.along(pool, "whole"), 0):
        trained, validated = fitted["se_resnet"]
        told = {"trained": percent(trained), "gap": literal(f"{100 * (trained - validated):.1f}")}
        yield prose.say("beside.curves.se_resnet", source, pool.source, **told)


def _gradients(prose: Prose) -> Iterator[Statement]:
    """Says that the size of the gradient does not tell the four apart, if it stays in all of them."""
    asked = ((START, "start"), (TRAINING, "end"))
    found = [level for name, at in asked for level in next(prose.evidence.levels(name, FOUR, at))]
    ratios = [10**level.median for level in found]
    if len(found) == len(asked) * len(FOUR) and 1 / KEPT < min(ratios) < max(ratios) < KEPT:
        ends = {"low": literal(rounded(min(ratios))), "high": literal(rounded(max(ratios)))}
        yield prose.say("beside.curves.gradients", *dict.fromkeys(each.source for each in found), **ends)


def _epochs(prose: Prose, depth: int) -> Piece | None:
    """What shortcuts do to the epochs to one loss, with so many layers."""
    return prose.evidence.piece("T1", "epochs", f"resnet{depth} - plain{depth}")


def _last_map(card: NetworkCard) -> tuple[int, ...]:
    """Returns the shape of the last feature map; zeros where a network has none."""
    shapes = (tuple(stage.shape) for stage in card.stages if len(stage.shape) == 3)
    return max(enumerate(shapes), default=(0, (0, 0, 0)))[1]
