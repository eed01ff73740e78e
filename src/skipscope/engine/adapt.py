"""Replaces some of a study's values: from the command line, or to fit into a budget."""

from skipscope.spec import DataName, StudySpec, parse_study


def adapt(
    study: StudySpec,
    *,
    data: DataName | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    train_limit: int | None = None,
    where: str = "the command line",
) -> StudySpec:
    """Returns the study with values that were given (`where`: the command line) instead of its file's.

    Raises:
        SpecError: a value is impossible.
    """
    adapted = cut(study, epochs=epochs, seeds=seeds, train_limit=train_limit)
    table = adapted.model_dump(exclude_unset=True, mode="json") | ({} if data is None else {"data": data})
    return parse_study(table, where=where)


def cut(
    study: StudySpec, *, epochs: int | None = None, seeds: int | None = None, train_limit: int | None = None
) -> StudySpec:
    """Returns the study with these values, unchecked, instead of its own; epochs in every arm.

    An arm with seeds of its own has at most so many.
    """
    given: dict[str, object] = {"seeds": seeds, "train_limit": train_limit}
    update = {key: value for key, value in given.items() if value is not None}
    arms = study.arm
    if seeds is not None:
        fewer = {"seeds": seeds}
        arms = tuple(arm.model_copy(update=fewer) if (arm.seeds or 0) > seeds else arm for arm in arms)
    if epochs is not None:
        update["recipe"] = study.recipe.model_copy(update={"epochs": epochs})
        arms = tuple(
            arm.model_copy(update={"recipe": {k: v for k, v in arm.recipe.items() if k != "epochs"}})
            if "epochs" in arm.recipe
            else arm
            for arm in arms
        )
    return study.model_copy(update={**update, "arm": arms})
