"""Answers a teacher's questions on training: gradients, errors, seeds, and the sets they are measured on."""

import polars as pl

from skipscope.analysis.statistics import wilson
from skipscope.records.printed import anatomy_of
from skipscope.report.appendix.results import gaps, ranked
from skipscope.report.appendix.viva_costs import card
from skipscope.report.handin.by_depth import depth_of
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import code, count, percent


def batchnorm(prose: Prose) -> list[Statement]:
    """Says whether gradients vanish in networks with BatchNorm, as the claims S1a and S1b came out."""
    start, training = deepest(prose, "S1a", "start"), deepest(prose, "S1b", "training")
    if start is None or training is None:
        return []
    told = {"layers": depth_of(start.finding.arms[0]), "times": prose.times(start)}
    begun = trend(start).replace("kept", "unclear")  # neither is a clear change
    found = [
        prose.say(f"viva.batchnorm.start_{begun}", start.source, **told),
        prose.say(f"viva.batchnorm.training_{trend(training)}", training.source, times=prose.times(training)),
    ]
    plain = card(prose, "cnn")
    own = prose.evidence.level("first over last in training", "cnn")
    if plain and own and not anatomy_of(plain).normalisation:
        counted = {"layers": anatomy_of(plain).depth, "times": prose.times(own)}
        found.append(prose.say("viva.batchnorm.cnn", own.source, **counted))
    return found


def deepest(prose: Prose, claim: str, part: str) -> Piece | None:
    """Returns what the body that the hand-in tells measured on its deepest network."""
    judged = prose.evidence.judged(claim)
    pieces = [piece for piece in judged.pieces if piece.finding.part == part] if judged else []
    return max(pieces, key=lambda piece: depth_of(piece.finding.arms[0]), default=None)


def trend(piece: Piece) -> str:
    """Says as its verdict does whether a gradient shrinks, and of one that does not whether it grows."""
    if piece.told != "contradicted":
        return "shrinks" if piece.told == "supported" else "unclear"
    low, _ = piece.effect.interval or (0.0, 0.0)
    return "grows" if low > 0 else "kept"


def degradation(prose: Prose) -> list[Statement]:
    """Says why degradation is no overfitting."""
    judged = prose.evidence.judged("S3")
    pieces = {piece.finding.part: piece for piece in judged.pieces} if judged else {}
    if judged is None or "plain" not in pieces or pieces["plain"].finding.verdict != "supported":
        return []
    found = [prose.say("viva.degradation.rises", judged.source, plain=prose.number(pieces["plain"]))]
    if "resnet" in pieces:
        found.append(
            prose.say("viva.degradation.residual", judged.source, residual=prose.change(pieces["resnet"]))
        )
    return [*found, prose.say("viva.degradation.follows")]


def overfitting(prose: Prose) -> list[Statement]:
    """Says of the network with the widest gap whether its validation loss still falls."""
    context = prose.context
    found = gaps(context)
    if not found:
        return []
    arm = max(found, key=lambda each: found[each][0] - found[each][1])
    trained, validated = found[arm]
    own = Source(basis="own", key="gap", study=prose.evidence.study)
    told = {"arm": code(arm), "trained": percent(trained), "validated": percent(validated)}
    if trained <= validated:
        return [prose.say("viva.overfitting.none", own, **told)]
    statements = [prose.say("viva.overfitting.gap", own, **told, gap=f"{100 * (trained - validated):.1f}")]
    epochs = context.tables.epochs.filter(pl.col("arm") == arm, "counted")
    losses = epochs.group_by("epoch").agg(pl.col("val_loss").mean()).drop_nulls().sort("epoch")
    if losses.height > 1:
        lowest = int(losses["epoch"][int(losses["val_loss"].arg_min() or 0)])
        key = "falls" if lowest == losses["epoch"][-1] else "rises"
        statements.append(prose.say(f"viva.overfitting.{key}", own, epoch=lowest, last=losses["epoch"][-1]))
    return statements


def seeds(prose: Prose) -> list[Statement]:
    """Says what a difference of accuracies is worth at this number of seeds."""
    context, order = prose.context, ranked(prose.context, "test_accuracy")
    if len(order) < 2:
        return []
    (best, top), (second, next_to_it) = order[:2]
    own = Source(basis="own", key="test accuracy", study=prose.evidence.study)
    if min(top.n, next_to_it.n) > 1:
        return [prose.say("viva.seeds.several", own, n=min(top.n, next_to_it.n))]
    images = context.tables.record.data.test
    low, high = wilson(top.mean, images)
    gap = 100 * (top.mean - next_to_it.mean)
    told = {"best": code(best.arm), "second": code(second.arm), "top": percent(top.mean)}
    told |= {"next": percent(next_to_it.mean), "images": count(images), "error": f"{50 * (high - low):.1f}"}
    statements = [prose.say("viva.seeds.images", own, **told)]
    reference = [prose.evidence.level("test accuracy", each.arm) for each in (best, second)]
    known = [level for level in reference if level and level.basis == "reference"]
    if known:
        widest = max(known, key=lambda level: max(level.values) - min(level.values))
        spread = max(widest.values) - min(widest.values)
        told = {"arm": code(widest.arm), "n": str(len(widest.values)), "spread": f"{spread:.1f}"}
        key = "larger" if gap > spread else "smaller"
        statements.append(prose.say("viva.seeds.spread", widest.source, **told))
        statements.append(prose.say(f"viva.seeds.{key}", own, gap=f"{gap:.1f}"))
    return statements


def validation(prose: Prose) -> list[Statement]:
    """Says what the validation images are for, and how often the test images were looked at."""
    record, entries = prose.context.tables.record, prose.context.tables.entries
    runs = sum(entry.state == "done" for entry in entries)
    if not runs:
        return []
    own = Source(basis="own", key="data", study=prose.evidence.study)
    told = {
        "train": count(record.study.train_limit or record.data.train),
        "validation": count(record.data.validation),
    }
    return [
        prose.say("viva.validation.why", own, **told),
        prose.say("viva.validation.test", own, test=count(record.data.test), runs=runs),
    ]
