"""Studies as people write them, and the runs they resolve to."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from skipscope.errors import SpecError, UnknownName
from skipscope.spec import Arm, DataRef, Recipe, RunSpec, StudySpec, load_study, shipped_studies

REF = DataRef(name="shapes", sha256="0" * 64)
RECIPE = Recipe(precision="fp32", memory_format="contiguous", kernels="stock", threads=1)


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_studies_load() -> None:
    assert {"demo", "lab", "paper"} <= set(shipped_studies())
    for name in shipped_studies():
        study = load_study(name)
        assert study.name == name
        assert set(study.title) == {"en", "zh"}


def test_lab_has_one_recipe_for_its_four_arms() -> None:
    lab = load_study("lab")
    assert [arm.label for arm in lab.arm] == ["cnn", "resnet", "densenet", "se_resnet", "resnet_noskip"]
    assert {lab.recipe_of(arm) for arm in lab.arm} == {lab.recipe}
    assert lab.recipe.epochs == 5


def test_paper_has_the_papers_recipes() -> None:
    """He et al. 2015, section 4.2; Huang et al. 2017, section 4.2."""
    paper = load_study("paper")
    recipes = {arm.label: paper.recipe_of(arm) for arm in paper.arm}
    steps = {arm: (r.learning_rate, r.milestones, r.warmup_epochs, r.clip_norm) for arm, r in recipes.items()}
    assert set(steps.values()) == {(0.1, (0.5, 0.75), 0, None)}
    common = {(r.momentum, r.weight_decay, r.augmentation, r.label_smoothing) for r in recipes.values()}
    assert common == {(0.9, 1e-4, "crop_flip", 0)}
    of_he = {arm for arm, r in recipes.items() if (r.epochs, r.batch_size, r.nesterov) == (164, 128, False)}
    of_huang = {arm for arm, r in recipes.items() if (r.epochs, r.batch_size, r.nesterov) == (300, 64, True)}
    assert of_he == {"plain20", "resnet20", "se_resnet20", "resnet32", "plain56", "resnet56"}
    assert of_huang == {"densenet40_k12", "densenet_bc100_k12"}


def test_an_arm_overrides_keys_of_the_recipe(tmp_path: Path) -> None:
    first = '[recipe]\nepochs = 3\n[[arm]]\nmodel = "cnn"\n'
    text = first + '[[arm]]\nmodel = "cnn"\nname = "slow"\nrecipe.learning_rate = 0.001\n'
    study = load_study(write(tmp_path, text))
    assert study.name == "mine"
    plain, slow = (study.recipe_of(arm) for arm in study.arm)
    assert slow == plain.model_copy(update={"learning_rate": 0.001})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seeds = [", "not a TOML file"),
        ('[arm]\nmodel = "cnn"', "arm: several may stand here: write it in brackets"),
        ('title = "t"\n[[arm]]\nmodel = "cnn"', "title: this is a table"),
        ('name = "a b"\n[[arm]]\nmodel = "cnn"', "name: ' ' cannot be in a name"),
        ("seeds = 1", "arm: this key is missing"),
        ('[[arm]]\nmodel = "cnn"\n[recipe]\nepoch = 3', "line 4, recipe.epoch: there is no such key"),
        ('data = "../x"\n[[arm]]\nmodel = "cnn"', "data: '/' cannot be in a name"),
        ('[[arm]]\nmodel = "cnn"\n[[arm]]\nmodel = "cnn"', "two arms are called 'cnn'"),
        ('[[arm]]\nmodel = "cnn"\nrecipe.epochs = 0', "line 3, arm.0.recipe.epochs"),
        ('[[arm]]\nmodel = "cnn"\n[arm.recipe]\nseed = 1', "line 4, arm.0.recipe.seed: there is no such"),
        ('[[arm]]\nmodel = "cnn"\n[recipe]\nmomentum = 0', "nesterov"),
        ('[[arm]]\nmodel = "cnn"\n\n[[arm]]\nname = "x"', "line 4, arm.1.model: this key is missing"),
        ('recipe = { epochs = 0 }\n[[arm]]\nmodel = "cnn"', "line 1, recipe.epochs: Input should be"),
        ('title.en = """\nseeds = 0\n"""\nseeds = 0\n[[arm]]\nmodel = "cnn"', "line 4, seeds: Input"),
        (f'# {"x" * 8000}\nseeds = 0\n[[arm]]\nmodel = "cnn"', "seeds: Input should be greater"),
        ('name = "../x"\n[[arm]]\nmodel = "cnn"', "name: '/' cannot be in a name"),
        ('seeds = true\n[[arm]]\nmodel = "cnn"', "line 1, seeds: this is a whole number"),
        ('seeds = true\n[[arm]]\nmodel = "cnn"', "(it says true)"),
        ('seeds = "3"\n[[arm]]\nmodel = "cnn"', "seeds: this is a whole number"),
        (
            'seeds = 2\n[[arm]]\nmodel = "cnn"\nseeds = 3',
            "line 4, arm.0.seeds: these are more than the study's 2",
        ),
        ('initial_seeds = 2.0\n[[arm]]\nmodel = "cnn"', "(it says 2.0)"),
        ('recipe.epochs = true\n[[arm]]\nmodel = "cnn"', "recipe.epochs: this is a whole number"),
        ('recipe.learning_rate = "0.1"\n[[arm]]\nmodel = "cnn"', "recipe.learning_rate: this is a number"),
        ('recipe.momentum = false\n[[arm]]\nmodel = "cnn"', "recipe.momentum: this is a number"),
        ('recipe.milestones = ["0.5"]\n[[arm]]\nmodel = "cnn"', "recipe.milestones.0: this is a number"),
        ('recipe.nesterov = "no"\n[[arm]]\nmodel = "cnn"', "recipe.nesterov: this is true or false"),
        (
            'recipe.threads = true\n[[arm]]\nmodel = "cnn"',
            "line 1, recipe.threads: Input should be 'auto', or: this is a whole number",
        ),
        (
            'recipe.precision = "x"\n[[arm]]\nmodel = "cnn"',
            "recipe.precision: Input should be 'auto', 'fp32', 'bf16' or",
        ),
        (
            '[[arm]]\nmodel = "cnn"\nrecipe.epochs = 2.0',
            "line 3, arm.0.recipe.epochs: this is a whole number",
        ),
        ('[[arm]]\nmodel = "cnn"\nrecipe.epochs = 1979-05-27', "arm.0.recipe.epochs: this is a whole"),
        (
            '[[arm]]\nmodel = "cnn"\n[[comparison]]\ntreated = "cnn"\nfactor = "network"\ntimed = 1',
            "comparison.0.timed: this is true or false",
        ),
    ],
)
def test_impossible_files_say_where_and_what(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        load_study(path)
    assert says in caught.value.what
    assert caught.value.where == str(path)


def test_a_number_may_be_written_without_its_point(tmp_path: Path) -> None:
    text = '[recipe]\nlearning_rate = 1\nwarmup_epochs = 2\n[[arm]]\nmodel = "cnn"\nrecipe.clip_norm = 5'
    study = load_study(write(tmp_path, text))
    recipe = study.recipe_of(study.arm[0])
    assert (recipe.learning_rate, recipe.warmup_epochs, recipe.clip_norm) == (1.0, 2.0, 5.0)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = "seeds = 0\nseds = 3\n[recipe]\nlr = 1\nepochs = -1\n"
    text += "[[arm]]\nmodel = 'cnn'\nrecipe = {epoch = 3}\n[[arm]]\nmodel = 'cnn'\nrecipe = {bs = 3}"
    with pytest.raises(SpecError) as caught:
        load_study(write(tmp_path, text))
    told = caught.value.what.splitlines()
    assert len(told) == 6
    for line in (
        "line 2, seds: there is no such key; did you mean 'seeds'?",
        "line 4, recipe.lr: there is no such key; did you mean 'learning_rate'?",
        "line 8, arm.0.recipe.epoch: there is no such key; did you mean 'epochs'?",
        "line 11, arm.1.recipe.bs: there is no such key; did you mean 'batch_size'?",
    ):
        assert line in told


def test_every_part_that_does_not_fit_the_others_is_told_at_once(tmp_path: Path) -> None:
    text = "initial = ['cnn']\n" + 2 * "[[arm]]\nmodel = 'cnn'\n"
    text += "[[comparison]]\nfactor = 'gate'\ntreated = ['x']\ncontrol = ['cnn']"
    with pytest.raises(SpecError) as caught:
        load_study(write(tmp_path, text))
    for part in ("two arms are called 'cnn'", "initial_seeds, which is 0", "there is no arm 'x'"):
        assert part in caught.value.what


def test_an_arm_with_a_mistake_is_an_arm(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_study(write(tmp_path, '[[arm]]\nmodel = "cnn"\nmode = 1'))
    assert caught.value.what == "line 3, arm.0.mode: there is no such key; did you mean 'model'?"


def test_a_file_of_mistakes_is_told_in_part(tmp_path: Path) -> None:
    text = "".join(f"key{n} = 1\n" for n in range(300)) + '[[arm]]\nmodel = "cnn"'
    with pytest.raises(SpecError) as caught:
        load_study(write(tmp_path, text))
    told = caught.value.what.splitlines()
    assert (told[0], told[19]) == (
        "line 1, key0: there is no such key",
        "line 20, key19: there is no such key",
    )
    assert told[20:] == ["and 280 more"]


def test_missing_files_and_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="'lab'"):
        load_study("lob")
    with pytest.raises(SpecError, match="no such study file"):
        load_study(tmp_path / "none.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SpecError, match="cannot be read"):
        load_study(tmp_path / "folder.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="no text in UTF-8"):
        load_study(binary)


def test_a_run_is_named_by_all_that_it_depends_on() -> None:
    run = RunSpec(model="cnn", seed=0, recipe=RECIPE, data=REF)
    assert run.id == f"cnn-s0-{run.hash8}"
    others = [
        run.model_copy(update={"seed": 1}),
        run.model_copy(update={"recipe": RECIPE.model_copy(update={"epochs": 6})}),
        run.model_copy(update={"data": REF.model_copy(update={"sha256": "1" * 64})}),
    ]
    others.append(run.model_copy(update={"recipe": RECIPE.model_copy(update={"milestones": (0.5,)})}))
    assert len({run.hash8, *(other.hash8 for other in others)}) == 5
    assert RunSpec.model_validate_json(run.model_dump_json()).id == run.id


def test_a_run_leaves_nothing_to_choose() -> None:
    with pytest.raises(ValidationError, match="nothing in it is auto"):
        RunSpec(model="cnn", seed=0, recipe=Recipe(), data=REF)


def test_ids_of_runs_that_exist_do_not_change() -> None:
    """Else everybody's networks would be trained again. Written down before a file could be named."""
    run = RunSpec(model="cnn", seed=0, recipe=RECIPE, data=REF)
    assert run.id == "cnn-s0-fff194d2"
    assert run.model_copy(update={"model": "se_resnet", "seed": 2}).id == "se_resnet-s2-f96315a2"


