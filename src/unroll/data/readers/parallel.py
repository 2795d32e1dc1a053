"""Parallel text: a file for each language, the lines of the same number saying the same."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.linewise import blank_note
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

#: The two-letter codes of languages, ISO 639-1, that end the names of parallel files.
_CODES = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
    es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka
    kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng
    nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su
    sv sw ta te tg th ti tk tl tn to tr tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()  # noqa: SIM905 - a list of two hundred quoted words is harder to read
)
#: Files of texts and of what is told of each of their lines.
_TEXTS, LABELS = frozenset(("text", "texts", "sentences")), frozenset(("label", "labels"))
#: What files of either side are called where no language is named, and of those the one to translate from.
_SIDES = frozenset(("src", "tgt", "trg", "source", "target")) | _TEXTS | LABELS
_FROM = frozenset(("src", "source")) | _TEXTS
#: Names that begin with their side, and of texts those that end with it.
_BEFORE = re.compile(r"(?i)(?P<side>src|tgt|trg|source|target)[-_.](?P<rest>.+)")
_BEHIND = re.compile(r"(?i)(?P<rest>.+)[-_](?P<side>[a-z]{2,9})\.txt")
_REGION = re.compile(r"[-_][a-z0-9]{2,4}$")


def language_of(path: Path) -> str | None:
    """The language that the name of a file ends in, as in train.de, val.pt-BR or train.en.gz; None if it does not."""
    code = Path(path.name.removesuffix(".gz")).suffix.removeprefix(".")
    return code if _REGION.sub("", code.lower()) in _CODES else None


def named_side(path: Path) -> tuple[str, str] | None:
    """What the files of all sides share of their names, and the side that this one is; None if its name says none.

    >>> named_side(Path("train.de.gz")), named_side(Path("val.src")), named_side(Path("src-train.txt"))
    (('train', 'de'), ('val', 'src'), ('train', 'src'))
    """
    name = Path(path.name.removesuffix(".gz"))
    text = name.suffix.lower() == ".txt"
    language = language_of(name.with_suffix("") if text else name)
    last = (Path(name.stem) if text else name).suffix.removeprefix(".").lower()
    if language is not None or last in _SIDES:
        return Path(name.stem).stem if text else name.stem, language or last
    if text and name.stem.lower() in _TEXTS | LABELS:
        return "", name.stem.lower()
    found = _BEFORE.fullmatch(name.name) or (_BEHIND.fullmatch(name.name) if text else None)
    if found is None or (found["side"].lower() not in _SIDES and found["side"].lower() not in _CODES):
        return None
    return found["rest"].removesuffix(".txt"), found["side"].lower()


def sides(files: Iterable[Path]) -> dict[str, dict[str, Path]]:
    """The files of several sides that have a name in common: name -> language -> file, both in order."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(files):
        named = named_side(path)
        if named is not None:
            found.setdefault(named[0], {})[named[1]] = path
    # The side to translate from comes first, whatever the letters say. Labels belong to texts.
    return {
        stem: dict(sorted(own.items(), key=_first))
        for stem, own in found.items()
        if len(own) > 1 and bool(_TEXTS & own.keys()) == bool(LABELS & own.keys())
    }


def _first(side: tuple[str, Path]) -> tuple[bool, str]:
    return side[0] not in _FROM, side[0]


def sides_beside(path: Path) -> dict[str, Path]:
    """The files that are parallel to one, itself among them, or that begin with a name such as DIR/train; or none."""
    if not path.parent.is_dir():
        return {}
    named = named_side(path)
    stem = path.name if named is None else named[0]
    here = sides(other for other in path.parent.iterdir() if other.is_file())
    return here.get(stem, {})


class Parallel:
    """Parallel files ready to be read.

    Args:
        file: any of them.
        files: language -> file, of all languages that are read.
    """

    marked = False
    empty = "no rows of data"

    def __init__(self, file: Input, files: dict[str, Path]) -> None:
        self.files = files
        self._encoding = file.options.encoding
        self._blank = 0

    @property
    def fields(self) -> list[Field]:
        """A column for each language."""
        return [Field(language) for language in self.files]

    @property
    def said(self) -> str:
        """Which files."""
        paths = list(self.files.values())
        names = ", ".join(path.name for path in paths)
        return f"parallel files {names}, {encoding_of(paths[0], self._encoding)}"

    def rows(self) -> Iterator[Row]:
        """A row for each number of a line; lines that are blank in every file are left out.

        Raises:
            DataError: a file ends before another, wrong encoding, or a file that cannot be read.
        """
        self._blank = 0
        readings = [numbered_lines(path, self._encoding) for path in self.files.values()]
        for number, lines in enumerate(itertools.zip_longest(*readings), 1):
            cells = ["" if line is None else line[1].removesuffix("\r") for line in lines]
            if not any(cell.strip() for cell in cells):
                self._blank += 1
                continue
            if None in lines:
                raise self._ended(lines.index(None), number)
            yield Row(cells, number)

    def _ended(self, short: int, number: int) -> DataError:
        paths = list(self.files.values())
        longest = max(paths, key=lambda path: sum(1 for _ in numbered_lines(path, self._encoding)))
        lines = sum(1 for _ in numbered_lines(longest, self._encoding))
        return DataError(
            f"parallel files must have as many lines, but this one has {number - 1:,} and {longest.name} {lines:,};"
            " find the line where they part",
            paths[short],
            number - 1,
        )

    def left(self) -> list[str]:
        """Lines that are blank everywhere."""
        return blank_note(self._blank)


class ParallelReader:
    """Reads parallel files. The name of a folder or of a pair says that files are parallel; one of them does not."""

    name = "parallel"
    suffixes: tuple[str, ...] = ()
    summary = (
        "files for each language whose names differ in their endings, as `train.de` and `train.en` or `train.src` and "
        "`train.tgt`, also `src-train.txt` and `train.de.txt`: a column for each; named by their folder, or by what "
        "their names share (`DIR/train`); likewise texts and labels in two files, `train_text.txt` and "
        "`train_labels.txt`"
    )

    def recognises(self, file: Input) -> bool:
        """Never: one file alone is a text."""
        return False

    def open(self, file: Input, first: Source | None) -> Parallel:
        """Find the files beside this one.

        Raises:
            DataError: there are none, or not of the languages of the first ones.
        """
        files = sides_beside(file.path)
        if not files:
            raise DataError(
                "expected parallel files beside it whose names end in languages, such as train.de and train.en",
                file.path,
            )
        if isinstance(first, Parallel):
            missing = [language for language in first.files if language not in files]
            if missing:
                raise DataError(f"expected a file for '{missing[0]}' beside it, as the first ones have", file.path)
            files = {language: files[language] for language in first.files}
        return Parallel(file, files)
