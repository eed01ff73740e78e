"""`code.py`: one file that trains as the package does, bit for bit, with torch and numpy alone."""

import ast
import json
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import torch

from skipscope.analysis.tables import gather
from skipscope.data import cifar10, store
from skipscope.data.dataset import Dataset, divide
from skipscope.data.dataset import load as load_data
from skipscope.models.registry import NETWORKS, build
from skipscope.spec import DataRef, Recipe, RunSpec, load_study
from skipscope.submission.program import arms_of, classroom_networks, notebook, program
from skipscope.training.checkpoint import Progress
from skipscope.training.evaluate import Inputs
from skipscope.training.loop import fit
from skipscope.training.optimizer import SGD
from skipscope.training.precision import to_device

ALONE = '''
import sys
from importlib.abc import MetaPathFinder

class Alone(MetaPathFinder):
    """Refuses the package and what else it is made with."""
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ImportError(f"{name} is not there")
        return None

REFUSED = {"skipscope", "pydantic", "polars", "altair", "jinja2", "typer", "rich", "safetensors", "scipy"}
sys.meta_path.insert(0, Alone())
'''
STEPS = """
import runpy
from itertools import islice
import numpy as np
code = runpy.run_path("code.py")
torch = code["torch"]
torch.set_num_threads(1)
given = np.load("images.npz")
images, labels = code["by_pixel"](given["images"]), given["labels"]
train = int(given["train"])
mean, std = code["channel_statistics"](images[:train])
parts = code["divide"](images, labels, train=train, limit=int(given["limit"]))
data = code["Dataset"](mean=mean, std=std, train=parts[0], validation=parts[1], _test=parts[2])
name, recipe = code["ARMS"][sys.argv[1]]
model = code["place"](code["seeded"](code["NETWORKS"][name], 3), recipe, code["device"]())
optimizer, inputs = code["SGD"](model, recipe), code["Inputs"](data, recipe, code["device"]())
spec = code["RunSpec"](model=name, seed=3, recipe=recipe)
steps = code["fit"](model, optimizer, inputs, spec, data, code["Progress"]())
rows = [step.loss for step, _ in islice(steps, int(sys.argv[2]))]
np.savez("made.npz", losses=rows, **{key: value.numpy() for key, value in model.state_dict().items()})
"""
TRAIN, LIMIT, BATCH = 5_240, 96, 32
"""10 x 500 validate; three batches train."""