@pytest.mark.parametrize(("limit", "id"), [(6_000, "cnn-s3-39216ab8"), (45_000, "cnn-s3-a1da28d1")])
def test_ids_of_limited_runs_tell_the_one_old_subset_from_those_of_seeds(limit: int, id: str) -> None:
    """Older runs had one subset for all seeds, and their records do not say so."""
    recipe = RECIPE.model_copy(update={"memory_format": "channels_last"})
    ref = {"name": "cifar10", "sha256": "ab" * 32, "train_limit": limit}
    old = RunSpec.model_validate({"model": "cnn", "seed": 3, "recipe": recipe.model_dump(), "data": ref})
    assert (old.id, old.subset_seed) == (id, None)
    new = old.model_copy(update={"data": old.data.model_copy(update={"subset": "by_seed"})})
    assert new.id != id
    assert RunSpec.model_validate_json(new.model_dump_json()).subset_seed == 3


def test_a_study_names_a_file_beside_it(tmp_path: Path) -> None:
    """An arm is called after the class; a path is seen from the study's folder, or stands for itself."""
    text = f'''
seeds = 2

[[arm]]
model = "mynet.py:Net"

[[arm]]
model = "nets/mynet.py:Net"
name = "other"

[[arm]]
model = "{tmp_path.as_posix()}/far.py:Far"

[[arm]]
model = "cnn"
'''
    study = load_study(write(tmp_path, text))
    assert [(arm.label, arm.model) for arm in study.arm] == [
        ("Net", f"{tmp_path / 'mynet.py'}:Net"),
        ("other", f"{tmp_path / 'nets' / 'mynet.py'}:Net"),
        ("Far", f"{tmp_path / 'far.py'}:Far"),
        ("cnn", "cnn"),
    ]
    assert StudySpec(name="x", arm=(Arm(model="mynet.py:Net"),)).arm[0].model == "mynet.py:Net"


