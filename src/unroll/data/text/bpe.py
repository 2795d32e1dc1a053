"""Byte-pair pieces learnt from the data, through the `tokenizers` library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from unroll.data.text.vocabulary import UNKNOWN_TEXT, VERSION, integers, out_of_range, refuse_surrogates
from unroll.ids import FIRST_ID, PAD_ID, UNKNOWN_ID


class BPETokenizer:
    """Pieces learnt by byte-pair encoding over bytes.

    Source: Sennrich et al. 2016, section 3.2; on bytes as in Radford et al. 2019, section 2.2.

    Every text has an encoding and ``decode(encode(text)) == text`` without exception: nothing is normalised and no
    piece is special.

    Args:
        pieces: the pieces in the order of their ids, in the printable byte alphabet of GPT-2; the 256 bytes must
            be among them.
        merges: pairs of pieces in the order in which they are merged.
    """

    pad_id = PAD_ID
    unknown_id = UNKNOWN_ID

    def __init__(self, pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> None:
        order = {piece: number for number, piece in enumerate(pieces)}
        missing = set(pre_tokenizers.ByteLevel.alphabet()) - set(order)
        if missing or len(order) != len(pieces):
            raise ValueError(f"the pieces must be distinct and hold all 256 bytes ({len(missing)} are missing)")
        for left, right in merges:
            if left not in order or right not in order or left + right not in order:
                raise ValueError(f"the merge of {left!r} and {right!r} is not made of known pieces")
        self._pieces = tuple(pieces)
        self._merges = [(left, right) for left, right in merges]
        self._model = Tokenizer(models.BPE(vocab=order, merges=self._merges))
        self._model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._model.decoder = decoders.ByteLevel()

    @classmethod
    def train(cls, texts: Iterable[str], *, size: int = 8000, min_count: int = 2) -> BPETokenizer:
        """Learn pieces from some texts.

        Args:
            texts: read once.
            size: how many ids there are to be, the 256 bytes, padding and unknown included; fewer if the texts are
                short.
            min_count: merge pairs that occur at least so often.

        Raises:
            ValueError: a size below 258.
        """
        if size < 256 + FIRST_ID:
            raise ValueError(f"size must be at least {256 + FIRST_ID}, the bytes and the two special ids, got {size}")
        model = Tokenizer(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(
            vocab_size=size - FIRST_ID,
            min_frequency=min_count,
            initial_alphabet=alphabet,
            special_tokens=[],
            show_progress=False,
        )
        model.train_from_iterator(_checked(texts), trainer)
        learnt = json.loads(model.to_str())["model"]
        pieces = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
        merges = [_pair(merge) for merge in learnt["merges"]]
        return cls(pieces, merges)

    @property
    def size(self) -> int:
        """How many ids there are."""
        return len(self._pieces) + FIRST_ID

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, (T,) int32.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        refuse_surrogates(text)
        return np.asarray(self._model.encode(text, add_special_tokens=False).ids, dtype=np.int32) + FIRST_ID

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; padding gives nothing, unknown gives U+FFFD, and so do bytes that are no UTF-8.

        Raises:
            ValueError: an id out of range.
        """
        parts: list[str] = []
        run: list[int] = []
        for number in integers(ids):
            if not 0 <= number < self.size:
                raise out_of_range(number, self.size)
            if number >= FIRST_ID:
                run.append(number - FIRST_ID)
            elif number == UNKNOWN_ID:
                parts += [self._model.decode(run, skip_special_tokens=False), UNKNOWN_TEXT]
                run = []
        parts.append(self._model.decode(run, skip_special_tokens=False))
        return "".join(parts)

    def to_json(self) -> str:
        """All of it as JSON, for `tokenizer_from_json`."""
        return json.dumps(self.saved(), ensure_ascii=False)

    def saved(self) -> dict[str, object]:
        """What `to_json` writes, before it is text."""
        merges = [list(merge) for merge in self._merges]
        return {"version": VERSION, "kind": "bpe", "pieces": list(self._pieces), "merges": merges}


def _pair(merge: str | list[str]) -> tuple[str, str]:
    """A merge as the library writes it: two pieces in a list, or before version 0.20 in one text."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _checked(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        refuse_surrogates(text)
        yield text
