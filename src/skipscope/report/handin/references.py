"""Lists the works that the hand-in cites: those that a statement rests on, and no others."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from skipscope.report.context import Context
from skipscope.report.document import Bibliography, Paragraph, Section
from skipscope.report.words import Inline, literal

MOST_AUTHORS = 3
"""Named before et al., as GB/T 7714 has it."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A published work."""

    key: str
    authors: tuple[str, ...]
    """Family name, comma, initials."""
    year: int
    title: str
    venue: str
    """Empty of what appeared on arXiv only."""
    kind: str
    """As GB/T 7714 marks it: C, J, R or D."""
    arxiv: str = ""


@cache
def works() -> dict[str, Work]:
    """The works of `works.toml`, by key."""
    text = (files("skipscope.report.handin") / "works.toml").read_text(encoding="utf-8")
    return {
        key: Work(key=key, **{**table, "authors": tuple(table["authors"])})
        for key, table in tomllib.loads(text).items()
    }


def references(context: Context, sections: Iterable[Section]) -> Section | None:
    """Lists what the statements of these sections cite, by author and year; None if they cite nothing."""
    cited = {
        source.key
        for section in sections
        for block in section.all_blocks
        if isinstance(block, Paragraph)
        for statement in block.statements
        for source in statement.sources
        if source.basis == "known"
    }
    found = sorted((works()[key] for key in cited), key=lambda work: (work.authors[0].lower(), work.year))
    if not found:
        return None
    written = _in_chinese if context.words.language == "zh" else _in_english
    entries = tuple(Paragraph(text=written(work), id=f"work-{work.key}") for work in found)
    return context.section("references", "references", [Bibliography(works=entries)])


def _in_english(work: Work) -> Inline:
    """Writes: Hu, J., Shen, L. & Sun, G. (2018). Title. CVPR 2018. arXiv:1709.01507."""
    *most, last = work.authors[:MOST_AUTHORS]
    if len(work.authors) > MOST_AUTHORS:
        names = f"{', '.join((*most, last))} et al."
    else:
        names = f"{', '.join(most)} & {last}" if most else last
    stop = "" if work.title.endswith("?") else "."
    rest = [f"{part}." for part in (work.venue, _arxiv(work)) if part]
    return literal(" ".join([f"{names} ({work.year}). {work.title}{stop}", *rest]))


def _in_chinese(work: Work) -> Inline:
    """Writes after GB/T 7714, by author and year, as works in English are written.

    He K, Zhang X, Ren S, et al., 2015. Title[C]//CVPR 2016. Hu J, 2018. Title[J]. Journal, 5(2): 157-166.
    """
    names = [author.replace(",", "").replace(".", "") for author in work.authors[:MOST_AUTHORS]]
    more = ["et al."] if len(work.authors) > MOST_AUTHORS else []
    title = f"{', '.join([*names, *more])}, {work.year}. {work.title}[{work.kind}]"
    where = _PAGES.sub(lambda found: f"{found[1]}: {found[2]}-{found[3]}", work.venue)
    inside = f"//{where}" if where and work.kind == "C" else f". {where}" if where else ""
    return literal(f"{title}{inside}.{f' {_arxiv(work)}.' if work.arxiv else ''}")


_PAGES = re.compile(r"(\d+\(\d+\)), (\d+)–(\d+)$")
"""Volume, number and pages at the end of a journal's name."""


def _arxiv(work: Work) -> str:
    return f"arXiv:{work.arxiv}" if work.arxiv else ""
