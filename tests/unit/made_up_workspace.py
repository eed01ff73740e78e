"""A made-up workspace: the true networks' structure and costs, curves drawn with numpy."""

import json
from pathlib import Path

import numpy as np

from skipscope.records.network_card import NetworkCard, Stage
from skipscope.records.schema import DataCard, Environment, Failure, Member, Result, RunRecord, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import Arm, DataRef, Recipe, RunSpec, StudySpec

GOLDEN = Path(__file__).parents[1] / "golden"

STAGES: dict[str, list[tuple[str, str, tuple[int, ...], int, int]]] = {
    "cnn": [
        ("conv1", "Conv2d", (6, 32, 32), 456, 460_800),
        ("pool", "MaxPool2d", (6, 16, 16), 0, 0),
        ("conv2", "Conv2d", (16, 12, 12), 2_416, 345_600),
        ("pool", "MaxPool2d", (16, 6, 6), 0, 0),
        ("fc1", "Linear", (120,), 69_240, 69_120),
        ("fc2", "Linear", (84,), 10_164, 10_080),
        ("fc3", "Linear", (10,), 850, 840),
    ],
    "resnet": [
        ("conv1", "Conv2d", (64, 16, 16), 9_408, 2_408_448),
        ("bn", "BatchNorm2d", (64, 16, 16), 128, 0),
        ("relu", "ReLU", (64, 16, 16), 0, 0),
        ("maxpool", "MaxPool2d", (64, 8, 8), 0, 0),
        ("layer1", "Sequential", (64, 8, 8), 147_968, 9_437_184),
        ("layer2", "Sequential", (128, 4, 4), 525_568, 8_388_608),
        ("layer3", "Sequential", (256, 2, 2), 2_099_712, 8_388_608),
        ("layer4", "Sequential", (512, 1, 1), 8_393_728, 8_388_608),
        ("avg_pool", "AdaptiveAvgPool2d", (512, 1, 1), 0, 0),
        ("fc", "Linear", (10,), 5_130, 5_120),
    ],
    "densenet": [
        ("conv", "Conv2d", (32, 16, 16), 4_736, 1_204_224),
        ("bn1", "BatchNorm2d", (32, 16, 16), 64, 0),
        ("relu", "ReLU", (32, 16, 16), 0, 0),
        ("max_pool", "MaxPool2d", (32, 8, 8), 0, 0),
        ("denseblock1", "DenseBlock", (224, 8, 8), 311_872, 19_660_800),
        ("bn2", "BatchNorm2d", (224, 8, 8), 448, 0),
        ("relu", "ReLU", (224, 8, 8), 0, 0),
        ("conv1", "Conv2d", (64, 8, 8), 129_088, 8_257_536),
        ("avg1", "AvgPool2d", (64, 4, 4), 0, 0),
        ("denseblock2", "DenseBlock", (448, 4, 4), 1_235_648, 19_660_800),
        ("fc1", "Linear", (10,), 71_690, 71_680),
    ],
    "se_resnet": [
        ("conv1", "Conv2d", (64, 16, 16), 9_408, 2_408_448),
        ("bn", "BatchNorm2d", (64, 16, 16), 128, 0),
        ("relu", "ReLU", (64, 16, 16), 0, 0),
        ("layer1", "Sequential", (64, 16, 16), 149_128, 37_749_760),
        ("layer2", "Sequential", (128, 8, 8), 529_936, 33_558_528),
        ("layer3", "Sequential", (256, 4, 4), 2_116_640, 33_570_816),
        ("layer4", "Sequential", (512, 2, 2), 8_460_352, 33_619_968),
        ("avg_pool", "AdaptiveAvgPool2d", (512, 1, 1), 0, 0),
        ("fc", "Linear", (10,), 5_130, 5_120),
    ],
}
SPEED = {"cnn": 11_000.0, "resnet": 740.0, "densenet": 820.0, "se_resnet": 275.0}
REACHED = {"cnn": 0.68, "resnet": 0.80, "densenet": 0.775, "se_resnet": 0.83}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def card(model: str) -> NetworkCard:
    """What `describe` says of a classroom network; of any other name, the CNN's card."""
    known = model if model in STAGES else "cnn"
    stages = tuple(Stage(name=n, kind=k, shape=s, params=p, macs=m) for n, k, s, p, m in STAGES[known])
    return NetworkCard(
        name=model,
        structure=(GOLDEN / f"{known}.txt").read_text(encoding="utf-8").rstrip("\n"),
        params=sum(stage.params for stage in stages),
        macs=sum(stage.macs for stage in stages),
        stages=stages,
    )


