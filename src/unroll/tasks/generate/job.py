"""One-to-many: a language model of a text, and what it writes.

Shapes: N tokens of a text, B streams, T steps of a chunk, V vocabulary.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.baselines.ngram import NGramModel, Smoothing
from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.cells import CELLS
from unroll.data import Table, Tokenizer, tokenizer_from_json
from unroll.data.text.corpus import encode_text, is_running_text
from unroll.decoding.sampling import Sampling, sample
from unroll.errors import DataError
from unroll.layers import Stack, weight_drop
from unroll.metrics.language import language_scores
from unroll.models.encoders import GRID, grid_stack, recurrent_stack
from unroll.models.language_model import LanguageModel, flatten_state, map_state, restore_state
from unroll.report import Section
from unroll.tasks.base import Guess, Job, Predictor, Scores, Task
from unroll.tasks.generate.options import OPTIONS
from unroll.tasks.generate.predictor import GeneratePredictor
from unroll.tasks.generate.scores import WARM, metrics_of, ngram_cost, quick_cost, scored, text_cost
from unroll.tasks.generate.settings import GenerateSettings
from unroll.tasks.running_text import Part, Texts, read_parts, text_column, train_tokenizer
from unroll.tasks.transfer import Offer, below
from unroll.training import Loss, Monitor, TrainSettings


def build_model(vocabulary: int, settings: GenerateSettings) -> LanguageModel:
    """The untrained model."""
    return LanguageModel(
        vocabulary,
        _body(settings),
        tied=settings.tied,
        dropout_input=settings.dropout_input,
        dropout_output=settings.dropout,
    )


def _body(settings: GenerateSettings) -> Stack:
    if settings.encoder == GRID:
        return grid_stack(settings.embedding_size, settings.hidden_size, settings.num_layers)
    cell = CELLS[settings.encoder]
    sizes = [settings.embedding_size, *[settings.hidden_size] * (settings.num_layers - 1)]
    body = recurrent_stack(
        [(cell(size, settings.hidden_size),) for size in sizes],
        dropout=settings.dropout if settings.num_layers > 1 else 0.0,
        engine=settings.engine,
    )
    for layer in body.layers:
        weight_drop(layer, settings.weight_drop)
    return body


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
        self.tokenizer = train_tokenizer(texts.train, settings)
        self._train = encode_text(self.tokenizer, texts.train)
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
        self._network = build_model(self.tokenizer.size, settings)
        self.model = self._network
        self._state: Any = None
        self.notes = (
            *texts.notes,
            f"{self.tokenizer.size} {settings.tokens} tokens, {len(self._train):,} of them to train on",
            f"{settings.num_layers} {settings.encoder} layer(s) of {settings.hidden_size}; {self._streams} streams,"
            f" chunks of {settings.steps}; state carried from chunk to chunk",
        )

    def _held_out(self, texts: Texts) -> dict[str, Part]:
        found: dict[str, Part] = {}
        before = self._train
        for name, text in (("validation", texts.validation), ("test", texts.test)):
            tokens = encode_text(self.tokenizer, text)
            # Where the parts are cut from one text, what stands before a part is its context; else its first token is.
            context = before[-WARM:] if texts.joined else tokens[:1]
            tokens = tokens if texts.joined else tokens[1:]
            if len(tokens):
                characters = len(text) if texts.joined else len(text) - len(self.tokenizer.decode(context.tolist()))
                found[name] = Part(context, tokens, max(1, characters))
                before = np.concatenate([before[-WARM:], tokens])
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
        return metrics_of(language_scores(cost, len(part.tokens), part.characters))

    def evaluate(self, part: str) -> Scores:
        """The exact cost of the whole text, read in one stream."""
        held = self._parts[part]
        self._network.eval()
        found = language_scores(text_cost(self._network, held), len(held.tokens), held.characters)
        return scored(found, self.sections_of(held))

    def sections_of(self, part: Part) -> list[Section]:
        """What the model writes when it runs freely, at three temperatures, from the end of a part's context."""
        context = part.context[-40:].tolist()
        rows = []
        for temperature in (0.3, 0.7, 1.0):
            generator = torch.Generator().manual_seed(self._seed)
            drawn = sample(self._network, context, Sampling(temperature), generator=generator, forbidden=(0, 1))
            text = self.tokenizer.decode(list(itertools.islice(drawn, 300)))
            rows.append({"temperature": temperature, "text": text})
        start = self.tokenizer.decode(context)
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
                model = NGramModel(self._train, self.tokenizer.size, order, smoothing)
                cost = ngram_cost(model, chosen_on)
                if best is not None and cost >= best[0]:
                    break
                best = cost, model
            if best is not None:
                found[f"{best[1].order}-gram {smoothing.value}"] = {
                    name: scored(language_scores(ngram_cost(best[1], part), len(part.tokens), part.characters))
                    for name, part in self._parts.items()
                }
        return found

    def save(self, folder: RunFolder) -> None:
        """The tokenizer."""
        folder.write_text("tokenizer.json", self.tokenizer.to_json())


class GenerateTask(Task):
    """A language model of running text."""

    name = "generate"
    summary = "a language model of a text: characters, words or BPE pieces; writes on from a seed text"
    monitor = Monitor("bits_per_character", higher_is_better=False)
    Settings = GenerateSettings
    options = OPTIONS

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
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        model = build_model(tokenizer.size, settings)
        folder.load_weights(model)
        column = (*folder.config.data.inputs, "text")[0]
        return GeneratePredictor(model, tokenizer, settings, folder.config.seed, column=column)

    def offer(self, folder: RunFolder) -> Offer:
        """The forwards layers of a run, for a task that starts from it."""
        settings = validate(GenerateSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        model = build_model(tokenizer.size, settings)
        folder.load_weights(model)
        layers = below("body.", model.state_dict())
        weights = {f"encoder.forwards.{name}": tensor for name, tensor in layers.items()}
        return Offer(
            tokenizer,
            settings.encoder,
            settings.embedding_size,
            settings.hidden_size,
            settings.num_layers,
            {"embedding.weight": model.embedding.weight.detach(), **weights},
        )

    def tokens_of(self, tokenizer: Tokenizer, text: str) -> np.ndarray:
        """Between line breaks."""
        return tokenizer.encode(f"\n{text}\n")
