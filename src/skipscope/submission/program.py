"""`code.py` of a hand-in: `standalone.py` with the study's arms, recipes and seeds filled in."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from textwrap import wrap

from skipscope.analysis.tables import StudyTables
from skipscope.spec import Recipe, StudySpec, load_study

NETWORKS = ("cnn", "resnet", "densenet", "se_resnet", "resnet_noskip", "resnet_nopool", "se_resnet_pool")
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
    lines = [f"# {title} (skipscope {version('skipscope')})", *_not_here(study, arms)]
    if backends := other_backends(arms):
        lines += [
            f"# The report's runs were computed in another way ({'; '.join(backends)}): their",
            "# numbers differ from this file's by what rounding grows to (数值之差来自舍入误差的累积).",
        ]
    shared = arms[0].recipe
    lines += [f"RECIPE = Recipe({_arguments(shared, Recipe())})", "ARMS = {"]
    for arm in arms:
        changed = _arguments(arm.recipe, shared)
        recipe = f"RECIPE._replace({changed})" if changed else "RECIPE"
        lines.append(f"    {literal(arm.label)}: ({literal(arm.network)}, {recipe}),")
    seeds = {arm.label: study.seeds_of(arm) for arm in study.arm}
    own = [f"    {literal(arm.label)}: {seeds[arm.label]}," for arm in arms]
    alike = len({seeds[arm.label] for arm in arms}) == 1
    same = [f"SEEDS: dict[str, int] = dict.fromkeys(ARMS, {seeds[arms[0].label]})"]
    lines += ["}", *(same if alike else ["SEEDS: dict[str, int] = {", *own, "}"])]
    lines += [f"LIMIT: int | None = {study.train_limit}", f"FIXED = {fixed}"]
    threads = max([int(arm.recipe.threads) for arm in arms if arm.recipe.threads != "auto"], default=1)
    return "\n".join([*lines, f"THREADS = {threads}"])


def other_backends(arms: Sequence[TrainedArm]) -> list[str]:
    """Names the ways of computing, other than `standalone.py`'s own, in which the arms were trained."""
    others = [arm.recipe for arm in arms if any(getattr(arm.recipe, key) not in FP32[key] for key in FP32)]
    return sorted({f"{each.precision}, {each.kernels} kernels" for each in others})


def _not_here(study: StudySpec, arms: Sequence[TrainedArm]) -> list[str]:
    """Names the study's networks that `standalone.py` has not."""
    absent = [arm.label for arm in study.arm if arm.label not in {each.label for each in arms}]
    told = f"Not in this file (此文件不含): {', '.join(absent)}" if absent else ""
    return [f"# {line}" for line in wrap(told, 100, break_on_hyphens=False)]


def _arguments(recipe: Recipe, other: Recipe) -> str:
    """Lists what distinguishes a recipe from another, as arguments of a call."""
    mine, theirs = _settings(recipe), _settings(other)
    return ", ".join(f"{key}={literal(value)}" for key, value in mine.items() if value != theirs[key])


def _settings(recipe: Recipe) -> dict[str, object]:
    """Returns what `standalone.py` has of a recipe, in its own memory format if none was chosen yet."""
    settings = recipe.model_dump(exclude={*FP32, "threads"})
    if recipe.memory_format == "auto":
        settings["memory_format"] = "channels_last"
    return settings


def literal(value: object) -> str:
    """Writes a value as Python does, a text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
