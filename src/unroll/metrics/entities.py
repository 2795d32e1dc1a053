"""Entities in tag sequences: their spans, the schemes that mark them, and precision, recall and F1 of whole
entities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np


class Scheme(Enum):
    """How tags mark entities.

    IOB1: I inside, B only where an entity follows one of its own type directly (Ramshaw, Marcus 1995). IOB2: every
    entity begins with B (Ratnaparkhi 1998). IOE1: E only at the end of an entity that one of its own type follows
    directly, I else; IOE2: every entity ends with E (Tjong Kim Sang, Veenstra 1999). BIOES: B I E for longer ones, S
    for one token; BILOU, BMES and BMEWO are the same with other letters.
    """

    IOB1 = "iob1"
    IOB2 = "iob2"
    IOE1 = "ioe1"
    IOE2 = "ioe2"
    BIOES = "bioes"
    BILOU = "bilou"
    BMES = "bmes"
    BMEWO = "bmewo"

    @property
    def letters(self) -> str:
        """What stands for B, I, E and S, in this order; B and I, or I and E, alone where others are not marked."""
        four = {"bioes": "BIES", "bilou": "BILU", "bmes": "BMES", "bmewo": "BMEW"}
        return four.get(self.value, "IE" if self.ends_alone else "BI")

    @property
    def marks_ends(self) -> bool:
        """Whether beginnings, ends and single tokens of entities have letters of their own."""
        return len(self.letters) == 4

    @property
    def ends_alone(self) -> bool:
        """Whether ends of entities are marked and beginnings are not."""
        return self.value in ("ioe1", "ioe2")


#: Letters of other schemes as those of BIOES.
_AS_BIOES = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S", "M": "I", "W": "S"}
_ENDED = (Scheme.BIOES, Scheme.BILOU, Scheme.BMES, Scheme.BMEWO)


class Span(NamedTuple):
    """One entity: its type, its first token and the token after its last."""

    type: str
    start: int
    end: int


class Broken(NamedTuple):
    """A tag that its scheme does not allow where it stands."""

    position: int
    reason: str


class Counts(NamedTuple):
    """How many entities were found rightly, how many were predicted, and how many there are."""

    correct: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """Share of the predicted entities that are right; 0 if there are none."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the entities that were found; 0 if there are none."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 if there are neither."""
        return 2 * self.correct / (self.predicted + self.gold) if self.predicted + self.gold else 0.0


class EntityScores(NamedTuple):
    """Counts over all entities, by type, and (rows, 3) by sentence, for resampling."""

    overall: Counts
    by_type: dict[str, Counts]
    by_row: np.ndarray


def parts(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag: ("B", "PER") of "B-PER", ("O", "") of "O" and of anything that is no entity tag.

    Prefixes of BILOU, BMES and BMEWO come as those of BIOES.

    >>> parts("L-PER"), parts("NOUN")
    (('E', 'PER'), ('O', ''))
    """
    prefix, hyphen, kind = tag.partition("-")
    if hyphen and kind and prefix in _AS_BIOES:
        return _AS_BIOES[prefix], kind
    return "O", ""


