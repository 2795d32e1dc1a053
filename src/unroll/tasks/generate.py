"""One-to-many: a language model of a text, and what it writes.

Shapes: N tokens of a text, B streams, T steps of a chunk, V vocabulary.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from unroll.baselines.ngram import NGramModel, Smoothing
from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.cells import CELLS
from unroll.data import (
    BPETokeniser,
    CharacterTokeniser,
    Kind,
    Table,
    Tokeniser,
    WordTokeniser,
    split_rows,
    tokeniser_from_json,
)
from unroll.data.corpus import blocks, encode_text, find_frame, is_running_text, read_text
from unroll.errors import DataError, nearest
from unroll.layers import weight_drop
from unroll.metrics.language import LanguageScores, language_scores
from unroll.models.encoders import recurrent_stack
from unroll.models.language_model import LanguageModel, flatten_state, map_state, restore_state
from unroll.models.sampling import Sampling, sample
from unroll.report import Section
from unroll.tasks.base import Guess, Job, Predictor, Record, Score, Scores, Task
from unroll.train import Loss, Monitor, TrainSettings

#: Tokens that are scored at once; the state passes on, so the value does not depend on it.
_SCORED = 1000
#: Streams and tokens of warm-up when the validation text is scored quickly, between epochs.
_STREAMS, _WARM = 16, 200
#: Characters and words that come more rarely than this are spelled in bytes, so that the model learns what spelling is.
_RARE = {"character": 3, "jamo": 3, "word": 2}


class GenerateSettings(BaseModel):
    """A language model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: str = Field("lstm", description=f"one of {', '.join(CELLS)}")
    tokens: Literal["character", "jamo", "word", "bpe"] = Field(
        "character", description="what a step is; jamo: the letters of Hangul syllables"
    )
    vocabulary: int = Field(
        20_000, ge=258, description="most words or pieces that are kept; the rest is spelled in bytes"
    )
    embedding_size: int = Field(128, ge=1, description="numbers of a token's vector")
    hidden_size: int = Field(384, ge=1, description="features of one step")
    num_layers: int = Field(1, ge=1, description="recurrent layers")
    tied: bool = Field(True, description="the softmax uses the tokens' vectors")
    dropout: float = Field(0.1, ge=0, lt=1, description="between layers and before the softmax")
    dropout_input: float = Field(0.0, ge=0, lt=1, description="of features of the tokens' vectors, for a whole chunk")
    weight_drop: float = Field(0.0, ge=0, lt=1, description="of recurrent weights")
    steps: int = Field(64, ge=1, description="tokens of a chunk, through which gradients pass; the state passes on")
    frame: Literal["keep", "drop"] = Field(
        "keep", description="the licence text that Project Gutenberg puts around a book"
    )
    temperature: float = Field(0.8, ge=0, description="of what `predict` writes; 0: always the likeliest token")
    top_k: int = Field(0, ge=0, description="draw from the k likeliest tokens only; 0: from all")
    top_p: float = Field(
        1.0, gt=0, le=1, description="draw from the fewest tokens that reach this probability together"
    )
    length: int = Field(400, ge=1, description="tokens that `predict` writes")
    baseline_order: int = Field(
        7, ge=1, le=12, description="longest n-gram tried as a baseline for characters; 4 at most for words"
    )
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, value: str) -> str:
        if value not in CELLS:
            raise ValueError(f"expected one of {', '.join(CELLS)}{nearest(value, CELLS)}")
        return value


class Part(NamedTuple):
    """A part of the text: what stands before it and is read but not scored, its tokens, and its characters."""

    context: np.ndarray
    tokens: np.ndarray
    characters: int


class Texts(NamedTuple):
    """The three parts of a text, what stands before validation and test, and what was found out on the way."""

    train: str
    validation: str
    test: str
    joined: bool
    notes: list[str]


