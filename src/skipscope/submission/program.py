"""`code.py` of a hand-in: `standalone.py` with the study's arms, recipes and seeds filled in."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from skipscope.analysis.tables import StudyTables
from skipscope.spec import Recipe, StudySpec, load_study

_GATED = ("se_resnet", "se_resnet_pool")
_CONTROLS = tuple(f"{gated}_{control}" for gated in _GATED for control in ("static", "half"))
NETWORKS = ("cnn", "resnet", "densenet", "se_resnet", "resnet_nopool", "se_resnet_pool", *_CONTROLS)
"""The networks that `standalone.py` has."""
STUDY = re.compile(r"^RECIPE = .*^THREADS = \d+$", re.MULTILINE | re.DOTALL)
"""The part of `standalone.py` that is a study's own."""
FP32 = {"precision": ("auto", "fp32"), "kernels": ("auto", "stock")}
"""How `standalone.py` computes."""


@dataclass(frozen=True, kw_only=True)
class TrainedArm:
    """One network that `code.py` trains, and how."""

    label: str
    network: str
    recipe: Recipe


def code_files(tables: StudyTables) -> Iterator[tuple[str, bytes]]:
    """Returns the program and the notebook that runs it."""
    study, arms, fixed = program_arms(tables)
    yield "code.py", program(study, arms, fixed=fixed).encode()
    yield "code.ipynb", notebook([arm.label for arm in arms]).encode()


def program_arms(tables: StudyTables) -> tuple[StudySpec, list[TrainedArm], bool]:
    """Returns the study's classroom networks on CIFAR-10 as they were trained; `lab`'s if it has none.

    And whether a limit left all seeds the same images, as it did before they were drawn by the seed.
    """
    trained = [
        TrainedArm(label=arm.arm, network=arm.model, recipe=tables.recipes[arm.arm])
        for arm in tables.summaries
        if arm.model in NETWORKS and tables.record.data.name == "cifar10"
    ]
    if trained:
        runs = [entry.record.spec.data for entry in tables.entries if entry.record is not None]
        return tables.record.study, trained, any(ref.subset == "fixed" for ref in runs if ref.train_limit)
    lab = load_study("lab")
    arms = [TrainedArm(label=arm.label, network=arm.model, recipe=lab.recipe_of(arm)) for arm in lab.arm]
    return lab, arms, False


def program(study: StudySpec, arms: Sequence[TrainedArm], fixed: bool = False) -> str:  # noqa: FBT001, FBT002
    """Returns the text of `standalone.py` with the study filled in."""
    text = (files("skipscope.submission") / "standalone.py").read_text(encoding="utf-8")
    return STUDY.sub(lambda _: _study(study, arms, fixed=fixed), text)


def _study(study: StudySpec, arms: Sequence[TrainedArm], *, fixed: bool) -> str:
    """Returns the study's part of the file."""
    title = " ".join(study.title.get("en", study.name).split())
    lines = [f"# {title} (skipscope {version('skipscope')})"]
    others = [arm.recipe for arm in arms if any(getattr(arm.recipe, key) not in FP32[key] for key in FP32)]
    if backends := sorted({f"{each.precision}, {each.kernels} kernels" for each in others}):
        lines += [
            f"# The runs of the report beside it were computed in another way ({'; '.join(backends)}).",
            "# Their numbers differ from this file's by what rounding grows to in training.",
        ]
    shared = arms[0].recipe
    lines += ["", f"RECIPE = Recipe({_arguments(shared, Recipe())})", "ARMS = {"]
    for arm in arms:
        changed = _arguments(arm.recipe, shared)
        recipe = f"RECIPE._replace({changed})" if changed else "RECIPE"
        lines.append(f"    {_literal(arm.label)}: ({_literal(arm.network)}, {recipe}),")
    seeds = {arm.label: study.seeds_of(arm) for arm in study.arm}
    own = [f"    {_literal(arm.label)}: {seeds[arm.label]}," for arm in arms]
    alike = len({seeds[arm.label] for arm in arms}) == 1
    same = [f"SEEDS: dict[str, int] = dict.fromkeys(ARMS, {seeds[arms[0].label]})"]
    lines += ["}", *(same if alike else ["SEEDS: dict[str, int] = {", *own, "}"])]
    lines += [f"LIMIT: int | None = {study.train_limit}", f"FIXED = {fixed}"]
    threads = max([int(arm.recipe.threads) for arm in arms if arm.recipe.threads != "auto"], default=1)
    return "\n".join([*lines, f"THREADS = {threads}"])


def _arguments(recipe: Recipe, other: Recipe) -> str:
    """Lists what distinguishes a recipe from another, as arguments of a call."""
    mine, theirs = _settings(recipe), _settings(other)
    return ", ".join(f"{key}={_literal(value)}" for key, value in mine.items() if value != theirs[key])


def _settings(recipe: Recipe) -> dict[str, object]:
    """Returns what `standalone.py` has of a recipe, in its own memory format if none was chosen yet."""
    settings = recipe.model_dump(exclude={*FP32, "threads"})
    if recipe.memory_format == "auto":
        settings["memory_format"] = "channels_last"
    return settings


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def notebook(arms: Sequence[str]) -> str:
    """Returns a Jupyter notebook that runs `code.py` beside it, one of its `arms` a cell."""
    intro = "# code.ipynb\n\nRuns `code.py`, which lies beside this file. 运行同一文件夹中的 `code.py`。"
    archive = 'ARCHIVE = "cifar-10-binary.tar.gz"  # or cifar-10-python.tar.gz, or the unpacked folder'
    load = (
        "import runpy\nfrom pathlib import Path\n\nimport torch\n\n"
        'code = runpy.run_path("code.py")\n'
        'torch.set_num_threads(code["THREADS"])\ndata = code["load"](Path(ARCHIVE))\nmodels = {}'
    )
    cells = [_markdown(intro), _code(archive), _code(load)]
    for arm in arms:
        key = _literal(arm)
        train = _code(f'models[{key}] = code["train"]({key}, data)\nprint(models[{key}])')
        cells += [_markdown(f"## {arm}"), train]
    table = {
        "cells": [{"id": f"cell-{index}", **cell} for index, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    lines = text.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": lines}
