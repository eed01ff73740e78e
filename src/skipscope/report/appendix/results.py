"""Writes the front of a report: the summary in words and the key table.

Every sentence is chosen by the results; none is written that they do not support.
"""

from statistics import fmean

from skipscope.analysis.tables import ArmSummary, Spread
from skipscope.report.context import Context, interval
from skipscope.report.document import Block, Paragraph, Table
from skipscope.report.words import Inline, code, count, percent, short

TIMES = ("time", "speed")
"""Columns of the key table that compare times."""


def lead(context: Context) -> tuple[Block, ...]:
    """Builds the summary, warnings about runs without a result, and the key table."""
    sentences = [what_was_done(context), *ranking(context), *costs(context), *seeds(context)]
    return (Paragraph(text=context.words.joined(sentences)), *context.troubles(), key_table(context))


def what_was_done(context: Context) -> Inline:
    """Says which networks were trained, on which data, how long, by which recipe."""
    words, record = context.words, context.tables.record
    recipes = {record.study.recipe_of(arm) for arm in record.study.arm}
    epochs = sorted({recipe.epochs for recipe in recipes})
    trained = "what" if len(context.tables.arms) > 1 else "what_one"
    done = all(entry.state == "done" for entry in context.tables.entries)
    return words(
        f"summary.{trained if done else 'planned'}",
        arms=words.listed([code(arm) for arm in context.tables.arms]),
        train=count(record.study.train_limit or record.data.train),
        data=context.data_name,
        epochs="–".join(str(epoch) for epoch in dict.fromkeys((epochs[0], epochs[-1]))),
        recipe=words("summary.same_recipe" if len(recipes) == 1 else "summary.own_recipe"),
        validation=count(record.data.validation),
        test=count(record.data.test),
    )


def ranked(context: Context, quantity: str) -> list[tuple[ArmSummary, Spread]]:
    """Returns the arms with a result, the one with the highest mean first."""
    found = [(summary, summary.range_over_seeds(quantity)) for summary in context.tables.summaries]
    return sorted(((s, spread) for s, spread in found if spread is not None), key=lambda pair: -pair[1].mean)


def ranking(context: Context) -> list[Inline]:
    """Names the highest and the lowest, and says whether the first two differ significantly."""
    words, order = context.words, ranked(context, "test_accuracy")
    if not order:
        return [words("summary.none")]
    (best, top), (last, bottom) = order[0], order[-1]
    first = code(best.arm)
    if len(order) == 1:
        return [words("summary.only", arm=first, value=percent(top.mean))]
    values = {"best_value": percent(top.mean), "last_value": percent(bottom.mean)}
    sentences = [words("summary.best", best=first, last=code(last.arm), **values)]
    runner_up, next_to_it = order[1]
    second, images = code(runner_up.arm), context.tables.record.data.test
    if interval(next_to_it, images)[1] >= interval(top, images)[0]:
        # one run has an interval of the test images, several have a range
        key = "summary.overlap_seeds" if min(top.n, next_to_it.n) > 1 else "summary.overlap"
        sentences.append(words(key, first=first, second=second))
    elif top.n == next_to_it.n == 1:
        sentences.append(words("summary.apart", first=first, second=second))
    return sentences


def costs(context: Context) -> list[Inline]:
    """Names the fastest and the slowest, if their times can be compared."""
    words, order = context.words, ranked(context, "seconds")
    if len(order) < 2 or not context.times_compare:
        return []
    (slow, most), (fast, least) = order[0], order[-1]
    times = {"short": words.duration(least.mean), "long": words.duration(most.mean)}
    told = {"fast": code(fast.arm), "slow": code(slow.arm), "beside": context.beside}
    return [words("summary.cost", **told, **times)]


def seeds(context: Context) -> list[Inline]:
    """Says how many runs the numbers rest on, and what one seed leaves open."""
    words, summaries = context.words, context.tables.summaries
    done, planned = sum(s.finished for s in summaries), len(context.tables.entries)
    n = context.tables.record.study.seeds
    sentences = [words("summary.finished", done=done, all=planned)] if done < planned else []
    if done:
        sentences.append(words("summary.one_seed") if n == 1 else words("summary.seeds", n=n))
    return sentences


def key_table(context: Context, *names: str) -> Table:
    """Builds the table that a reader looks at first: these columns, or all; times if they can be compared."""
    words, record = context.words, context.tables.record
    rows = [key_row(context, summary) for summary in context.tables.summaries]
    shown = [name for name in names or rows[0] if context.times_compare or name not in TIMES]
    key = "key.range" if record.study.seeds > 1 else "key.wilson"
    said = words.joined([words(key, test=count(record.data.test)), *timing(context)])
    return Table(
        kind="key",
        columns=context.columns("key", shown, right=shown[1:]),
        rows=tuple(tuple(row[name] for name in shown) for row in rows),
        caption=words("key.caption", interval=said),
        arms=tuple(context.tables.arms),
    )


def timing(context: Context) -> list[Inline]:
    """Says what times are of and what ran beside, or why there are none."""
    finished = context.tables.finished
    if not finished:
        return []
    if not context.times_compare:
        return [context.words("key.no_times")]
    threads = finished[0].environment.threads
    return [context.words("key.timing", beside=context.beside, threads=threads)]


def key_row(context: Context, summary: ArmSummary) -> dict[str, str]:
    """Returns one network's results by column; dashes for what is not known."""
    network, speed = summary.network, summary.range_over_seeds("images_per_second")
    done, planned = summary.finished, len(summary.entries)
    return {
        "arm": code(summary.arm),
        "params": "—" if network is None else count(network.params),
        "macs": "—" if network is None else short(network.macs),
        "validation": context.validation_cell(summary),
        "test": context.test_cell(summary),
        "time": "—" if speed is None else context.time_cell(summary),
        "speed": "—" if speed is None else count(speed.mean),
        "seeds": f"{done}/{planned}" if done < planned else str(done),
    }


def gaps(context: Context) -> dict[str, tuple[float, float]]:
    """Returns training and validation accuracy of each arm's final weights, as means over seeds."""
    found = {
        summary.arm: [
            (record.result.train_accuracy, record.result.val_accuracy)
            for record in summary.records
            if record.result is not None and record.result.train_accuracy is not None
        ]
        for summary in context.tables.summaries
    }
    return {
        arm: (fmean(trained for trained, _ in pairs), fmean(validated for _, validated in pairs))
        for arm, pairs in found.items()
        if pairs
    }
