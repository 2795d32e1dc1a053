"""Many-to-one from both sides: the word that is missing in a text.

Shapes: N tokens of a row, B rows, M gaps, V vocabulary.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import nn

from unroll.baselines.gap import NGramGap
from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.cells import CELLS
from unroll.data import (
    BPETokenizer,
    CharacterTokenizer,
    Finding,
    Table,
    Tokenizer,
    WordTokenizer,
    bucketed_batches,
    pad_tokens,
    tokenizer_from_json,
)
from unroll.data.text.corpus import blocks
from unroll.errors import DataError, nearest
from unroll.ids import FIRST_ID
from unroll.metrics.intervals import wilson
from unroll.models.both_ways import BothWays, one_way
from unroll.models.fill import GapModel, GapModels
from unroll.report import Section
from unroll.tasks.base import Guess, Job, Predictor, Record, Score, Scores, Task
from unroll.tasks.fill.data import Gap, Tokens, cut_rows, gaps_in_text, read_gap, read_pieces, whole_rows
from unroll.tasks.fill.options import OPTIONS
from unroll.tasks.running_text import read_parts, text_column
from unroll.tasks.transfer import Offer
from unroll.training import Loss, Monitor, TrainSettings

#: Tokens of rows that are scored at once, about; and gaps whose whole softmax is held at once.
_SCORED, _GAPS = 8_192, 2_048
#: Answers that are compared with the missing word.
_TOP = 5
#: Gaps that the report shows.
_SHOWN = 12
#: The name of the same model without its right side.
LEFT = "the same model, left side only"
#: How often a token must come in the training text to be known.
_RARE = {"word": 2, "character": 1}


class FillSettings(BaseModel):
    """A model of the missing word."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: str = Field("lstm", description=f"one of {', '.join(CELLS)}")
    tokens: Tokens = Field("word", description="what is missing: a word, a character, or a byte-pair piece")
    vocabulary: int = Field(20_000, ge=258, description="most tokens that are known, the most frequent first")
    embedding_size: int = Field(128, ge=1, description="numbers of a token's vector")
    hidden_size: int = Field(256, ge=1, description="features of one token in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers in each direction")
    bidirectional: bool = Field(True, description="read what stands right of the gap, too")
    dropout: float = Field(0.2, ge=0, lt=1, description="of the vectors, between layers, and of what is known of a gap")
    window: int = Field(128, ge=2, description="tokens of a row; longer rows are cut")
    compare: bool = Field(True, description="train the same model with the left side only beside it")
    frame: str = Field(
        "keep", pattern="^(keep|drop)$", description="the licence text that Project Gutenberg puts around a book"
    )
    best: int = Field(5, ge=1, le=100, description="words that an answer lists")
    baseline_order: int = Field(3, ge=1, le=5, description="longest n-gram tried as a baseline")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, value: str) -> str:
        if value not in CELLS:
            raise ValueError(f"expected one of {', '.join(CELLS)}{nearest(value, CELLS)}")
        return value


def train_tokenizer(text: str, settings: FillSettings) -> Tokenizer:
    """Learn the tokens of the training text. Rare words stay unknown: a word that is spelled has no gap of its own."""
    if settings.tokens == "bpe":
        return BPETokenizer.train(blocks(text), size=settings.vocabulary)
    kind = WordTokenizer if settings.tokens == "word" else CharacterTokenizer
    return kind.train(blocks(text), max_size=settings.vocabulary, min_count=_RARE[settings.tokens])


def build_model(vocabulary: int, settings: FillSettings) -> GapModels:
    """The untrained models."""
    cell = CELLS[settings.encoder]
    sizes = [settings.embedding_size, *[settings.hidden_size] * settings.num_layers]

    def made(*, both: bool) -> GapModel:
        stacks = [
            one_way(cell, sizes, reverse=reverse, dropout=settings.dropout, engine=settings.engine)
            for reverse in (False, True)[: 2 if both else 1]
        ]
        return GapModel(vocabulary, BothWays(stacks[0], stacks[1] if both else None), dropout=settings.dropout)

    compared = settings.compare and settings.bidirectional
    return GapModels(made(both=settings.bidirectional), made(both=False) if compared else None)


