"""Reads text files of users, whose editors may have saved them in another encoding than UTF-8."""

import codecs
from pathlib import Path

from skipscope.errors import UsageError

UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE


def read_text(path: Path) -> str:
    """Reads UTF-8 with or without a byte order mark; every line ends with a line feed.

    Raises:
        UsageError: it is in another encoding; says in which.
        OSError: the file cannot be read.
    """
    raw = path.read_bytes()
    if raw.startswith(UTF_16) or b"\0" in raw[:200]:
        raise UsageError("This is no text in UTF-8, but in UTF-16.", where=str(path), hint=_SAVE)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        kind = ", but in GBK" if _is_chinese(raw) else ""
        where = f"{path}, line {line}"
        raise UsageError(f"This is no text in UTF-8{kind}.", where=where, hint=_SAVE) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


_SAVE = "save it as UTF-8 in your editor (Save as, or the encoding in the status bar)"


def _is_chinese(raw: bytes) -> bool:
    """Tells whether these bytes are Chinese text in GBK, the usual encoding of older Windows editors."""
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return any("\u4e00" <= each <= "\u9fff" for each in text)
