"""Puts our styles, page size, table of contents and author into pandoc's Word document."""

import re
from collections.abc import Callable, Mapping
from html import escape
from importlib.resources import files
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

TEMPLATES = files("skipscope.report.rendering") / "templates" / "word"
PAGE = (
    '<w:sectPr><w:footerReference w:type="default" r:id="rIdFooter"/>'
    '<w:pgSz w:w="11906" w:h="16838"/>'  # A4, in twentieths of a point
    '<w:pgMar w:top="1021" w:right="1134" w:bottom="1021" w:left="1134" w:header="510" w:footer="510" '
    'w:gutter="0"/></w:sectPr>'
)
FOOTER = "application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footer"

_HEADING = re.compile(
    r'<w:bookmarkStart w:id="\d+" w:name="([^"]+)" />\s*'
    r'<w:p><w:pPr><w:pStyle w:val="Heading([12])" /></w:pPr>((?:(?!</w:p>).)*)</w:p>',
    re.DOTALL,
)
_CREATOR = re.compile(r"<dc:creator\s*/>|<dc:creator>.*?</dc:creator>", re.DOTALL)
_RUN = re.compile(r"<w:r>.*?</w:r>", re.DOTALL)
_FIELD = re.compile(
    r'<w:p><w:r>(?P<begin><w:fldChar w:fldCharType="begin".*?<w:fldChar w:fldCharType="separate" />)'
    r'(?P<end><w:fldChar w:fldCharType="end" />)</w:r></w:p>',
    re.DOTALL,
)


def styled_reference(pandocs: bytes) -> bytes:
    """Returns Pandoc's reference document with our styles, on A4, with page numbers."""
    part = f'<Override PartName="/word/footer1.xml" ContentType="{FOOTER}"/></Types>'
    relation = f'<Relationship Type="{RELATION}" Id="rIdFooter" Target="footer1.xml"/></Relationships>'
    return _changed(
        pandocs,
        {
            "[Content_Types].xml": lambda text: text.replace("</Types>", part),
            "word/_rels/document.xml.rels": lambda text: text.replace("</Relationships>", relation),
            "word/document.xml": lambda text: re.sub(r"<w:sectPr.*?</w:sectPr>", PAGE, text, flags=re.DOTALL),
            "word/styles.xml": lambda _: (TEMPLATES / "styles.xml").read_text(encoding="utf-8"),
        },
        {"word/footer1.xml": (TEMPLATES / "footer1.xml").read_text(encoding="utf-8")},
    )


def completed(document: bytes, *, author: str) -> bytes:
    """Fills in the table of contents of pandoc's document, and its author among its properties.

    Word adds the page numbers when it opens it.
    """

    def changed(text: str) -> str:
        # a table row stays on one page, so that a picture stays with its caption
        unbroken = "<w:tr><w:trPr><w:cantSplit /></w:trPr><w:tc>"
        return _filled_contents(text).replace("<w:tr><w:tc>", unbroken)

    def written_by(text: str) -> str:
        return _CREATOR.sub(lambda _: f"<dc:creator>{escape(author)}</dc:creator>", text)

    return _changed(document, {"word/document.xml": changed, "docProps/core.xml": written_by}, {})


def _filled_contents(text: str) -> str:
    """Fills the table of contents, which pandoc leaves empty, with links to the headings of two levels."""
    headings, field = _HEADING.findall(text), _FIELD.search(text)
    if field is None or not headings:
        return text
    links = [
        f'<w:hyperlink w:anchor="{anchor}">{"".join(_RUN.findall(runs))}</w:hyperlink>'
        for anchor, _, runs in headings
    ]
    links[0] = f"<w:r>{field['begin']}</w:r>{links[0]}"
    links[-1] += f"<w:r>{field['end']}</w:r>"
    filled = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="TOC{level}"/></w:pPr>{link}</w:p>'
        for (_, level, _), link in zip(headings, links, strict=True)
    )
    return text[: field.start()] + filled + text[field.end() :]


def _changed(document: bytes, changes: Mapping[str, Callable[[str], str]], new: Mapping[str, str]) -> bytes:
    """Returns the archive with some parts changed and others added."""
    written = BytesIO()
    with ZipFile(BytesIO(document)) as old, ZipFile(written, "w", ZIP_DEFLATED) as archive:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename in changes:
                content = changes[entry.filename](content.decode()).encode()
            archive.writestr(_plain(entry.filename), content)
        for name, added in new.items():
            archive.writestr(_plain(name), added)
    return written.getvalue()


def _plain(name: str) -> ZipInfo:
    """Returns an entry without a time stamp: equal documents are equal files."""
    entry = ZipInfo(name)
    # a PNG is compressed already
    entry.compress_type = ZIP_STORED if name.endswith(".png") else ZIP_DEFLATED
    return entry
