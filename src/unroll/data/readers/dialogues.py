"""Conversations a line each, as DailyDialog and the Ubuntu corpus write them: ``__eou__`` ends what was said."""

from __future__ import annotations

from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field

_END, _TURN = "__eou__", "__eot__"
#: Share of the lines that hold a mark.
_MOST = 0.9


class DialoguesReader:
    """Reads conversations with marks at the ends of turns."""

    name = "dialogues"
    suffixes: tuple[str, ...] = ()
    summary = f"DailyDialog: a conversation per line, every turn ended by `{_END}` (or `{_TURN}`); for chat"

    def recognises(self, file: Input) -> bool:
        """Nearly every line ends with the mark; inside the cells of a table it marks something else."""
        lines = [line.rstrip() for _, line in file.lines if line.strip()]
        return bool(lines) and sum(line.endswith((_END, _TURN)) for line in lines) >= _MOST * len(lines)

    def open(self, file: Input, first: Source | None) -> LineSource:
        """The column is always the same."""
        return LineSource(file, [Field("turns", "list")], f"a conversation per line, turns end with {_END}", _cells)


def _cells(line: str) -> tuple[list[str]]:
    """The turns of a line.

    >>> _cells("Hi ! __eou__ Hello . __eou__")
    (['Hi !', 'Hello .'],)
    """
    turns = line.split(_TURN if _TURN in line else _END)
    said = [" ".join(turn.replace(_END, " ").split()) for turn in turns]
    return ([turn for turn in said if turn],)
