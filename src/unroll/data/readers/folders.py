"""Which files of a folder are the data: the parts of one set or of several, one file per class, or a single file."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import NamedTuple

from unroll.data.images.pictures import SUFFIXES
from unroll.data.readers.annotated import annotated_texts
from unroll.data.readers.corpora import corpus_of
from unroll.data.readers.lines import blocks
from unroll.data.readers.parallel import sides, sides_beside
from unroll.data.readers.registry import READERS, form_of, plain_name
from unroll.data.readers.sound import is_sound
from unroll.data.readers.talks import CONVERSATIONS
from unroll.data.table.splits import part_of
from unroll.errors import DataError

#: Forms of files of which a folder may hold one for each series or record.
_TABLES = ("csv", "tsv", "parquet", "json", "jsonl")
_TEXT_LIKE = ("", ".txt", ".text")
#: Files that stand beside data and are none.
_PAPERS = re.compile(
    r"(^|[\W_\d])(read[\W_]*me|licen[cs]e|copying|notice|changelog|citation|authors|credits|about|description)([\W_]|$)"
)
#: Names of pieces of one text.
_PIECE = re.compile(
    r"(?i)(|ch|chap|chapter|book|part|vol|volume|page|section|act|letter|text|doc|file|장|권|편)[\W_]*(\d{1,9})"
)
#: Endings of the parts of CoNLL-2003.
_ENDINGS = {"testa": 1, "testb": 2}
_MAX_FILES = 10_000
#: Recordings, which are a row each.
_MAX_SOUNDS = 200_000
#: Entries of a folder by which it is told whether it holds pictures.
_LOOKED_AT = 50


class DataFile(NamedTuple):
    """One file of a data set.

    Attributes:
        path: the file.
        part: 0 train, 1 validation, 2 test, None unknown.
        label: the class of all its lines, if it holds one class.
        parallel: whether it is one of several files, a language each, that are read side by side.
    """

    path: Path
    part: int | None = None
    label: str | None = None
    parallel: bool = False


def files_of(folder: Path) -> tuple[list[DataFile], list[str]]:
    """Find the data of a folder.

    Returns:
        The files, train first, and what was left out, in words.

    Raises:
        DataError: nothing that can be read as one data set; the text lists what is there.
    """
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    spoken, said = corpus_of(folder)
    if spoken:
        _refuse_more(len(spoken), folder)
        return [DataFile(one.path, one.part, one.text) for one in spoken], said
    sounds = _sounds(entries)
    if sounds:
        return sounds, []
    described = _described(entries) or _talks(folder)
    if described:
        return described, []
    # Pictures stand beside the table that names them; they are no rows.
    entries = [path for path in entries if path.suffix.lower() not in SUFFIXES and not _holds_pictures(path)]
    if len(entries) > _MAX_FILES:
        raise DataError(f"{len(entries)} files; at most {_MAX_FILES} can be read as one data set", folder)
    folders = [path for path in entries if path.is_dir()]
    data = [path for path in entries if path.is_file() and not _is_paper(path)]
    parts = {path: part_of(path.name) for path in folders}
    if folders and not data and all(part is not None for part in parts.values()):
        found = [file._replace(part=parts[path]) for path in folders for file in files_of(path)[0]]
        return sorted(found, key=lambda file: file.part or 0), []
    documents = [] if data else _documents(folders)
    if documents:
        return documents, []
    # Recordings beside a manifest are what it names.
    data = [path for path in data if not is_sound(path)]
    chosen = (
        [DataFile(path) for path in annotated_texts(data)]
        or parallel_parts(data)
        or _parts(data)
        or _parts_by_endings(data)
        or _sets(data)
        or _pieces(data)
        or _classes(data)
        or _single(data)
        or _alike(folder)
    )
    if not chosen:
        names = ", ".join(path.name for path in entries[:8]) + (", ..." if len(entries) > 8 else "")
        wanted = (
            "one data file, files whose names end in train, valid or test, one text file or one folder of texts per"
            " class, one table per series, or recordings as Kaldi, LibriSpeech or VCTK keep them"
        )
        raise DataError(f"expected a folder with {wanted}; found {names or 'nothing'}; name one file", folder)
    read = {
        path.relative_to(folder).parts[0]
        for file in chosen
        for path in (sides_beside(file.path).values() if file.parallel else [file.path])
    }
    read |= {path.with_suffix(".txt").name for path in data if path.suffix == ".ann" and path.name in read}
    left = sorted({path.name for path in entries} - read)
    return chosen, [f"left out: {', '.join(left[:8])}{', ...' if len(left) > 8 else ''}"] if left else []


def _sounds(entries: list[Path]) -> list[DataFile]:
    """Recordings, if a folder holds nothing else but the texts beside them; or folders of them, one per class."""
    files = [path for path in entries if path.is_file() and not _is_paper(path)]
    folders = [path for path in entries if path.is_dir()]
    here = [path for path in files if is_sound(path)]
    stems = {path.stem for path in here}
    if here and all(is_sound(path) or path.stem in stems for path in files):
        _refuse_more(len(here), entries[0].parent)
        return [DataFile(path) for path in here]
    if files or not folders or all(part_of(path.name) is not None for path in folders):
        return []
    found = []
    for folder in folders:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        if not inside or not all(path.is_file() and is_sound(path) for path in inside):
            return []
        found += [DataFile(path, label=folder.name) for path in inside]
        _refuse_more(len(found), folder.parent)
    return found


def _described(entries: list[Path]) -> list[DataFile]:
    """Texts beside pictures of the same names, as programs that learn pictures want them: the captions of each."""
    files = [path for path in entries if path.is_file() and not _is_paper(path)]
    pictures = {path.stem: path for path in files if path.suffix.lower() in SUFFIXES}
    texts = [path for path in files if path.suffix.lower() in (".txt", ".caption")]
    if not texts or len(files) > len(pictures) + len(texts) or any(path.stem not in pictures for path in texts):
        return []
    return [DataFile(path, label=pictures[path.stem].name) for path in texts]


def _talks(folder: Path) -> list[DataFile]:
    """The conversations of Cornell's corpus, or the days of all channels that Slack has exported."""
    if (folder / CONVERSATIONS).is_file():
        return [DataFile(folder / CONVERSATIONS)]
    if not ((folder / "channels.json").is_file() and (folder / "users.json").is_file()):
        return []
    return [DataFile(path) for path in sorted(folder.glob("*/*.json"))]


