"""The reference: compact tables of our own studies, made from their records and from nothing else."""

import json
import runpy
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skipscope.analysis.alignment_quantities import ALIGNMENT_QUANTITIES
from skipscope.analysis.quantities import QUANTITIES
from skipscope.analysis.step_quantities import TOLD_QUANTITIES
from skipscope.analysis.tables import gather
from skipscope.api.plans import own_run
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import document, evaluate
from skipscope.claims.evidence import Evidence
from skipscope.records.store import Workspace
from skipscope.reference import shipped
from skipscope.reference.compact import card_of, table_of
from skipscope.spec import load_study, start_name

ROOT = Path(__file__).parents[3]
MAKER = runpy.run_path(str(ROOT / "tools" / "reference.py"), run_name="reference")


def test_a_table_has_what_claims_and_statements_rest_on(
    made_up: Callable[..., Workspace], with_readings: Callable[..., Workspace]
) -> None:
    tables = gather(with_readings(made_up(seeds=2)), None)
    table, evidence = table_of(tables), Evidence(tables, QUANTITIES)
    for quantity in ("test accuracy", "image order", "loss curve"):
        rows = table.filter(quantity=quantity, moment="end")
        for arm, seed, value in rows.select("arm", "seed", "value").iter_rows():
            kept, recorded = (
                np.ravel(each) for each in (json.loads(value), evidence.series(quantity)[arm][seed])
            )
            assert kept == pytest.approx(recorded, rel=1e-5)  # six digits are kept
        assert len(rows) == sum(map(len, evidence.series(quantity).values())) > 0
    asked = {part.quantity for claim in catalogue().values() for part in claim.parts.values()}
    told = ALIGNMENT_QUANTITIES.keys() | TOLD_QUANTITIES.keys()
    assert told <= set(table["quantity"]) <= asked | told
    assert not table.is_duplicated().any()


def test_a_card_says_what_was_run(made_up: Callable[..., Workspace]) -> None:
    tables = gather(made_up(seeds=3, diverged=("densenet",)), None)
    card = card_of(tables)
    done = [
        (entry.arm, entry.seed) for entry in tables.entries if entry.record and entry.record.state == "done"
    ]
    assert sorted((arm.arm, seed) for arm in card.arms for seed in arm.seeds) == sorted(done)
    assert {len(arm.seeds) for arm in card.arms} == {2, 3}  # one diverged
    assert card.commits
    assert card.machines
    assert card.images == tables.record.data.train
    assert {claim["id"] for claim in card.claims} == set(catalogue())
    found, asked = shipped.settled(card)
    assert asked == 26
    assert "S1" not in found


def test_equal_records_give_equal_bytes(made_up: Callable[..., Workspace]) -> None:
    tables = gather(made_up(), None)
    files = [MAKER["files_of"](table_of(tables), {"lab": card_of(tables)}) for _ in range(2)]
    assert files[0] == files[1]
    assert files[0].keys() == {shipped.TABLE, shipped.CARDS}


def test_what_ships_is_small_and_of_the_records() -> None:
    """The test accuracies of every run, as its record has them."""
    folder = ROOT / "src" / "skipscope" / "reference"
    assert sum((folder / name).stat().st_size for name in (shipped.TABLE, shipped.CARDS)) < shipped.LARGEST
    sources = {tables.record.study.name: tables for tables in MAKER["sources"]()}
    assert shipped.cards().keys() == sources.keys()
    for name, tables in sources.items():
        recorded: dict[str, dict[int, float]] = {}
        for entry in tables.entries:
            if entry.record and entry.record.result:
                accuracy = pytest.approx(100 * entry.record.result.test_accuracy)
                recorded.setdefault(entry.arm, {})[entry.seed] = accuracy
        assert shipped.values(name, "test accuracy") == recorded


@pytest.mark.slow
def test_what_ships_is_made_from_the_records_and_nothing_else() -> None:
    for name, content in MAKER["files_of"](*MAKER["made"]()).items():
        shown = (ROOT / "src" / "skipscope" / "reference" / name).read_bytes()
        assert content == shown, "make it again: python tools/reference.py"


def test_the_page_says_how_far_the_full_studies_are() -> None:
    said = MAKER["PAGE"].read_text(encoding="utf-8")
    assert MAKER["how_far"]() in said, "write it again: python tools/reference.py"


