"""`code.py`: the standalone program with a study filled in."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from skipscope.analysis.tables import gather
from skipscope.spec import load_study
from skipscope.submission.program import program, program_arms


def text_of(workspace):
    return program(*program_arms(gather(workspace, None)))


def executed(text, tmp_path):
    (tmp_path / "code.py").write_text(text, encoding="utf-8")
    return runpy.run_path(str(tmp_path / "code.py"))


@pytest.fixture
def text(made_up):
    return text_of(made_up(epochs=1, steps=4))


def test_it_is_a_file_that_a_checker_has_nothing_against(text, tmp_path):
    path = tmp_path / "code.py"
    path.write_text(text, encoding="utf-8")
    for command in (
        ["check", "--isolated", "--select", "F,E,I,D100,D101,D103", "--line-length", "110"],
        ["format", "--check", "--isolated", "--line-length", "110"],
    ):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(path)], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_it_trains_what_the_study_trained(made_up, tmp_path):
    recipes = {"cnn": {"nesterov": False}}
    text = text_of(made_up(arms=("resnet", "cnn"), seeds=2, epochs=3, steps=4, recipes=recipes))
    code = executed(text, tmp_path)
    shared = code["Recipe"](epochs=3, learning_rate=0.02, clip_norm=1.0)
    assert code["ARMS"] == {"resnet": ("resnet", shared), "cnn": ("cnn", shared._replace(nesterov=False))}
    assert (code["SEEDS"], code["LIMIT"], code["THREADS"]) == ({"resnet": 2, "cnn": 2}, None, 1)
    assert "bf16, fast kernels" in text


def test_an_arm_may_have_fewer_seeds(made_up, tmp_path):
    tables = gather(made_up(arms=("resnet", "cnn"), seeds=2, epochs=1, steps=4), None)
    study, *rest = program_arms(tables)
    first, second = study.arm
    study = study.model_copy(update={"arm": (first.model_copy(update={"seeds": 1}), second)})
    assert executed(program(study, *rest), tmp_path)["SEEDS"] == {"resnet": 1, "cnn": 2}


@pytest.mark.parametrize("fixed", [True, False])
def test_it_says_whether_seeds_drew_their_images(made_up, tmp_path, fixed):
    tables = gather(made_up(arms=("cnn",), seeds=2, epochs=1, steps=4), None)
    subset = "fixed" if fixed else "by_seed"
    for entry in tables.entries:
        ref = entry.record.spec.data.model_copy(update={"train_limit": 100, "subset": subset})
        spec = entry.record.spec.model_copy(update={"data": ref})
        object.__setattr__(entry, "record", entry.record.model_copy(update={"spec": spec}))
    assert executed(program(*program_arms(tables)), tmp_path)["FIXED"] is fixed


@pytest.mark.parametrize("variant", [{"arms": ("plain20",)}, {"data": "shapes"}])
def test_of_other_networks_or_data_it_is_the_assignments(made_up, tmp_path, variant):
    text = text_of(made_up(epochs=1, steps=4, **variant))
    code, lab = executed(text, tmp_path), load_study("lab")
    assert [network for network, _ in code["ARMS"].values()] == [arm.model for arm in lab.arm]
    assert code["RECIPE"].learning_rate == lab.recipe.learning_rate
    assert "computed in another way" not in text


def test_unfilled_it_is_the_assignments_too(made_up):
    shipped = (Path(__file__).parents[3] / "src/skipscope/submission/standalone.py").read_text("utf-8")
    filled = text_of(made_up(arms=("plain20",), epochs=1, steps=4))
    lines = [line for line in filled.splitlines(keepends=True) if "one recipe (skipscope" not in line]
    assert "".join(lines) == shipped


def test_a_reader_gets_through_it(text):
    assert len(text.splitlines()) <= 500


def test_it_names_the_networks_that_it_has_not(made_up, tmp_path):
    text = text_of(made_up(arms=("cnn", "plain20", "resnet20"), epochs=1, steps=4))
    assert "\n# Not in this file (此文件不含): plain20, resnet20\n" in text
    assert list(executed(text, tmp_path)["ARMS"]) == ["cnn"]


def test_what_was_not_trained_yet_is_as_it_was_asked_for(made_up, tmp_path):
    text = text_of(made_up(arms=("cnn",), epochs=1, steps=4, missing=("cnn",)))
    assert "\nRECIPE = Recipe(epochs=1, learning_rate=0.02, clip_norm=1.0)\n" in text


def test_a_title_cannot_end_the_comment(made_up, tmp_path):
    title = {"en": "A title\nraise SystemExit"}
    text = text_of(made_up(arms=("cnn",), epochs=1, steps=4, title=title))
    assert "\n# A title raise SystemExit (skipscope " in text
    assert list(executed(text, tmp_path)["ARMS"]) == ["cnn"]


def test_torch_is_not_needed_to_write_it():
    script = "import sys, skipscope.submission.archive, skipscope.cli.pack; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