def read_parts(table: Table, config: DataConfig, *, seed: int, frame: str) -> Texts:
    """Cut a text into parts by position, or take them as the files say.

    Raises:
        DataError: there is too little text to train on.
    """
    notes: list[str] = []
    if is_running_text(table):
        pieces: list[list[str]] = [[], [], []]
        owner = _parts_of_files(table)
        for path in table.paths:
            text = read_text(path, config.encoding)
            found = find_frame(text)
            if found is not None:
                what = "left out" if frame == "drop" else "kept; leave it out with --set model.frame=drop"
                notes.append(f"{path.name}: {found.before + found.after} characters of Project Gutenberg's own, {what}")
                if frame == "drop":
                    text = text[found.before : len(text) - found.after]
            pieces[owner.get(path, 0)].append(text)
        texts = ["".join(piece) for piece in pieces]
    else:
        column = text_column(table, config)
        if column is None:
            raise DataError(f"generate needs text, got the columns {', '.join(table.columns)}", table.paths[0])
        split = split_rows(
            table,
            seed=seed,
            validation_fraction=config.validation_fraction,
            test_fraction=config.test_fraction,
            column=config.split_column,
        )
        texts = ["".join(line + "\n" for line in table.texts(column, rows)) for rows in split]
        return Texts(texts[0], texts[1], texts[2], False, notes)
    joined = not texts[1] and not texts[2]
    if joined:
        whole = texts[0]
        test = len(whole) - round(config.test_fraction * len(whole))
        validation = test - round(config.validation_fraction * len(whole))
        texts = [whole[:validation], whole[validation:test], whole[test:]]
        notes.append(f"parts by position: {', '.join(f'{len(text):,}' for text in texts)} characters")
    if len(texts[0]) < 2:
        raise DataError("no text is left for training; lower the fractions", table.paths[0])
    return Texts(texts[0], texts[1], texts[2], joined, notes)


def _parts_of_files(table: Table) -> dict[Path, int]:
    """The part that each file belongs to, where the files say so."""
    if table.parts is None:
        return {}
    return {table.place(row)[0]: max(0, int(part)) for row, part in enumerate(table.parts)}


def text_column(table: Table, config: DataConfig) -> str | None:
    """The column of text: the one that was named, or the one with the longest texts."""
    if config.inputs:
        return config.inputs[0] if config.inputs[0] in table.columns else None
    texts = [name for name in table.columns if table.kinds[name] is Kind.TEXT]
    return max(texts, key=lambda name: float(table.lengths(name).mean()), default=None)


def train_tokeniser(text: str, settings: GenerateSettings) -> Tokeniser:
    """Learn the tokens of the training text."""
    if settings.tokens == "bpe":
        return BPETokeniser.train(blocks(text), size=settings.vocabulary)
    if settings.tokens == "word":
        return WordTokeniser.train(blocks(text), max_size=settings.vocabulary, min_count=_RARE["word"], spell=True)
    jamo = settings.tokens == "jamo"
    return CharacterTokeniser.train(
        blocks(text), max_size=settings.vocabulary, min_count=_RARE["character"], jamo=jamo, spell=True
    )


def build_model(vocabulary: int, settings: GenerateSettings) -> LanguageModel:
    """The untrained model."""
    cell = CELLS[settings.encoder]
    sizes = [settings.embedding_size, *[settings.hidden_size] * (settings.num_layers - 1)]
    body = recurrent_stack(
        [(cell(size, settings.hidden_size),) for size in sizes],
        dropout=settings.dropout if settings.num_layers > 1 else 0.0,
        engine=settings.engine,
    )
    for layer in body.layers:
        weight_drop(layer, settings.weight_drop)
    return LanguageModel(
        vocabulary,
        body,
        tied=settings.tied,
        dropout_input=settings.dropout_input,
        dropout_output=settings.dropout,
    )


