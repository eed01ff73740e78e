"""Describes an arm of a study: a network, and what it has instead of the study's."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, field_validator

from skipscope.spec.names import Name
from skipscope.spec.network import network_name
from skipscope.spec.problems import Within
from skipscope.spec.recipe import Recipe
from skipscope.spec.values import Frozen


def _no_escapes(model: str) -> str:
    """Refuses a path whose backslashes began escapes: a tab, a line's end."""
    if model.isprintable():
        return model
    raise ValueError("in double quotes \\ begins an escape: write / in a path, or put it in single quotes")


class Arm(Frozen):
    """Pairs a network with a recipe; `recipe` overrides keys of the study's."""

    model: Annotated[str, AfterValidator(_no_escapes)]
    name: Name | None = None
    recipe: dict[str, Any] = Field({}, description="checked with the study's, which has the other keys")
    seeds: int | None = Field(
        None, strict=True, ge=1, le=10_000, description="fewer than the study's, whose first they are"
    )
    probes: tuple[str, ...] | None = Field(None, description="instead of the study's")

    @field_validator("recipe")
    @classmethod
    def _recipe_has_valid_keys(cls, recipe: dict[str, Any]) -> dict[str, Any]:
        try:
            Recipe.model_validate(recipe)
        except ValidationError as error:
            if all(problem["loc"] for problem in error.errors()):  # else the study's other keys decide
                raise Within(((), error)) from None
        return recipe

    @property
    def label(self) -> str:
        """Names the arm in tables and figures: its name, else its network's."""
        return self.name or network_name(self.model)