def _documents(folders: list[Path]) -> list[DataFile]:
    """Folders of texts, a class each: neg/0_3.txt, pos/1_9.txt; every file is a row."""
    if len(folders) < 2:
        return []
    found = []
    for folder in folders:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        if not inside or not all(path.is_file() and plain_name(path).suffix in _TEXT_LIKE for path in inside):
            return []
        found += [DataFile(path, label=folder.name) for path in inside]
        if len(found) > _MAX_SOUNDS:
            raise DataError(f"{len(found):,} texts; more than {_MAX_SOUNDS:,} need one table", folder.parent)
    return found


def _refuse_more(count: int, folder: Path) -> None:
    if count > _MAX_SOUNDS:
        raise DataError(f"{count:,} recordings; more than {_MAX_SOUNDS:,} need a manifest that names them", folder)


def _holds_pictures(path: Path) -> bool:
    """Whether the first entries of a folder are pictures, and no table beside them names them."""
    if not path.is_dir() or any((path / f"metadata{suffix}").is_file() for suffix in (".csv", ".jsonl", ".parquet")):
        return False
    first = list(itertools.islice(path.iterdir(), _LOOKED_AT))
    return any(entry.suffix.lower() in SUFFIXES for entry in first)


def _is_paper(path: Path) -> bool:
    name = path.name.lower()
    is_text = form_of(path) in (None, "text")
    return (is_text and _PAPERS.search(name) is not None) or name.endswith((".md", ".rst", ".html", ".pdf", ".names"))


def parallel_parts(data: list[Path]) -> list[DataFile]:
    """The first file of each part of parallel text: train.de of train.de, train.en, val.de and val.en; or nothing."""
    found = sides(path for path in data if form_of(path) is None)
    texts = sides(path for path in data if form_of(path) == "text")
    found |= {stem: own for stem, own in texts.items() if len({line_count(path) for path in own.values()}) == 1}
    parts = {stem: part_of(stem) for stem in found}
    told = sorted((part, stem) for stem, part in parts.items() if part is not None)
    if len(found) > 1 and (0 not in parts.values() or len({part for part, _ in told}) < len(found)):
        return []
    ordered = [stem for _, stem in told] or list(found)
    return [DataFile(next(iter(found[stem].values())), parts[stem], parallel=True) for stem in ordered]