def metrics(model: str, seed: int, *, epochs: int, steps: int, until: int | None) -> list[dict[str, object]]:
    """Rows of `metrics.jsonl`: a loss that falls from ln 10, noisily; `until` is the last step there is."""
    noise = np.random.default_rng([seed, *model.encode()])
    reached = REACHED.get(model, 0.7) + noise.normal(0, 0.004)
    total, speed = epochs * steps, SPEED.get(model, 1_000.0)
    rows: list[dict[str, object]] = []
    low = 3.2 * (1 - reached)
    for step in range(1, (until or total) + 1):
        epoch = (step - 1) // steps + 1
        clean = low + (2.35 - low) * (1 + 9 * step / total) ** -0.9
        rows.append(
            {
                "kind": "step",
                "step": step,
                "epoch": epoch,
                "loss": float(clean * np.exp(noise.normal(0, 0.09))),
                "learning_rate": 0.02 * (1 - step / total),
            }
        )
        if step % steps == 0:
            share = reached * (1 - 0.45 * np.exp(-3.1 * epoch / epochs)) / (1 - 0.45 * np.exp(-3.1))
            rows.append(
                {
                    "kind": "epoch",
                    "step": step,
                    "epoch": epoch,
                    "train_loss": float(clean),
                    "train_accuracy": float(share - 0.02 + 0.03 * epoch / epochs),
                    "val_loss": float(clean * 1.05),
                    "val_accuracy": float(share),
                    "seconds": step * 128 / speed * 1.08,
                }
            )
    return rows


def record(model: str, seed: int, recipe: Recipe, data: DataRef, rows: list[dict[str, object]]) -> RunRecord:
    """A finished run's record that agrees with its metrics."""
    spec = RunSpec(model=model, seed=seed, recipe=recipe, data=data)
    last = [row for row in rows if row["kind"] == "epoch"][-1]
    seconds = float(str(last["seconds"]))
    accuracy = float(str(last["val_accuracy"]))
    return RunRecord(
        schema=1,
        id=spec.id if model.isidentifier() else f"odd-s{seed}-00000000",
        spec=spec,
        state="done",
        started="2025-11-03T18:00:00Z",
        finished="2025-11-03T18:20:00Z",
        environment=Environment(
            versions={"python": "3.13.5", "skipscope": "0.1.0", "torch": "2.13.0+cpu", "numpy": "2.4.6"},
            machine={
                "system": "Linux x86_64",
                "processor": "AMD EPYC 9V74",
                "instructions": "AVX512",
                "cores": 2,
                "memory_gib": 7.8,
                "device": "cpu",
            },
            threads=1,
            git="0a1b2c3d4e5f+",
        ),
        network=card(model),
        result=Result(
            val_loss=float(str(last["val_loss"])),
            val_accuracy=accuracy,
            test_loss=float(str(last["val_loss"])) * 1.01,
            test_accuracy=round(accuracy - 0.004, 4),
            seconds=seconds,
            train_seconds=seconds * 0.95,
            images_per_second=SPEED.get(model, 1_000.0),
            train_accuracy=round(accuracy + 0.05, 4),
        ),
    )


