"""Pairs of texts in two languages: which columns, what is wrong with them, the split, and the tokens.

Shapes: S source tokens, T target tokens.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import DataConfig, RunConfig
from unroll.data import Finding, Kind, Split, Table, split_rows
from unroll.data.readers.parallel import language_of
from unroll.errors import DataError
from unroll.metrics.translation import word_tokenizer
from unroll.report.words import model_name
from unroll.tasks.pair_data import (
    Encoded,
    Pairs,
    Vocabularies,
    empty_rows,
    encode_pairs,
    filled_rows,
    further_files,
    learn_vocabularies,
)
from unroll.tasks.translate.settings import Saved, TranslateSettings

#: Names of columns to translate from and to, most usual first.
_SOURCES, _TARGETS = ("source", "src", "input"), ("target", "tgt", "translation", "output")
#: Words of the longer side from which on a ratio says something.
_WORDS = 8
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
        languages = [name for name in texts if language_of(Path(f"x.{name}")) is not None]
        usual = [next((name for name in names if name in texts), None) for names in (_SOURCES, _TARGETS)]
        known = usual if None not in usual else languages if len(languages) >= 2 else texts
        rest = [name for name in known if name not in (source, data.target)]
        source = source or (rest.pop(0) if rest else None)
        pairs.append((source, data.target or (rest.pop(0) if rest else None)))
    for one, other in pairs:
        if one in table.columns and other in table.columns and one is not None and other is not None and one != other:
            return Columns(one, other)
    return None


def named_languages(table: Table) -> bool:
    """Whether the names of the columns say that this is a translation."""
    if table.format == "parallel":
        return True
    languages = [name for name in table.columns if language_of(Path(f"x.{name}")) is not None]
    usual = all(any(name in table.columns for name in names[:2]) for names in (_SOURCES, _TARGETS))
    return usual or (len(languages) >= 2 and len(languages) == len(table.columns))


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


@dataclass(frozen=True)
class TranslateData:
    """A translator's data: pairs, split, with the vocabularies of the train split.

    Attributes:
        saved: columns and tokenizer of BLEU.
        pairs: of every row of the table.
        encoded: their tokens.
        rows: the rows of "train", "validation" and "test", rising.
        vocabularies: learnt from the train split.
        sources: files that the result depends on beside those of the table.
        training: settings that suit a translator.
        notes: what was decided, in words.
    """

    saved: Saved
    pairs: Pairs
    encoded: Encoded
    rows: Mapping[str, np.ndarray]
    vocabularies: Vocabularies
    sources: tuple[Path, ...]
    training: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" hold rows."""
        return tuple(name for name in ("validation", "test") if len(self.rows[name]))


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
    if not len(rows["train"]):
        raise DataError("no pair is left for training; lower the fractions", table.paths[0])
    vocabularies = learn_vocabularies(pairs.of(rows["train"]), settings)
    encoded = encode_pairs(pairs, vocabularies)
    fits = encoded.lengths()[rows["train"]].max(axis=1) <= settings.longest
    if not fits.all():
        notes.append(f"{(~fits).sum():,} pairs with a text of more than {settings.longest} tokens do not train")
        rows["train"] = rows["train"][fits]
        if not len(rows["train"]):
            raise DataError(f"no text has at most {settings.longest} tokens; raise model.longest", table.paths[0])
    train = encoded.lengths()[rows["train"]]
    tokenize = settings.tokenize or word_tokenizer([pairs.targets[row] for row in rows["train"][:1000]])
    sizes = [str(v.size) for v in (vocabularies if not vocabularies.shared else vocabularies[:1])]
    notes += [
        f"{' and '.join(sizes)} {settings.tokens} tokens{', shared by both sides' if vocabularies.shared else ''}",
        f"{len(train):,} pairs to train on, of {train[:, 0].mean():.1f} and {train[:, 1].mean():.1f} tokens",
        f"{settings.num_layers} {model_name(settings.encoder)} layer(s) of {settings.hidden_size} on each side,"
        f" {settings.attention} attention{', input feeding' if settings.input_feeding else ''}",
    ]
    return TranslateData(
        Saved(source=columns.source, target=columns.target, tokenize=tokenize),
        pairs,
        encoded,
        rows,
        vocabularies,
        further_files(table, columns),
        default_training(len(train)),
        tuple(notes),
    )


def default_training(pairs: int) -> dict[str, Any]:
    """Settings of training for so many pairs: about as many steps for few as for many."""
    epochs = int(np.clip(round(350_000 / pairs), 10, 40))
    batch_size = 64 if pairs > 15_000 else 32
    return {
        "learning_rate": 3e-3,
        "epochs": epochs,
        "batch_size": batch_size,
        "weight_decay": 0.01,
        "patience": 0,
        "average": 0.995,
    }


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
