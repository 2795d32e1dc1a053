"""Tagged sentences of a table: which columns, what is wrong with them and what is done about it, the split, and the
vocabulary.

Shapes: T tokens of a sentence, K tags.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import DataConfig, RunConfig
from unroll.data import Finding, Kind, Split, Table, split_rows
from unroll.data.readers.conll import MAX_TOKEN
from unroll.data.table.kinds import Problem
from unroll.data.text.split import split_words
from unroll.data.text.tokens import CHARACTER_TEMPLATES, WORD_TEMPLATES, TokenFeatures
from unroll.errors import DataError
from unroll.metrics.entities import Scheme, broken, detect_scheme, is_entity_tag, spans, tags_of
from unroll.report.words import model_name
from unroll.tasks.tag.settings import Saved, TagSettings
from unroll.tasks.transfer import Pretrained, read_pretrained

#: Tags of entities as some write them.
_OTHERWISE = re.compile(r"[BIESLUMWbieslumw][-_:/.]\S+|\S+[-_:/.][BIESLUMWbieslumw]")
#: Names of the columns of tokens and of tags, most usual first.
_TOKENS = ("tokens", "words", "token", "form", "word", "sentence", "text")
_TAGS = ("tags", "ner_tags", "ner", "labels", "upos", "pos_tags", "pos", "slots", "word_labels")
#: Findings that are listed one by one.
_LISTED = 200
#: Rows by which tags that are numbers are told from series.
_LOOKED_AT = 200
#: Share of the letters of a text from which on Hangul syllables are taken apart.
_HANGUL = 0.3
#: What each kind of problem is called, and the option that drops or admits it.
KINDS = {
    "columns": ("token and tag counts that differ", "broken=drop leaves such sentences out"),
    "ids": ("broken CoNLL-U ids", "broken=drop leaves such sentences out"),
    "empty": ("empty sentences or tokens", "broken=drop leaves such sentences out"),
    "long": ("endless tokens", "broken=drop leaves such sentences out"),
    "spans": ("entities that do not fit their text", "broken=drop leaves such sentences out"),
    "tags": (
        "tags that their scheme does not allow",
        "illegal=repair reads them as the scorer does, illegal=drop leaves such sentences out",
    ),
}


class Columns(NamedTuple):
    """The columns of tokens and of tags."""

    tokens: str
    tags: str


class Sentence(NamedTuple):
    """Tokens and tags of a row."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]


class Checked(NamedTuple):
    """The sentences of a table after checking.

    Attributes:
        sentences: of every row; those that are left out have no tokens.
        kept: the rows that are used, rising.
        scheme: of the tags; None if they mark no entities.
        notes: what was repaired or left out, with counts.
    """

    sentences: list[Sentence]
    kept: np.ndarray
    scheme: Scheme | None
    notes: list[str]


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The columns of tokens and tags: those that were named, or those with usual names, or those whose lists are of
    entities' tags and of as many tokens; None if there are none."""
    lists = [name for name in table.columns if table.details(name).is_list]
    tokens = data.inputs[0] if data.inputs else next((name for name in _TOKENS if name in lists), None)
    tags = data.target or next((name for name in _TAGS if name in lists and name != tokens), None)
    same = tags is not None and tags in lists and data.target is None and len(set(_tags(table, tags))) < 2
    if not data.inputs and (tokens is None or tags is None or same):
        tokens, tags = next(_pairs(table, lists if data.target is None else [data.target], lists), (tokens, tags))
    if tags is None or tags not in lists:
        _refuse_numbers(table, tokens if tokens in lists else None, tags)
    if tokens is None or tags is None or tokens not in lists or tags not in lists:
        return None
    return Columns(tokens, tags)


def _tags(table: Table, column: str) -> Iterator[str]:
    """The tags of the first rows."""
    return itertools.chain(*table.labels(column, np.arange(min(len(table), _LOOKED_AT))))


