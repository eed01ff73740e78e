"""What a report says of readings made while training, and of pictures."""

import dataclasses
import json
import re
from base64 import b64decode

import numpy as np
import polars as pl
import pytest
from documents import built, said, section
from made_up_evidence import readings
from made_up_pictures import Undrawn

from skipscope.analysis.tables import gather
from skipscope.records.readings import START, schema_1_text
from skipscope.report import build_report
from skipscope.report.document import Code, Table
from skipscope.report.galleries import Gallery
from skipscope.report.words import unmarked


def changed(tables, rows):
    """The tables with these readings of the first run: (probe, step, place, quantity): value."""
    run = tables.entries[0].run
    keys = pl.struct("probe", "step", schema_1_text(), "quantity")
    chosen = readings([(run, *key, value) for key, value in rows.items()])
    kept = tables.raw_readings.filter(
        (pl.col("run") != run) | ~keys.is_in(chosen.select(keys).to_series().implode())
    )
    return dataclasses.replace(tables, raw_readings=pl.concat([kept, chosen]))


def test_sections_are_numbered_as_they_come(small_report):
    found = small_report()
    assert "".join(each.number for each in found.sections) == "ABCDEFGH"[: len(found.sections)]
    names = [each.id for each in found.sections]
    assert names.index("networks") < names.index("while-training") < names.index("explanation")
    assert [part.number for part in section(found, "while-training").sections] == ["C.1", "C.2", "C.3", "C.4"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_figures_and_galleries_share_one_numbering(small_report, language):
    found = small_report(seeds=2, language=language)
    numbers = [figure.number for figure in (*found.figures, *found.galleries)]
    assert sorted(numbers) == sorted(f"A{number + 1}" for number in range(len(numbers)))
    names = [figure.name for figure in (*found.figures, *found.galleries)]
    assert len(names) == len(set(names))
    assert all(each.spoken and each.caption for each in (*found.figures, *found.galleries))


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0.01, "the ratio is farthest from 1 in cnn: 0.010, against 0.50 at the start."),
        (30.0, "the ratio is farthest from 1 in cnn: 30, against 0.50 at the start."),
        (0.9, "the ratio lies between 1/2 and 2 in every network."),
    ],
)
def test_a_ratio_of_gradients_is_told_as_a_ratio_at_both_moments(small, ratio, expected):
    tables = small()
    first = tables.readings.filter(pl.col("probe") == "gradient_flow")["step"].min()
    steps = ((first, 0.5), (32, ratio))
    rows = {("gradient_flow", step, "first/last", "output_l2"): value for step, value in steps}
    text = said(section(built(changed(tables, rows)), "while-training"))
    assert f"cnn {ratio:g}" in text
    assert f"At the end, {expected}" in text


def test_what_textbooks_say_is_a_question(small_report):
    questions = [
        line
        for line in said(section(small_report(), "while-training")).splitlines()
        if "textbook's question" in line
    ]
    assert len(questions) == 4
    assert all(line.endswith("?") for line in questions)


def test_a_network_tells_its_fastest_layer_and_its_dead_channels(small):
    tables = small(arms=("cnn",))
    steps = tables.readings.filter(pl.col("probe") == "update_ratio")["step"].unique()
    rows = {("update_ratio", step, "fc2", "ratio"): 0.5 for step in steps}
    rows |= {("activations", 32, f"relu{call}", "dead"): 0.0 for call in ("", ":2", ":3", ":4")}
    text = said(section(built(changed(tables, rows)), "networks"))
    assert "largest in fc2 (0.50)" in text
    assert "no channel is dead at the end" in text
    rows |= {("activations", 32, "relu:3", "dead"): 0.5}
    assert "12.5% of their channels are dead at the end, most in relu:3 (50.0%)" in said(
        section(built(changed(tables, rows)), "networks")
    )


def test_silent_units_of_every_network_stand_in_a_table(small_report):
    found = small_report()
    part = section(found, "while-training").sections[2]
    (table,) = (block for block in part.blocks if isinstance(block, Table))
    assert [unmarked(row[0]) for row in table.rows] == ["cnn", "resnet", "densenet", "se_resnet"]


def test_networks_without_shortcuts_are_said_to_have_none(small_report):
    text = said(section(small_report(arms=("cnn",)), "while-training"))
    assert "No network here adds f(x) to x." in text


