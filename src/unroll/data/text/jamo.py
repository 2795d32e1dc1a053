"""Hangul syllables as their letters (jamo): 한 is ㅎ, ㅏ, ㄴ.

Pure arithmetic on code points, after The Unicode Standard, section 3.12.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_BASE, _LEAD, _VOWEL, _TAIL = 0xAC00, 0x1100, 0x1161, 0x11A7
_VOWELS, _TAILS = 21, 28
_COUNT = 19 * _VOWELS * _TAILS
#: Put before a letter that stood alone in the text, so that ``ᄒ`` + ``ᅡ`` written as two characters does not come back
#: as ``하``.
LITERAL = "="


def is_jamo(character: str) -> bool:
    """Whether this is a conjoining letter, of which syllables are made."""
    return "\u1100" <= character <= "\u1112" or "\u1161" <= character <= "\u1175" or "\u11a8" <= character <= "\u11c2"


def decompose(text: str) -> Iterator[str]:
    """Yield the pieces of a text: two or three letters per Hangul syllable, and every other character.

    A letter that stood alone comes with ``=`` before it.
    """
    for character in text:
        index = ord(character) - _BASE
        if 0 <= index < _COUNT:
            lead, rest = divmod(index, _VOWELS * _TAILS)
            vowel, tail = divmod(rest, _TAILS)
            yield chr(_LEAD + lead)
            yield chr(_VOWEL + vowel)
            if tail:
                yield chr(_TAIL + tail)
        elif is_jamo(character):
            yield LITERAL + character
        else:
            yield character


def compose(pieces: Iterable[str]) -> str:
    """Put pieces together again: ``compose(decompose(text)) == text`` for every text.

    Letters that make no syllable stay letters.
    """
    out: list[str] = []
    #: 0: nothing open; 1: a lead is last in out; 2: a syllable without tail is last in out
    state = 0
    for piece in pieces:
        if state == 1 and "\u1161" <= piece <= "\u1175" and len(piece) == 1:
            out[-1] = chr(_BASE + ((ord(out[-1]) - _LEAD) * _VOWELS + ord(piece) - _VOWEL) * _TAILS)
            state = 2
        elif state == 2 and "\u11a8" <= piece <= "\u11c2" and len(piece) == 1:
            out[-1] = chr(ord(out[-1]) + ord(piece) - _TAIL)
            state = 0
        else:
            state = 1 if len(piece) == 1 and "\u1100" <= piece <= "\u1112" else 0
            out.append(piece[1:] if len(piece) == 2 and piece[0] == LITERAL and is_jamo(piece[1]) else piece)
    return "".join(out)