def _pairs(table: Table, tagged: Sequence[str], lists: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Tokens and tags: columns of lists of one length in each row, of which the second marks entities."""
    rows = np.arange(min(len(table), _LOOKED_AT))
    cells = {name: table.labels(name, rows) for name in lists}
    for tags in tagged:
        found = {tag for row in cells.get(tags, ()) for tag in row}
        if "O" not in found or len(found) < 2 or not all(map(is_entity_tag, found)):
            continue
        for tokens in lists:
            even = all(len(one) == len(other) for one, other in zip(cells[tokens], cells[tags], strict=True))
            if even and not all(is_entity_tag(token) for row in cells[tokens] for token in row):
                yield tokens, tags


def _refuse_numbers(table: Table, tokens: str | None, tags: str | None) -> None:
    """Raise if the tags of the tokens are numbers: what a number stands for must be said, or nobody learns it."""
    if tokens is None:
        return
    rows = range(min(len(table), _LOOKED_AT))
    lengths = table.labels(tokens, np.arange(len(rows)))
    for name in (tags,) if tags is not None else table.columns:
        if table.kinds.get(name) is not Kind.SERIES or table.details(name).channels != 1:
            continue
        numbers = [table.series(name, row)[:, 0] for row in rows]
        whole = all((own == np.floor(own)).all() and (own >= -1).all() for own in numbers)
        if whole and all(len(own) == len(words) for own, words in zip(numbers, lengths, strict=True)):
            raise DataError(
                f"column '{name}' holds the tags of '{tokens}' as numbers; write their names instead (O, B-PER, ...),"
                " or put the dataset_info.json that names them beside the file",
                *table.place(0),
            )


def problems(table: Table, columns: Columns, scheme: Scheme | None) -> Iterator[tuple[int, Problem]]:
    """Everything that is wrong with the rows of a table: (row, problem), in order."""
    cells = zip(table.labels(columns.tokens), table.labels(columns.tags), strict=True)
    for row, (tokens, tags) in enumerate(cells):
        line = 0 if table.marked else table.place(row)[1]
        if table.marked:
            yield from ((row, problem) for problem in table.problems(row))
        else:
            if not tokens:
                yield row, Problem("empty", line, "a sentence without tokens")
            if not all(tokens):
                yield row, Problem("empty", line, "an empty token")
            if any(len(token) > MAX_TOKEN for token in tokens):
                yield row, Problem("long", line, f"a token of more than {MAX_TOKEN} characters")
        if len(tokens) != len(tags):
            yield row, Problem("columns", line or table.place(row)[1], f"{len(tokens)} tokens but {len(tags)} tags")
        elif scheme is not None:
            found = broken(tags, scheme)
            places = table.item_lines(row) if found else []
            for fault in found:
                at = places[fault.position] if fault.position < len(places) else line
                yield row, Problem("tags", at, f"{fault.reason} ({scheme.name})")


def check_sentences(table: Table, columns: Columns, *, broken_option: str, illegal_option: str) -> Checked:
    """Read the sentences of a table, and stop at what would falsify a result unless an option drops or admits it.

    Args:
        table: the data.
        columns: which hold tokens and tags.
        broken_option: "stop" or "drop", for sentences that are no sentences.
        illegal_option: "stop", "drop" or "repair", for tags that their scheme does not allow.

    Raises:
        DataError: the first problem that no option covers, with file and line, and how many of its kind there are.
    """
    tags = table.labels(columns.tags)
    scheme = detect_scheme(tags)
    options = {"tags": illegal_option}
    found: dict[str, list[tuple[int, Problem]]] = {}
    for row, problem in problems(table, columns, scheme):
        found.setdefault(problem.kind, []).append((row, problem))
    for kind, cases in found.items():
        if options.get(kind, broken_option) == "stop":
            row, problem = cases[0]
            what, advice = KINDS[kind]
            raise DataError(
                f"{problem.text}; {len(cases)} such ({what}), all listed by `unroll check`; --set model.{advice}",
                table.place(row)[0],
                problem.line,
            )
    dropped = {row for kind, cases in found.items() if options.get(kind, broken_option) == "drop" for row, _ in cases}
    repaired = {row for row, _ in found.get("tags", ())} - dropped
    sentences = []
    for row, (tokens, own) in enumerate(zip(table.labels(columns.tokens), tags, strict=True)):
        if row in dropped:
            tokens, own = (), ()
        elif row in repaired and scheme is not None:
            own = tuple(tags_of(spans(own), len(own), scheme))
        sentences.append(Sentence(tokens, own))
    kept = np.array([row for row in range(len(table)) if row not in dropped], dtype=np.int64)
    notes = [f"{len(dropped):,} sentences left out"] if dropped else []
    notes += [f"tags of {len(repaired):,} sentences rewritten in {scheme.name}"] if repaired and scheme else []
    return Checked(sentences, kept, scheme, notes)


def _alone(table: Table, columns: Columns) -> Finding | None:
    """What is wrong where a whole file is one sentence: nothing could be held out."""
    if len(table) > 1 or not table.marked:
        return None
    text = f"all {len(table.labels(columns.tokens)[0]):,} tokens are one sentence"
    return Finding("error", text, *table.place(0), "put a blank line between sentences")


def findings(table: Table, columns: Columns) -> Iterator[Finding]:
    """What `unroll check` says of tagged sentences: every problem with file and line, and what the tags are."""
    if (alone := _alone(table, columns)) is not None:
        yield alone
    tags = table.labels(columns.tags)
    scheme = detect_scheme(tags)
    counts: Counter[str] = Counter()
    for row, problem in problems(table, columns, scheme):
        counts[problem.kind] += 1
        if counts[problem.kind] <= _LISTED:
            yield Finding(
                "error", problem.text, table.place(row)[0], problem.line, f"--set model.{KINDS[problem.kind][1]}"
            )
    for kind, count in counts.items():
        if count > _LISTED:
            yield Finding("error", f"{count - _LISTED:,} more: {KINDS[kind][0]}")
    total = Counter(tag for own in tags for tag in own)
    listed = ", ".join(f"{tag} {count:,}" for tag, count in total.most_common(20))
    written = "one tag for each token" if scheme is None else f"entities, written in {scheme.name}"
    if scheme is None and (spelled := _spelled(total)) is not None:
        text = f"tags look like those of entities, and {spelled} is not written as they are"
        advice = "write them as B-PER, I-PER and O, or each tag is learnt for itself and no entity is scored"
        yield Finding("warning", text, table.paths[0], None, advice)
    yield Finding(
        "note", f"{total.total():,} tokens in {len(table):,} sentences, {len(total)} tags, {written}: {listed}"
    )


def _spelled(tags: Iterable[str]) -> str | None:
    """A tag of entities that is written otherwise than B-PER, where all are but O: B_PER, PER-B, b-per."""
    every = list(tags)
    marked = [tag for tag in every if tag.upper() != "O"]
    return marked[0] if 0 < len(marked) < len(every) and all(map(_OTHERWISE.fullmatch, marked)) else None


def record_tokens(record: str | Mapping[str, Any], columns: Columns, *, characters: bool) -> tuple[str, ...]:
    """The tokens of something to predict for.

    Raises:
        DataError: it holds neither tokens nor text.
    """
    if isinstance(record, str):
        return tuple(record) if characters else tuple(split_words(record))
    value = record.get(columns.tokens, record.get("tokens", record.get("text")))
    if isinstance(value, str):
        return tuple(value) if characters else tuple(split_words(value))
    if isinstance(value, Sequence) and all(isinstance(token, str) for token in value):
        return tuple(value)
    raise DataError(
        f"a record needs '{columns.tokens}' (a list of tokens) or 'text', got {', '.join(map(str, record))}"
    )


def single_characters(sentences: Iterable[Sequence[str]]) -> bool:
    """Whether every token is one character, as in Korean data that is tagged by syllables."""
    return all(len(token) == 1 for tokens in sentences for token in tokens)


@dataclass(frozen=True)
class TagData:
    """A tagger's data: sentences, split, with the vocabulary of the train split.

    Attributes:
        saved: columns, tags and schemes.
        sentences: of every row of the table; those that are left out have no tokens.
        rows: the rows of "train", "validation" and "test", rising.
        features: the vocabulary.
        pretrained: the run that this one starts from.
        training: settings that suit a tagger.
        notes: what was decided, in words.
    """

    saved: Saved
    sentences: Sequence[Sentence]
    rows: Mapping[str, np.ndarray]
    features: TokenFeatures
    pretrained: Pretrained | None
    training: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" hold rows."""
        return tuple(name for name in ("validation", "test") if len(self.rows[name]))

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files of the run that this one starts from."""
        return () if self.pretrained is None else self.pretrained.files

    def of(self, split: str) -> list[Sentence]:
        """The sentences of a split."""
        return [self.sentences[int(row)] for row in self.rows[split]]


def prepare(table: Table, config: RunConfig, settings: TagSettings, columns: Columns) -> TagData:
    """Check the sentences, split, and learn the vocabulary and the tags of the train split.

    Raises:
        DataError: a sentence is broken and no option admits or drops it, or none is left for training.
        ConfigError: the run to start from does not fit.
    """
    if (alone := _alone(table, columns)) is not None:
        raise DataError(f"{alone.text}; {alone.advice}", *table.place(0))
    checked = check_sentences(table, columns, broken_option=settings.broken, illegal_option=settings.illegal)
    split = draw_split(table, config)
    rows = {name: np.intersect1d(own, checked.kept) for name, own in split._asdict().items()}
    if not len(rows["train"]):
        raise DataError("no sentence is left for training", table.paths[0])
    train = [checked.sentences[int(row)] for row in rows["train"]]
    tokens = [sentence.tokens for sentence in train]
    single = single_characters(tokens)
    pretrained = None if settings.init is None else read_pretrained(settings.init, bidirectional=settings.bidirectional)
    inner = Scheme.BIOES if checked.scheme is not None and settings.scheme == "bioes" else checked.scheme
    saved = Saved(
        tokens=columns.tokens,
        target=columns.tags,
        tags=_known_tags(train, checked.scheme, inner),
        scheme=None if checked.scheme is None else checked.scheme.value,
        inner=None if inner is None else inner.value,
        characters=single,
        start=None if pretrained is None else pretrained.start,
    )
    jamo = _hangul(tokens) and not single if settings.jamo is None else settings.jamo
    templates = CHARACTER_TEMPLATES if single else WORD_TEMPLATES
    features = TokenFeatures.train(tokens, templates, min_count=settings.min_count, jamo=jamo)
    written = "" if checked.scheme is None else f", entities in {checked.scheme.name}"
    notes = (
        *checked.notes,
        f"tags from '{columns.tags}': {len(saved.tags)}{written}",
        f"{sum(map(len, tokens)):,} tokens in {len(tokens):,} sentences to train on",
        f"features: {', '.join(templates)}; vocabulary {features.sizes()[0]:,} words,"
        f" {features.character_size} {'letters (Hangul taken apart)' if jamo else 'characters'}",
        *([] if pretrained is None else [pretrained.note]),
        f"{model_name(settings.encoder)} of {settings.hidden_size}, {'CRF' if settings.crf else 'every tag by itself'}",
    )
    training = {"learning_rate": 3e-3, "epochs": 12, "batch_size": 32, "weight_decay": 0.01, "patience": 5}
    return TagData(saved, checked.sentences, rows, features, pretrained, training, notes)


def draw_split(table: Table, config: RunConfig) -> Split:
    """The sentences of each split; those that are left out are taken out of it afterwards."""
    return split_rows(
        table,
        seed=config.seed,
        validation_fraction=config.data.validation_fraction,
        test_fraction=config.data.test_fraction,
        column=config.data.split_column,
    )


def _known_tags(train: Iterable[Sentence], scheme: Scheme | None, inner: Scheme | None) -> tuple[str, ...]:
    """The tags that the network chooses from, in the scheme that it uses inside."""
    known: set[str] = set()
    for _, tags in train:
        known.update(tags if inner is None or inner is scheme else tags_of(spans(tags), len(tags), inner))
    if inner is not None:
        # Entities of a length that training never showed must be possible, too.
        kinds = {tag.partition("-")[2] for tag in known if tag != "O"}
        known |= {"O", *(f"{prefix}-{kind}" for kind in kinds for prefix in inner.letters)}
    return tuple(sorted(known))


def _hangul(sentences: Iterable[Sequence[str]]) -> bool:
    text = "".join(itertools.chain.from_iterable(itertools.islice(sentences, 1000)))
    letters = sum(map(str.isalpha, text))
    return sum("가" <= c <= "힣" for c in text) > _HANGUL * letters
