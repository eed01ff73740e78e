"""Describes what is run as data: a study's TOML file, its arms and recipes, and the resolved run.

A `StudySpec` is what a person writes. A `RunSpec` is what a worker trains: nothing in it is left to
choose, and its hash names the run, so that an equal run is never trained twice.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from skipscope.errors import SpecError, UnknownName, UsageError
from skipscope.spec.arm import Arm as Arm
from skipscope.spec.comparison import Comparison
from skipscope.spec.consistency import inconsistencies
from skipscope.spec.derived import following
from skipscope.spec.names import WRITTEN, Name, composed, refusal
from skipscope.spec.network import UserNetwork as UserNetwork
from skipscope.spec.network import distinct_name, seen_from_here, wherever
from skipscope.spec.network import network_name as network_name
from skipscope.spec.problems import KeyPath, Within, in_lines, problems, written
from skipscope.spec.recipe import ADDED_LATER
from skipscope.spec.recipe import Backend as Backend
from skipscope.spec.recipe import MemoryFormat as MemoryFormat
from skipscope.spec.recipe import Recipe as Recipe
from skipscope.spec.snapshots import Snapshots as Snapshots
from skipscope.spec.toml_file import Document, lines_of, read_toml
from skipscope.spec.values import Frozen as Frozen

DataName = Name
"""`cifar10`, `shapes`, or a data set that was imported under a name of its own."""


class StudySpec(Frozen):
    """Declares a study: arms x seeds on one data set."""

    name: Name
    title: dict[Literal["en", "zh"], str] = Field({})
    data: DataName = "cifar10"
    train_limit: int | None = Field(
        None,
        strict=True,
        ge=10,
        description="train on a stratified subset of so many images, drawn by the seed",
    )
    seeds: int = Field(1, strict=True, ge=1, le=10_000, description="runs per arm: seeds 0, 1, ...")
    initial_seeds: int = Field(
        0,
        strict=True,
        ge=0,
        le=100_000,
        description="seeds 0, 1, ... whose networks are measured as they start, trained or not",
    )
    initial: tuple[str, ...] = Field(
        (), description="further networks that are measured as they start and not trained; with initial_seeds"
    )
    recipe: Recipe = Recipe()
    probes: tuple[str, ...] | None = Field(
        None, description="what looks at the trained networks; if left out, all that apply"
    )
    snapshots: Snapshots | None = Field(None, description="weights that are kept while a run trains")
    arm: tuple[Arm, ...] = Field(min_length=1)
    comparison: tuple[Comparison, ...] = Field(
        (), description="in place of those of the same factor that follow from the arms"
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if wrong := [*inconsistencies(self)]:
            raise Within(*wrong)
        return self

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Lists those declared, and those that follow from the arms for factors without a declared one."""
        declared = {each.factor for each in self.comparison if not each.at_other_rates}
        same = [arm for arm in self.arm if arm.label not in self.at_other_rates]
        arms = [(a.model, a.label, json.dumps(a.recipe, sort_keys=True)) for a in same]
        # the name of a user's network says nothing of what it is
        found = following(arms, [model for model in self.initial if UserNetwork.parse(model) is None])
        return (*self.comparison, *(each for each in found if each.factor not in declared))

    @property
    def at_other_rates(self) -> frozenset[str]:
        """Labels of arms with a learning rate of their own that are there to be compared in that."""
        compared = {arm for each in self.comparison if each.at_other_rates for arm in each.arms}
        return frozenset(arm.label for arm in self.arm if "learning_rate" in arm.recipe) & compared

    def seeds_of(self, arm: Arm) -> int:
        """Counts the arm's seeds: 0, 1, ..."""
        return arm.seeds or self.seeds

    def probes_of(self, label: str) -> tuple[str, ...] | None:
        """Names what looks at the trained networks of an arm; None for all that apply."""
        own = next((arm.probes for arm in self.arm if arm.label == label), None)
        return self.probes if own is None else own

    def recipe_of(self, arm: Arm) -> Recipe:
        """Overrides the study's recipe with the arm's keys."""
        return Recipe.model_validate(self.recipe.model_dump() | arm.recipe)

    def with_models(self, other: Callable[[str], str]) -> Self:
        """Replaces each network of the study by `other(model)`."""
        arms = tuple(arm.model_copy(update={"model": other(arm.model)}) for arm in self.arm)
        return self.model_copy(update={"arm": arms, "initial": tuple(map(other, self.initial))})


class DataRef(Frozen):
    """Identifies a data set by name and content: a run trained on other bytes is another run."""

    name: DataName
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    train_limit: int | None = None
    subset: Literal["fixed", "by_seed"] = Field(
        "fixed", description="which images a limit leaves: in older runs the same for every seed"
    )


