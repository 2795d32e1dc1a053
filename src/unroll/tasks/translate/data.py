"""Pairs of texts in two languages: which columns, what is wrong with them, the split, and the tokens.

Shapes: S source tokens, T target tokens.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from unroll.bundle import DataConfig, RunConfig
from unroll.data import Finding, Kind, Split, Table, split_rows
from unroll.data.readers.dialect import LANGUAGES
from unroll.data.readers.parallel import language_of
from unroll.errors import DataError
from unroll.metrics.translation import has_four_words, word_tokenizer
from unroll.tasks.pair_data import (
    PairData,
    Pairs,
    empty_rows,
    filled_rows,
    fit_tokens,
    further_files,
)
from unroll.tasks.pair_training import default_training
from unroll.tasks.reading import short_name
from unroll.tasks.translate.settings import Saved, TranslateSettings

#: Names of columns to translate from and to, most usual first; those that say so by themselves, and others.
_SOURCES = ("source", "src", "source_text", "source_sentence", "원문")
_TARGETS = ("target", "tgt", "trg", "ref", "reference", "target_text", "target_sentence", "번역문", "번역")
_INPUTS, _OUTPUTS = ("input",), ("translation", "output")
#: Words of the longer side from which on a ratio says something.
_WORDS = 8
#: Targets by which is found out how a language is written, and how long texts are.
_LOOKED_AT = 1_000
#: Words of a column's name, at most, one of which is a language.
_NAME_WORDS = 3
#: Letters of a code of a language, which in a name of several words may be any word.
_CODE = 2
#: Findings of a kind that are listed one by one.
_LISTED = 200


class Columns(NamedTuple):
    """The columns of both sides."""

    source: str
    target: str


def find_columns(table: Table, data: DataConfig, source: str | None = None) -> Columns | None:
    """The columns of both sides; None if there are none, or the table does not say which they are."""
    source = source or (data.inputs[0] if data.inputs else None)
    texts = [name for name in table.columns if table.kinds[name] is Kind.TEXT]
    pairs = [(source, data.target)]
    if len(texts) >= 2:
        languages = [name for name in texts if _is_language(name)]
        usual = [_usual(texts, names) for names in ((*_SOURCES, *_INPUTS), (*_TARGETS, *_OUTPUTS))]
        known = usual if None not in usual else languages if len(languages) >= 2 else texts
        rest = [name for name in known if name not in (source, data.target)]
        source = source or (rest.pop(0) if rest else None)
        pairs.append((source, data.target or (rest.pop(0) if rest else None)))
    for one, other in pairs:
        if one in table.columns and other in table.columns and one is not None and other is not None and one != other:
            return Columns(one, other)
    return None


def _usual(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column that has one of some names, which are given most usual first."""
    called = {short_name(column): column for column in reversed(columns)}
    return next((called[name] for name in names if name in called), None)


def _is_language(column: str) -> bool:
    """Whether a column is named after a language: `de`, `German`, `English sentences`."""
    words = re.findall(r"[^\W\d_]+", short_name(column))
    if language_of(Path(f"x.{short_name(column)}")) is not None:
        return True
    known = [word for word in words if word in LANGUAGES and (len(word) > _CODE or not word.isascii())]
    return 0 < len(words) <= _NAME_WORDS and len(known) == 1


def named_languages(table: Table) -> bool:
    """Whether the names of the columns say that this is a translation."""
    if table.format == "parallel":
        return True
    languages = [name for name in table.columns if _is_language(name)]
    usual = [_usual([n for n in table.columns if table.kinds[n] is Kind.TEXT], names) for names in (_SOURCES, _TARGETS)]
    if None not in usual or (len(languages) >= 2 and len(languages) == len(table.columns)):
        return True
    # Ids, domains and the like may stand beside two languages; another text may not.
    rows = np.arange(min(len(table), _LOOKED_AT))
    sentences = [name for name in table.columns if table.kinds[name] is Kind.TEXT and _are_sentences(table, name, rows)]
    return len(languages) == 2 and sentences == languages


def _are_sentences(table: Table, column: str, rows: np.ndarray) -> bool:
    """Whether most cells are of several words, and most of them differ."""
    cells = list(table.texts(column, rows))
    return 2 * sum(len(cell.split()) > 1 for cell in cells) > len(cells) and 2 * len(set(cells)) > len(cells)


