"""Workspaces, runs and claims as a notebook shows them."""

import base64
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import skipscope
from skipscope.api.claims import Claim
from skipscope.api.runs import Run
from skipscope.api.shown import Link, Shown
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.errors import UnknownName
from skipscope.records import store

MakeUp = Callable[..., store.Workspace]


@pytest.fixture
def lab(made_up: MakeUp) -> skipscope.Workspace:
    return skipscope.Workspace(made_up(seeds=1, epochs=2, steps=8, arms=("cnn", "resnet")))


def text(shown: Shown) -> str:
    return shown._repr_mimebundle_()["text/plain"]


def html(shown: Shown) -> str:
    """The HTML, well-formed, with pictures by what they say."""
    whole = shown._repr_mimebundle_(include={"text/html"}, exclude=None)["text/html"]
    closed = re.sub(r"<(img|br)([^>]*)>", r"<\1\2/>", whole)
    ET.fromstring(f"<body>{closed}</body>")
    return whole


def pictures(shown: Shown) -> list[ET.Element]:
    found = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", html(shown))
    return [ET.fromstring(base64.b64decode(each)) for each in found]


def test_a_workspace_is_its_results_its_curves_and_its_report(lab: skipscope.Workspace) -> None:
    said = text(lab)
    assert said.startswith("Study lab in ")
    assert re.search(r"^resnet +11,181,642 +37\.0M", said, re.MULTILINE)
    assert said.endswith("No report was written yet: .report() does it.")
    assert "<code>resnet</code>" in html(lab)
    assert [each.tag.rpartition("}")[2] for each in pictures(lab)] == ["svg", "svg"]


def test_its_report_is_linked_once_it_is_written(
    lab: skipscope.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = lab.report()
    page = lab.path / "reports" / "lab" / "report.html"
    assert report.files == (page,)
    assert Path(report) == page
    assert f"Report: {page}" in text(lab)
    assert f"href='{page.as_uri()}'" in html(lab)
    monkeypatch.chdir(lab.path.parent)
    assert "href='workspace/reports/lab/report.html'" in html(report)  # a notebook's server knows this one
    assert repr(report) == f"Report({page})"


def test_a_path_in_a_link_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Link(text="Report", path=Path("my 实验/a'b.html")).address == "my%20%E5%AE%9E%E9%AA%8C/a%27b.html"


def test_other_formats_start_processes_and_need_the_guard(
    lab: skipscope.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("skipscope.api.workspace.refuse_unguarded", asked.append)
    monkeypatch.setattr("skipscope.api.workspace.build_report", lambda *_, formats, **__: sorted(formats))
    assert lab.report(formats=["md", "html"]).files == ("html", "md")
    assert asked == ["Workspace.report"]
    assert lab.report(formats="html").files == ("html",)
    assert len(asked) == 1


def test_runs_are_records_with_a_table(lab: skipscope.Workspace) -> None:
    runs = lab.runs()
    assert [type(run) for run in runs] == [Run, Run]
    assert [run.arm for run in runs] == ["cnn", "resnet"]
    assert text(runs).splitlines()[0].split() == (
        ["run", "arm", "state", "epochs", "validation", "test", "time", "images/s"]
    )
    assert html(runs).count("<tr>") == 3
    (record, _) = store.Workspace(lab).runs()
    assert runs[0].model_dump_json() == record.model_dump_json()
    assert runs[0].result == record.result
    assert pickle.loads(pickle.dumps(runs[0])).curves().epochs.equals(runs[0].curves().epochs)


def test_a_run_is_its_row_and_its_curves(lab: skipscope.Workspace) -> None:
    run = lab.run(lab.runs()[1].id)
    assert f"{run.id}  resnet  done" in text(run)
    assert len(pictures(run)) == 2
    assert set(run.curves().steps["arm"]) == {"resnet"}


def test_a_run_that_failed_says_why(made_up: MakeUp) -> None:
    lab = skipscope.Workspace(made_up(seeds=1, epochs=2, steps=8, arms=("cnn", "resnet"), diverged=("cnn",)))
    run = next(each for each in lab.runs() if each.state == "failed")
    assert run.failure is not None
    assert run.failure.message.splitlines()[0] in text(run)


def test_curves_are_tables_and_pictures_in_both_languages(lab: skipscope.Workspace) -> None:
    curves = lab.curves()
    assert set(curves.epochs["arm"]) == {"cnn", "resnet"}
    assert len(pictures(curves)) == 4
    assert "训练损失" in text(lab.curves(lang="zh"))
    with pytest.raises(UnknownName, match="language 'fr'"):
        lab.curves(lang="fr")
    with pytest.raises(UnknownName, match="zh"):
        lab.curves(lang="cn")


def test_claims_are_verdicts_by_their_ids(lab: skipscope.Workspace) -> None:
    claims = lab.claims()
    assert [claim.row() for claim in claims.values()] == [each.row() for each in evaluate(lab)]
    first, name = next((id, each.en.name) for id, each in catalogue().items())
    assert isinstance(claims[first], Claim)
    assert re.search(rf"^{first} +{name[:20]}", text(claims), re.MULTILINE)
    assert text(claims[first]).startswith(f"{first} {name} (")
    assert "<strong>" in html(claims[first])
    assert repr(claims).startswith(f"Claims({first}: ")
    assert json.loads(claims[first].model_dump_json())["id"] == first
    assert "梯度" in text(lab.claims(lang="zh"))


def test_an_error_of_the_records_is_shown_and_not_raised(tmp_path: Path, lab: skipscope.Workspace) -> None:
    assert "There is no study in this workspace." in text(skipscope.Workspace(tmp_path))
    (lab.path / "studies" / "lab.json").write_text("<no record>", encoding="utf-8")
    assert str(lab.path / "studies" / "lab.json") in text(lab)
    assert [run.arm for run in lab.runs()] == ["cnn", "resnet"]  # as their networks are called
    assert text(lab.runs()[0]).count("\n") == 1


def test_what_a_user_names_is_no_markup(made_up: MakeUp) -> None:
    lab = skipscope.Workspace(made_up(seeds=1, epochs=2, steps=8, arms=("cnn", "resnet")))
    run = lab.runs()[0].model_copy(update={"arm": "<script>alert(1)</script>"})
    assert "<script" not in html(run)
    assert "&lt;script&gt;" in html(run)


def test_a_workspace_stands_where_a_path_may(lab: skipscope.Workspace) -> None:
    assert skipscope.Workspace(lab).path == lab.path
    assert skipscope.Workspace().path == Path("skipscope-out")
    assert repr(lab) == f"Workspace({str(lab.path)!r})"
