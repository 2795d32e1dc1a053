"""The text of tasks that read it from end to end, in splits."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from unroll.bundle import DataConfig
from unroll.data import Kind, Table, split_rows
from unroll.data.text.corpus import find_frame, is_running_text, read_text
from unroll.errors import DataError


class Texts(NamedTuple):
    """The three splits of a text.

    Attributes:
        train, validation, test: the text of each; may be empty.
        joined: whether they were cut from one text, so that each follows the one before it.
        notes: what was decided on the way, in words.
    """

    train: str
    validation: str
    test: str
    joined: bool
    notes: list[str]


def read_splits(table: Table, config: DataConfig, *, seed: int, frame: str) -> Texts:
    """Cut a text into splits by position, or take them as the files say.

    Args:
        table: the data.
        config: how it is split, and the column of text.
        seed: of the draw, where the rows of a column are split.
        frame: "drop" leaves out what Project Gutenberg puts around a book, "keep" keeps it.

    Raises:
        DataError: there is too little text to train on.
    """
    notes: list[str] = []
    if is_running_text(table):
        pieces: list[list[str]] = [[], [], []]
        splits = _splits_of_files(table)
        for path in table.paths:
            text = read_text(path, config.encoding)
            around = find_frame(text)
            if around is not None:
                what = "left out" if frame == "drop" else "kept; leave it out with --set model.frame=drop"
                notes.append(
                    f"{path.name}: {around.before + around.after} characters of Project Gutenberg's own, {what}"
                )
                if frame == "drop":
                    text = text[around.before : len(text) - around.after]
            pieces[splits.get(path, 0)].append(text)
        texts = ["".join(piece) for piece in pieces]
    else:
        column = text_column(table, config)
        if column is None:
            raise DataError(f"generate needs text, got the columns {', '.join(table.columns)}", table.paths[0])
        split = split_rows(
            table,
            seed=seed,
            validation_fraction=config.validation_fraction,
            test_fraction=config.test_fraction,
            column=config.split_column,
        )
        texts = ["".join(line + "\n" for line in table.texts(column, rows)) for rows in split]
        return Texts(texts[0], texts[1], texts[2], False, notes)
    joined = not texts[1] and not texts[2]
    if joined:
        whole = texts[0]
        test = len(whole) - round(config.test_fraction * len(whole))
        validation = test - round(config.validation_fraction * len(whole))
        texts = [whole[:validation], whole[validation:test], whole[test:]]
        notes.append(f"parts by position: {', '.join(f'{len(text):,}' for text in texts)} characters")
    if len(texts[0]) < 2:
        raise DataError("no text is left for training; lower the fractions", table.paths[0])
    return Texts(texts[0], texts[1], texts[2], joined, notes)


def read_whole(table: Table, config: DataConfig, *, frame: str) -> str:
    """All of a text, whatever its splits: what is scored when a file is.

    Raises:
        DataError: there is too little text.
    """
    config = config.model_copy(update={"validation_fraction": 0.0, "test_fraction": 0.0})
    # Nothing is drawn, so the seed does not matter.
    texts = read_splits(table, config, seed=0, frame=frame)
    return texts.train + texts.validation + texts.test


def _splits_of_files(table: Table) -> dict[Path, int]:
    """The split that each file belongs to, where the files say so."""
    if table.parts is None:
        return {}
    return {table.place(row)[0]: max(0, int(part)) for row, part in enumerate(table.parts)}


def text_column(table: Table, config: DataConfig) -> str | None:
    """The column of text: the one that was named, or the one with the longest texts."""
    if config.inputs:
        return config.inputs[0] if config.inputs[0] in table.columns else None
    texts = [name for name in table.columns if table.kinds[name] is Kind.TEXT]
    return max(texts, key=lambda name: float(table.lengths(name).mean()), default=None)