@torch.no_grad()
def text_cost(model: LanguageModel, part: Part) -> float:
    """The sum of -ln p over a part's tokens, read in one stream from its context on."""
    device = model.embedding.weight.device
    text = torch.from_numpy(np.concatenate([part.context, part.tokens]).astype(np.int64)).to(device)
    skipped = len(part.context) - 1
    total, state = 0.0, None
    for at in range(0, len(text) - 1, _SCORED):
        inputs, wanted = text[at : at + _SCORED][: len(text) - 1 - at], text[at + 1 : at + 1 + _SCORED]
        logits, state = model(inputs.unsqueeze(0), state)
        costs = nn.functional.cross_entropy(logits[0].double(), wanted, reduction="none")
        total += float(costs[max(0, skipped - at) :].sum())
    return total


@torch.no_grad()
def quick_cost(model: LanguageModel, part: Part) -> float:
    """Nearly `text_cost`, many times faster: the part in several streams, each warmed up on what stands before it."""
    device = model.embedding.weight.device
    text = torch.from_numpy(np.concatenate([part.context, part.tokens]).astype(np.int64)).to(device)
    width = len(part.tokens) // _STREAMS
    if width <= _WARM:
        return text_cost(model, part) / len(part.tokens)
    first = len(text) - width * _STREAMS - 1
    starts = first + width * np.arange(_STREAMS)
    total, state = 0.0, None
    for at in range(-min(_WARM, first), width, _SCORED):
        end = min(at + _SCORED, width)
        index = torch.from_numpy(starts[:, None] + np.arange(at, end)).to(device)
        logits, state = model(text[index], state)
        keep = max(0, -at)
        wanted = text[index + 1][:, keep:]
        total += float(nn.functional.cross_entropy(logits[:, keep:].flatten(0, 1), wanted.flatten(), reduction="sum"))
    return total / (width * _STREAMS)


