"""Encodings of text: what a byte order mark says, and which one a file is likely written in that is not UTF-8."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from unroll.errors import DataError, nearest

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KNOWN = (
    "utf-8",
    "utf-16",
    "cp949",
    "euc-kr",
    "johab",
    "latin-1",
    "cp1252",
    "shift_jis",
    "euc-jp",
    "gb18030",
    "big5",
    "ascii",
)
#: Bytes by which an encoding is told.
_LOOKED_AT = 1 << 16
#: Share of the characters beyond ASCII that must be of the script for which an encoding is made.
_MOST, _SOME = 0.85, 0.2
_KANA = re.compile("[\u3041-\u30fa]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
#: Small letters of scripts that have a byte for each, and the encodings for them, the likeliest first.
_SCRIPTS = (
    (re.compile("[\u0430-\u044f\u0451]"), "Russian", ("cp1251", "koi8_r", "iso8859_5", "cp866")),
    (re.compile("[\u03ac-\u03ce]"), "Greek", ("cp1253",)),
)
#: The most frequent characters of Chinese, which are a third of any text: all, and those of either script alone.
_CHINESE = frozenset("的一是不了在有人我大中到上要就出也你那得自子好看天能下可起学小多没家心想事所道用太常非电影")
_SIMPLIFIED = frozenset("这个来们为说国时会对过还样种发经从两给边头开关话车长门问间见现无点动电东马鱼鸟")
_TRADITIONAL = frozenset("這個來們為說國時會對過還樣種發經從兩給邊頭開關話車長門問間見現無點動電東馬魚鳥")


class Likely(NamedTuple):
    """An encoding, and what a text in it is."""

    encoding: str
    language: str


def check_encoding(encoding: str) -> str:
    """Return the canonical name of an encoding.

    Raises:
        DataError: Python knows no text encoding of this name.
    """
    try:
        info = codecs.lookup(encoding)
        "a".encode(encoding)
    except LookupError as error:
        raise DataError(
            f"unknown encoding {encoding!r}{nearest(encoding.lower(), _KNOWN)}; use a name such as "
            f"utf-8, cp949, euc-kr or latin-1"
        ) from error
    return info.name


def marked_encoding(head: bytes, encoding: str) -> str:
    """The encoding of a text by its byte order mark, or the one that is named where it has none.

    >>> marked_encoding(b"\\xff\\xfea\\0", "utf-8"), marked_encoding(b"a", "cp949")
    ('utf-16', 'cp949')
    """
    return next((name for mark, name in BOMS if head.startswith(mark) and name != "utf-8"), encoding)


def wrong_encoding(data: bytes, start: int, encoding: str, path: Path, line: int, offset: int) -> DataError:
    """The error of a byte that is not of the encoding, with the one that the file is likely in.

    Args:
        data: some of the file.
        start: where in it the byte stands.
        encoding: which was expected.
        path: the file.
        line: of the byte.
        offset: of the byte in the file.
    """
    what = f"byte {offset} (0x{data[start : start + 1].hex()}) is not {encoding}"
    if encoding == "utf-8" and _is_damaged(data):
        advice = ", but the rest is; write the character on this line again"
    elif (found := likely_encoding(data)) is not None and found.encoding != encoding:
        advice = f"; it looks like {found.language}, so read it with --encoding {found.encoding}"
    else:
        advice = "; name the encoding, such as --encoding cp949 (Korean) or --encoding latin-1"
    return DataError(what + advice, path, line)


def holds_nul(data: bytes, at: int, encoding: str, path: Path, line: int, offset: int) -> DataError:
    """The error of a NUL byte: of UTF-16 without a mark, or of no text at all.

    Args:
        data: the beginning of the file, or some of it.
        at: where in it the byte stands.
        encoding: which was expected.
        path: the file.
        line: of the byte.
        offset: of the byte in the file.
    """
    wide = _wide(data) if offset == at else None
    advice = f"it looks like {wide}, so read it with --encoding {wide}" if wide else "name its encoding or its format"
    return DataError(
        f"NUL byte at byte {offset}; this is not a text file of encoding {encoding} (or it is damaged): {advice}",
        path,
        line,
    )


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: its ASCII characters have a NUL each, always on the same side."""
    data = data[: _LOOKED_AT & ~1]
    nuls = [data[side::2].count(0) for side in (0, 1)]
    name = "utf-16-be" if nuls[0] > nuls[1] else "utf-16-le"
    if min(nuls) > max(nuls) // 5:
        return None
    text = data.decode(name, errors="replace")
    odd = sum(character == "\ufffd" or unicodedata.category(character) in ("Cn", "Co") for character in text)
    return name if odd <= len(text) // 50 and "\n" in text else None


