"""The chapter on training: the recipe, a table and panels a network, and what is seen in them."""

import re
from dataclasses import replace
from types import SimpleNamespace

import polars as pl
import pytest
from documents import context_of, with_record

from skipscope.figures.rendering.vega import specification, trusted
from skipscope.report.document import Panels, Paragraph, Section, Table
from skipscope.report.handin.course import Course, above_chance
from skipscope.report.handin.course_panels import columns_of
from skipscope.report.handin.prose import prose_of
from skipscope.report.handin.training import (
    fitting,
    leaders,
    margin,
    overtaken,
    shapes,
    times,
    training,
    with_seeds,
)
from skipscope.report.words import unmarked
from skipscope.spec import Recipe

LANGUAGES = ("en", "zh")


@pytest.fixture
def prose(study_tables):
    """`prose("zh", seeds=3)`: what the chapter about a made-up study is written with."""

    def of(language="en", **variant):
        return prose_of(context_of(study_tables(**variant), language, results=()))

    return of


def said(section: Section) -> str:
    return text_of(s for b in section.all_blocks if isinstance(b, Paragraph) for s in b.statements)


def text_of(statements) -> str:
    return " ".join(unmarked(each.text) for each in statements).replace("\u00a0", " ")


def course(*accuracies, arm="cnn", val=(1.5, 1.2, 1.0), train=(1.6, 1.1, 0.8), seconds=10.0):
    number = len(accuracies)
    return Course(
        arm=arm,
        epochs=tuple(range(1, number + 1)),
        seconds=tuple(seconds * epoch for epoch in range(1, number + 1)),
        train_loss=train[:number],
        train_accuracy=accuracies,
        val_loss=val[:number],
        val_accuracy=accuracies,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_network_has_its_losses_above_its_accuracies_in_one_figure(prose, language):
    with trusted():
        section = training(prose(language).context)
        grid, together = (block for block in section.all_blocks if isinstance(block, Panels))
        assert (grid.number, together.number) == ("A1", "A2")
        for figure in (grid, together):
            assert figure.caption
            assert all(not panel.number and not panel.caption for panel in figure.figures)
            # what Vega-Lite refuses is an error
            assert all(specification(panel.chart)["layer"] for panel in figure.figures)
    assert len({panel.name for figure in (grid, together) for panel in figure.figures}) == 10
    titles = [[panel.chart.title for panel in stack] for stack in grid.stacks]
    assert titles == [["cnn", ""], ["resnet", ""], ["densenet", ""], ["se_resnet", ""]]
    assert [len(line) for line in grid.lines] == [4, 4]
    assert grid.key
    # two lines, and the marker of final weights
    assert [grid.key.svg.count(f"<{each}") for each in ("text", "path", "circle")] == [3, 2, 1]


@pytest.mark.parametrize(("number", "columns"), [(1, 1), (2, 2), (4, 4), (5, 3), (6, 3), (7, 4), (9, 3)])
def test_at_most_four_networks_stand_beside_each_other(number, columns):
    assert columns_of(number) == columns


def test_losses_are_drawn_of_training_and_of_validation(study_tables):
    tables = study_tables(seeds=2)
    losses = tables.losses
    assert set(losses["measure"]) == {"loss", "val_loss"}
    epochs = tables.epochs.filter(pl.col("arm") == "cnn", "counted")
    expected = epochs.group_by("epoch").agg(pl.col("val_loss").mean()).sort("epoch")["val_loss"]
    found = losses.filter(pl.col("arm") == "cnn", pl.col("measure") == "val_loss").sort("epoch")["loss"]
    assert found.to_list() == pytest.approx(expected.to_list(), rel=1e-3)  # four digits are kept
    trained = losses.filter(pl.col("arm") == "cnn", pl.col("measure") == "loss").sort("epoch")
    assert 0 < trained["epoch"][0] < 1
    assert trained["epoch"][-1] == epochs["epoch"].max()
    assert trained.height <= 151


def test_the_table_has_first_and_last_epoch_of_the_records(prose, study_tables):
    section = training(prose().context)
    (table,) = (block for block in section.all_blocks if isinstance(block, Table))
    first = study_tables().epochs.filter(pl.col("arm") == "resnet").sort("epoch")
    line = table.rows[table.arms.index("resnet")]
    ends = [f"{100 * first['val_accuracy'][end]:.1f}%" for end in (0, -1)]
    assert unmarked(line[-1]) == " → ".join(ends)


@pytest.mark.parametrize(
    ("val", "train", "turn"),
    [
        ((1.5, 1.2, 1.0), (1.6, 1.1, 0.8), "falls"),
        ((1.5, 1.0, 1.2), (1.6, 1.1, 0.8), "turns"),
        ((1.5, 1.0, 1.01), (1.6, 1.1, 0.8), "levels"),
        ((1.5, 1.0, 1.2), (1.6, 1.1, 1.3), "levels"),  # both losses rise: no overfitting
    ],
)
def test_how_a_validation_loss_ends(prose, val, train, turn):
    found = course(0.4, 0.5, 0.6, val=val, train=train)
    assert found.turn == turn
    (paragraph,) = shapes(prose(), [found])
    text = text_of(paragraph.statements)
    assert ("overfitting" in text) == (turn == "turns")
    assert ("still falling" in text) == (turn == "falls")


def test_curves_that_fall_back_are_named():
    assert course(0.4, 0.35, 0.6).drops == [pytest.approx(0.05)]
    assert course(0.4, 0.395, 0.6).drops == []


@pytest.mark.parametrize(("val", "told"), [((4.0, 1.5, 1.2), True), ((1.7, 1.5, 1.2), False)])
def test_a_first_validation_loss_that_stands_out_is_not_passed_over(prose, val, told):
    found = course(0.3, 0.5, 0.6, arm="resnet", val=val, train=(1.7, 1.4, 1.1))
    text = text_of(shapes(prose(), [found])[0].statements)
    assert ("After the first epoch, the validation loss of resnet is 4.0" in text) == told
    assert ("was not tested" in text or "was not examined" in text) == told


def test_unsteady_and_steady_are_told_apart(prose):
    unsteady = shapes(prose(), [course(0.4, 0.35, 0.6)])[0]
    steady = shapes(prose(), [course(0.4, 0.5, 0.6, 0.6, 0.7)])[0]
    short = shapes(prose(), [course(0.4, 0.5, 0.6)])[0]
    assert "`cnn` 5.0".replace("`", "") in text_of(unsteady.statements)
    assert "are steady" in text_of(steady.statements)
    assert "are steady" not in text_of(short.statements)  # of three epochs, that says nothing
    assert shapes(prose(), [course(0.4)]) == []


def test_who_leads_early_and_late(prose):
    figure = Panels(figures=(), number="7")
    slow, quick = course(0.3, 0.5, 0.8, arm="resnet"), course(0.4, 0.5, 0.6, arm="cnn")
    text = text_of(leaders(prose(), [slow, quick], figure))
    assert "After the first epoch, cnn has the highest validation accuracy" in text
    assert "last epoch resnet leads" in text
    text = text_of(leaders(prose(), [course(0.5, 0.6, 0.9, arm="resnet"), quick], figure))
    assert "also leads after the last" in text
    assert list(leaders(prose(), [quick], figure)) == []


@pytest.mark.parametrize(
    ("seeds", "apart", "expected"),
    [(1, 0, "a single seed"), (2, 0, "too few"), (5, 0.05, "more than"), (5, 0.0, "no more than")],
)
def test_a_lead_is_held_against_the_spread_of_seeds(study_tables, seeds, apart, expected):
    tables = study_tables(seeds=seeds)
    noise = pl.col("seed") * pl.lit(0.004) * (pl.col("seed") % 2 * 2 - 1)
    ours = pl.col("arm") == "resnet"
    value = pl.when(ours).then(0.6 + apart + noise).otherwise(0.6)
    changed = replace(tables)
    changed.__dict__["epochs"] = tables.epochs.with_columns(val_accuracy=value)
    written = prose_of(context_of(changed, results=()))
    first, second = course(0.5, 0.7, arm="resnet"), course(0.5, 0.6, arm="cnn")
    assert expected in text_of([margin(written, first, second)])


@pytest.mark.parametrize(
    ("trained", "expected"), [(None, ""), (0.9, "far from"), (0.97, "training accuracy is 97.0%"), (0.5, "−")]
)
def test_a_gap_is_of_the_final_weights(study_tables, trained, expected):
    tables = study_tables(arms=("cnn", "resnet"))
    entries = tuple(
        with_record(each, result=each.record.result.model_copy(update={"train_accuracy": trained}))
        for each in tables.entries
    )
    shown = [course(0.4, 0.5, 0.6, arm=each.arm) for each in entries]
    written = prose_of(context_of(replace(tables, entries=entries), results=()))
    text = text_of(fitting(written, shown))
    assert ("minus validation" in text) == (trained is not None)
    assert expected in text
    assert "no network overfits" in text


def test_times_are_told_where_they_compare_and_otherwise_left_out(study_tables):
    tables = study_tables()
    first = tables.entries[0]
    shown = [course(0.4, 0.5, 0.6, arm="cnn"), course(0.6, 0.7, 0.8, arm="resnet", seconds=70.0)]
    text = text_of(times(prose_of(context_of(tables, results=())), shown))
    assert re.search(r"cnn \d+ s and resnet \d min \d+ s", text)
    assert "cnn is quickest by time, though not by epochs: its epochs take far less arithmetic" in text
    other = with_record(first, environment=first.record.environment.model_copy(update={"threads": 9}))
    changed = replace(tables, entries=(other, *tables.entries[1:]))
    text = text_of(times(prose_of(context_of(changed, results=())), shown))
    assert "cannot be compared" in text
    assert "10 s" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(nesterov=False, warmup_epochs=0, augmentation="none"),
        Recipe(milestones=(0.5, 0.75), augmentation="flip", clip_norm=0.5),
    ],
)
def test_every_recipe_can_be_told(study_tables, language, recipe):
    tables = study_tables(arms=("cnn",))
    study = tables.record.study.model_copy(update={"recipe": recipe})
    planned = [replace(entry, record=None) for entry in tables.entries]
    changed = replace(
        tables, entries=tuple(planned), record=tables.record.model_copy(update={"study": study})
    )
    text = said(training(context_of(changed, language, results=())))
    assert "{" not in text
    assert str(recipe.batch_size) in text
    assert ("0.5" in text) >= (recipe.clip_norm is not None)
    assert ("Loshchilov" in text) == (not recipe.milestones)


