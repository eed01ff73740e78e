"""Lists the networks of the reference studies and how they were trained: the hand-in names them often."""

from skipscope.reference.card import ArmCard, ReferenceCard
from skipscope.report.context import Context
from skipscope.report.document import Block, Paragraph, Table
from skipscope.report.words import code, count, plain

COLUMNS = ("study", "arm", "parameters", "images", "epochs", "learning_rate", "clip_norm", "seeds")


def reference_networks(context: Context) -> tuple[Block, ...]:
    """Tabulates them, study by study."""
    cards = sorted(context.evidence.reference.values(), key=lambda card: card.study)
    table = Table(
        columns=context.columns("reference_networks", COLUMNS, right=COLUMNS[2:]),
        rows=tuple(_row(context, card, arm) for card in cards for arm in card.arms),
    )
    return Paragraph(text=context.words("reference_networks.names")), table


def _row(context: Context, card: ReferenceCard, arm: ArmCard) -> tuple[str, ...]:
    """Writes one network of a study."""
    unclipped = context.words("value.none")
    return (
        code(card.study),
        code(arm.arm),
        "—" if arm.parameters is None else count(arm.parameters),
        count(card.images),
        str(arm.epochs),
        plain(arm.learning_rate),
        unclipped if arm.clip_norm is None else plain(arm.clip_norm),
        str(len(arm.seeds)),
    )
