"""Resolves a study into runs with pinned and trusted networks and nothing left to choose."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from skipscope.data import own
from skipscope.data.dataset import unknown_data
from skipscope.engine.trust import trust
from skipscope.errors import UnknownName
from skipscope.models.registry import maker
from skipscope.models.user import pinned
from skipscope.probes.measure import known
from skipscope.records.store import Workspace
from skipscope.spec import Backend, DataRef, Recipe, RunSpec, StudySpec
from skipscope.spec.problems import KeyPath, written


def unknown_names(
    table: Mapping[str, Any], *, data_dir: Path | None = None, instead: object = None
) -> Iterator[tuple[KeyPath, UnknownName]]:
    """Yields what a study's table, valid or not, names and there is not: data, networks and probes.

    `instead` is the data set that replaces the table's, if one does.
    """
    data = table.get("data")
    if instead is None and isinstance(data, str) and data not in (*own.TAKEN, *own.names(data_dir)):
        yield ("data",), unknown_data(data, data_dir)
    named: list[tuple[KeyPath, object]] = []
    for key in ("probes", "initial"):
        named += (((key, index), name) for index, name in enumerate(_listed(table.get(key))))
    for index, arm in enumerate(_listed(table.get("arm"))):
        named.append((("arm", index, "model"), arm.get("model") if isinstance(arm, dict) else arm))
        probes = arm.get("probes") if isinstance(arm, dict) else None
        named += ((("arm", index, "probes", number), name) for number, name in enumerate(_listed(probes)))
    for path, name in named:
        try:
            if isinstance(name, str):
                known(name) if "probes" in path else maker(name)
        except UnknownName as error:
            yield path, error


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()


def pin_networks(study: StudySpec) -> StudySpec:
    """Pins each of the user's networks to its file's text, and trusts these files from now on.

    Raises:
        UnknownName: a network is not registered, or there is no such probe; says the key.
        NetworkError: a user's file gives no network.
    """
    for path, error in unknown_names(study.model_dump(exclude={"data"})):
        error.where = written(path)
        raise error
    study = study.with_models(pinned)
    trust([*(arm.model for arm in study.arm), *study.initial])
    return study


def resolve(
    study: StudySpec, backend: Backend, sha256: str, *, leaves_out: bool = False
) -> Iterator[tuple[str, RunSpec]]:
    """Yields each run with its arm's label, seed by seed: a study cut short has whole comparisons.

    Args:
        study: with its networks pinned.
        backend: stands in for what is `auto` in a recipe.
        sha256: the data set's checksum.
        leaves_out: whether the study's limit leaves images out, so that each seed draws its own.
    """
    subset: Literal["fixed", "by_seed"] = "by_seed" if leaves_out else "fixed"
    data = DataRef(name=study.data, sha256=sha256, train_limit=study.train_limit, subset=subset)
    for seed in range(study.seeds):
        for arm in (arm for arm in study.arm if seed < study.seeds_of(arm)):
            recipe = study.recipe_of(arm).resolved(backend)
            yield arm.label, RunSpec(model=arm.model, seed=seed, recipe=recipe, data=data)


def arms_of(study: StudySpec) -> list[tuple[str, Recipe]]:
    """Lists each arm's network and recipe."""
    return [(arm.model, study.recipe_of(arm)) for arm in study.arm]


def begun_backend(study: StudySpec, workspace: Workspace) -> Backend | None:
    """Returns the backend that the study was begun with, if any; with another it would be another study."""
    for record in workspace.studies():
        if (record.study.name, record.study.recipe) != (study.name, study.recipe):
            continue
        free = {arm.label for arm in record.study.arm if not Backend.model_fields.keys() & arm.recipe}
        for member in record.members:
            run = workspace.run_folder(member.run).read_if_sound() if member.arm in free else None
            if run is not None:
                return Backend.model_validate(run.spec.recipe.model_dump(include=set(Backend.model_fields)))
    return None