def _is_damaged(data: bytes) -> bool:
    """Whether nearly all that is beyond ASCII is UTF-8, so that no other encoding helps."""
    text = data.decode("utf-8", errors="replace")
    wrong = text.count("\ufffd")
    right = sum(not character.isascii() for character in text) - wrong
    return right > 10 * wrong


def likely_encoding(data: bytes) -> Likely | None:
    """The encoding that bytes are likely written in which are not UTF-8; None if nothing tells.

    >>> likely_encoding("안녕하세요 반갑습니다".encode("cp949"))
    Likely(encoding='cp949', language='Korean')
    >>> likely_encoding("très déçu".encode("latin-1"))
    Likely(encoding='latin-1', language='a Western European language')
    """
    data = data[:_LOOKED_AT]
    return next((found for found in (judge(data) for judge in _JUDGES) if found is not None), None)


def _decoded(data: bytes, encoding: str) -> str:
    """The characters beyond ASCII; nothing where the bytes are not of the encoding. The last character may be cut."""
    for cut in range(4):
        try:
            text = data[: len(data) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return "".join(character for character in text if not character.isascii())
    return ""


def _share(pattern: re.Pattern[str], text: str) -> float:
    return len(pattern.findall(text)) / max(1, len(text))


def _korean(data: bytes) -> Likely | None:
    # The syllables of KS X 1001 are nearly all of a Korean text; other bytes give those of the extension, too.
    text = _decoded(data, "cp949")
    usual = "".join(c for c in text if len(c.encode("euc_kr", errors="ignore")) == 2)
    if text and _share(_HANGUL, usual) >= _MOST and len(usual) >= _MOST * len(text):
        return Likely("cp949", "Korean")
    return None


def _japanese(data: bytes) -> Likely | None:
    for encoding in ("shift_jis", "cp932", "euc_jp"):
        if _share(_KANA, _decoded(data, encoding)) >= _SOME:
            return Likely(encoding, "Japanese")
    return None


def _chinese(data: bytes) -> Likely | None:
    best: tuple[float, Likely] | None = None
    for encoding, letters, name in (("gb18030", _SIMPLIFIED, "simplified"), ("big5", _TRADITIONAL, "traditional")):
        text = _decoded(data, encoding)
        share = sum(character in letters or character in _CHINESE for character in text) / max(1, len(text))
        if share >= _SOME and (best is None or share > best[0]):
            best = share, Likely(encoding, f"{name} Chinese")
    return None if best is None else best[1]


def _of_one_byte(data: bytes) -> Likely | None:
    """Scripts with a byte for each letter, nearly all of them small ones in the right encoding."""
    found = [
        (_share(small, _decoded(data, name)), Likely(name, language))
        for small, language, names in _SCRIPTS
        for name in names
    ]
    share, best = max(found, key=lambda pair: pair[0])
    return best if share >= _MOST and _are_words(data) else None


def _are_words(data: bytes) -> bool:
    """Whether bytes beyond ASCII stand together as words do, not one by one among letters."""
    runs = re.findall(rb"[\x80-\xff]+", data)
    return bool(runs) and sum(map(len, runs)) >= 3 * len(runs)


def _western(data: bytes) -> Likely | None:
    """Single letters with accents, or quotation marks of Windows, in a text of ASCII."""
    high = sum(byte > 127 for byte in data)
    letters = _decoded(data, "cp1252")
    if not letters or high > len(data) // 3 or _are_words(data):
        return None
    windows = any(0x80 <= byte < 0xA0 for byte in data)
    return Likely("cp1252" if windows else "latin-1", "a Western European language")


_JUDGES: tuple[Callable[[bytes], Likely | None], ...] = (_korean, _japanese, _chinese, _of_one_byte, _western)