def is_entity_tag(tag: str) -> bool:
    """Whether a tag is "O" or a prefix and a type."""
    return tag == "O" or parts(tag)[0] != "O"


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of a tag sequence of any scheme, broken ones included, in order.

    An entity begins at B, at S, and at an I or E that nothing of its type leads up to; it ends before O, before the
    next beginning, and after E or S. These are the rules of conlleval, the scorer of the CoNLL-2000 to 2003 shared
    tasks (Tjong Kim Sang, Buchholz 2000).
    """
    found: list[Span] = []
    kind, start = "", -1
    for position, (prefix, own) in enumerate([*map(parts, tags), ("O", "")]):
        continues = start >= 0 and prefix in ("I", "E") and own == kind
        if start >= 0 and not continues:
            found.append(Span(kind, start, position))
            start = -1
        if start < 0 and prefix != "O":
            kind, start = own, position
        if prefix in ("E", "S"):
            found.append(Span(kind, start, position + 1))
            start = -1
    return found


def tags_of(entities: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """The tags that mark entities (in order, not overlapping) in a sentence of that many tokens."""
    tags = ["O"] * length
    before: Span | None = None
    for span in entities:
        touches = before is not None and before.end == span.start and before.type == span.type
        if scheme.ends_alone:
            tags[span.start : span.end] = [f"I-{span.type}"] * (span.end - span.start)
            if scheme is Scheme.IOE2:
                tags[span.end - 1] = f"E-{span.type}"
            elif before is not None and touches:
                tags[before.end - 1] = f"E-{before.type}"
            before = span
            continue
        begin, inside = (f"{letter}-{span.type}" for letter in scheme.letters[:2])
        tags[span.start : span.end] = [inside] * (span.end - span.start)
        if scheme is not Scheme.IOB1 or touches:
            tags[span.start] = begin
        if scheme.marks_ends:
            single = span.end - span.start == 1
            tags[span.end - 1] = f"{scheme.letters[3 if single else 2]}-{span.type}"
        before = span
    return tags


def _follows(before: str, tag: str, scheme: Scheme) -> str | None:
    """Why a tag may not follow another, None if it may. "" stands before the first and after the last."""
    (last, kind), (prefix, own) = parts(before), parts(tag)
    if prefix != "O" and tag[0] not in scheme.letters:
        return f"{tag} is not a tag of {scheme.name}"
    if scheme.marks_ends:
        begin, inside, end = tuple(scheme.letters[:3])
        if last in ("B", "I") and not (prefix in ("I", "E") and own == kind):
            return f"{before} must be followed by {inside}-{kind} or {end}-{kind}"
        if prefix in ("I", "E") and not (last in ("B", "I") and own == kind):
            return f"{tag} must follow {begin}-{own} or {inside}-{own}"
        return None
    if scheme.ends_alone:
        open_ = "I" if scheme is Scheme.IOE2 else "E"
        if last == open_ and not (prefix in ("I", "E") and own == kind):
            return f"{before} must be followed by I-{kind} or E-{kind}"
        return None
    if scheme is Scheme.IOB2 and prefix == "I" and own != kind:
        return f"{tag} must follow B-{own} or I-{own}"
    if scheme is Scheme.IOB1 and prefix == "B" and own != kind:
        return f"{tag} must follow I-{own} or B-{own}"
    return None


def broken(tags: Sequence[str], scheme: Scheme) -> list[Broken]:
    """Every tag of a sentence that its scheme does not allow where it stands."""
    found = []
    padded = ["", *tags, ""]
    for position in range(len(padded) - 1):
        tag = padded[position + 1]
        if tag and not is_entity_tag(tag):
            letters = ", ".join(f"{letter}-" for letter in scheme.letters)
            found.append(Broken(position, f"{tag!r} is neither O nor one of {letters} and a type"))
            continue
        reason = _follows(padded[position], tag, scheme)
        if reason is not None:
            found.append(Broken(min(position, len(tags) - 1), reason))
    return found


def detect_scheme(sentences: Iterable[Sequence[str]]) -> Scheme | None:
    """The scheme that most entities of some sentences keep to; None if the tags mark no entities.

    What is in another scheme then counts as broken. Between IOB1 and IOB2 those beginnings decide on which they differ,
    between IOE1 and IOE2 those ends.
    """
    votes: Counter[Scheme] = Counter()
    letters: Counter[str] = Counter()
    ends: Counter[Scheme] = Counter()
    seen = False
    for tags in sentences:
        before = ""
        for tag in tags:
            if not tag:
                # A tag that is missing says nothing of the scheme; it is an error of its own.
                continue
            if not is_entity_tag(tag):
                return None
            (last, kind), (prefix, own) = parts(before), parts(tag)
            seen = seen or prefix != "O"
            if prefix != "O":
                letters[tag[0]] += 1
            if prefix in ("E", "S"):
                votes[Scheme.BIOES] += 1
            elif prefix != "O" and (last in ("E", "S") or own != kind):
                votes[Scheme.IOB2 if prefix == "B" else Scheme.IOB1] += 1
            if last in ("I", "E") and not (prefix in ("I", "E") and own == kind):
                ends[Scheme.IOE1 if last == "I" else Scheme.IOE2] += 1
            before = tag
        last, kind = parts(before)
        if last in ("I", "E"):
            ends[Scheme.IOE1 if last == "I" else Scheme.IOE2] += 1
    if not seen:
        return None
    if letters["E"] and letters.keys() <= {"I", "E"}:
        return Scheme.IOE1 if ends[Scheme.IOE1] > ends[Scheme.IOE2] else Scheme.IOE2
    # BIOES has as many B as E, so its votes are compared with those of the other B, not added to them.
    if votes[Scheme.BIOES] and votes[Scheme.BIOES] * 2 >= votes[Scheme.IOB2] + votes[Scheme.IOB1]:
        # The one whose letters stand most often; of equal ones the first.
        return max(_ENDED, key=lambda scheme: sum(letters[letter] for letter in scheme.letters))
    return Scheme.IOB1 if votes[Scheme.IOB1] > votes[Scheme.IOB2] else Scheme.IOB2


def allowed_moves(tags: Sequence[str], scheme: Scheme) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a scheme allows: (K, K) bool for tag j after tag i, (K,) for the first tag, (K,) for the last."""
    between = np.array([[_follows(before, tag, scheme) is None for tag in tags] for before in tags])
    first = np.array([_follows("", tag, scheme) is None for tag in tags])
    last = np.array([_follows(tag, "", scheme) is None for tag in tags])
    return between, first, last


def entity_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> EntityScores:
    """Exact matches of entities: same first token, same last token, same type.

    Args:
        gold: the tags of every sentence.
        predicted: the same number of sentences, of the same lengths.

    Raises:
        ValueError: the numbers or lengths differ.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"entity_scores: {len(gold)} sentences but {len(predicted)} predictions")
    by_row = np.zeros((len(gold), 3), dtype=np.int64)
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for row, (a, b) in enumerate(zip(gold, predicted, strict=True)):
        if len(a) != len(b):
            raise ValueError(f"entity_scores: sentence {row} has {len(a)} tags but {len(b)} predictions")
        wanted, found = set(spans(a)), set(spans(b))
        hits = wanted & found
        by_row[row] = len(hits), len(found), len(wanted)
        right.update(span.type for span in hits)
        said.update(span.type for span in found)
        there.update(span.type for span in wanted)
    by_type = {kind: Counts(right[kind], said[kind], there[kind]) for kind in sorted({*said, *there})}
    return EntityScores(Counts(*map(int, by_row.sum(axis=0))), by_type, by_row)