class RunSpec(Frozen):
    """Specifies a run: one arm with one seed, and nothing left to choose."""

    model: str
    seed: int = Field(ge=0)
    recipe: Recipe
    data: DataRef

    @model_validator(mode="before")
    @classmethod
    def _reads_what_was_written_before(cls, table: Any) -> Any:
        """Completes runs from before kernels and threads could be chosen: stock ones, on one thread."""
        if isinstance(table, dict) and isinstance(recipe := table.get("recipe"), dict):
            return table | {"recipe": {"kernels": "stock", "threads": 1} | recipe}
        return table

    @model_validator(mode="after")
    def _is_resolved(self) -> Self:
        if any(getattr(self.recipe, key) == "auto" for key in Backend.model_fields):
            raise ValueError("how a run is computed is chosen before it is planned: nothing in it is auto")
        own = UserNetwork.parse(self.model)
        if own is not None and own.digest is None:
            raise ValueError("a network in a file is pinned to what the file says before it is planned")
        return self

    @property
    def subset_seed(self) -> int | None:
        """Gives the seed by which the images that train are drawn; None if no seed does."""
        return self.seed if self.data.subset == "by_seed" else None

    @property
    def hash8(self) -> str:
        """Hashes the canonical JSON, without paths of users' files: 8 hexadecimal digits of the SHA-256."""
        content = self.model_dump(mode="json") | {"model": wherever(self.model)}
        for key in ADDED_LATER:
            if getattr(self.recipe, key) == Recipe.model_fields[key].default:
                del content["recipe"][key]
        if self.data.subset == "fixed":  # added later, too
            del content["data"]["subset"]
        return _hash8(content)

    @property
    def id(self) -> str:
        """Names the run: `<network>-s<seed>-<hash8>`."""
        return f"{distinct_name(self.model)}-s{self.seed}-{self.hash8}"


def start_name(model: str, data: str) -> str:
    """Names readings of an untrained network on data of this SHA-256: `<network>-<hash8>`."""
    return f"{network_name(model)}-{_hash8({'model': wherever(model), 'data': data})}"


def _hash8(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:8]


def shipped_studies() -> dict[str, Path]:
    """Maps the names of the studies that come with the package to their files."""
    folder = Path(str(files("skipscope") / "studies"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


Unknown = Iterable[tuple[KeyPath, UnknownName]]
"""Paths to names that stand for nothing."""


def load_study(
    study: str | Path, *, unknown: Callable[[Mapping[str, Any]], Unknown] = lambda _table: ()
) -> StudySpec:
    """Loads a shipped study by its name, or any study by the path of its TOML file.

    `unknown` finds names in its table that are wrong; they are told with the other mistakes.

    Raises:
        UnknownName: `study` is neither a shipped name nor a file.
        SpecError: the file is not TOML, or a key or value in it is impossible.
        UsageError: `study` is neither a name nor a path.
    """
    if not isinstance(study, (str, PathLike)):
        raise UsageError(
            f"A {type(study).__name__} is no study: that is a name or the path of a TOML file.",
            hint='"lab", say; a network of yours is named in a study\'s file: model = "mynet.py:Net"',
        )
    path = Path(study)
    if path.suffix != ".toml":
        shipped = shipped_studies()
        if str(study) not in shipped:
            error = UnknownName("study", str(study), shipped)
            error.hint += ", or the path of a .toml file"
            raise error
        path = shipped[str(study)]
    document = read_toml(path)
    table = document.table
    if "name" not in table and (why := refusal(composed(path.stem))):
        raise SpecError(
            f"A study is called after its file, and {path.stem!r} is no name: {why}.",
            where=str(path),
            hint='rename the file, or write name = "mine" above all else in it',
        )
    written = _parsed({"name": path.stem} | table, document, where=str(path), names=[*unknown(table)])
    return written.with_models(lambda model: _beside(path, model))


def _beside(study: Path, model: str) -> str:
    """Resolves a user's file relative to the study's folder."""
    own = UserNetwork.parse(model)
    if own is None:
        return model
    return str(own.model_copy(update={"file": seen_from_here(study.parent / own.file)}))


def parse_study(table: dict[str, object], *, where: str) -> StudySpec:
    """Parses a table as a study; errors name `where` it was written.

    Raises:
        SpecError: a key or value is impossible; names each key and what it allows.
    """
    return _parsed(table, Document(table, "", [], whole=True), where=where)


def _parsed(
    table: dict[str, Any],
    document: Document,
    *,
    where: str,
    names: Sequence[tuple[KeyPath, UnknownName]] = (),
) -> StudySpec:
    """Parses a document's table; errors name all of its mistakes, with their lines."""
    lines = lines_of([path for path, _ in names], document.text)
    told: list[tuple[int | None, str]] = [*document.mistakes]
    told += (
        (line, f"{written(path)}: {error.what}") for (path, error), line in zip(names, lines, strict=True)
    )
    study = None
    try:
        study = StudySpec.model_validate(table, context=WRITTEN)
    except ValidationError as error:
        tables: dict[str, type[Frozen]]
        tables = {"": StudySpec, "arm": Arm, "recipe": Recipe, "comparison": Comparison}
        tables |= {"snapshots": Snapshots}
        keys = {name: list(spec.model_fields) for name, spec in tables.items()}
        told += problems(error, document.text, keys, whole=document.whole)
    if study is None or told:
        first = "This is not a TOML file:\n" if document.mistakes else ""
        hints = ["mend these lines" if first else "fix the keys named above"]
        hints += dict.fromkeys(error.hint for _, error in names)
        raise SpecError(first + in_lines(told), where=where, hint="; ".join(hints))
    return study
