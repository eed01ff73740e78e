"""What a report says, and what it does not say."""

from dataclasses import replace

import pytest
from documents import built, key_table, said, with_record

from skipscope.analysis.tables import gather
from skipscope.records.schema import Budget
from skipscope.report import build_report
from skipscope.report.document import Code, Note, Table
from skipscope.report.rendering.markdown import render
from skipscope.report.words import unmarked


def test_the_key_table_stands_in_front_with_wilson_intervals(report):
    row = [unmarked(cell).replace("\u00a0", " ") for cell in key_table(report()).rows[1]]
    assert row[:3] == ["resnet", "11,181,642", "37.0M"]
    assert row[4].endswith("]")
    assert "," in row[4]
    assert row[5:] == ["5 min 29 s", "740", "1"]


def test_several_seeds_show_their_range_instead(report):
    found = report(seeds=3)
    row = key_table(found).rows[0]
    assert "–" in row[4]
    assert row[7] == "3"
    assert "means over 3 seeds" in said(found)
    assert "fewer than 5 paired seeds" in said(found)


def test_one_seed_says_so(report):
    variant = {"arms": ("cnn",), "epochs": 1, "steps": 4}
    assert "With one seed there is no interval" in said(report(**variant))
    assert "只有一个种子" in said(report(**variant, language="zh"))


def test_many_seeds(report):
    assert "belong to the claims" in said(report(arms=("cnn",), seeds=5, epochs=1, steps=2))


@pytest.mark.parametrize(
    ("seeds", "language", "expected"),
    [
        (2, "en", ("faint: each seed.", "Faint: each step;")),
        (21, "en", ("faint: the first 20 seeds.", "Faint: each step of the first 20 seeds;")),
        (21, "zh", ("浅色：前 20 个种子，逐一画出。", "浅色：前 20 个种子的每一步；")),
    ],
)
def test_of_more_seeds_than_are_drawn_the_captions_say_which_are(report, seeds, language, expected):
    found = report(arms=("cnn",), seeds=seeds, epochs=1, steps=2, language=language)
    captions = " ".join(figure.caption for figure in found.figures)
    for text in expected:
        assert text in captions


def test_a_clear_winner(report):
    found = said(report())
    assert "se_resnet has the highest test accuracy" in found
    assert "does not overlap that of resnet" in found


def test_a_tie(made_up):
    tables = gather(made_up(arms=("cnn", "resnet")), None)
    low, high = tables.entries
    result = low.record.result.model_copy(update={"test_accuracy": high.record.result.test_accuracy - 0.001})
    tables = replace(tables, entries=(with_record(low, result=result), high))
    assert "this study does not settle which of the two is better" in said(built(tables))


def test_seeds_that_overlap_are_a_tie(made_up):
    tables = gather(made_up(arms=("cnn", "resnet"), seeds=2), None)
    result = tables.entries[0].record.result
    same = tuple(with_record(entry, result=result) for entry in tables.entries)
    assert "The results of cnn and resnet overlap across seeds" in said(built(replace(tables, entries=same)))


def test_one_run_beside_several_overlaps_by_its_interval(made_up):
    tables = gather(made_up(arms=("cnn", "resnet"), seeds=2), None)
    result = tables.entries[0].record.result
    same = [with_record(entry, result=result) for entry in tables.entries]
    same[-1] = replace(same[-1], record=None)
    tables = replace(tables, entries=tuple(same))
    assert [summary.finished for summary in tables.summaries] == [2, 1]
    assert "The intervals of cnn and resnet overlap" in said(built(tables))


def test_a_run_that_diverged_is_told_with_its_numbers(report):
    found = report(diverged=("densenet",))
    warning = next(block for block in found.lead if isinstance(block, Note))
    told = unmarked(warning.text)
    assert warning.kind == "warning"
    for number in ("nan at step 231", "epoch 1", "0.0328", "2.61"):
        assert number in told
    assert "3 of 4 runs finished" in said(found)
    table = key_table(found)
    assert table.rows[2][4] == "no result"


def test_every_way_of_having_no_result_has_its_sentence(report):
    found = said(report(broken=("cnn",), unfinished=("resnet",), missing=("densenet",)))
    assert "No space left on <disk>." in found
    assert "stopped after step 392 of 1,755" in found
    assert "Not trained yet: densenet (seed 0)." in found
    assert "se_resnet reaches" in found


