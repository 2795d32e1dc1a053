"""Files like those that people have are taken for what they are, or the question has both readings and the option."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import write
from data.readers.recognised import FILES, File
from data.readers.recognised_foreign import FOREIGN
from data.readers.recognised_own import OWN
from data.readers.recognised_series import SERIES
from data.readers.recognised_talks import TALKS
from data.readers.recognised_texts import TEXTS
from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.errors import DataError
from unroll.tasks import TASKS
from unroll.tasks.pipeline import open_table, with_parts
from unroll.tasks.recognition import recognise

PAGE = Path(__file__).parents[3] / "docs" / "usage" / "data.md"


@pytest.mark.parametrize("file", [*FILES, *SERIES, *TEXTS, *FOREIGN, *TALKS, *OWN], ids=lambda file: file.name)
def test_files_are_taken_for_what_they_are(tmp_path: Path, file: File) -> None:
    data = DataConfig(path=str(write(tmp_path / file.name, file.text)))
    if file.taken == "error" and not file.kinds:
        with pytest.raises(DataError) as caught:
            use(with_parts(open_table(data, tmp_path / "store"), data), data)
        assert file.says in str(caught.value)
        return
    table = with_parts(open_table(data, tmp_path / "store"), data)
    assert {name: table.details(name).words() for name in file.kinds} == file.kinds
    if file.taken == "error":
        with pytest.raises(DataError) as caught:
            use(table, data)
        assert file.says in str(caught.value)
        return
    task, guess = recognise(table, data, TASKS, None)
    assert task.name == file.taken, guess.reason
    assert file.says in "; ".join((guess.reason, *guess.notes))


def use(table: Table, data: DataConfig) -> None:
    """What a task does with a table before it trains: it finds its columns and takes their values."""
    recognise(table, data, TASKS, None)
    for name, kind in table.kinds.items():
        if kind in (Kind.TIME, Kind.NUMBER):
            (table.times if kind is Kind.TIME else table.numbers)(name)


def test_the_docs_show_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(FILES) >= 40
    for file in (*FILES, *SERIES, *TEXTS, *FOREIGN, *TALKS, *OWN):
        assert row_of(file) in page


def row_of(file: File) -> str:
    """A file as a row of the docs' table."""
    first = file.text.splitlines()[0].replace("|", "\\|").replace("\t", " ⇥ ")
    shown = first if len(first) <= 40 else first[:39] + "…"
    return f"| `{file.name}` | `{shown}` | {'a question' if file.taken == 'error' else file.taken} | {file.by} |"