def test_two_files_with_a_class_of_one_name_need_names(tmp_path: Path) -> None:
    text = '[[arm]]\nmodel = "one.py:Net"\n[[arm]]\nmodel = "two.py:Net"\n'
    with pytest.raises(SpecError, match="two arms are called 'Net'"):
        load_study(write(tmp_path, text))


def test_a_run_of_a_file_is_known_by_class_and_text_wherever_the_file_lies() -> None:
    def run(model: str) -> RunSpec:
        return RunSpec(model=model, seed=1, recipe=RECIPE, data=REF)

    one = run("a folder/mynet.py:Net@0123456789abcdef")
    assert one.id == f"Net-s1-{one.hash8}"
    assert run("C:\\nets\\other.py:Net@0123456789abcdef").id == one.id
    assert run("a folder/mynet.py:Net@1123456789abcdef").hash8 != one.hash8
    assert run("a folder/mynet.py:Ten@0123456789abcdef").hash8 != one.hash8
    assert RunSpec.model_validate_json(one.model_dump_json()) == one
    with pytest.raises(ValidationError, match="pinned to what the file says"):
        run("mynet.py:Net")


def test_a_file_of_a_windows_editor_is_read_and_one_that_is_not_utf_8_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('data = "shapes"\n[[arm]]\nmodel = "cnn"\n', encoding="utf-8-sig")
    assert load_study(str(path)).arm[0].model == "cnn"
    path.write_text('title.zh = "实验"\n[[arm]]\nmodel = "cnn"\n', encoding="gbk")
    with pytest.raises(SpecError, match="UTF-8") as caught:
        load_study(str(path))
    assert "save it as UTF-8" in caught.value.hint


def test_a_file_whose_name_is_none_is_told_what_a_study_is_called(tmp_path: Path) -> None:
    path = tmp_path / "my study.toml"
    path.write_text('[[arm]]\nmodel = "cnn"\n', encoding="utf-8")
    with pytest.raises(SpecError, match=r"called after its file.*' ' cannot be in a name") as caught:
        load_study(path)
    assert "rename the file" in caught.value.hint
    path.write_text('name = "mine"\n[[arm]]\nmodel = "cnn"\n', encoding="utf-8")
    assert load_study(path).name == "mine"


def test_an_unknown_study_says_the_shipped_ones_and_then_that_a_file_will_do() -> None:
    with pytest.raises(UnknownName, match="no study 'nope'") as caught:
        load_study("nope")
    known = "demo, depth, evening, fair, lab, noskip, obstacles, paper, rates, stem"
    assert caught.value.hint == f"known: {known}, or the path of a .toml file"