def test_numbers_a_failure_does_not_give_are_not_made_up(made_up):
    tables = gather(made_up(arms=("cnn",), diverged=("cnn",)), None)
    (entry,) = tables.entries
    bare = entry.record.failure.model_copy(update={"numbers": {"step": 3}})
    entry = with_record(entry, failure=bare)
    tables = replace(tables, entries=(entry,))
    assert "not recorded at step 3 (epoch not recorded" in said(built(tables))


def test_nothing_trained_makes_a_report_without_curves(report):
    found = report(missing=("cnn", "resnet", "densenet", "se_resnet"))
    assert "No run of this study has finished yet" in said(found)
    assert "so there are no curves" in said(found)
    # of the reference alone
    assert [figure.name for figure in found.figures] == ["losses-without-obstacles"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_shapes_is_said_in_the_first_line(report, language):
    found = report(data="shapes", epochs=1, steps=3, language=language)
    first = render(found).splitlines()[0]
    assert "CIFAR-10" in first
    assert ("not CIFAR-10" in first) or ("不是 CIFAR-10" in first)


def test_cifar_has_no_banner(report):
    assert report(arms=("cnn",), epochs=1, steps=1).banner is None


def test_the_stem_confound_is_named_with_the_numbers_of_the_records(report):
    found = said(report())
    assert "works on 16×16 feature maps, that of resnet on 8×8" in found
    assert "3.8 times the arithmetic (141M against 37.0M multiply-adds)" in found
    assert "is not the effect of SE" in found


def test_no_confound_no_warning(report):
    assert "effect of SE" not in said(report(arms=("cnn", "resnet")))


def test_equal_stems_are_not_called_different(made_up):
    tables = gather(made_up(arms=("resnet", "se_resnet")), None)
    plain, gated = tables.entries
    network = gated.record.network.model_copy(update={"macs": plain.record.network.macs})
    same = with_record(gated, network=network)
    tables = replace(tables, entries=(plain, same))
    assert "effect of SE" not in said(built(tables))


def test_a_confound_without_stages_still_names_the_arithmetic(made_up):
    tables = gather(made_up(arms=("resnet", "se_resnet")), None)
    bare = tuple(
        with_record(each, network=each.record.network.model_copy(update={"stages": ()}))
        for each in tables.entries
    )
    tables = replace(tables, entries=bare)
    found = said(built(tables))
    assert "3.8 times" in found
    assert "more than the gate: se_resnet takes" in found
    assert "The first convolution is" not in found


def test_the_first_convolution_is_worked_out_with_true_numbers(report):
    found = said(report())
    assert "⌊(32 + 2·2 − 5)/1⌋ + 1 = 32" in found
    assert "5·5·3·6 + 6 = 456 parameters" in found
    assert "7·7·3·64 = 9,408 parameters" in found


def test_structure_is_shown_to_the_letter(made_up):
    tables = gather(made_up(arms=("se_resnet",)), None)
    shown = [block.text for block in built(tables, "zh").blocks if isinstance(block, Code)]
    assert tables.entries[0].record.network.structure in shown


def test_a_network_nobody_described(report):
    assert "no description of this network" in said(report(arms=("mine",), epochs=1, steps=4))


def test_a_users_network_is_not_described_as_ours_whatever_its_file_is_called(made_up):
    tables = gather(made_up(arms=("cnn",), epochs=1, steps=4), None)
    arm = tables.record.study.arm[0].model_copy(update={"name": "cnn", "model": "resnet.py:Net"})
    study = tables.record.study.model_copy(update={"arm": (arm,)})
    record = tables.record.model_copy(update={"study": study})
    found = built(replace(tables, record=record))
    assert "no description of this network" in said(found)


@pytest.mark.parametrize(
    ("model", "shortcut"),
    [
        ("resnet20", "without parameters (option A"),
        ("resnet_nopool", "the shortcut is a 1×1 convolution"),
        ("plain20", "without adding the input"),
        ("se_resnet20", "The resnet of the same number with a gate in every block"),
        ("densenet22_k12", "three dense blocks with the same number of layers"),
    ],
)
def test_a_relative_of_a_classroom_network_is_described_as_it_is_built(report, model, shortcut):
    found = said(report(arms=(model,), epochs=1, steps=4))
    assert shortcut in found
    assert "As given" not in found


def test_what_is_not_begun_is_told_once_with_its_seeds(made_up):
    tables = gather(made_up(arms=("cnn", "resnet"), seeds=2, epochs=1, steps=4), None)
    entries = tuple(entry if entry.arm == "cnn" else replace(entry, record=None) for entry in tables.entries)
    found = built(replace(tables, entries=entries))
    notes = [unmarked(block.text) for block in found.lead if isinstance(block, Note)]
    assert [note.partition(".")[0] for note in notes] == ["Not trained yet: resnet (seed 0, 1)"]


def test_a_network_that_is_only_planned_is_shown(made_up):
    tables = gather(made_up(arms=("cnn", "resnet"), epochs=1, steps=4, missing=("resnet",)), None)
    card = tables.entries[0].record.network
    planned = tables.record.model_copy(update={"networks": (card, card)})
    found = built(replace(tables, record=planned))
    assert [b.text for b in found.blocks if isinstance(b, Code)].count(card.structure) == 2
    assert "There is no run of this network yet" not in said(found)


def test_recipes_that_differ_get_a_column_each(report):
    found = report(arms=("cnn", "resnet"), epochs=1, steps=4, recipes={"cnn": {"learning_rate": 0.1}})
    assert "recipes that differ" in said(found)
    table = next(b for b in found.blocks if isinstance(b, Table) and b.columns[0].title == "setting")
    rates = next(row for row in table.rows if row[0].startswith("learning rate"))
    assert rates[1:] == ("0.1", "0.02")


def test_runs_of_different_machines_are_listed_as_such(made_up):
    tables = gather(made_up(arms=("cnn", "resnet"), epochs=1, steps=4), None)
    one, other = tables.entries
    environment = other.record.environment.model_copy(update={"threads": 8, "git": None})
    other = with_record(other, environment=environment)
    tables = replace(tables, entries=(one, other))
    found = built(tables)
    rows = {
        row[0]: row[1] for b in found.blocks if isinstance(b, Table) and b.kind == "facts" for row in b.rows
    }
    assert rows["threads per run"] == "1 / 8"
    assert "not recorded" in rows["commit of skipscope"]
    assert "each value found is listed" in said(found)


def test_a_limited_training_split_is_said(made_up):
    tables = gather(made_up(arms=("cnn",), epochs=1, steps=4), None)
    study = tables.record.study.model_copy(update={"train_limit": 512})
    record = tables.record.model_copy(update={"study": study})
    found = built(replace(tables, record=record))
    assert "on 512 images" in said(found)
    assert any(
        row == ("of these, trained on", "512") for b in found.blocks if isinstance(b, Table) for row in b.rows
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "20m: 1 of 3 seeds, 1 of 5 epochs, 45,000 of 45,000"), ("zh", "20m 缩减：种子 1/3，轮数 1/5")],
)
def test_what_a_budget_left_is_said(made_up, language, expected):
    tables = gather(made_up(arms=("cnn",), epochs=1, steps=4), None)
    cut = Budget(asked="20m", seeds=3, epochs=5, images=45_000)
    record = tables.record.model_copy(update={"budget": cut})
    found = built(replace(tables, record=record), language)
    assert expected in said(found)
    assert "20m" not in said(built(tables, language))