def pairs_of(table: Table, columns: Columns) -> Pairs:
    """All pairs of a table, without white space around the texts."""
    return Pairs(*([text.strip() for text in table.texts(name)] for name in columns))


def odd_rows(pairs: Pairs, ratio: float) -> list[int]:
    """The rows of which a side has more than `ratio` times the words of the other."""
    found = []
    for row, (source, target) in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        short, long = sorted((len(source.split()), len(target.split())))
        if short and long >= _WORDS and long > ratio * short:
            found.append(row)
    return found


def findings(table: Table, columns: Columns, ratio: float) -> Iterator[Finding]:
    """What `unroll check` says of pairs: empty sides, odd lengths, and texts that were not translated."""
    pairs = pairs_of(table, columns)
    same = [row for row, (s, t) in enumerate(zip(*pairs, strict=True)) if s and s == t and len(s.split()) > 2]
    kinds = (
        ("error", empty_rows(pairs), "a side of this pair is empty", "--set model.empty=drop leaves such pairs out"),
        (
            "warning",
            odd_rows(pairs, ratio),
            f"a side has more than {ratio:g} times the words of the other",
            "--set model.odd=drop leaves such pairs out",
        ),
        ("warning", same, "both sides are the same text", "take such pairs out unless they are meant"),
    )
    for level, rows, text, advice in kinds:
        for row in itertools.islice(rows, _LISTED):
            yield Finding(level, text, *table.place(row), advice)  # type: ignore[arg-type]
        if len(rows) > _LISTED:
            yield Finding(level, f"{len(rows) - _LISTED:,} more: {text}", advice=advice)  # type: ignore[arg-type]


TranslateData = PairData[Saved]


def draw_split(table: Table, config: RunConfig) -> Split:
    """The pairs of each split; those that are left out are taken out of it afterwards."""
    return split_rows(
        table,
        seed=config.seed,
        validation_fraction=config.data.validation_fraction,
        test_fraction=config.data.test_fraction,
        column=config.data.split_column,
    )


def prepare(table: Table, config: RunConfig, settings: TranslateSettings, columns: Columns) -> TranslateData:
    """Check the pairs, split, and learn the tokens of the train split.

    Raises:
        DataError: a pair is wrong and no option admits or drops it, or none is left for training.
    """
    pairs = pairs_of(table, columns)
    kept, notes = _checked(table, pairs, settings)
    rows = {name: np.intersect1d(own, kept) for name, own in draw_split(table, config)._asdict().items()}
    fitted = fit_tokens(table, pairs, rows["train"], settings)
    rows["train"] = fitted.train
    targets = pairs.of(fitted.train[:_LOOKED_AT]).targets
    tokenize = settings.tokenize or word_tokenizer(targets)
    judged_by: Literal["bleu", "chrf"] = "bleu" if has_four_words(targets, tokenize) else "chrf"
    if judged_by == "chrf":
        notes.append("texts of fewer than four words on average: judged by chrF, since BLEU counts runs of four")
    return TranslateData(
        Saved(source=columns.source, target=columns.target, tokenize=tokenize, judged_by=judged_by),
        pairs,
        fitted.encoded,
        rows,
        fitted.vocabularies,
        further_files(table, columns),
        default_training(len(fitted.train)),
        (*notes, *fitted.notes),
    )


def _checked(table: Table, pairs: Pairs, settings: TranslateSettings) -> tuple[np.ndarray, list[str]]:
    """The rows that are used, and what was left out, in words."""
    kept = filled_rows(table, pairs, settings.empty)
    notes = []
    if len(kept) < len(table):
        notes.append(f"{len(table) - len(kept):,} pairs with an empty side left out")
    odd = odd_rows(pairs, settings.ratio)
    if odd and settings.odd == "stop":
        raise DataError(
            f"a side has more than {settings.ratio:g} times the words of the other; {len(odd):,} such, all listed by"
            " `unroll check`; --set model.odd=drop leaves them out, model.odd=keep keeps them",
            *table.place(odd[0]),
        )
    if odd:
        done = "left out" if settings.odd == "drop" else "kept (--set model.odd=drop leaves them out)"
        notes.append(f"{len(odd):,} pairs of odd length {done}")
    if settings.odd == "drop":
        kept = np.setdiff1d(kept, odd)
    return kept, notes
