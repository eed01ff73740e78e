"""What the hand-in cites is in its bibliography, and nothing else is."""

import re
from importlib.resources import files

import pytest
from documents import built, context_of

from skipscope.report.document import Bibliography, Paragraph, Section
from skipscope.report.handin.prose import prose_of
from skipscope.report.handin.references import references, works
from skipscope.report.rendering import markdown, paper_source
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, to_html, unmarked


def citing(*keys):
    statement = Statement(
        text=Inline("So it is."), sources=tuple(Source(basis="known", key=key) for key in keys)
    )
    return Section(
        id="one", title=Inline("One"), blocks=(Paragraph(text=statement.text, statements=(statement,)),)
    )


def entries(section):
    (found,) = section.blocks
    assert isinstance(found, Bibliography)
    return [unmarked(work.text) for work in found.works]


def test_every_key_that_a_chapter_names_is_a_work():
    named = {
        key
        for chapter in files("skipscope.report.handin").iterdir()
        if chapter.name.endswith(".py")
        for key in re.findall(r'"([a-z]+(?:19|20)\d\d)"', chapter.read_text(encoding="utf-8"))
    }
    assert named  # the chapters do cite
    assert named <= works().keys()


def test_works_are_complete_and_told_apart():
    for key, work in works().items():
        assert key.endswith(str(work.year)), key
        assert re.sub(r"[^a-z]", "", work.authors[0].partition(",")[0].lower()) == key[:-4], key
        assert all(re.fullmatch(r"[^,]+, [A-Z].*\.", author) for author in work.authors), key
        assert work.venue or work.arxiv, key
        assert work.kind in "CJRD", key
        assert re.fullmatch(r"\d{4}\.\d{5}|", work.arxiv), key
    assert len({work.title for work in works().values()}) == len(works())


@pytest.mark.parametrize(
    ("language", "first"),
    [
        ("en", "He, K., Zhang, X., Ren, S. et al. (2015). Deep residual learning for image recognition. "),
        ("zh", "He K, Zhang X, Ren S, et al., 2015. Deep residual learning for image recognition[C]//"),
    ],
)
def test_what_is_cited_is_listed_once_by_author(study_tables, language, first):
    context = context_of(study_tables(), language, results=())
    found = references(context, [citing("veit2016", "he2015"), citing("he2015")])
    assert found is not None
    assert entries(found)[0] == f"{first}CVPR 2016. arXiv:1512.03385."
    assert len(entries(found)) == 2
    assert references(context, [citing()]) is None


def test_pages_and_kinds_are_written_after_the_standard(study_tables):
    context = context_of(study_tables(), "zh", results=())
    cited = citing("lecun1998", "hochreiter1991", "krizhevsky2009", "goyal2017", "veit2016")
    told = "\n".join(entries(references(context, [cited])))
    assert "等" not in told
    assert "recognition[J]. Proceedings of the IEEE, 86(11): 2278-2324." in told
    assert "Netzen[D]. Diploma thesis" in told
    assert "images[R]. Technical report" in told
    assert "1 hour[R]. arXiv:1706.02677." in told
    assert "networks[C]//NeurIPS 2016." in told


def test_the_hand_in_ends_with_it_and_has_no_number_for_it(study_tables):
    document = built(study_tables(), part="handin", results=())
    assert document.sections[-1].id == "references"
    assert document.sections[-1].number == ""
    assert "# References" in paper_source.render(document, suffix="svg")
    assert "## References" in markdown.render(document)


def test_marks_are_set_small_wherever_the_format_can():
    text = Inline(r"It is.⟦reference, [S6](#claim-S6)⟧")
    assert to_html(text, links={"claim-S6": "en-claim-S6"}) == (
        'It is.<span class="mark">[reference, <a href="#en-claim-S6">S6</a>]</span>'
    )
    assert unmarked(text) == "It is.[reference, S6]"


def test_a_mark_of_literature_leads_to_the_work(study_tables):
    document = built(study_tables(), part="handin", results=())
    works = {work.id for block in document.blocks if isinstance(block, Bibliography) for work in block.works}
    assert {"work-he2015", "work-hu2018"} <= works
    assert works | {"references"} <= document.targets


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_work_is_cited_by_author_and_year_so_that_no_mark_repeats_it(study_tables, language):
    document = built(study_tables(readings=True), language, part="handin", results=())
    paragraphs = [block for block in document.blocks if isinstance(block, Paragraph)]
    told = [each for block in paragraphs for each in block.statements]
    known = [(source, each) for each in told for source in each.sources if source.basis == "known"]
    assert len(known) >= 15
    for source, statement in known:
        assert f"[{works()[source.key].year}](#work-{source.key})" in statement.text
    literature = context_of(study_tables(), language).words("handin.mark.known")
    assert not any(f"[{literature}]" in block.text for block in paragraphs)


def test_a_work_that_no_text_names_is_marked(study_tables):
    written = prose_of(context_of(study_tables()))
    source = Source(basis="known", key="he2015")
    named, unnamed = (Statement(text=Inline(text), sources=(source,)) for text in (NAMED, "So it is."))
    assert written.paragraph(named).text == NAMED
    assert written.paragraph(unnamed).text == "So it is ⟦[literature](#work-he2015)⟧."


NAMED = Inline("So say He et al. ([2015](#work-he2015)).")