def test_figures_are_numbered_in_order_and_drawn_from_tables(report):
    figures = list(report().figures)
    # two of them of claims that training alone measures
    assert [figure.number for figure in figures] == [f"A{number}" for number in range(1, 16)]
    assert len({figure.name for figure in figures}) == 15
    assert all(figure.spoken and figure.table.height for figure in figures)


def test_charts_fall_back_to_english_where_there_are_no_chinese_glyphs(made_up, monkeypatch):
    monkeypatch.setattr("skipscope.figures.rendering.vega.has_chinese", lambda: False)
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    build_report(workspace, None, formats={"md"}, language=None)
    folder = workspace.report_folder("lab")
    assert "没有含中文字形的字体" in (folder / "appendix.zh.md").read_text(encoding="utf-8")
    assert "training loss" in (folder / "figures" / "loss.zh.svg").read_text(encoding="utf-8")
    assert "没有含中文" not in (folder / "appendix.en.md").read_text(encoding="utf-8")


def test_a_run_that_stopped_early_is_not_compared_after_the_last_epoch(report):
    found = said(report(unfinished=("se_resnet",)))
    gaps = next(line for line in found.splitlines() if "in percentage points" in line)
    assert "resnet leads with 80.0%" in gaps
    assert "se_resnet +" not in gaps
    assert "se_resnet −" not in gaps
