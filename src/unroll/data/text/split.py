"""What a word is, and what it looks like: one definition for tokenizers, classifiers and taggers."""

from __future__ import annotations

import itertools
import re


def _word(letter: str, marks: str = "") -> str:
    """The pattern of a word: letters, with apostrophes between them, and after the first letters what `marks` says."""
    return rf"{letter}+{marks}(?:['\u2019]{letter}+)*"


#: Words and single visible characters that belong to none. An underscore is a letter, as in user_name.
_WORDS = re.compile(_word(r"\w") + r"|[^\w\s]")
#: The same with every run of white space, so that nothing of the text is lost. An underscore stands alone, and marks
#: that are written after their letter (U+0300 to U+036F, and the joiner U+200D) stay with it.
_PIECES = re.compile(_word(r"[^\W_]", r"(?:[\u0300-\u036f\u200d]+[^\W_]*)*") + r"|\s+|\S")


def split_words(text: str) -> list[str]:
    """Words and punctuation marks of a text in any script, in order.

    >>> split_words("Don't panic, user_42!")
    ["Don't", 'panic', ',', 'user_42', '!']
    """
    return _WORDS.findall(text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words and marks that `split_words` gives stand: start and end of each, in characters.

    >>> word_spans("Don't panic!")
    [(0, 5), (6, 11), (11, 12)]
    """
    return [match.span() for match in _WORDS.finditer(text)]


def split_pieces(text: str) -> list[str]:
    """A text cut into words, marks and runs of white space, which joined give the text.

    >>> split_pieces("Don't  panic, user_42!")
    ["Don't", '  ', 'panic', ',', ' ', 'user', '_', '42', '!']
    """
    return _PIECES.findall(text)


def shape(word: str, caseless: str = "c") -> str:
    """What a word looks like: X for capitals, x for small letters, 0 for digits, runs as one.

    Args:
        word: any text.
        caseless: stands for letters without case.

    >>> shape("McDonald's"), shape("08712-300"), shape("영화")
    ("XxXx'x", '0-0', 'c')
    """
    if word.isascii() and word.isalpha() and word.islower():
        return "x"
    kinds = (
        "0" if c.isdigit() else "X" if c.isupper() else "x" if c.islower() else caseless if c.isalpha() else c
        for c in word
    )
    return "".join(kind for kind, _ in itertools.groupby(kinds))
