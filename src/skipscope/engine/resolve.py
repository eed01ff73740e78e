"""Resolves a study into runs with pinned and trusted networks and nothing left to choose."""

from collections.abc import Callable, Iterator
from functools import partial

from skipscope.engine.trust import trust
from skipscope.errors import UnknownName
from skipscope.models.registry import maker
from skipscope.models.user import pinned
from skipscope.probes.measure import known
from skipscope.records.store import Workspace
from skipscope.spec import Backend, DataRef, Recipe, RunSpec, StudySpec


def pin_networks(study: StudySpec) -> StudySpec:
    """Pins each of the user's networks to its file's text, and trusts these files from now on.

    Raises:
        UnknownName: a network is not registered, or there is no such probe; says the key.
        NetworkError: a user's file gives no network.
    """
    look_up: dict[str, Callable[[], object]] = {"probes": partial(known, study.probes or ())}
    look_up |= {f"arm.{index}.model": partial(maker, arm.model) for index, arm in enumerate(study.arm)}
    look_up |= {f"initial.{index}": partial(maker, model) for index, model in enumerate(study.initial)}
    for key, find in look_up.items():
        try:
            find()
        except UnknownName as error:
            error.where = key
            raise
    study = study.with_models(pinned)
    trust([*(arm.model for arm in study.arm), *study.initial])
    return study


def resolve(study: StudySpec, backend: Backend, sha256: str) -> Iterator[tuple[str, RunSpec]]:
    """Yields each run with its arm's label, seed by seed: a study cut short has whole comparisons.

    Args:
        study: with its networks pinned.
        backend: stands in for what is `auto` in a recipe.
        sha256: the data set's checksum.
    """
    data = DataRef(name=study.data, sha256=sha256, train_limit=study.train_limit)
    for seed in range(study.seeds):
        for arm in study.arm:
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
