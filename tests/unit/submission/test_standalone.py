"""`standalone.py`: one file that trains as the package does, bit for bit, with torch and numpy alone."""

import pickle
import tarfile
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from skipscope.data import cifar10, store
from skipscope.data.dataset import Dataset, divide
from skipscope.data.dataset import load as load_data
from skipscope.data.layouts import BATCHES
from skipscope.models.registry import NETWORKS, build
from skipscope.spec import Recipe
from skipscope.submission.program import NETWORKS as HANDED_IN
from skipscope.training.backend import to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.loop import train_steps
from skipscope.training.optimizer import SGD

FILE = files("skipscope.submission") / "standalone.py"
TEXT = FILE.read_text(encoding="utf-8")
GOLDEN = Path(__file__).parents[2] / "golden"
TRAIN, TEST, LIMIT, BATCH = 5_240, 20, 96, 32
"""10 x 500 validate; three batches train."""
SETTINGS: dict[str, object] = {
    "epochs": 2,
    "batch_size": BATCH,
    "learning_rate": 0.2,
    "warmup_epochs": 0.5,
    "clip_norm": 0.5,
    "label_smoothing": 0.1,
    "precision": "fp32",
    "kernels": "stock",
    "threads": 1,
    "memory_format": "channels_last",
}


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def images_and_labels():
    labels = np.tile(np.arange(10, dtype=np.uint8), (TRAIN + TEST) // 10)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 3, 32, 32), dtype=np.uint8)
    return images, labels


@pytest.mark.parametrize(
    ("arm", "steps", "settings"),
    [
        ("cnn", 4, {"augmentation": "crop_flip"}),
        ("cnn", 3, {"augmentation": "flip", "memory_format": "contiguous", "milestones": (0.3,)}),
        ("resnet", 1, {"augmentation": "crop_flip"}),
        ("se_resnet", 1, {"augmentation": "flip"}),
        ("se_resnet_pool", 1, {"augmentation": "flip", "learning_rate": 0.5}),
        ("resnet_nopool", 1, {"augmentation": "flip"}),
        ("densenet", 1, {"augmentation": "none", "momentum": 0.0, "nesterov": False}),
    ],
)
def test_it_reaches_the_packages_weights_bit_for_bit(
    code, images_and_labels, one_thread, arm, steps, settings
):
    recipe = Recipe(**SETTINGS | settings)
    images, labels = images_and_labels
    losses, weights = by_the_package(arm, recipe, images, labels, steps)
    data = code["divide"](images.transpose(0, 2, 3, 1), labels.astype(np.int64), TEST)
    data = code["limited"](data, LIMIT, 3)
    own = code["Recipe"](**{name: getattr(recipe, name) for name in code["Recipe"]._fields})
    model = code["build"](arm, own, 3)
    assert list(islice(code["fit"](model, data, own, 3), steps)) == losses
    made = {name: value.numpy() for name, value in model.state_dict().items()}
    assert list(made) == list(weights)
    for name, value in weights.items():
        assert made[name].tobytes() == value.tobytes(), name


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("fixed", [False, True])
def test_its_limit_leaves_the_images_that_the_packages_does(code, images_and_labels, seed, fixed):
    images, labels = images_and_labels
    data = code["divide"](images.transpose(0, 2, 3, 1), labels.astype(np.int64), TEST)
    rows = code["limited"](data, LIMIT, seed, fixed=fixed).train
    split = divide(images, labels, train=TRAIN, limit=LIMIT, seed=None if fixed else seed)["train"]
    assert rows.tolist() == split.rows.tolist()


def by_the_package(arm, recipe, images, labels, steps):
    """Losses and weights after this many steps of seed 3."""
    images = images.transpose(0, 2, 3, 1)
    mean, std = store.channel_statistics(images[:TRAIN])
    splits = divide(images, labels, train=TRAIN, limit=LIMIT, seed=3)
    data = Dataset(
        name="cifar10",
        sha256="0" * 64,
        classes=cifar10.CLASSES,
        mean=mean,
        std=std,
        source="made up",
        **splits,
    )
    device = torch.device("cpu")
    model = to_device(build(arm, seed=3), recipe, device)
    optimizer, batches = SGD(model, recipe), BatchMaker(data, recipe, device)
    trained = train_steps(model, optimizer, batches, recipe, data, Progress(), seed=3)
    rows = [step.loss for (step,), _ in islice(trained, steps)]
    return rows, {name: value.numpy() for name, value in model.state_dict().items()}


def test_its_networks_and_defaults_are_the_packages(code):
    from skipscope.models.classroom import DenseNet, Net, ResNet_normal, SEResNet

    own = {Net, ResNet_normal, DenseNet, SEResNet}
    classroom = [
        name
        for name, make in NETWORKS.items()
        if getattr(make, "func", make) in own and not name.endswith(("_static", "_half"))  # controls
    ]
    assert set(HANDED_IN) == set(code["NETWORKS"]) == set(classroom)
    for path in (path for path in GOLDEN.glob("*.txt") if path.stem in classroom):
        assert str(code["NETWORKS"][path.stem]()) == path.read_text(encoding="utf-8").rstrip("\n")
    for name in classroom:
        assert str(code["NETWORKS"][name]()) == str(NETWORKS[name]())
    defaults = {name: field.default for name, field in Recipe.model_fields.items()}
    for name in ("precision", "kernels", "threads"):
        del defaults[name]
    assert code["Recipe"]()._asdict() == defaults | {"memory_format": "channels_last"}


@pytest.mark.parametrize("form", ["binary", "python", "archive"])
def test_it_reads_every_form_of_cifar10(code, tmp_path, monkeypatch, form):
    for name, value in {"BATCH_IMAGES": 20, "TEST": 20, "VALIDATION_PER_CLASS": 2}.items():
        monkeypatch.setitem(code["load"].__globals__, name, value)
    images = np.random.default_rng(0).integers(0, 256, (120, 3072), dtype=np.uint8)
    labels = np.tile(np.arange(10, dtype=np.uint8), 12)
    files = {}
    for number, name in enumerate(BATCHES):
        rows = slice(20 * number, 20 * number + 20)
        if form == "python":
            table = {"data": images[rows], "labels": labels[rows].tolist()}
            pickled = pickle.dumps(table, protocol=3)
            files[name] = pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")  # as of 2009
        else:
            files[f"{name}.bin"] = np.column_stack([labels[rows], images[rows]]).tobytes()
    folder = tmp_path / "cifar"
    folder.mkdir()
    for name, content in {**files, "readme.html": b""}.items():
        (folder / name).write_bytes(content)
    path = folder
    if form == "archive":
        path = tmp_path / "cifar.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, "cifar-10-batches-bin")
    data = code["load"](path)
    assert (data.images == images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)).all()
    assert (data.labels == labels).all()
    assert [len(rows) for rows in (data.train, data.validation, data.test)] == [80, 20, 20]
    next(folder.glob("test_batch*")).unlink()
    with pytest.raises(SystemExit, match="one copy of each"):
        code["load"](folder)