@pytest.fixture(scope="module")
def pictures():
    noise = np.random.default_rng(0)
    labels = np.tile(np.arange(10, dtype=np.uint8), TRAIN // 10 + 2)
    images = noise.integers(0, 256, (len(labels), 3, 32, 32), dtype=np.uint8)
    return images, labels


@pytest.fixture
def text(made_up):
    return program(gather(made_up(epochs=1, steps=4), None))


def with_recipe(made_up, arm, recipe):
    """`code.py` of a study that was run by this recipe."""
    workspace = made_up(arms=(arm,), epochs=1, steps=4)
    path = next((workspace.path / "runs").glob("*/run.json"))
    record = json.loads(path.read_text())
    record["spec"]["recipe"] = recipe.model_dump(mode="json")
    path.write_text(json.dumps(record))
    return program(gather(workspace, None))


@pytest.mark.parametrize(
    ("arm", "steps", "augmentation", "memory_format"),
    [
        ("cnn", 3, "crop_flip", "channels_last"),
        ("cnn", 3, "flip", "contiguous"),
        ("se_resnet", 1, "flip", "channels_last"),
        ("densenet", 1, "none", "channels_last"),
    ],
)
def test_it_reaches_the_packages_weights_bit_for_bit(
    made_up, pictures, tmp_path, arm, steps, augmentation, memory_format
):
    recipe = Recipe(
        epochs=2,
        batch_size=BATCH,
        learning_rate=0.2,
        warmup_epochs=0.5,
        clip_norm=0.5,
        label_smoothing=0.1,
        augmentation=augmentation,
        precision="fp32",
        memory_format=memory_format,
        kernels="stock",
        threads=1,
    )
    images, labels = pictures
    losses, weights = by_the_package(arm, recipe, images, labels, steps)
    (tmp_path / "code.py").write_text(with_recipe(made_up, arm, recipe), encoding="utf-8")
    np.savez(tmp_path / "images.npz", images=images, labels=labels, train=TRAIN, limit=LIMIT)
    alone(ALONE + STEPS, arm, str(steps), cwd=tmp_path)
    with np.load(tmp_path / "made.npz") as made:
        assert made["losses"].tolist() == losses
        assert made.files[1:] == list(weights)
        for name, value in weights.items():
            assert made[name].tobytes() == value.tobytes(), name


def alone(script, *arguments, cwd):
    """Runs a script where only torch and numpy are."""
    command = [sys.executable, "-c", script, *arguments]
    ran = subprocess.run(command, cwd=cwd, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def by_the_package(arm, recipe, images, labels, steps):
    """Losses and weights after so many steps of seed 3."""
    images = store.by_pixel(images)
    mean, std = store.channel_statistics(images[:TRAIN])
    train, validation, test = divide(images, labels, train=TRAIN, limit=LIMIT)
    data = Dataset(
        name="cifar10",
        sha256="0" * 64,
        classes=cifar10.CLASSES,
        mean=mean,
        std=std,
        source="made up",
        train=train,
        validation=validation,
        _test=test,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        device = torch.device("cpu")
        model = to_device(build(arm, seed=3), recipe, device)
        spec = RunSpec(model=arm, seed=3, recipe=recipe, data=DataRef(name="cifar10", sha256="0" * 64))
        optimizer, inputs = SGD(model, recipe), Inputs(data, recipe, device)
        rows = [step.loss for step, _ in islice(fit(model, optimizer, inputs, spec, data, Progress()), steps)]
    finally:
        torch.set_num_threads(threads)
    return rows, {name: value.numpy() for name, value in model.state_dict().items()}


@pytest.mark.cifar
def test_it_reads_cifar10_as_the_package_does(text, cifar_archive, cifar_dir, tmp_path):
    (tmp_path / "code.py").write_text(text, encoding="utf-8")
    script = (
        "import runpy; from pathlib import Path; import numpy as np\n"
        "data = runpy.run_path('code.py')['load'](Path(sys.argv[1]))\n"
        "images, labels = data.train.take(np.arange(0, 45000, 900))\n"
        "np.savez('made.npz', mean=data.mean, std=data.std, images=images, labels=labels, "
        "rows=data.train.rows, held=data.validation.rows, test=data.sealed_test().rows)\n"
    )
    alone(ALONE + script, str(cifar_archive), cwd=tmp_path)
    data = load_data("cifar10", data_dir=cifar_dir)
    images, labels = data.train.take(np.arange(0, 45000, 900))
    with np.load(tmp_path / "made.npz") as made:
        assert made["mean"].tolist() == list(data.mean)
        assert made["std"].tolist() == list(data.std)
        for name, value in (("images", images), ("labels", labels), ("rows", data.train.rows)):
            assert (made[name] == value).all()
        assert (made["held"] == data.validation.rows).all()
        assert (made["test"] == data.sealed_test().rows).all()


def test_it_is_a_file_that_a_checker_has_nothing_against(text, tmp_path):
    path = tmp_path / "code.py"
    path.write_text(text, encoding="utf-8")
    for command in (
        ["check", "--isolated", "--select", "F,E,I,D1", "--line-length", "115"],
        ["format", "--check", "--isolated", "--line-length", "110"],
    ):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(path)], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_nothing_of_the_package_is_in_it_but_its_sources(text):
    tree = ast.parse(text)
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= {"torch", "numpy"} | set(sys.stdlib_module_names)
    for word in ("watch", "instruments", "Probe", "type: ignore", "noqa", "computing("):
        assert word not in text
    assert all(ast.get_docstring(node) for node in tree.body if isinstance(node, ast.ClassDef))


def test_the_script_says_how_it_is_used_and_hides_pythons_own_module_from_nobody(text, tmp_path):
    (tmp_path / "code.py").write_text(
        text.replace("import numpy as np", "import code\n\nimport numpy as np", 1)
    )
    ran = subprocess.run(
        [sys.executable, "code.py"],
        cwd=tmp_path,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("usage: python code.py cifar-10-binary.tar.gz")


def test_the_networks_are_the_classrooms():
    from skipscope.models.classroom import DenseNet, Net, ResNet_normal, SEResNet

    own = {Net, ResNet_normal, DenseNet, SEResNet}
    made = {name for name, make in NETWORKS.items() if getattr(make, "func", make) in own}
    assert classroom_networks() == made


def assigned(text, name):
    values = (
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return ast.unparse(next(values))


def test_it_trains_what_the_study_trained(made_up):
    text = program(
        gather(
            made_up(arms=("resnet", "cnn"), seeds=2, epochs=3, steps=4, recipes={"cnn": {"nesterov": False}}),
            None,
        )
    )
    assert arms_of(text) == ["resnet", "cnn"]
    assert "'cnn': ('cnn', Recipe(epochs=3, learning_rate=0.02, nesterov=False, clip_norm=1.0))" in assigned(
        text, "ARMS"
    )
    assert assigned(text, "SEEDS") == "2"
    assert "bf16, fast kernels" in ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("variant", [{"arms": ("plain20",)}, {"data": "shapes"}])
def test_of_other_networks_or_data_it_is_the_assignments(made_up, variant):
    text = program(gather(made_up(epochs=1, steps=4, **variant), None))
    lab = load_study("lab")
    assert arms_of(text) == [arm.model for arm in lab.arm]
    assert f"learning_rate={lab.recipe.learning_rate}" in assigned(text, "RECIPE")
    assert "computed in another way" not in ast.get_docstring(ast.parse(text))


def test_what_was_not_trained_yet_is_as_it_was_asked_for(made_up):
    text = program(gather(made_up(arms=("cnn",), epochs=1, steps=4, missing=("cnn",)), None))
    assert assigned(text, "RECIPE") == "Recipe(epochs=1, learning_rate=0.02, clip_norm=1.0)"


def test_a_title_cannot_end_the_docstring(made_up):
    title = {"en": 'A """title\\'}
    text = program(gather(made_up(arms=("cnn",), epochs=1, steps=4, title=title), None))
    assert ast.get_docstring(ast.parse(text)).startswith("A '''title: cnn on CIFAR-10")


def test_the_notebook_runs_the_program(text, tmp_path):
    table = json.loads(notebook(arms_of(text)))
    assert (table["nbformat"], table["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in table["cells"]}) == len(table["cells"])
    cells = ["".join(cell["source"]) for cell in table["cells"] if cell["cell_type"] == "code"]
    assert sum("print(models[" in cell for cell in cells) == 4
    stand_in = (
        "THREADS = 1\ndef load(path):\n    return str(path)\n"
        "def train(arm, data):\n    return f'{arm} on {data}'\n"
    )
    (tmp_path / "code.py").write_text(stand_in)
    said = alone(ALONE + "\n".join(cells), cwd=tmp_path)
    assert said.splitlines() == [
        f"{arm} on cifar-10-binary.tar.gz" for arm in ("cnn", "resnet", "densenet", "se_resnet")
    ]
    assert {"THREADS", "load", "train"} <= {
        getattr(node, "name", None) or ast.unparse(node.targets[0])
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.Assign)
    }


def test_torch_is_not_needed_to_write_it():
    script = "import sys, skipscope.submission.archive, skipscope.cli.pack; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
