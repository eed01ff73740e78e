"""What a report says of trained networks."""

import re
from dataclasses import replace

import polars as pl
import pytest
from documents import built, said, section

from skipscope.report.appendix import trained
from skipscope.report.document import Note, Table


def replaced(tables, probe, change):
    """The tables with other readings by one probe: `change(frame)`."""
    raw = tables.raw_readings
    chosen = raw.filter(pl.col("probe") == probe)
    kept = raw.filter(pl.col("probe") != probe)
    return replace(tables, raw_readings=pl.concat([kept, change(chosen)]))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_part_has_its_sentence_and_its_question(small_report, language):
    part = section(small_report(seeds=2, language=language), "trained")
    names = [each.id.removeprefix("trained-") for each in part.sections]
    assert names == [
        "readouts", "deletion", "reinitialisation", "branch_scale", "landscape", "curvature", "shattering",
        "agreement", "alignment", "redundancy", "inside",
    ]  # fmt: skip
    question = {"en": "textbook's question", "zh": "教科书的问题"}[language]
    assert said(part).count(question) == len(names) - 1  # what only some have is asked in their own sections
    assert not any(isinstance(block, Note) for block in part.blocks)


def test_numbers_are_those_of_the_readings(small):
    def eigenvalues(frame):
        number = (
            pl.col("run")
            .str.extract(r"^([a-z_]+)-s")
            .replace_strict({"cnn": 100.0, "resnet": 20.0, "densenet": 40.0, "se_resnet": 25.0})
        )
        top = pl.col("quantity") == "top_eigenvalue"
        return frame.with_columns(value=pl.when(top).then(number).otherwise("value"))

    tables = small()
    text = said(section(built(replaced(tables, "curvature", eigenvalues)), "trained"))
    assert "cnn 100, resnet 20, densenet 40 and se_resnet 25" in text
    assert "The largest eigenvalue of cnn is 5.0 times that of resnet." in text

    def alike(frame):
        top = pl.col("quantity") == "top_eigenvalue"
        return frame.with_columns(value=pl.when(top).then(10.0).otherwise("value"))

    text = said(section(built(replaced(tables, "curvature", alike)), "trained"))
    assert "The networks differ by a factor of at most 1.0." in text


def test_blocks_reset_branches_and_cosines_are_told_before_and_after(small):
    def cosines(frame):
        mean, start = pl.col("quantity") == "mean_cosine", pl.col("step") == 0
        value = pl.when(mean & start).then(0.5).when(mean).then(0.125).otherwise(-0.25)
        return frame.with_columns(value=value)

    tables = replaced(small(arms=("cnn", "resnet")), "gradient_confusion", cosines)
    parts = {each.id.removeprefix("trained-"): each for each in section(built(tables), "trained").sections}
    text = said(parts["agreement"])
    assert "before training: cnn 0.50 and resnet 0.50; after training: cnn 0.12 and resnet 0.12." in text
    (table,) = (block for block in parts["agreement"].blocks if isinstance(block, Table))
    assert table.rows[0][1:] == ("0.50", "−0.25", "0.12", "−0.25")
    assert "in the median block, before training: resnet 0." in said(parts["branch_scale"])
    assert "cnn" not in said(parts["branch_scale"])
    assert re.search(r"ranges from −\d+\.\d \(.* of .*\) to −\d", said(parts["reinitialisation"]))


def test_a_network_of_its_own_kind_tells_of_reuse_gates_and_blocks(small_report):
    networks = section(small_report(), "networks").sections
    of = {each.arm: said(each) for each in networks if each.arm}
    assert "Feature reuse" in of["densenet"]
    assert "Gates." in of["se_resnet"]
    assert "With one of its 8 blocks removed" in of["resnet"]
    assert "Feature reuse" not in of["resnet"]
    assert "Gates." not in of["resnet"]
    assert all("On the sampled plane in weight space" in text for text in of.values())


def test_all_gates_replaced_cost_what_was_measured(small):
    planted = {"one": -0.123, "mean": -0.02, "other": 0.01}

    def change(frame):
        of_all = pl.col("module").is_null() & (pl.col("quantity") == "accuracy_change")
        value = pl.when(of_all).then(pl.col("replacement").replace_strict(planted, default=0.5))
        return frame.with_columns(value=value.otherwise("value"))

    found = built(replaced(small(arms=("se_resnet",)), "gate_surgery", change))
    text = said(section(found, "networks"))
    assert "in percentage points: −12.3 by 1, −2.0 by the mean of each channel" in text
    assert "+1.0 by the gates of another image" in text


@pytest.mark.parametrize("without", trained.ON_ANY_NETWORK)
def test_a_probe_that_is_missing_is_named_with_the_command_that_adds_it(small, without):
    tables = replaced(small(), without, lambda frame: frame.filter(~pl.col("run").str.starts_with("cnn")))
    notes = [block for block in section(built(tables), "trained").blocks if isinstance(block, Note)]
    assert len(notes) == 1
    assert f"skipscope probe {tables.entries[0].run}" in notes[0].text
    assert "`resnet`" not in notes[0].text


def test_nothing_finished_is_said(small_report):
    part = section(small_report(arms=("cnn",), unfinished=("cnn",)), "trained")
    assert not part.sections
    assert "No run has finished yet" in said(part)


def test_figures_are_numbered_in_the_order_of_the_page(small_report):
    numbers = [int(figure.number[1:]) for figure in small_report(arms=("se_resnet",)).figures]
    assert numbers == sorted(numbers)
