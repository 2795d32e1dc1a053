"""What cells of a column of labels say of their records: 0 and 1, True and False, normal and anomaly."""

from __future__ import annotations

import re

import numpy as np

from unroll.data import Kind, Table
from unroll.data.series.rows import shown
from unroll.errors import DataError

#: Words, in small letters, that mark calm records and odd ones wherever they stand.
_CALM = frozenset(("normal", "healthy", "ok", "benign", "inlier", "정상", "양호"))
_ODD = frozenset(
    (
        *("anomaly", "anomalous", "abnormal", "outlier", "attack", "fault", "faulty", "failure", "failed", "broken"),
        *("recovering", "error", "alarm", "alert", "defect", "malicious", "intrusion"),
        *("이상", "비정상", "고장", "장애", "불량", "경보"),
    )
)
#: Words that answer a question, which only the name of a column asks.
_NO, _YES = (
    frozenset(("false", "f", "no", "n", "0", "good", "아니오")),
    frozenset(("true", "t", "yes", "y", "1", "bad", "예")),
)
#: Columns that ask it.
_ASKING = re.compile(
    r"(?i)^(?:is[_ ]?)?(?:anomaly|anomalous|outlier|changepoint|change[_ ]point|attack|fault|failure|alarm|abnormal"
    r"|이상|이상[_ ]?여부|고장|고장[_ ]?여부)(?:[_ ]?(?:label|flag|status))?$"
)
#: Columns that may hold classes of any sort; and the share of odd records up to which 1 is taken to mark those.
_LABEL = re.compile(r"(?i)^(?:label|labels|target|gt|ground[_ ]?truth|라벨|레이블)$")
_RARE = 0.3
#: More different cells than this are no marks.
_MOST = 20


def is_label(table: Table, name: str) -> bool:
    """Whether a column says where anomalies are, by its name and by what it holds."""
    if table.kinds[name] is Kind.TEXT:
        words = _words(table, name)
        if not words or len(words) > _MOST:
            return False
        told = words <= _CALM | _ODD and not words.isdisjoint(_CALM) and not words.isdisjoint(_ODD)
        return told or (_ASKING.match(name) is not None and words <= _CALM | _ODD | _NO | _YES)
    if table.kinds[name] is not Kind.NUMBER or not (_ASKING.match(name) or _LABEL.match(name)):
        return False
    marks = _of_numbers(table.numbers(name))
    return marks is not None and (_ASKING.match(name) is not None or 0 < float(marks.mean()) < _RARE)


def holds_marks(table: Table, name: str) -> bool:
    """Whether every cell of a column is one that marks say."""
    if table.kinds[name] is Kind.TEXT:
        return _words(table, name) <= _CALM | _ODD | _NO | _YES
    return table.kinds[name] is Kind.NUMBER and _of_numbers(table.numbers(name)) is not None


def marks_of(table: Table, name: str) -> np.ndarray:
    """(rows,) bool: which records are marked as odd.

    Raises:
        DataError: a cell says something else; with file and line.
    """
    if table.kinds[name] is not Kind.TEXT:
        values = table.numbers(name)
        marks = None if np.isnan(values).any() else _of_numbers(values)
        if marks is not None:
            return marks
        wrong = int((~np.isin(values, (0.0, 1.0))).argmax())
        raise DataError(_expected(name, shown(float(values[wrong]))), *table.place(wrong))
    cells = [cell.strip().lower() for cell in table.texts(name)]
    known = _CALM | _ODD | _NO | _YES
    at = next((row for row, cell in enumerate(cells) if cell not in known), None)
    if at is not None:
        raise DataError(_expected(name, repr(cells[at][:40])), *table.place(at))
    return np.fromiter((cell in _ODD or cell in _YES for cell in cells), bool, len(cells))


def _words(table: Table, name: str) -> set[str]:
    return {cell.strip().lower() for cell in set(table.texts(name))}


def _of_numbers(values: np.ndarray) -> np.ndarray | None:
    """Which are odd, of zeros and ones, or of ones and minus ones, as scikit-learn marks them; None of others."""
    known = set(np.unique(values[~np.isnan(values)]).tolist())
    if known == {-1.0, 1.0}:
        return np.asarray(values == -1.0)
    return np.asarray(values == 1.0) if known <= {0.0, 1.0} else None


def _expected(name: str, got: str) -> str:
    return (
        f"column '{name}': expected 0 or 1, True or False, or normal or anomaly in a column of labels, got {got};"
        " correct the cell, or name the column of labels with --target"
    )
