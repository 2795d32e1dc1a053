"""The Monash archive's .tsf files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.helpers import read, write
from unroll.data import series_from_table
from unroll.errors import DataError

HEAD = (
    "# a comment\n@relation x\n@attribute series_name string\n@attribute state string\n@frequency daily\n@horizon 7\n"
    "@data\n"
)


def test_series_and_attributes_are_read(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.tsf", HEAD + "T1:NSW:1,2,?,4.5\nT2:VIC:3,4\n"), tmp_path)
    assert table.columns == ("series_name", "state", "target")
    assert np.array_equal(table.series("target", 0)[:, 0], np.array([1, 2, np.nan, 4.5], np.float32), equal_nan=True)
    assert table.notes[0] == "a.tsf: one series per line, daily steps"
    first, second = series_from_table(table)
    assert (first.name, second.name, second.values.tolist()) == ("T1", "T2", [3.0, 4.0])
    # Named .txt it is the same; a .ts file stays one.
    assert read(write(tmp_path / "b.txt", HEAD + "T1:NSW:1,2\n"), tmp_path).format == "tsf"
    classes = "@problemName x\n@equalLength true\n@classLabel true a b\n@data\n1,2:a\n3,4:b\n"
    assert read(write(tmp_path / "c.ts", classes), tmp_path).format == "ts"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("T1:1,2\n", r"a\.tsf:8: expected series_name, state and the values, with colons between them"),
        ("T1:NSW:1,two\n", r"a\.tsf:8: expected numbers between commas, \? for a missing one"),
        ("T1:NSW:1,inf\n", r"a\.tsf:8: expected finite numbers"),
        ("", "no rows of data"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, rows: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(write(tmp_path / "a.tsf", HEAD + rows), tmp_path)
