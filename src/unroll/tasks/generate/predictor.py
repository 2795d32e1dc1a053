"""What a trained language model writes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn import functional

from unroll.bundle import DataConfig, validate
from unroll.data import Table, Tokenizer, pad_tokens
from unroll.decoding.sampling import Sampling, sample
from unroll.errors import DataError
from unroll.ids import FIRST_ID
from unroll.metrics.language import language_scores
from unroll.models.language_model import LanguageModel
from unroll.models.named import Carried, state_sizes
from unroll.report import Section
from unroll.tasks.abilities import Written
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.generate.data import Passage, whole_passage
from unroll.tasks.generate.scores import scored, text_cost
from unroll.tasks.generate.settings import GenerateSettings
from unroll.tasks.parts import NetworkParts, after, carried_states, ids, lengths
from unroll.tasks.running_text import read_whole

#: What a record may say beside its text.
OVERRIDES = ("temperature", "top_k", "top_p", "length", "seed")
#: Tokens that the report shows: of what stands before, and of what is written.
_SHOWN, _WRITTEN = 40, 300
#: Tokens that are decoded together, so that a character in several tokens, or a space between two words, comes out
#: whole.
_WINDOW = 64


class _Seed(BaseModel):
    seed: int = Field(ge=0, lt=2**32)


class _Asked(NamedTuple):
    """What to write, and how."""

    text: str
    sampling: Sampling
    length: int
    generator: torch.Generator | None


class GeneratePredictor(Predictor):
    """A trained language model that writes.

    Args:
        model: with its weights.
        tokenizer: of its text.
        settings: of its run.
        seed: of the random numbers of everything it writes.
        column: where a record with columns holds the text.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        settings: GenerateSettings,
        seed: int,
        *,
        column: str = "text",
    ) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._settings = settings
        self._seed = seed
        self._generator = torch.Generator().manual_seed(seed)
        self._column = column

    @property
    def network(self) -> LanguageModel:
        """The network."""
        return self._model

    def encode(self, records: Sequence[Record]) -> tuple[Tensor]:
        """(B, T) ids of the texts; shorter ones are padded behind, where a language model does not look from."""
        rows = [self._tokenizer.encode(self._asked(record).text) for record in records]
        return (pad_tokens(rows)[0],)

    def steps(self, record: Record) -> Sequence[str]:
        """The tokens of the text, each by itself."""
        tokens = self._tokenizer.encode(self._asked(record).text).tolist()
        return [self._tokenizer.decode([token]) for token in tokens]

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T, V) logits of the token after each."""
        logits: Tensor = self._model(*inputs)[0]
        return logits

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """(B, T - 1) nats that the token after each costs."""
        return functional.cross_entropy(answer[:, :-1].transpose(1, 2), inputs[0][:, 1:], reduction="none")

    def network_parts(self) -> tuple[NetworkParts]:
        """The network from tokens and states to the logits of the token after each, and the states."""
        model = self._model
        states = state_sizes(model.body)
        inputs = {
            "tokens": ids(self._tokenizer.size, "batch", "time"),
            "lengths": lengths("time", "batch"),
            **carried_states(states),
        }
        metadata = {"unroll.tokenizer": self._tokenizer.to_json()}
        return (NetworkParts(Carried(model), inputs, ("logits", *after(states)), metadata),)

    def stream(
        self, text: str, sampling: Sampling, length: int, *, generator: torch.Generator | None = None
    ) -> Iterator[str]:
        """Continue a text, a piece at a time, as it is written.

        Args:
            text: the text so far; empty for the start of a line.
            sampling: how tokens are drawn.
            length: tokens to write.
            generator: of the random numbers; None for the predictor's own, which goes on from text to text.
        """
        seed = self._tokenizer.encode(text or "\n").tolist()
        drawn = sample(
            self._model,
            seed,
            sampling,
            generator=generator or self._generator,
            forbidden=(0, 1),
            forbidden_first=self._changes_seed(seed),
        )
        # Tokens may be parts of a character, so the last ones are decoded together, and what may still change is held
        # back.
        window = seed[-_WINDOW:]
        sent = len(self._tokenizer.decode(window))
        for token in itertools.islice(drawn, length):
            window.append(token)
            known = self._tokenizer.decode(window)
            # Of a character in bytes at most three are still open.
            safe = max(len(known.rstrip("\ufffd")), len(known) - 3) - 1
            if safe > sent:
                yield known[sent:safe]
                sent = safe
            if len(window) >= 2 * _WINDOW:
                window = window[-_WINDOW:]
                sent += len(self._tokenizer.decode(window)) - len(known)
        yield self._tokenizer.decode(window)[sent:]

    def _changes_seed(self, seed: list[int]) -> list[int]:
        """Tokens that would change the last character of the seed: final letters after an open Hangul syllable."""
        if self._settings.tokens != "jamo":
            return []
        end = seed[-_WINDOW:]
        text = self._tokenizer.decode(end)
        return [
            token
            for token in range(FIRST_ID, self._tokenizer.size)
            if not self._tokenizer.decode([*end, token]).startswith(text)
        ]

    def _asked(self, record: Record) -> _Asked:
        """What a record asks for, over the settings of the run.

        Raises:
            DataError: it holds no text.
            ConfigError: a value is out of range.
        """
        if isinstance(record, str):
            return _Asked(record, self._sampling(self._settings), self._settings.length, None)
        text = record.get(self._column, record.get("text"))
        if not isinstance(text, str):
            raise DataError(f"a record needs '{self._column}', the text to go on from, got {', '.join(record)}")
        given = {name: record[name] for name in OVERRIDES if name in record}
        seed = given.pop("seed", None)
        generator = None
        if seed is not None:
            generator = torch.Generator().manual_seed(validate(_Seed, {"seed": seed}, "record").seed)
        settings = validate(GenerateSettings, {**self._settings.model_dump(), **given}, "record")
        return _Asked(text, self._sampling(settings), settings.length, generator)

    @staticmethod
    def _sampling(settings: GenerateSettings) -> Sampling:
        return Sampling(settings.temperature, settings.top_k, settings.top_p)

    def write(self, record: Record) -> Written:
        """Continue the text of a record, a piece at a time.

        A record with columns may hold "temperature", "top_k", "top_p", "length" and "seed" beside its text.

        Raises:
            DataError: it holds no text.
            ConfigError: a value is out of range.
        """
        asked = self._asked(record)
        return Written(asked.text, self.stream(asked.text, asked.sampling, asked.length, generator=asked.generator))

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """Continue every text, as `write`.

        Raises:
            DataError: a record holds no text.
            ConfigError: a value is out of range.
        """
        for record in records:
            written = self.write(record)
            yield {"text": written.text, "continuation": "".join(written.pieces)}

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """The cost of the whole text of other files.

        Raises:
            DataError: there is too little text to score.
        """
        passage = whole_passage(self._tokenizer, read_whole(table, data, frame=self._settings.frame))
        if not len(passage.tokens):
            raise DataError("too little text to score", table.paths[0])
        return self.score(passage)

    def score(self, passage: Passage) -> Scores:
        """The exact cost of a passage, read in one stream, and what the model writes after its context."""
        cost = text_cost(self._model, passage)
        scores = language_scores(cost, len(passage.tokens), passage.characters)
        return scored(scores, [self._written(passage)])

    def _written(self, passage: Passage) -> Section:
        """What the model writes when it runs freely, at three temperatures, from the end of a passage's context."""
        context = passage.context[-_SHOWN:].tolist()
        rows = []
        for temperature in (0.3, 0.7, 1.0):
            generator = torch.Generator().manual_seed(self._seed)
            drawn = sample(self._model, context, Sampling(temperature), generator=generator, forbidden=(0, 1))
            text = self._tokenizer.decode(list(itertools.islice(drawn, _WRITTEN)))
            rows.append({"temperature": temperature, "text": text})
        start = self._tokenizer.decode(context)
        return Section("What the model writes", f"Running freely after {start!r}.", rows)
