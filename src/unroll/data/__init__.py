"""Data: readers, tables on disk, splits, tokenisers, batches, time series and the data doctor."""

from unroll.data.batches import bucketed_batches, pad_series, pad_tokens
from unroll.data.bpe import BPETokeniser
from unroll.data.builtin import builtin_names
from unroll.data.characters import CharacterTokeniser
from unroll.data.doctor import examine
from unroll.data.finding import Finding
from unroll.data.frequency import Frequency
from unroll.data.kinds import Kind, ReadOptions
from unroll.data.read import read_table
from unroll.data.splits import Split, split_rows
from unroll.data.table import Table
from unroll.data.timeseries import TimeSeries, on_grid, series_from_table
from unroll.data.tokenisers import Tokeniser, tokeniser_from_json
from unroll.data.words import WordTokeniser

__all__ = [
    "BPETokeniser",
    "CharacterTokeniser",
    "Finding",
    "Frequency",
    "Kind",
    "ReadOptions",
    "Split",
    "Table",
    "TimeSeries",
    "Tokeniser",
    "WordTokeniser",
    "bucketed_batches",
    "builtin_names",
    "examine",
    "on_grid",
    "pad_series",
    "pad_tokens",
    "read_table",
    "series_from_table",
    "split_rows",
    "tokeniser_from_json",
]