def test_it_runs_nothing_that_a_batch_asks_for(code, tmp_path):
    class Planted:
        def __reduce__(self):
            return Path.touch, (tmp_path / "mark",)

    with pytest.raises(pickle.UnpicklingError, match=r"asks for pathlib.*nothing of it was run"):
        code["read_batch"]("data_batch_1", pickle.dumps({"data": Planted()}))
    assert not (tmp_path / "mark").exists()


@pytest.mark.cifar
def test_it_reads_cifar10_as_the_package_does(code, cifar_archive, cifar_dir):
    made = code["load"](cifar_archive)
    data = load_data("cifar10", data_dir=cifar_dir)
    positions = np.arange(0, 45000, 900)
    images, labels = data.train.take(positions)
    assert (made.mean, made.std) == (list(data.mean), list(data.std))
    for rows, split in zip(made[2:5], (data.train, data.validation, data.sealed_test()), strict=True):
        assert (rows == split.rows).all()
    assert (made.images[made.train[positions]] == images).all()
    assert (made.labels[made.train[positions]] == labels).all()


def test_it_trains_validates_and_tests(code, images_and_labels, one_thread, capsys, monkeypatch):
    monkeypatch.setitem(code["ARMS"], "cnn", ("cnn", code["RECIPE"]._replace(epochs=2, batch_size=BATCH)))
    images, labels = images_and_labels
    data = code["divide"](images.transpose(0, 2, 3, 1), labels.astype(np.int64), TEST)
    data = code["limited"](data, LIMIT, 0)._replace(validation=data.validation[:300])
    model, history = code["train"]("cnn", data)
    *epochs, tested = capsys.readouterr().out.splitlines()
    for number, line in enumerate(epochs, start=1):
        assert line.startswith(f"cnn, seed 0, epoch {number}: training loss 2.")
        assert f"validation loss {history[number - 1].validation_loss:.4f}, accuracy " in line
    assert len(epochs) == len(history) == 2
    assert tested.startswith("cnn, seed 0: test accuracy ")
    x = code["network_input"](data.images[data.validation], data, code["RECIPE"])
    labels = torch.from_numpy(data.labels[data.validation])
    with torch.no_grad():
        logits = model.eval()(x)
    assert history[-1].validation_accuracy == int((logits.argmax(1) == labels).sum()) / len(labels)
    expected = torch.nn.functional.cross_entropy(logits, labels).item()
    assert history[-1].validation_loss == pytest.approx(expected, rel=1e-5)  # float32 sums of other batches
    broken = data._replace(std=[0.0, 0.0, 0.0])
    with pytest.raises(FloatingPointError, match="at step 1"):
        code["train"]("cnn", broken)