class Answers(NamedTuple):
    """What was answered to every gap of some rows.

    Attributes:
        truth: (M,) the missing tokens.
        best: (M, 5) tokens, the likeliest first.
        probability: (M, 5) theirs, among all that may be an answer.
    """

    truth: np.ndarray
    best: np.ndarray
    probability: np.ndarray

    def scores(self) -> dict[str, Score]:
        """The share of gaps whose token is the first answer, or among five."""
        right = self.best == self.truth[:, None]
        found = {"accuracy": int(right[:, 0].sum()), "top5_accuracy": int(right.any(axis=1).sum())}
        total = len(self.truth)
        return {name: Score(count / total, wilson(count, total)) for name, count in found.items()}


def gaps_of(row: np.ndarray, answers: np.ndarray, tokens: Tokens) -> np.ndarray:
    """The positions of a row that are gaps in a score: its words, the unknown ones included."""
    unknown = (row < FIRST_ID) & (tokens != "bpe")
    return np.flatnonzero(answers[row] | unknown)


@torch.no_grad()
def best_answers(
    model: GapModel, rows: Sequence[np.ndarray], gaps: Sequence[np.ndarray], allowed: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest tokens of every gap, each as if it were the only one, and their probabilities.

    Args:
        model: in evaluation mode.
        rows: the tokens of each row.
        gaps: positions in each row.
        allowed: (V,) bool: which tokens may be an answer.
        count: how many to give.

    Returns:
        (M, count) tokens and probabilities, for the gaps of the first row, then the second ...
    """
    device = model.bias.device
    forbidden = ~torch.from_numpy(allowed[FIRST_ID:]).to(device)
    best: list[np.ndarray] = [np.zeros((0, count), dtype=np.int64)]
    share: list[np.ndarray] = [np.zeros((0, count))]
    for at, end in _chunks([len(row) for row in rows]):
        ids, lengths = pad_tokens([row.astype(np.int64) for row in rows[at:end]])
        where = [np.repeat(np.arange(end - at), [len(own) for own in gaps[at:end]]), np.concatenate(gaps[at:end])]
        contexts = model.contexts(ids.to(device), lengths.to(device))[where[0], where[1]]
        for part in torch.split(contexts, _GAPS):
            scores = model.scores(part).masked_fill(forbidden, -torch.inf)
            found = scores.softmax(dim=-1).topk(min(count, scores.shape[1]))
            best.append(found.indices.cpu().numpy() + FIRST_ID)
            share.append(found.values.cpu().double().numpy())
    return np.concatenate(best), np.concatenate(share)


def _chunks(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring rows with about so many tokens together."""
    at, held = 0, 0
    for row, length in enumerate(lengths):
        held += length
        if held >= _SCORED or row + 1 == len(lengths):
            yield at, row + 1
            at, held = row + 1, 0


class FillJob(Job):
    """A model of the missing word opened on its text.

    Args:
        table: the data.
        config: the run's config.
        settings: its model section.
    """

    def __init__(self, table: Table, config: RunConfig, settings: FillSettings) -> None:
        self._settings = settings
        self._seed = config.seed
        texts = read_parts(table, config.data, seed=config.seed, frame=settings.frame)
        held = [texts.train, texts.validation, texts.test]
        held = whole_rows(held) if texts.joined else held
        self.tokenizer = train_tokenizer(held[0], settings)
        self.pieces = read_pieces(self.tokenizer)
        if not self.pieces.answers.any():
            raise DataError(
                f"no {settings.tokens} of the training text comes at least {_RARE.get(settings.tokens, 1)} times,"
                " so there is nothing to fill a gap with; give more text, or --set model.tokens=character",
                table.paths[0],
            )
        self._rows = {
            name: cut_rows(self.tokenizer, text, settings.window)
            for name, text in zip(("train", "validation", "test"), held, strict=True)
        }
        self._gaps = {
            name: [gaps_of(row, self.pieces.answers, settings.tokens) for row in rows]
            for name, rows in self._rows.items()
        }
        self.parts = tuple(name for name in ("validation", "test") if any(map(len, self._gaps[name])))
        self._train = np.flatnonzero([len(row) > 0 for row in self._rows["train"]])
        self.training = {"learning_rate": 3e-3, "epochs": 8, "batch_size": 32, "weight_decay": 0.01, "patience": 3}
        self._batch_size = validate(TrainSettings, {**self.training, **config.training}, "training").batch_size
        self._network = build_model(self.tokenizer.size, settings)
        self.model = self._network
        known = sum(int((row >= FIRST_ID).sum()) for row in self._rows["train"])
        total = sum(map(len, self._rows["train"]))
        sides = "both sides" if settings.bidirectional else "the left side only"
        self.notes = (
            *texts.notes,
            f"{self.tokenizer.size:,} {settings.tokens} tokens, {int(self.pieces.answers.sum()):,} of them may fill a"
            " gap",
            f"{len(self._train):,} rows with {total:,} tokens to train on; {total - known:,} are too rare to be known",
            f"{settings.num_layers} {settings.encoder} layer(s) of {settings.hidden_size}, reading {sides}"
            + ("; beside it the same model with the left side only" if self._network.left is not None else ""),
        )

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Rows of like length together."""
        lengths = np.array([len(self._rows["train"][row]) for row in self._train])
        groups = bucketed_batches(lengths, self._batch_size, seed=self._seed, epoch=epoch)
        return [self._train[group] for group in groups]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy of every known token, each from its two sides; the two models' losses added."""
        ids, lengths = pad_tokens([self._rows["train"][int(row)].astype(np.int64) for row in rows])
        known = int((ids >= FIRST_ID).sum())
        return Loss(model(ids.to(device), lengths.to(device)), known, int(lengths.sum()))

    def _answers(self, model: GapModel, part: str) -> Answers:
        rows, gaps = self._rows[part], self._gaps[part]
        model.eval()
        best, probability = best_answers(model, rows, gaps, self.pieces.answers, _TOP)
        return Answers(_truth(rows, gaps), best, probability)

    def validate(self) -> dict[str, float]:
        """Accuracy of the first and of the first five answers."""
        if "validation" not in self.parts:
            return {}
        return {name: score.value for name, score in self._answers(self._network.both, "validation").scores().items()}

    def evaluate(self, part: str) -> Scores:
        """Accuracy of the first and of the first five answers over all words of a part, and some of its gaps."""
        answers = self._answers(self._network.both, part)
        return Scores(answers.scores(), [self._examples(part, answers)])

    def _examples(self, part: str, answers: Answers) -> Section:
        places = [(row, int(at)) for row, gaps in enumerate(self._gaps[part]) for at in gaps]
        shown = []
        for number in np.linspace(0, len(places) - 1, min(_SHOWN, len(places))).astype(int):
            row, at = self._rows[part][places[number][0]], places[number][1]
            left, right = self.tokenizer.decode(row[:at][-20:]), self.tokenizer.decode(row[at + 1 :][:20])
            listed = [
                f"{self.pieces.texts[token]} {100 * share:.0f}%"
                for token, share in zip(answers.best[number][:3], answers.probability[number], strict=False)
            ]
            missing = int(answers.truth[number])
            truth = self.pieces.texts[missing] if missing >= 0 else "(a word that is not known)"
            shown.append({"text": f"{left} ___ {right}", "missing": truth, "answers": ", ".join(listed)})
        return Section("Gaps and answers", "Some gaps of this part, evenly spread.", shown)

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The same model with the left side only; n-grams of both sides, their order chosen on validation."""
        found: dict[str, dict[str, Scores]] = {}
        if not self.parts:
            return found
        if self._network.left is not None:
            left = self._network.left
            found[LEFT] = {part: Scores(self._answers(left, part).scores()) for part in self.parts}
        train = [self._rows["train"][row] for row in self._train]
        best: tuple[float, NGramGap] | None = None
        for order in range(1, self._settings.baseline_order + 1):
            model = NGramGap(train, self.tokenizer.size, order, self.pieces.answers)
            reached = self._counted(model, self.parts[0])["accuracy"].value
            if best is None or reached > best[0]:
                best = reached, model
        if best is not None:
            name = f"{best[1].order}-gram from both sides"
            found[name] = {part: Scores(self._counted(best[1], part)) for part in self.parts}
        return found

    def _counted(self, model: NGramGap, part: str) -> dict[str, Score]:
        rows, gaps = self._rows[part], self._gaps[part]
        best = np.concatenate([model.best(row, own, _TOP) for row, own in zip(rows, gaps, strict=True)])
        return Answers(_truth(rows, gaps), best, np.zeros(best.shape)).scores()

    def save(self, folder: RunFolder) -> None:
        """The tokenizer."""
        folder.write_text("tokenizer.json", self.tokenizer.to_json())


def _truth(rows: Sequence[np.ndarray], gaps: Sequence[np.ndarray]) -> np.ndarray:
    """(M,) the tokens in the gaps; -1 for an unknown one, which no answer meets."""
    found = np.concatenate([row[own] for row, own in zip(rows, gaps, strict=True)]).astype(np.int64)
    return np.where(found < FIRST_ID, -1, found)


class FillPredictor(Predictor):
    """A trained model that fills gaps.

    Args:
        model: with its weights.
        tokenizer: of its text.
        settings: of its run.
        column: where a record holds its text.
    """

    def __init__(self, model: GapModel, tokenizer: Tokenizer, settings: FillSettings, column: str) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._settings = settings
        self._column = column
        self._pieces = read_pieces(tokenizer)

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The likeliest words for the gap, written ___, of every text.

        Raises:
            DataError: a record has no text, or not exactly one gap.
        """
        for record in records:
            gap = read_gap(self._tokenizer, record, self._column, tokens=self._settings.tokens)
            allowed = self._allowed(gap)
            found, share = best_answers(self._model, [gap.row], [np.array([gap.at])], allowed, self._settings.best)
            listed = {
                self._pieces.texts[token]: round(float(value), 6)
                for token, value in zip(found[0], share[0], strict=True)
                if allowed[token]
            }
            word = next(iter(listed), "")
            yield {"text": gap.left + word + gap.right, "word": word, "probabilities": listed}

    def _allowed(self, gap: Gap) -> np.ndarray:
        if self._settings.tokens != "bpe":
            return self._pieces.answers
        # The space before a gap says whether a word begins there.
        allowed: np.ndarray = self._pieces.answers & (self._pieces.spaced == gap.left.endswith(" "))
        return allowed

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all words of other files.

        Raises:
            DataError: there is no word to score.
        """
        whole = data.model_copy(update={"validation_fraction": 0.0, "test_fraction": 0.0})
        texts = read_parts(table, whole, seed=0, frame=self._settings.frame)
        text = texts.train + texts.validation + texts.test
        rows = cut_rows(self._tokenizer, text, self._settings.window)
        gaps = [gaps_of(row, self._pieces.answers, self._settings.tokens) for row in rows]
        if not any(map(len, gaps)):
            raise DataError("expected text with words to score, got none", table.paths[0])
        best, probability = best_answers(self._model, rows, gaps, self._pieces.answers, _TOP)
        return Scores(Answers(_truth(rows, gaps), best, probability).scores())


class FillTask(Task):
    """The missing word of a text."""

    name = "fill"
    summary = "the missing word of a text, from what stands on both sides of it"
    monitor = Monitor("accuracy", higher_is_better=True)
    Settings = FillSettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Any text, but only if nothing else can be made of it: it is asked for with --task fill."""
        if data.target is not None:
            return None
        column = text_column(table, data)
        if column is None:
            return None
        filled = data.model_copy(update={"inputs": (column,)})
        return Guess(0.01, f"task fill: the missing word of the texts in '{column}'", filled)

    def open(self, table: Table, config: RunConfig, settings: Any) -> Job:
        """Cut the text into rows, learn its tokens, build the model."""
        return FillJob(table, config, settings)

    def load(self, folder: RunFolder) -> Predictor:
        """Build the predictor of a finished run."""
        settings = validate(FillSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        models = build_model(tokenizer.size, settings)
        folder.load_weights(models)
        inputs = folder.config.data.inputs
        return FillPredictor(models.both, tokenizer, settings, inputs[0] if inputs else "text")

    def findings(self, table: Table, data: DataConfig) -> Iterator[Finding]:
        """Rows that already hold a gap: its underscores would be learnt as a word."""
        column = text_column(table, data)
        found = list(gaps_in_text(table, column))
        for row, text in itertools.islice(found, 5):
            path, line = table.place(row)
            yield Finding("warning", f"the text holds a gap already: {text[:60]!r}", path, line, "remove such rows")
        if len(found) > 5:
            yield Finding("warning", f"{len(found) - 5:,} more rows hold a gap already")

    def offer(self, folder: RunFolder) -> Offer:
        """The vectors and the layers of a run, for a task that starts from it."""
        settings = validate(FillSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        models = build_model(tokenizer.size, settings)
        folder.load_weights(models)
        state = models.both.state_dict()
        return Offer(
            tokenizer,
            settings.encoder,
            settings.embedding_size,
            settings.hidden_size,
            settings.num_layers,
            {name: tensor for name, tensor in state.items() if name.startswith(("embedding.", "encoder."))},
        )

    def tokens_of(self, tokenizer: Tokenizer, text: str) -> np.ndarray:
        """Between edges."""
        return np.pad(tokenizer.encode(text), 1)