def test_examples_are_images_of_the_sample_and_are_listed(small, small_report):
    tables = small()
    first, never = (g for g in small_report().galleries if g.name in ("learnt-first", "learnt-never"))
    assert first.table["learnt"].unique().to_list() == [1.0]
    assert never.table["learnt"].unique().to_list() == [0.0]
    for gallery in (first, never):
        assert len(gallery.tiles) == gallery.table.height <= 10
        for tile, image in zip(gallery.tiles, gallery.table["image"], strict=True):
            assert (tile.picture == tables.sample["images"][image]).all()
    assert "epoch 1" in first.tiles[0].caption


def test_surest_errors_are_shown_with_class_answer_and_confidence(small):
    tables = small(arms=("cnn",))
    rows = {("answers", 32, "sample 7", "answer"): 2.0, ("answers", 32, "sample 7", "confidence"): 0.9987}
    found = built(changed(tables, rows))
    gallery = next(g for g in found.galleries if g.name.startswith("errors"))
    assert gallery.table.row(0) == (7, 7 * 3, "horse", "bird", 0.9987)
    assert unmarked(gallery.tiles[0].caption).replace("\u00a0", " ") == "horse → bird, 99.9%"
    assert "horse is taken for bird with 99.9%" in said(section(found, "networks")).replace("\u00a0", " ")
    chinese = next(g for g in built(changed(tables, rows), "zh").galleries if g.name.startswith("errors"))
    assert unmarked(chinese.tiles[0].caption).startswith("马 → 鸟")


def test_the_steps_lead_from_the_image_through_one_kernel(small_report):
    gallery = next(g for g in small_report(arms=("resnet",)).galleries if g.steps)
    captions = [unmarked(tile.caption) for tile in gallery.tiles]
    assert captions[0] == "the image (airplane) and the window"
    assert captions[1] == "the window, 7×7"
    assert re.fullmatch(r"kernel \d+ of 64; grey is 0", captions[2])
    assert captions[4:] == [
        f"{stage}: 16 channels, {side}×{side}"
        for stage, side in (("conv1", 16), ("layer1", 8), ("layer2", 4), ("layer3", 2), ("layer4", 1))
    ]
    assert gallery.table["stage"].to_list() == ["conv1", "layer1", "layer2", "layer3", "layer4"]


def test_runs_older_than_the_probes_say_so_and_name_the_commands(made_up):
    tables = gather(made_up(arms=("cnn", "resnet"), epochs=1, steps=4), None)
    found = built(tables)
    text = said(section(found, "while-training"))
    assert "Nothing was measured while cnn and resnet trained" in text
    assert "skipscope run lab --workspace NEW-FOLDER" in text
    text = said(section(found, "pictures"))
    here = f"-w {tables.workspace.path}"
    assert all(f"skipscope probe {entry.run} {here}" in text for entry in tables.entries)
    blocks = (block for part in found.sections for block in part.all_blocks)
    again = "".join(block.text for block in blocks if isinstance(block, Code))
    assert f"skipscope report lab {here}" in again
    assert not list(found.galleries)


def test_one_network_without_readings_is_named_and_the_others_are_shown(small):
    tables = small(arms=("cnn", "resnet"))
    run = tables.entries[1].run
    others = tables.raw_readings.filter(pl.col("run") != run)
    tables = dataclasses.replace(tables, raw_readings=others, pictures={"cnn": tables.pictures["cnn"]})
    found = built(tables)
    assert "Nothing was measured while resnet trained" in said(section(found, "while-training"))
    assert f"skipscope probe {run}" in said(section(found, "pictures"))
    assert any(figure.name == "gradients-end" for figure in found.figures)


@pytest.mark.parametrize("ending", ["unfinished", "missing", "broken"])
def test_a_network_that_did_not_come_to_its_end_is_told_as_far_as_it_goes(small_report, ending):
    found = small_report(arms=("cnn", "resnet"), epochs=5, **{ending: ("resnet",)})
    learning = section(found, "while-training").sections[3]
    assert "resnet" not in said(learning).split("The class with the lowest accuracy")[0]
    assert any(gallery.name == "errors-1-cnn" for gallery in found.galleries)