def test_the_full_records_hold_no_weights_and_no_image_of_the_data_set() -> None:
    files = [path.relative_to(MAKER["FULL"]) for path in MAKER["FULL"].rglob("*") if path.is_file()]
    tracked = [path for path in files if path.name not in {".gitignore", "SHA256SUMS"}]
    packed = [path for path in tracked if path.name.endswith(".tar.xz")]
    for path in packed:
        with tarfile.open(MAKER["FULL"] / path) as archive:
            tracked += [Path(name) for name in archive.getnames()]
    tracked = [path for path in tracked if path not in packed and not path.name.endswith(".claims.json")]
    assert {path.parts[0] for path in tracked} <= {"runs", "studies", "start"}
    of_runs = {path.name for path in tracked if path.parts[0] == "runs"}
    assert of_runs <= {"run.json", "metrics.jsonl", "readings.parquet", "test.npz"}


def test_the_claims_beside_a_study_are_those_of_its_records() -> None:
    """Twelve settled claims is what an evening is to bring."""
    written = json.loads((MAKER["FULL"] / "evening.claims.json").read_text(encoding="utf-8"))
    tables = gather(Workspace(MAKER["FULL"] / "evening.tar.xz"), "evening")
    assert written == document("evening", evaluate(tables))
    settled, of = shipped.settled(shipped.cards()["evening"])
    assert (len(settled) >= 12, of) == (True, 26)


def test_a_plan_says_what_our_own_run_settled() -> None:
    [told] = own_run(load_study("fair"))
    assert told.startswith("our own run of fair (")
    assert " of 26 claims" in told
    assert list(own_run(load_study("paper"))) == []


def test_packing_a_complete_study_leaves_what_another_one_needs(
    made_up: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study without all its seeds shares a run of the complete one: it goes into the archive, and stays."""
    workspace, space = made_up(seeds=5), MAKER["pack"].__globals__
    (whole,) = workspace.studies()
    shared = whole.members[0]
    part = whole.study.model_copy(update={"name": "stem"})
    workspace.write_study(whole.model_copy(update={"study": part, "members": (shared,)}))
    wanted = {"stem": [(None, 1, 5)]}
    monkeypatch.setitem(space, "seeds_of", lambda name, *_: wanted.get(name, [(None, 5, 5)]))
    monkeypatch.setitem(space, "FULL", workspace.path)
    space["pack"](workspace)
    assert [study.study.name for study in workspace.studies()] == ["stem"]
    assert [run.id for run in workspace.runs()] == [shared.run]
    packed = Workspace(workspace.path / f"{whole.study.name}.tar.xz")
    assert {run.id for run in packed.runs()} == {member.run for member in whole.members}


def test_the_start_of_a_network_is_kept_of_as_many_seeds_as_any_study_has(
    made_up: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, space, kept = made_up(), MAKER["keep"].__globals__, tmp_path / "kept"
    (record,) = workspace.studies()
    file = workspace.start_file(start_name(record.study.arm[0].model, record.data.sha256))
    file.parent.mkdir(exist_ok=True)
    monkeypatch.setitem(space, "FULL", kept)
    monkeypatch.setitem(space, "gather", lambda *_: None)
    monkeypatch.setitem(space, "records", lambda *_: [(f"start/{file.name}", file.read_bytes())])
    for content, there in (
        (b"ten seeds", b"ten seeds"),
        (b"twenty seeds", b"twenty seeds"),
        (b"ten", b"twenty seeds"),
    ):
        file.write_bytes(content)
        space["keep"](workspace)
        assert (kept / "start" / file.name).read_bytes() == there


def test_runs_that_have_not_finished_are_not_kept_and_those_that_are_stay(
    made_up: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped study has checkpoints and snapshots in the folders of its unfinished runs."""
    workspace, space, kept = made_up(unfinished=("resnet",)), MAKER["keep"].__globals__, tmp_path / "kept"
    monkeypatch.setitem(space, "FULL", kept)
    done = {run.id for run in workspace.runs() if run.state == "done"}
    assert len(done) < len(list(workspace.runs()))
    space["keep"](workspace)
    folders = {path.name: path for path in (kept / "runs").iterdir()}
    assert folders.keys() == done
    for folder in folders.values():
        (folder / "run.json").write_text("as it was", encoding="utf-8")
    space["keep"](workspace)
    assert {(folder / "run.json").read_text(encoding="utf-8") for folder in folders.values()} == {"as it was"}


def test_a_run_that_was_measured_on_is_kept_anew(
    made_up: Callable[..., Workspace],
    with_readings: Callable[..., Workspace],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, space, kept = made_up(), MAKER["keep"].__globals__, tmp_path / "kept"
    monkeypatch.setitem(space, "FULL", kept)
    space["keep"](workspace)
    assert not list((kept / "runs").rglob("readings.parquet"))
    space["keep"](with_readings(workspace))
    measured = [run.id for run in workspace.runs() if workspace.run_folder(run.id).readings().height]
    assert measured
    for run in measured:
        found = (kept / "runs" / run / "readings.parquet").read_bytes()
        assert found == (workspace.run_folder(run).path / "readings.parquet").read_bytes()
