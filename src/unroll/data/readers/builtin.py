"""Real data that comes with the dependencies and with Python: no download."""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data.readers.delimited import Delimited
from unroll.data.readers.dialect import Dialect
from unroll.data.readers.lines import numbered_lines
from unroll.data.table.table import Table
from unroll.data.table.writer import Field, Row, Writer
from unroll.errors import DataError, MissingExtraError

_SETS = {
    "sunspots": "yearly sunspot numbers, 1700 to 2008 (statsmodels); forecast",
    "co2": "weekly CO2 in the air over Mauna Loa, 1958 to 2001, with gaps (statsmodels); forecast",
    "digits": "1797 images of handwritten digits, 8 rows of 8 pixels each read as 8 steps (scikit-learn); classify",
    "hangul": "the 11,172 Hangul syllables and their names in Unicode, as 각 and GAG (Python); translate",
    "cldr": "names of places, languages and currencies in English and Korean (babel); translate",
    "pydocs": "paragraphs of Python's own documentation and the area each is about (Python); classify",
}
#: The modules of the standard library behind each class of pydocs.
_AREAS = {
    "files": "tarfile zipfile pathlib shutil _pyio tempfile os posixpath gzip lzma bz2 glob fileinput"
    " filecmp zipimport",
    "language": "ast inspect typing importlib tokenize dis symtable enum dataclasses functools operator"
    " collections abc contextlib types copy",
    "mail": "email mailbox imaplib smtplib poplib mailcap quopri",
    "markup": "xml html configparser json plistlib xmlrpc csv",
    "network": "http urllib socketserver ssl ftplib nntplib wsgiref ipaddress socket telnetlib webbrowser selectors",
    "numbers": "_pydecimal statistics numbers fractions random datetime _pydatetime calendar heapq bisect zoneinfo",
    "parallel": "asyncio concurrent multiprocessing threading queue subprocess sched _threading_local",
    "testing": "unittest doctest pdb bdb trace cProfile profile pstats timeit logging warnings traceback",
    "text": "difflib string textwrap codecs re argparse optparse getopt gettext locale shlex pprint stringprep",
}
_MIN_PARAGRAPH = 80
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Paragraph(NamedTuple):
    """A paragraph of documentation and the line of the docstring it stands in."""

    text: str
    line: int


def builtin_names() -> dict[str, str]:
    """The built-in sets: name -> one line that says what it is and the task it is for."""
    return dict(_SETS)


def read_builtin(name: str, store: Path) -> Table:
    """Store a built-in set as a table.

    Args:
        name: one of `builtin_names`.
        store: the folder for the table.

    Raises:
        MissingExtraError: the package that holds it is not installed.
        DataError: this installation does not hold the files.
    """
    note = f"built-in set: {_SETS[name]}"
    if name == "hangul":
        return _hangul(store, note)
    if name == "cldr":
        return _cldr(store, note)
    if name == "pydocs":
        return _pydocs(store, note)
    if name == "digits":
        return _digits(store, note)
    path = _file_of("statsmodels", f"datasets/{name}/{name}.csv")
    columns = ("YEAR", "SUNACTIVITY") if name == "sunspots" else ("date", "co2")
    source = Delimited(path, columns, Dialect(",", True, True), "utf-8")
    with Writer(store, source.fields, path) as writer:
        writer.begin(path)
        for row in source.rows():
            writer.add(row)
        return writer.finish([note], "csv")


def _file_of(package: str, inside: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise MissingExtraError(package, "tasks", "this built-in data set")
    path = Path(found.origin).parent / inside
    if not path.is_file():
        raise DataError(f"this installation of {package} holds no {inside}; install {package} again", path)
    return path


def _digits(store: Path, note: str) -> Table:
    path = _file_of("sklearn", "datasets/data/digits.csv.gz")
    with Writer(store, [Field("image", "series", 8), Field("label")], path) as writer:
        writer.begin(path)
        for number, line in numbered_lines(path):
            pixels = line.split(",")
            # 0 to 16 in the file; the label comes last.
            label = str(int(float(pixels[-1])))
            writer.add(Row([np.array(pixels[:-1], dtype=np.float32) / 16.0, label], number))
        return writer.finish([note], "csv")


def _hangul(store: Path, note: str) -> Table:
    # In some builds of Python the names are part of the program itself.
    path = Path(getattr(unicodedata, "__file__", sys.executable))
    with Writer(store, [Field("source"), Field("target")], path) as writer:
        writer.begin(path)
        for number, code in enumerate(range(ord("가"), ord("힣") + 1), 1):
            writer.add(Row([chr(code), unicodedata.name(chr(code)).rpartition(" ")[2]], number))
        return writer.finish([note], "csv")


def _cldr(store: Path, note: str) -> Table:
    """The names that Unicode's Common Locale Data Repository has in both languages and that are not the same."""
    try:
        from babel import Locale
    except ImportError:
        raise MissingExtraError("babel", "names", "this built-in data set") from None
    english, korean = Locale("en"), Locale("ko")
    path = _file_of("babel", "locale-data/ko.dat")
    with Writer(store, [Field("source"), Field("target")], path) as writer:
        writer.begin(path)
        number = 0
        for kind in ("territories", "languages", "currencies"):
            others = getattr(korean, kind)
            for code, own in sorted(getattr(english, kind).items()):
                if others.get(code, own) != own:
                    number += 1
                    writer.add(Row([own, others[code]], number))
        return writer.finish([note], "csv")


def _pydocs(store: Path, note: str) -> Table:
    library = Path(sysconfig.get_path("stdlib"))
    with Writer(store, [Field("text"), Field("label")], library) as writer:
        seen: set[str] = set()
        for area, modules in _AREAS.items():
            for module in modules.split():
                for path in _sources(library, module):
                    opened = False
                    for paragraph in _paragraphs(path):
                        if paragraph.text in seen:
                            continue
                        seen.add(paragraph.text)
                        if not opened:
                            writer.begin(path)
                            opened = True
                        writer.add(Row([paragraph.text, area], paragraph.line))
        if not seen:
            raise DataError("this Python comes without the sources of its library; use another built-in set", library)
        return writer.finish([note], "text")


def _sources(library: Path, module: str) -> list[Path]:
    single = library / f"{module}.py"
    if single.is_file():
        return [single]
    inside = (library / module).rglob("*.py")
    return sorted(path for path in inside if not {"test", "tests", "idle_test"} & set(path.relative_to(library).parts))


def _paragraphs(path: Path) -> Iterator[Paragraph]:
    for node in _documented(ast.parse(path.read_bytes(), str(path))):
        text = ast.get_docstring(node)
        if text is None:
            continue
        line = node.body[0].lineno
        for paragraph in text.split("\n\n"):
            joined = " ".join(paragraph.split())
            # Interactive examples and tables are code, not prose.
            if len(joined) >= _MIN_PARAGRAPH and ">>>" not in joined and "---" not in joined:
                yield Paragraph(joined, line)


def _documented(node: ast.Module | ast.ClassDef) -> Iterator[_Documented]:
    yield node
    for inner in node.body:
        if isinstance(inner, ast.ClassDef):
            yield from _documented(inner)
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            yield inner
