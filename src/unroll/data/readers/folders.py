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
from unroll.data.readers.parallel import LABELS, sides, sides_beside
from unroll.data.readers.reader import Input
from unroll.data.readers.registry import READERS, form_of, plain_name, reader_named
from unroll.data.readers.sound import is_sound
from unroll.data.readers.talks import CONVERSATIONS
from unroll.data.table.kinds import ReadOptions
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
#: What stands behind the name of a part that is cut into several files: train-00000-of-00002, test_1.
_SHARD = re.compile(r"[-_.]?\d+([-_.]of[-_.]?\d+)?([-_.][0-9a-f]{8,})?$")
#: Endings of the parts of CoNLL-2003.
_ENDINGS = {"testa": 1, "testb": 2}
_MAX_FILES = 10_000
#: Recordings, which are a row each.
_MAX_SOUNDS = 200_000
#: Readers of texts that are no lines of one class, and files of a folder by which that is told.
_NO_CLASSES, _ASKED = ("captions", "conll", "conllu", "conll2012", "slashed", "inline", "tuples", "fasttext"), 8
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
    _refuse_saved(folder)
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
    parted, beside = _parted_documents(folders)
    if parted:
        left = [*(path.name for path in entries if path.is_file()), *beside]
        return parted, [f"left out: {', '.join(left[:8])}{', ...' if len(left) > 8 else ''}"] if left else []
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
    taken = {file.path for file in chosen}
    if any(file.part is not None and file.path.parent != folder for file in chosen):
        # Tables in folders below, beside the parts of the set.
        below = (path for path in sorted(folder.glob("*/**/*")) if form_of(path) in _TABLES and path not in taken)
        left += [str(path.relative_to(folder)) for path in below]
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


def _parted_documents(folders: list[Path]) -> tuple[list[DataFile], list[str]]:
    """Folders of parts, each with the same folders of texts in it, a class each, as train/neg/0_3.txt and
    test/pos/1_9.txt; and what stands beside those, as train/unsup."""
    parts = {path: part_of(path.name) for path in folders}
    if len(parts) < 2 or 0 not in parts.values() or None in parts.values():
        return [], []
    inside = {path: sorted(p for p in path.iterdir() if not p.name.startswith(".")) for path in folders}
    shared = set.intersection(*({p.name for p in own if p.is_dir()} for own in inside.values()))
    found = []
    for path, part in sorted(parts.items(), key=lambda pair: pair[1] or 0):
        documents = _documents([path / name for name in sorted(shared)])
        if not documents:
            return [], []
        found += [file._replace(part=part) for file in documents]
    left = [f"{path.name}/{entry.name}" for path, own in inside.items() for entry in own if entry.name not in shared]
    return found, left


def _refuse_saved(folder: Path) -> None:
    """Refuse what the `datasets` library saves to disk, of which the files of JSON are no data.

    Raises:
        DataError: it is such a folder.
    """
    marks = ("dataset_dict.json", "state.json")
    if any((folder / mark).is_file() for mark in marks) and any(folder.glob("**/*.arrow")):
        raise DataError(
            "this is what `datasets` saved to disk (Arrow), which is not read; load it with datasets.load_from_disk and"
            " give that to unroll.train in Python, or write each part with its to_parquet",
            folder,
        )


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
    found |= {
        stem: own
        for stem, own in texts.items()
        if own.keys() & LABELS or len({line_count(path) for path in own.values()}) == 1
    }
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
    """Files whose names end in a part: ratings_train.txt, ratings_valid.txt; X_TRAIN.ts, X_TEST.ts; a part may be cut
    into numbered files, as train-00000-of-00002.parquet."""
    stems = {path: plain_name(path).stem for path in data}
    stems = {path: stem if part_of(stem) is not None else _SHARD.sub("", stem) for path, stem in stems.items()}
    found = [DataFile(path, part_of(stem)) for path, stem in stems.items()]
    named = sorted((file for file in found if file.part is not None), key=lambda file: file.part or 0)
    parts = {file.part for file in named}
    suffixes = {plain_name(file.path).suffix for file in named}
    whole = len({stems[file.path] for file in named}) == len(parts)
    return named if len(named) > 1 and 0 in parts and whole and len(suffixes) == 1 else []


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
    """Several tables of one kind, here or in folders below: the parts of a set, or a series in each. That their columns
    agree is checked when they are read."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    tables = [path for path in found[:_MAX_FILES] if form_of(path) in _TABLES]
    if len({form_of(path) for path in tables}) != 1:
        return []
    return _parts(tables) or [DataFile(path) for path in tables]


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
        forms = {path: form for path in data[:_ASKED] if (form := _told(path)) is not None}
        if forms and len(set(forms.values())) == 1 and len(forms) == len(data[:_ASKED]):
            return [DataFile(path) for path in data]
        if forms:
            path, form = next(iter(forms.items()))
            raise DataError(
                f"{path.name} is no list of the texts of one class: it is read as '{form}'; name the file that is"
                f" meant, such as {path}",
                path.parent,
            )
        return [DataFile(path, label=name.stem) for path, name in zip(data, names, strict=True)]
    if (
        len({name.stem for name in names}) == 1
        and len(set(suffixes)) == len(data)
        and not any(set(suffixes) & set(reader.suffixes) for reader in READERS)
    ):
        return [DataFile(path, label=suffix.removeprefix(".")) for path, suffix in zip(data, suffixes, strict=True)]
    return []


def _told(path: Path) -> str | None:
    """The reader that a file of text can only be meant for; None where it may be lines of texts."""
    file = Input(path, ReadOptions(), path.parent)
    try:
        return next((form for form in _NO_CLASSES if reader_named(form).recognises(file)), None)
    except DataError:
        # Another encoding, which the user may have named.
        return None
