"""Concludes network by network: what a connection changes, what that does to training, why, at what price."""

from skipscope.report.handin.beside import unique
from skipscope.report.handin.beyond_verdicts import vanishes_later
from skipscope.report.handin.by_depth import apart, depth_of
from skipscope.report.handin.control import concluded
from skipscope.report.handin.dense import later
from skipscope.report.handin.dense_accuracy import counted
from skipscope.report.handin.epoch_by_epoch import sources_of
from skipscope.report.handin.epoch_gains import gains
from skipscope.report.handin.first_steps import overwritten
from skipscope.report.handin.gate_evidence import cause, clean, controlled
from skipscope.report.handin.gated import timed
from skipscope.report.handin.in_short import best
from skipscope.report.handin.obstacles import weighed
from skipscope.report.handin.prose import Prose
from skipscope.report.handin.residual import agreement, without_norm
from skipscope.report.statements import Source, Statement

EXACT = Source(basis="exact", key="params")


def network_by_network(prose: Prose) -> list[list[Statement]]:
    """Returns what is concluded of each kind of network."""
    return [plain(prose), residual(prose), dense(prose), gated(prose)]


def plain(prose: Prose) -> list[Statement]:
    """Concludes on networks without shortcuts."""
    start, error = best(prose, "S1a", "start"), prose.evidence.piece("S3", "plain")
    kept = start if start and start.told == "contradicted" else None
    said = [prose.say(f"answers.plain.{'explodes' if kept else 'path'}", *([kept.source] if kept else []))]
    if error and error.told == "supported":
        said.append(prose.say("answers.plain.harder", error.source))
    return [*said, prose.say("answers.plain.price")]


def residual(prose: Prose) -> list[Statement]:
    """Concludes on residual connections."""
    said = [prose.say("answers.residual.path", EXACT)]
    cured, found = prose.evidence.judged("S3"), gains(prose)
    if cured and cured.verdict == "supported":
        late = found.late if found else None
        sources = [cured.source, *([late.source] if late else [])]
        said.append(prose.say(f"answers.residual.easier{'_and_easier' if late else ''}", *sources))
    return [*said, *candidates(prose)]


def dense(prose: Prose) -> list[Statement]:
    """Concludes on dense connections."""
    said, found = [prose.say("answers.dense.path")], gains(prose)
    if found and found.grown and found.starts:
        said.append(prose.say("answers.dense.ahead", *sources_of(found.grown)))
        said += [
            prose.say("answers.dense.even", *told.sources) for key, told in later(prose) if key == "worse"
        ]
    accuracy = clean(prose, "D3", "accuracy")
    if accuracy:
        said.append(prose.say(f"answers.dense.parameters.{accuracy.told}", accuracy.source))
        counts = counted(prose, accuracy.finding.comparison)
        if "memory" in counts and counts["memory"].effect.estimate > 0:
            said.append(prose.say("answers.dense.price", EXACT))
    return said


def gated(prose: Prose) -> list[Statement]:
    """Concludes on gates."""
    said, found = [prose.say("answers.gated.path")], gains(prose)
    gain, image = clean(prose, "E3", "accuracy"), controlled(prose)
    if gain and gain.settled:
        why = cause(prose)
        sources = [gain.source, *([image.source] if image and why else [])]
        said.append(prose.say(f"answers.gated.{why or gain.told}", *sources))
    if found and found.gated:
        said.append(prose.say("answers.gated.ahead", found.gated.source))
    if image and not image.settled:
        said.append(prose.say("answers.gated.content_open", image.source))
    price = clean(prose, "E2", "parameters")
    if price and price.told == "supported":
        slow = [each.source for each in timed(prose) if each.told == "contradicted"]
        said.append(prose.say(f"answers.gated.price{'_in_time' if slow else ''}", price.source, *slow))
    return said


def candidates(prose: Prose) -> list[Statement]:
    """Weighs what shortcuts may do: keep gradients, even them out or let them agree, tame first updates."""
    said, start, error = [], best(prose, "S1a", "start"), prose.evidence.piece("S3", "plain")
    shallow = min(map(depth_of, error.finding.arms)) if error else 0
    if start and start.told == "contradicted" and (found := apart(prose, shallow)):
        told = {"shallow": shallow, "deep": found[0]["deep"]}
        sources = [start.source, *found[1]]
        if gone := vanishes_later(prose):
            told |= {"layers": depth_of(gone.finding.arms[0])}
            sources.append(gone.source)
        key = f"vanishing{'_later' if gone else ''}"
        said += [prose.say(f"conclusion.why.{key}", *unique(sources), **told), *concluded(prose)]
    answer = weighed(prose)
    said += answer or unanswered(prose)
    cured = prose.evidence.judged("S3")
    if cured and cured.verdict == "supported" and len(said) > 1 and not answer:
        said.append(prose.say("conclusion.why.next"))
    return [prose.say("conclusion.why.lead"), *said] if said else []


def unanswered(prose: Prose) -> list[Statement]:
    """Names what else shortcuts may do, where no experiment took it away: none is shown to be the reason."""
    bare = unique(source for each in without_norm(prose) for source in each.sources)
    agree = agreement(prose)
    said = [prose.say("conclusion.why.even", *bare)] if bare else []
    said += [prose.say("conclusion.why.agree", *agree)] if agree else []
    said += overwritten(prose)
    return [*said, prose.say("conclusion.why.none")] if len(said) > 1 else said