def test_networks_that_were_measured_as_they_start_only_are_compared_there(small):
    tables = small(arms=("cnn", "resnet"))
    arms = {entry.run: entry.arm for entry in tables.entries}
    begun = tables.raw_readings.filter(pl.col("step") == 0)
    start = begun.with_columns(arm=pl.col("run").replace_strict(arms), seed=pl.lit(7, pl.Int64))
    entries = tuple(dataclasses.replace(entry, record=None) for entry in tables.entries)
    metrics, nothing = tables.metrics.clear(), tables.raw_readings.clear()
    more = {"metrics": metrics, "raw_readings": nothing, "start": start.select("arm", *START)}
    found = section(built(type(tables)(record=tables.record, entries=entries, **more)), "while-training")
    text = said(found)
    assert "Ratio of its norm at the first convolution to that at the last, before training: cnn" in text
    assert "Before training, the ratio " in text
    assert "at the end" not in text.lower()
    assert not found.sections


@pytest.mark.parametrize("variant", [{"unfinished": ("cnn", "resnet")}, {"missing": ("cnn", "resnet")}])
def test_a_study_in_which_nothing_is_finished_is_drawn_as_far_as_it_goes(small_report, variant):
    found = small_report(arms=("cnn", "resnet"), epochs=5, **variant)
    assert not list(found.galleries)
    if "unfinished" in variant:
        assert "not known which images stay right" in said(section(found, "while-training"))


def test_the_page_holds_its_pictures_and_stays_small(made_up, with_readings, monkeypatch):
    monkeypatch.setattr("skipscope.figures.rendering.vega.library", lambda: "window.vegaEmbed = () => {};")
    workspace = with_readings(made_up(epochs=2, steps=16), sample=200, validation=400)
    (path,) = build_report(workspace, None, formats={"html"})
    page = path.read_text(encoding="utf-8")
    shown = re.findall(r'<img data-picture="([^"]+)"', page)
    embedded = re.search(r'<script type="application/json" id="pictures">(.*?)</script>', page)
    assert embedded is not None
    pictures = json.loads(embedded[1])
    assert len(shown) > 100
    assert set(shown) == pictures.keys()  # both languages show the same
    assert all(b64decode(picture)[8:12] == b"WEBP" for picture in pictures.values())
    assert all(re.findall(r'alt="([^"]*)"', page))
    assert len(page.encode()) < 3_000_000


def test_markdown_has_its_pictures_as_files_with_tables_beside_them(made_up, with_readings, monkeypatch):
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    workspace = with_readings(made_up(arms=("cnn",), epochs=2, steps=16))
    for path in build_report(workspace, None, formats={"md"})[-2:]:  # the appendix
        text = path.read_text(encoding="utf-8")
        shown = re.findall(r"\]\((figures/[^)]+\.png)\)", text)
        assert len(shown) == len(set(shown)) > 20
        assert all((path.parent / name).read_bytes().startswith(b"\x89PNG") for name in shown)
        width = None
        for line in text.splitlines():
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
            assert width is None or cells is None or cells == width
            width = cells
        for bold in (match for line in text.splitlines() for match in list(re.finditer(r"\*\*", line))[1::2]):
            line = bold.string
            after = line[bold.end() : bold.end() + 1]
            assert line[bold.start() - 1].isalnum() or not after.isalnum(), line
    gallery = workspace.report_folder("lab") / "figures" / "errors-1-cnn.csv"
    assert pl.read_csv(gallery).columns == ["image", "position", "label", "answer", "confidence"]


def test_tiles_say_how_large_they_are_drawn(small_report):
    gallery = next(g for g in small_report(arms=("cnn",)).galleries if g.name.startswith("errors"))
    assert isinstance(gallery, Gallery)
    assert gallery.tiles[0].side == (128, 128)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_what_is_no_finite_number_is_no_end_of_a_report(small, language, everywhere):
    """As of a run whose weights have overflown: of its readings the values are null, of its maps infinite."""
    tables = small(seeds=2)
    gone = {entry.run for entry in tables.entries if everywhere or entry.arm == tables.arms[0]}
    value = pl.when(pl.col("run").is_in(gone)).then(None).otherwise(pl.col("value"))
    pictures = {
        arm: {
            name: np.full(x.shape, np.inf) if name.startswith(("filters", "maps/")) else x
            for name, x in found.items()
        }
        for arm, found in tables.pictures.items()
    }
    nulls = tables.raw_readings.with_columns(value=value)
    found = built(dataclasses.replace(tables, raw_readings=nulls, pictures=pictures), language)
    assert not re.search(r"\b(nan|inf|None)\b", said(found))
