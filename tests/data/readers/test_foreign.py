"""Binary files that nothing here reads are named; what pandas writes beside its columns is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.helpers import read
from unroll.data.series.moments import from_numbers
from unroll.errors import DataError


@pytest.mark.parametrize(
    ("name", "head", "what"),
    [
        ("sales.xlsx", b"PK\x03\x04\0\0", "Excel workbook"),
        ("sales.csv", b"PK\x03\x04\0\0", "Excel workbook"),
        ("sales.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
        ("x.npy", b"\x93NUMPY\x01\0", "NumPy"),
        ("x.h5", b"\x89HDF\r\n\x1a\n", "HDF5"),
        ("x.csv.bz2", b"BZh91AY&SY", "packed with bzip2"),
        ("x.csv.xz", b"\xfd7zXZ\0", "packed with xz"),
        ("x.csv.zst", b"\x28\xb5\x2f\xfd", "packed with zstd"),
        ("x.tar", b"data.csv".ljust(257, b"\0") + b"ustar\0", "an archive of tar"),
        ("x.pkl", b"\x80\x05\x95\0\0", "a pickle of Python"),
        ("x.arrow", b"\xff\xff\xff\xff\0\0", "Arrow"),
        ("x.tsv", b"#FORMAT=WebAnno TSV 3.3\n", "TSV of WebAnno"),
    ],
)
def test_other_forms_are_named(tmp_path: Path, name: str, head: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(head + bytes(40))
    with pytest.raises(DataError, match=rf"{what}.*not read") as caught:
        read(path, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_index_of_times_without_a_name_is_kept(tmp_path: Path) -> None:
    times = pa.array(np.arange(4).astype("datetime64[D]").astype("datetime64[us]"))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0, 4.0], "__index_level_0__": times}), path)
    assert read(path, tmp_path).times("__index_level_0__")[3] == np.datetime64("1970-01-04")


def test_times_of_a_zone_keep_the_hour_that_autumn_repeats(tmp_path: Path) -> None:
    instants = np.datetime64("2024-10-26T22:00", "us") + np.arange(6) * np.timedelta64(1, "h")
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"t": pa.array(instants, pa.timestamp("us", "Europe/Berlin")), "x": range(6)}), path)
    assert (read(path, tmp_path).times("t") == instants).all()


def test_numbers_that_are_moments() -> None:
    for scale, unit in ((1, "seconds"), (1000, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds")):
        found = from_numbers(np.array([1_700_000_000, 1_700_000_060]) * float(scale))
        assert found is not None
        assert found[1] == f"{unit} since 1970"
        assert found[0].tolist() == np.array(["2023-11-14T22:13:20", "2023-11-14T22:14:20"], "M8[us]").tolist()
    for plain in ([0.0, 1.0], [1999.0, 2000.0], [1.7e9, 5.0], [20240132.0], [123456.5]):
        assert from_numbers(np.array(plain)) is None
