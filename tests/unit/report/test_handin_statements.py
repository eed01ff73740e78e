"""Every statement of the explanation rests on something that is there, and its numbers on the records."""

import re

import pytest
from made_up_bodies import prose

from skipscope.analysis.quantities import QUANTITIES
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.reference import shipped
from skipscope.report.document import Paragraph, Table
from skipscope.report.handin.beside import beside
from skipscope.report.handin.conclusion import conclusion
from skipscope.report.handin.dense import dense
from skipscope.report.handin.gated import gated
from skipscope.report.handin.one_page import one_page
from skipscope.report.handin.references import works
from skipscope.report.handin.residual import residual
from skipscope.report.handin.without import without
from skipscope.report.words import unmarked

SECTIONS = {
    "without": without,
    "residual": residual,
    "dense": dense,
    "gated": gated,
    "beside": beside,
    "one_page": lambda told: one_page(told.context).blocks,
    "conclusion": lambda told: conclusion(told.context).blocks,
}


@pytest.fixture
def written(small):
    tables = small()  # the assignment's four networks
    results = evaluate(tables)
    return lambda language="en": prose(tables, language=language, results=results)


def statements(blocks):
    return [told for block in blocks if isinstance(block, Paragraph | Table) for told in block.statements]


def resolves(source, written):
    claim = source.key in catalogue()
    if source.basis == "known":
        return source.key in works()
    if source.basis == "exact":
        return claim or source.key == "params"
    if source.basis == "own":
        results = written.evidence.results
        measured = {each.id for each in results if any(finding.effect for finding in each.findings)}
        return source.study == written.evidence.study and (source.key in (measured if claim else QUANTITIES))
    if claim:
        rows = shipped.cards()[source.study].claims
        return any(row["id"] == source.key and any(part["effect"] for part in row["parts"]) for row in rows)
    return not shipped.quantities().filter(study=source.study, quantity=source.key).is_empty()


def numbers(text):
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


@pytest.mark.parametrize("section", SECTIONS)
def test_what_a_statement_rests_on_is_there(section, written):
    told = written()
    found = statements(SECTIONS[section](told))
    assert len(found) >= 5
    for statement in found:
        for source in statement.sources:
            assert resolves(source, told), (source, statement.text)
    assert {"known", "reference", "exact"} & {source.basis for each in found for source in each.sources}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("section", SECTIONS)
def test_numbers_come_from_the_records_or_are_names_of_things(section, language, written):
    told = written(language)
    names = numbers(repr(told.context.words.table[section]))  # years, layers, kernels, as they are written
    for statement in statements(SECTIONS[section](told)):
        filled = numbers(unmarked(" ".join(statement.numbers)))
        assert numbers(unmarked(statement.text)) <= names | filled, statement.text