class GenerateJob(Job):
    """A language model opened on its text.

    Args:
        table: the data.
        config: the run's config.
        settings: its model section.
    """

    def __init__(self, table: Table, config: RunConfig, settings: GenerateSettings) -> None:
        self._settings = settings
        self._seed = config.seed
        texts = read_parts(table, config.data, seed=config.seed, frame=settings.frame)
        self.tokeniser = train_tokeniser(texts.train, settings)
        self._train = encode_text(self.tokeniser, texts.train)
        self._parts = self._held_out(texts)
        self.parts = tuple(self._parts)
        self.training = {"learning_rate": 4e-3, "epochs": 5, "batch_size": 32, "weight_decay": 0.01, "patience": 0}
        self._streams = validate(TrainSettings, {**self.training, **config.training}, "training").batch_size
        self._width = (len(self._train) - 1) // self._streams
        if self._width < 1:
            raise DataError(
                f"the training text has {len(self._train)} tokens, too few for {self._streams} streams;"
                " lower training.batch_size",
                table.paths[0],
            )
        self._network = build_model(self.tokeniser.size, settings)
        self.model = self._network
        self._state: Any = None
        self.notes = (
            *texts.notes,
            f"{self.tokeniser.size} {settings.tokens} tokens, {len(self._train):,} of them to train on",
            f"{settings.num_layers} {settings.encoder} layer(s) of {settings.hidden_size}; {self._streams} streams,"
            f" chunks of {settings.steps}; state carried from chunk to chunk",
        )

    def _held_out(self, texts: Texts) -> dict[str, Part]:
        found: dict[str, Part] = {}
        before = self._train
        for name, text in (("validation", texts.validation), ("test", texts.test)):
            tokens = encode_text(self.tokeniser, text)
            # Where the parts are cut from one text, what stands before a part is its context; else its first token is.
            context = before[-_WARM:] if texts.joined else tokens[:1]
            tokens = tokens if texts.joined else tokens[1:]
            if len(tokens):
                characters = len(text) if texts.joined else len(text) - len(self.tokeniser.decode(context.tolist()))
                found[name] = Part(context, tokens, max(1, characters))
                before = np.concatenate([before[-_WARM:], tokens])
        return found

    def batches(self, epoch: int) -> list[np.ndarray]:
        """One chunk of every stream after the other; row r is chunk r // B of stream r % B."""
        chunks = math.ceil(self._width / self._settings.steps)
        return [chunk * self._streams + np.arange(self._streams) for chunk in range(chunks)]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy of every token of these chunks; the state goes on to the next."""
        chunk, streams = int(rows[0]) // self._streams, rows % self._streams
        start = chunk * self._settings.steps
        steps = min(self._settings.steps, self._width - start)
        index = streams[:, None] * self._width + start + np.arange(steps + 1)
        ids = torch.from_numpy(self._train[index].astype(np.int64)).to(device)
        state = None if chunk == 0 else self._state
        logits, after = model(ids[:, :-1], state)
        self._state = map_state(Tensor.detach, after)
        total = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
        return Loss(total, ids[:, 1:].numel(), ids[:, 1:].numel())

    def carried(self) -> dict[str, Tensor]:
        """The state of every stream."""
        return {} if self._state is None else flatten_state(self._state)

    def carry(self, state: dict[str, Tensor]) -> None:
        """Take up the state of every stream."""
        self._state = restore_state(self._network.first_state(1), state) if state else None

    def validate(self) -> dict[str, float]:
        """The validation text in several warmed-up streams: fast, and within a few thousandths of `evaluate`."""
        if "validation" not in self._parts:
            return {}
        part = self._parts["validation"]
        cost = quick_cost(self._network, part) * len(part.tokens)
        return _metrics(language_scores(cost, len(part.tokens), part.characters))

    def evaluate(self, part: str) -> Scores:
        """The exact cost of the whole text, read in one stream."""
        held = self._parts[part]
        self._network.eval()
        found = language_scores(text_cost(self._network, held), len(held.tokens), held.characters)
        return _scored(found, self.sections_of(held))

    def sections_of(self, part: Part) -> list[Section]:
        """What the model writes when it runs freely, at three temperatures, from the end of a part's context."""
        context = part.context[-40:].tolist()
        rows = []
        for temperature in (0.3, 0.7, 1.0):
            generator = torch.Generator().manual_seed(self._seed)
            drawn = sample(self._network, context, Sampling(temperature), generator=generator, forbidden=(0, 1))
            text = self.tokeniser.decode(list(itertools.islice(drawn, 300)))
            rows.append({"temperature": temperature, "text": text})
        start = self.tokeniser.decode(context)
        return [Section("What the model writes", f"Running freely after {start!r}.", rows)]

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Smoothed n-gram models of every order up to a limit; each smoothing's order is chosen on validation."""
        if not self._parts:
            return {}
        limit = self._settings.baseline_order
        if self._settings.tokens in ("word", "bpe"):
            limit = min(limit, 4)
        chosen_on = self._parts["validation"] if "validation" in self._parts else self._parts["test"]
        found: dict[str, dict[str, Scores]] = {}
        for smoothing in Smoothing:
            best: tuple[float, NGramModel] | None = None
            # The next order is tried only while it helps: cost falls with the order, and rises when counts become too
            # thin.
            for order in range(1, limit + 1):
                model = NGramModel(self._train, self.tokeniser.size, order, smoothing)
                cost = ngram_cost(model, chosen_on)
                if best is not None and cost >= best[0]:
                    break
                best = cost, model
            if best is not None:
                found[f"{best[1].order}-gram {smoothing.value}"] = {
                    name: _scored(language_scores(ngram_cost(best[1], part), len(part.tokens), part.characters))
                    for name, part in self._parts.items()
                }
        return found

    def save(self, folder: RunFolder) -> None:
        """The tokeniser."""
        folder.write_text("tokenizer.json", self.tokeniser.to_json())


def ngram_cost(model: NGramModel, part: Part) -> float:
    """The sum of -ln p over a part's tokens."""
    return -float(model.log_probabilities(part.tokens, part.context).sum())


def _metrics(scores: LanguageScores) -> dict[str, float]:
    return {
        "bits_per_character": scores.bits_per_character,
        "nats_per_character": scores.nats_per_character,
        "perplexity": scores.perplexity,
    }


def _scored(scores: LanguageScores, sections: list[Section] | None = None) -> Scores:
    return Scores({name: Score(value) for name, value in _metrics(scores).items()}, sections or [])


