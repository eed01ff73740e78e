"""Every statement of the explanation rests on something that is there, and its numbers on the records."""

import re

import pytest
from made_up_bodies import prose

from skipscope.analysis.quantities import QUANTITIES
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.reference import shipped
from skipscope.report.appendix.evidence import effect_cell
from skipscope.report.appendix.explanation import card
from skipscope.report.document import Note, Paragraph, Table
from skipscope.report.handin.beside import beside
from skipscope.report.handin.conclusion import conclusion
from skipscope.report.handin.dense import dense
from skipscope.report.handin.gated import gated
from skipscope.report.handin.one_page import one_page
from skipscope.report.handin.own_curves import own_curves
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
    "curves": own_curves,
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


def piece_of(source, told):
    """What the claim's leading effect is in the study that a statement names."""
    origin = source.basis, source.study
    return next(body for body in told.evidence.bodies(source.key) if body.origin == origin).pieces[0]


def numbers(text):
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


@pytest.mark.parametrize("section", SECTIONS)
def test_what_a_statement_rests_on_is_there(section, written):
    told = written()
    found = statements(SECTIONS[section](told))
    assert len(found) >= 4
    for statement in found:
        for source in statement.sources:
            assert resolves(source, told), (source, statement.text)
    assert {"known", "reference", "exact"} & {source.basis for each in found for source in each.sources}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("section", SECTIONS)
def test_numbers_come_from_the_records_or_are_names_of_things(section, language, written):
    told = written(language)
    group = told.context.words.table["beside" if section == "curves" else section]
    names = numbers(repr(group))  # years, layers, kernels, as they are written
    for statement in statements(SECTIONS[section](told)):
        filled = numbers(unmarked(" ".join(statement.numbers)))
        assert numbers(unmarked(statement.text)) <= names | filled, statement.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_reference_is_quoted_for_stands_in_the_card_that_is_linked(language, written):
    told = written(language)
    results = {result.id: result for result in told.evidence.results}
    found = [each for section in SECTIONS.values() for each in statements(section(told))]
    sources = {source for each in found for source in each.sources if source.basis == "reference"}
    claims = {source for source in sources if source.key in catalogue()}
    assert len(claims) >= 8
    for source in claims:
        blocks = card(told.context, results[source.key])
        assert blocks[0].id == f"claim-{source.key}"
        tables = [cell for block in blocks if isinstance(block, Table) for row in block.rows for cell in row]
        texts = [block.text for block in blocks if isinstance(block, Paragraph | Note)]
        shown = "\n".join([*texts, *tables])
        assert f"`{source.study}`" in shown, source
        assert effect_cell(piece_of(source, told).finding) in shown, source


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_effect_that_the_hand_in_may_choose_stands_in_its_card(language, written):
    told = written(language)
    for result in told.evidence.results:
        blocks = card(told.context, result)
        tables = [cell for block in blocks if isinstance(block, Table) for row in block.rows for cell in row]
        shown = "\n".join([*(b.text for b in blocks if isinstance(b, Paragraph | Note)), *tables])
        for part in catalogue()[result.id].parts:
            for piece in told.evidence.pieces(result.id, part).values():
                if piece.basis == "reference" and not piece.confounded:
                    assert effect_cell(piece.finding) in shown, (result.id, part)