def line_count(path: Path) -> int:
    """How many lines a file has."""
    return sum(block.count(b"\n") for block in blocks(path))


def _parts(data: list[Path]) -> list[DataFile]:
    """Files whose names end in a part: ratings_train.txt, ratings_valid.txt; X_TRAIN.ts, X_TEST.ts."""
    found = [DataFile(path, part_of(plain_name(path).stem)) for path in data]
    named = sorted((file for file in found if file.part is not None), key=lambda file: file.part or 0)
    parts = [file.part for file in named]
    suffixes = {plain_name(file.path).suffix for file in named}
    return named if len(named) > 1 and 0 in parts and len(set(parts)) == len(parts) and len(suffixes) == 1 else []


def _parts_by_endings(data: list[Path]) -> list[DataFile]:
    """Files of one name whose endings say the part: eng.train, eng.testa, eng.testb."""
    names = [plain_name(path) for path in data]
    if len(data) < 2 or len({name.stem for name in names}) > 1:
        return []
    endings = [name.suffix.removeprefix(".").lower() for name in names]
    parts = [_ENDINGS[ending] if ending in _ENDINGS else part_of(ending) for ending in endings]
    files = [DataFile(path, part) for path, part in zip(data, parts, strict=True) if part is not None]
    known = len(files) == len(data) and 0 in parts and len(set(parts)) == len(parts)
    return sorted(files, key=lambda file: file.part or 0) if known else []


def _sets(data: list[Path]) -> list[DataFile]:
    """Files of several sets, each with a part to train on and another: qa1_train.txt, qa1_test.txt, qa2_train.txt"""
    parts: dict[str, dict[int, DataFile]] = {}
    for path in data:
        stem = plain_name(path).stem
        part = part_of(stem)
        if part is None:
            return []
        word = max((stem.rpartition(separator)[0] for separator in "_-."), key=len)
        parts.setdefault(word, {})[part] = DataFile(path, part)
    whole = sum(map(len, parts.values())) == len(data) and all(0 in own and len(own) > 1 for own in parts.values())
    if len(parts) < 2 or not whole or len({plain_name(path).suffix for path in data}) != 1:
        return []
    return sorted((file for own in parts.values() for file in own.values()), key=lambda file: file.part or 0)


def _single(data: list[Path]) -> list[DataFile]:
    """The only file, or the only table beside texts that describe it."""
    tables = [path for path in data if form_of(path) not in (None, "text")]
    chosen = data if len(data) == 1 else tables
    return [DataFile(chosen[0])] if len(chosen) == 1 else []


def _alike(folder: Path) -> list[DataFile]:
    """Several tables of one kind, here or in folders below: a series in each. That their columns agree is checked when
    they are read."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    tables = [path for path in found[:_MAX_FILES] if form_of(path) in _TABLES]
    return [DataFile(path) for path in tables] if len({form_of(path) for path in tables}) == 1 else []


def _pieces(data: list[Path]) -> list[DataFile]:
    """Pieces of one text, in the order of their numbers: ch1.txt, ch2.txt, ch10.txt; 001.txt, 002.txt."""
    found = [_PIECE.fullmatch(plain_name(path).stem) for path in data]
    if len(data) < 2 or any(form_of(path) not in (None, "text") for path in data):
        return []
    pieces = [(match[1].lower(), int(match[2]), path) for match, path in zip(found, data, strict=True) if match]
    if len(pieces) < len(data) or len({word for word, _, _ in pieces}) > 1:
        return []
    return [DataFile(path) for _, _, path in sorted(pieces)]


def _classes(data: list[Path]) -> list[DataFile]:
    """One text file per class: male.txt and female.txt, or reviews.pos and reviews.neg."""
    if len(data) < 2:
        return []
    names = [plain_name(path) for path in data]
    suffixes = [name.suffix for name in names]
    if len(set(suffixes)) == 1 and suffixes[0] in _TEXT_LIKE:
        return [DataFile(path, label=name.stem) for path, name in zip(data, names, strict=True)]
    if (
        len({name.stem for name in names}) == 1
        and len(set(suffixes)) == len(data)
        and not any(set(suffixes) & set(reader.suffixes) for reader in READERS)
    ):
        return [DataFile(path, label=suffix.removeprefix(".")) for path, suffix in zip(data, suffixes, strict=True)]
    return []