def write_workspace(
    path: Path,
    *,
    arms: tuple[str, ...] = ("cnn", "resnet", "densenet", "se_resnet"),
    seeds: int = 1,
    epochs: int = 5,
    steps: int = 352,
    data: str = "cifar10",
    diverged: tuple[str, ...] = (),
    broken: tuple[str, ...] = (),
    unfinished: tuple[str, ...] = (),
    missing: tuple[str, ...] = (),
    recipes: dict[str, dict[str, int | float | bool | str]] | None = None,
    title: dict[str, str] | None = None,
    name: str = "lab",
) -> Workspace:
    """Writes a study and its runs; the named arms' runs end early, or are not there."""
    workspace = Workspace(path)
    recipe = Recipe(
        epochs=epochs,
        learning_rate=0.02,
        clip_norm=1.0,
        precision="bf16",
        memory_format="channels_last",
        kernels="fast",
        threads=1,
    )
    ref = DataRef(name=data, sha256="43e24b4ed0e110891634c1c7fe448171" * 2)
    study = StudySpec(
        name=name,
        title=title
        if title is not None
        else {"en": "Four networks, one recipe", "zh": "四种网络，同一训练方案"},
        data=data,
        seeds=seeds,
        recipe=recipe,
        arm=tuple(Arm(model=model, recipe=(recipes or {}).get(model, {})) for model in arms),
    )
    members = []
    for index, arm in enumerate(study.arm):
        for seed in range(seeds):
            short = seed == seeds - 1  # with several seeds, the last is the one that fails
            until = (
                230
                if arm.model in diverged and short
                else steps + 40
                if arm.model in unfinished and short
                else None
            )
            rows = metrics(arm.model, seed, epochs=epochs, steps=steps, until=until)
            full = rows if until is None else metrics(arm.model, seed, epochs=epochs, steps=steps, until=None)
            run = record(arm.model, seed, study.recipe_of(arm), ref, full)
            run = run.model_copy(
                update={"id": f"{index}-{run.id}" if not arm.model.isidentifier() else run.id}
            )
            members.append(Member(arm=arm.label, seed=seed, run=run.id))
            if arm.model in missing and short:
                continue
            if short and arm.model in (*diverged, *broken, *unfinished):
                run = run.model_copy(update=ending(arm.model, diverged=diverged, broken=broken))
            folder = path / "runs" / run.id
            folder.mkdir(parents=True)
            (folder / "run.json").write_text(run.model_dump_json(by_alias=True), encoding="utf-8")
            (folder / "metrics.jsonl").write_text(
                "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
            )
    (path / "studies").mkdir(parents=True, exist_ok=True)
    study_record = StudyRecord(
        schema=1,
        study=study,
        data=DataCard(
            name=data,
            sha256=ref.sha256,
            classes=CLASSES,
            train=45_000,
            validation=5_000,
            test=10_000,
            source="drawn from a seed" if data == "shapes" else "cifar-10-binary.tar.gz",
        ),
        members=tuple(members),
        planned="2025-11-03T17:59:00Z",
        command=f"skipscope run {name}",
    )
    (path / "studies" / f"{name}.json").write_text(
        study_record.model_dump_json(by_alias=True), encoding="utf-8"
    )
    return workspace


def ending(model: str, *, diverged: tuple[str, ...], broken: tuple[str, ...]) -> dict[str, object]:
    """What differs in the record of a run that did not come to its end."""
    if model in diverged:
        numbers = {
            "step": 231,
            "epoch": 1,
            "loss": "nan",
            "learning_rate": 0.0328,
            "mean_loss_of_epoch_before_it": 2.61,
        }
        message = "The loss is nan at step 231 (epoch 1): training diverged."
        return {
            "state": "failed",
            "result": None,
            "failure": Failure(kind="diverged", message=message, numbers=numbers),
        }
    if model in broken:
        return {
            "state": "failed",
            "result": None,
            "failure": Failure(kind="error", message="No space left on <disk>."),
        }
    return {"state": "unfinished", "result": None, "finished": None}
