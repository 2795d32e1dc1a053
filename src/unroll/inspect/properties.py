"""What may be going on at a step of a text or a series, that a unit could keep track of.

Shapes: N characters of a text, T steps of a series.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

#: From a text to (N,) bool, or from the (T,) values of a series to (T,) bool.
TextProperty = Callable[[str], np.ndarray]
SeriesProperty = Callable[[np.ndarray], np.ndarray]

_OPENING = {"“": "”", "«": "»", "„": "“", "「": "」", "『": "』"}
_BRACKETS = {"(": ")", "[": "]", "{": "}", "（": "）"}
_NEGATION = re.compile(r"\b(?:not|no|never|none|nobody|nothing|without|cannot)\b|n['’]t\b|않|못|없", re.IGNORECASE)
_PLURAL = re.compile(r"\b(?:these|those|many|few|several|they|them|their|we|us|our|are|were)\b|들", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?;:。]|\n\s*\n")


def inside_quotes(text: str) -> np.ndarray:
    """From an opening quotation mark up to the closing one, itself left out; a blank line closes what is open."""
    found = np.zeros(len(text), dtype=bool)
    closing = ""
    for at, character in enumerate(text):
        if closing and (character == closing or text.startswith("\n\n", at)):
            closing = ""
        elif not closing and character in _OPENING:
            closing = _OPENING[character]
        elif not closing and character == '"':
            closing = '"'
        found[at] = bool(closing)
    return found


def inside_brackets(text: str) -> np.ndarray:
    """From an opening bracket up to the one that closes it, itself left out; a blank line closes what is open."""
    found = np.zeros(len(text), dtype=bool)
    waiting: list[str] = []
    for at, character in enumerate(text):
        if waiting and text.startswith("\n\n", at):
            waiting = []
        elif waiting and character == waiting[-1]:
            waiting.pop()
        elif character in _BRACKETS:
            waiting.append(_BRACKETS[character])
        found[at] = bool(waiting)
    return found


def late_in_line(text: str) -> np.ndarray:
    """Past half the length of a usual full line: the length that one line in ten exceeds."""
    lines = text.split("\n")
    usual = float(np.quantile([len(line) for line in lines if line.strip()] or [0], 0.9))
    columns = np.concatenate([np.arange(len(line) + 1) for line in lines])[: len(text)]
    return np.asarray(columns > usual / 2)


def after_negation(text: str) -> np.ndarray:
    """Behind a word such as "not" or "never", up to the end of the sentence."""
    return _since(text, _NEGATION)


def after_plural(text: str) -> np.ndarray:
    """Behind a word such as "these", "they" or "were", up to the end of the sentence."""
    return _since(text, _PLURAL)


def in_capitalised_word(text: str) -> np.ndarray:
    """Inside a word that begins with a capital letter."""
    found = np.zeros(len(text), dtype=bool)
    for word in re.finditer(r"\w+", text):
        found[word.start() : word.end()] = word.group()[0].isupper()
    return found


def _since(text: str, mark: re.Pattern[str]) -> np.ndarray:
    found = np.zeros(len(text), dtype=bool)
    ends = [match.start() for match in _SENTENCE.finditer(text)] + [len(text)]
    at = 0
    for match in mark.finditer(text):
        while ends[at] < match.end():
            at += 1
        found[match.end() : ends[at]] = True
    return found


def rising(values: np.ndarray) -> np.ndarray:
    """The mean of the last tenth of the usual cycle, or of eight steps, is over that of as many steps before."""
    width = max(8, period(values) // 10)
    mean = _recent_mean(values, width)
    before = np.concatenate([np.full(width, np.nan), mean[:-width]])
    return np.asarray(mean > before)


def in_upper_half_of_cycle(values: np.ndarray) -> np.ndarray:
    """Above the mean of the last whole cycle."""
    return np.asarray(values > _recent_mean(values, max(2, period(values))))


def after_shift(values: np.ndarray) -> np.ndarray:
    """Behind the place that parts the series best into two levels, by least squares."""
    size = len(values)
    if size < 4:
        return np.zeros(size, dtype=bool)
    total = np.cumsum(values - values.mean())[1:-2]
    left = np.arange(2, size - 1)
    gain = np.square(total) * size / (left * (size - left))
    return np.asarray(np.arange(size) >= left[int(np.argmax(gain))])


def period(values: np.ndarray) -> int:
    """The first lag whose peak of the autocorrelation is as high as any, within a tenth, up to a third of the series; 1
    if it has no peak."""
    centred = values - values.mean()
    size = len(centred)
    power = np.abs(np.fft.rfft(centred, 2 * size)) ** 2
    correlation = np.fft.irfft(power)[: size // 3] / np.arange(size, size - size // 3, -1)
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:]) & (inner > 0)) + 1
    high = peaks[correlation[peaks] >= 0.9 * correlation[peaks].max(initial=0.0)]
    return int(high[0]) if len(high) else 1


def _recent_mean(values: np.ndarray, width: int) -> np.ndarray:
    """(T,) mean of the last `width` values; of fewer at the beginning."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - width)
    return np.asarray((total[ends] - total[starts]) / (ends - starts))


#: What is looked for in texts, and in series, by the name that people read.
TEXT_PROPERTIES: Mapping[str, TextProperty] = {
    "inside quotes": inside_quotes,
    "inside brackets": inside_brackets,
    "late in the line": late_in_line,
    "after a negation": after_negation,
    "after a plural": after_plural,
    "in a capitalised word": in_capitalised_word,
}
SERIES_PROPERTIES: Mapping[str, SeriesProperty] = {
    "rising": rising,
    "in the upper half of the cycle": in_upper_half_of_cycle,
    "after the level shifted": after_shift,
}
