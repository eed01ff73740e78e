"""Reports of made-up studies: each built once per test process, for every test that only reads it."""

from collections.abc import Callable

import pytest
from documents import built

from skipscope.analysis.tables import StudyTables
from skipscope.language import Language
from skipscope.report.document import Document


@pytest.fixture(scope="session")
def reports() -> dict[tuple[object, ...], Document]:
    """The reports there are so far, by what they were built from."""
    return {}


@pytest.fixture
def report(
    study_tables: Callable[..., StudyTables], reports: dict[tuple[object, ...], Document]
) -> Callable[..., Document]:
    """`report(seeds=3, language="zh")`: the report of `study_tables(seeds=3)`."""

    def of(language: Language = "en", **variant: object) -> Document:
        key = ("made up", language, repr(sorted(variant.items())))
        if key not in reports:
            reports[key] = built(study_tables(**variant), language)
        return reports[key]

    return of


@pytest.fixture
def small(study_tables: Callable[..., StudyTables]) -> Callable[..., StudyTables]:
    """`small(arms=("cnn",))`: the tables of a small study with readings of everything, to read only."""

    def make(**variant: object) -> StudyTables:
        return study_tables(readings=True, **{"epochs": 2, "steps": 16} | variant)

    return make


@pytest.fixture
def small_report(
    small: Callable[..., StudyTables], reports: dict[tuple[object, ...], Document]
) -> Callable[..., Document]:
    """`small_report(arms=("cnn",), language="zh")`: the report of `small(arms=("cnn",))`."""

    def of(language: Language = "en", **variant: object) -> Document:
        key = ("small", language, repr(sorted(variant.items())))
        if key not in reports:
            reports[key] = built(small(**variant), language)
        return reports[key]

    return of
