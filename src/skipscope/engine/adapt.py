"""A study with some of what its file says replaced."""

from skipscope.spec import DataName, StudySpec, parse_study


def adapt(
    study: StudySpec,
    *,
    data: DataName | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    train_limit: int | None = None,
) -> StudySpec:
    """The study with what the command line says in place of what its file says.

    Raises:
        SpecError: a value is impossible.
    """
    table = study.model_dump(exclude_unset=True, mode="json")
    said = {"data": data, "seeds": seeds, "train_limit": train_limit}
    table |= {key: value for key, value in said.items() if value is not None}
    if epochs is not None:
        table["recipe"] = table.get("recipe", {}) | {"epochs": epochs}
        for arm in table["arm"]:
            arm.get("recipe", {}).pop("epochs", None)
    return parse_study(table, where="the command line")