def test_before_any_epoch_the_recipe_remains(study_tables):
    tables = study_tables()
    none = replace(tables, entries=tuple(replace(entry, record=None) for entry in tables.entries))
    none.__dict__.update(epochs=tables.epochs.clear(), steps=tables.steps.clear())
    section = training(context_of(none, results=()))
    assert section.sections == ()
    assert "batches of" in said(section)


def test_a_first_loss_above_that_of_a_guess_is_explained(prose):
    rows = prose().context.tables.steps
    first = (pl.col("step") == pl.col("step").min()) & (pl.col("arm") == "resnet")

    def begun(loss):
        changed = rows.filter(arm="resnet").with_columns(loss=pl.when(first).then(loss).otherwise("loss"))
        return above_chance(SimpleNamespace(steps=changed))

    assert begun(2.8) == {"resnet": pytest.approx(2.8)}
    assert begun(2.4) == {}
    # the made-up se_resnet begins at 2.68
    text = text_of(shapes(prose(), [course(0.3, 0.5, 0.6)])[0].statements)
    assert "begin above 2.30, the loss of random guessing (se_resnet 2.7)" in text


def test_who_overtakes_on_new_images_alone_is_said_to_do_so(prose):
    early = replace(course(0.6, 0.6, arm="se_resnet"), train_loss=(1.9, 1.0))
    late = replace(course(0.5, 0.7, arm="densenet"), train_loss=(1.9, 1.1))
    gap = {"se_resnet": 14.7, "densenet": 10.3}
    text = text_of(overtaken(prose(), [early, late], gap))
    assert "training loss ends at 1.10 (se_resnet: 1.00)" in text
    assert "10.3 points of accuracy against 14.7" in text
    fits = replace(late, train_loss=(1.9, 0.9))  # then it fits its training images better, too
    assert list(overtaken(prose(), [early, fits], gap)) == []
    assert list(overtaken(prose(), [early, late], gap | {"densenet": 20.0})) == []


@pytest.mark.parametrize(
    ("best", "told"),
    [("se_resnet", "the lead of se_resnet exceeds"), ("densenet", "not densenet, and by more")],
)
def test_that_others_lead_where_more_is_trained_is_said(study_tables, best, told):
    """In the reference, se_resnet has the highest test accuracy, by more than the seeds differ."""
    networks = ("cnn", "resnet", "densenet", "se_resnet")
    found = [course(0.2, 0.5 if arm == best else 0.4, arm=arm) for arm in networks]
    assert told in text_of(with_seeds(prose_of(context_of(study_tables(), "en", results=())), found))
