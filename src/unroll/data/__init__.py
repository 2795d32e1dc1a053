"""Data: readers, tables on disk, splits, tokenizers, batches, time series and the data doctor."""

from unroll.data.batches import bucketed_batches, pad_series, pad_tokens
from unroll.data.doctor.examine import examine
from unroll.data.doctor.finding import Finding
from unroll.data.readers.builtin import builtin_names
from unroll.data.readers.read import read_table
from unroll.data.series.frequency import Frequency
from unroll.data.series.timeseries import TimeSeries, on_grid, series_from_table
from unroll.data.table.kinds import Kind, ReadOptions
from unroll.data.table.splits import Split, split_rows
from unroll.data.table.table import Table
from unroll.data.text.bpe import BPETokenizer
from unroll.data.text.characters import CharacterTokenizer
from unroll.data.text.saved import tokenizer_from_json
from unroll.data.text.tokenizers import Tokenizer
from unroll.data.text.words import WordTokenizer

__all__ = [
    "BPETokenizer",
    "CharacterTokenizer",
    "Finding",
    "Frequency",
    "Kind",
    "ReadOptions",
    "Split",
    "Table",
    "TimeSeries",
    "Tokenizer",
    "WordTokenizer",
    "bucketed_batches",
    "builtin_names",
    "examine",
    "on_grid",
    "pad_series",
    "pad_tokens",
    "read_table",
    "series_from_table",
    "split_rows",
    "tokenizer_from_json",
]
