"""Shows what the hand-in takes from the reference without room for it: its networks, a derivation, curves."""

from skipscope.reference.card import ArmCard, ReferenceCard
from skipscope.report.context import Context
from skipscope.report.document import Block, Paragraph, Table
from skipscope.report.handin.alignment import alignment
from skipscope.report.handin.experiment import curves_figure
from skipscope.report.handin.obstacles import obstacles
from skipscope.report.handin.prose import prose_of
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


def reversal(context: Context) -> tuple[Block, ...]:
    """Derives and measures why the gradient of deep chains, which explodes at first, vanishes in training."""
    return tuple(alignment(prose_of(context)))


def starts(context: Context) -> tuple[Block, ...]:
    """Draws the losses of the experiment on what keeps a deep plain network from starting."""
    prose = prose_of(context)
    found = obstacles(prose)
    figure = curves_figure(prose, found) if found else None
    return (figure,) if figure else ()


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