class GeneratePredictor(Predictor):
    """A trained language model that writes.

    Args:
        model: with its weights.
        tokeniser: of its text.
        settings: of its run.
        seed: of the random numbers of everything it writes.
    """

    def __init__(self, model: LanguageModel, tokeniser: Tokeniser, settings: GenerateSettings, seed: int) -> None:
        self._model = model.eval()
        self._tokeniser = tokeniser
        self._settings = settings
        self._generator = torch.Generator().manual_seed(seed)

    def stream(self, text: str, sampling: Sampling, length: int) -> Iterator[str]:
        """Continue a text, a piece at a time, as it is written.

        Args:
            text: the text so far; empty for the start of a line.
            sampling: how tokens are drawn.
            length: tokens to write.
        """
        seed = self._tokeniser.encode(text or "\n").tolist()
        drawn = sample(self._model, seed, sampling, generator=self._generator, forbidden=(0, 1))
        # Tokens may be parts of a character, so the text is decoded together, and what may still change is held back.
        base = len(self._tokeniser.decode(seed))
        sent = base
        for token in itertools.islice(drawn, length):
            seed.append(token)
            known = self._tokeniser.decode(seed)
            safe = len(known.rstrip("\ufffd")) - 1
            if safe > sent:
                yield known[sent:safe]
                sent = safe
        yield self._tokeniser.decode(seed)[sent:]

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """Continue every text. A record with columns may hold "temperature", "top_k", "top_p" and "length" beside
        "text".

        Raises:
            DataError: a value does not fit.
        """
        for record in records:
            values = {"text": record} if isinstance(record, str) else dict(record)
            text = str(values.pop("text", ""))
            known = {name: values[name] for name in ("temperature", "top_k", "top_p", "length") if name in values}
            settings = validate(GenerateSettings, {**self._settings.model_dump(), **known}, "record")
            sampling = Sampling(settings.temperature, settings.top_k, settings.top_p)
            yield {"text": text, "continuation": "".join(self.stream(text, sampling, settings.length))}

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """The cost of the whole text of other files."""
        whole = data.model_copy(update={"validation_fraction": 0.0, "test_fraction": 0.0})
        texts = read_parts(table, whole, seed=0, frame=self._settings.frame)
        text = texts.train + texts.validation + texts.test
        tokens = encode_text(self._tokeniser, text)
        part = Part(tokens[:1], tokens[1:], max(1, len(text) - len(self._tokeniser.decode(tokens[:1].tolist()))))
        if not len(part.tokens):
            raise DataError("too little text to score", table.paths[0])
        return _scored(language_scores(text_cost(self._model, part), len(part.tokens), part.characters))


class GenerateTask(Task):
    """A language model of running text."""

    name = "generate"
    summary = "a language model of a text: characters, words or BPE pieces; writes on from a seed text"
    monitor = Monitor("bits_per_character", higher_is_better=False)
    Settings = GenerateSettings

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Plain text files, or a column of text and nothing to predict from it."""
        if data.target is not None:
            return None
        column = text_column(table, data)
        if column is None:
            return None
        if is_running_text(table) and len(table.columns) == 1:
            return Guess(0.5, "task generate: a language model of the whole text", data)
        reason = f"task generate: a language model of the texts in '{column}'"
        return Guess(0.05, reason, data.model_copy(update={"inputs": (column,)}))

    def open(self, table: Table, config: RunConfig, settings: Any) -> Job:
        """Cut the text, learn its tokens, build the model."""
        return GenerateJob(table, config, settings)

    def load(self, folder: RunFolder) -> Predictor:
        """Build the predictor of a finished run."""
        settings = validate(GenerateSettings, folder.config.model, "model")
        tokeniser = tokeniser_from_json(folder.read_text("tokenizer.json"))
        model = build_model(tokeniser.size, settings)
        folder.load_weights(model)
        return GeneratePredictor(model, tokeniser, settings, folder.config.seed)
