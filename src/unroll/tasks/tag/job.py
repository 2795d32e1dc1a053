"""Many-to-many, aligned: a tag for every token of a sentence.

Shapes: B batch, T tokens, F features of a token, W different words of a batch, C characters of a word, K tags.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from unroll.baselines.tagging import LinearTagger, MostFrequentTag, best_linear_tagger
from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Table, bucketed_batches, pad_tokens, split_rows, tokenizer_from_json
from unroll.data.text.saved import tokens_from_json
from unroll.data.text.tokens import CHARACTER_TEMPLATES, WORD_TEMPLATES, Encoded, TokenFeatures
from unroll.errors import DataError
from unroll.metrics.entities import Scheme, detect_scheme, spans, tags_of
from unroll.tasks.base import Guess, Job, Predictor, Scores, Task
from unroll.tasks.tag.data import Checked, Columns, check_sentences, find_columns, findings, single_characters
from unroll.tasks.tag.network import (
    Batch,
    batch_of,
    build_network,
    encode_sentence,
    pieces_of,
    rewritten,
    tag_sentences,
)
from unroll.tasks.tag.options import OPTIONS
from unroll.tasks.tag.predictor import TagPredictor
from unroll.tasks.tag.scores import Tagged, score_tags, validation_metrics
from unroll.tasks.tag.settings import Saved, TagSettings
from unroll.tasks.transfer import TOKENIZER, read_pretrained, split_layers, take
from unroll.training import Loss, Monitor, TrainSettings

_FILE = "tags.json"
#: Share of the letters of a text from which on Hangul syllables are taken apart.
_HANGUL = 0.3


class TagJob(Job):
    """A tagger opened on its data.

    Args:
        table: the data.
        config: the run's config.
        settings: its model section.
        columns: which columns are used.
    """

    def __init__(self, table: Table, config: RunConfig, settings: TagSettings, columns: Columns) -> None:
        self._table = table
        self._seed = config.seed
        self._settings = settings
        checked = check_sentences(table, columns, broken_option=settings.broken, illegal_option=settings.illegal)
        self._sentences = checked.sentences
        split = split_rows(
            table,
            seed=config.seed,
            validation_fraction=config.data.validation_fraction,
            test_fraction=config.data.test_fraction,
            column=config.data.split_column,
        )
        self._train = np.intersect1d(split.train, checked.kept)
        if not len(self._train):
            raise DataError("no sentence is left for training", table.paths[0])
        held = {"validation": split.validation, "test": split.test}
        self._rows = {name: np.intersect1d(rows, checked.kept) for name, rows in held.items()}
        self.parts = tuple(name for name, rows in self._rows.items() if len(rows))
        tokens = [self._sentences[row].tokens for row in self._train]
        single = single_characters(tokens)
        self._pretrained = (
            None if settings.init is None else read_pretrained(settings.init, bidirectional=settings.bidirectional)
        )
        self._saved = self._save_of(columns, checked, characters=single)
        jamo = _hangul(tokens) and not single if settings.jamo is None else settings.jamo
        templates = CHARACTER_TEMPLATES if single else WORD_TEMPLATES
        self.features = TokenFeatures.train(tokens, templates, min_count=settings.min_count, jamo=jamo)
        self._encoded: dict[int, Encoded] = {}
        self._numbers = {tag: number for number, tag in enumerate(self._saved.tags)}
        if single and settings.character_size:
            # A token that is one character is known by its own vector already.
            self._settings = settings = settings.model_copy(update={"character_size": 0})
        self._network = build_network(self._saved, self.features, settings)
        self.model = self._network
        self._pieces = None
        if self._pretrained is not None and self._network.contexts is not None:
            take({"": self._network.contexts}, self._pretrained)
            self._pieces = pieces_of(self._saved, self._pretrained.tokenizer)
            self.sources = self._pretrained.files
        self.training = {"learning_rate": 3e-3, "epochs": 12, "batch_size": 32, "weight_decay": 0.01, "patience": 5}
        self._batch_size = validate(TrainSettings, {**self.training, **config.training}, "training").batch_size
        written = "" if checked.scheme is None else f", entities in {checked.scheme.name}"
        self.notes = (
            *checked.notes,
            f"tags from '{columns.tags}': {len(self._saved.tags)}{written}",
            f"{sum(map(len, tokens)):,} tokens in {len(tokens):,} sentences to train on",
            f"features: {', '.join(templates)}; vocabulary {self.features.sizes()[0]:,} words,"
            f" {self.features.character_size} {'letters (Hangul taken apart)' if jamo else 'characters'}",
            *([] if self._pretrained is None else [self._pretrained.note]),
            f"{settings.encoder} of {settings.hidden_size}, {'CRF' if settings.crf else 'every tag by itself'}",
        )

    def _save_of(self, columns: Columns, checked: Checked, *, characters: bool) -> Saved:
        scheme = checked.scheme
        inner = Scheme.BIOES if scheme is not None and self._settings.scheme == "bioes" else scheme
        known: set[str] = set()
        for row in self._train:
            tags = self._sentences[row].tags
            known.update(tags if inner is None or inner is scheme else tags_of(spans(tags), len(tags), inner))
        if inner is not None:
            # Entities of a length that training never showed must be possible, too.
            kinds = {tag.partition("-")[2] for tag in known if tag != "O"}
            prefixes = "BIES" if inner is Scheme.BIOES else "BI"
            known |= {"O", *(f"{prefix}-{kind}" for kind in kinds for prefix in prefixes)}
        return Saved(
            tokens=columns.tokens,
            target=columns.tags,
            tags=tuple(sorted(known)),
            scheme=None if scheme is None else scheme.value,
            inner=None if inner is None else inner.value,
            characters=characters,
            start=None if self._pretrained is None else self._pretrained.start,
        )

    def _encode(self, row: int) -> Encoded:
        if row not in self._encoded:
            self._encoded[row] = encode_sentence(self.features, self._pieces, self._sentences[row].tokens)
        return self._encoded[row]

    def layers(self) -> list[list[nn.Module]]:
        """The tags, the recurrent layers from the highest down, the vectors; below a started run's layers and vectors,
        whose rest starts at random and is trained with the tags."""
        network = self._network
        answer: list[nn.Module] = [network.output, *([] if network.crf is None else [network.crf])]
        vectors: list[nn.Module] = [network.embeddings, *([] if network.words is None else [network.words])]
        if network.contexts is None or self._saved.start is None:
            return [answer, *([layer] for layer in list(network.body.layers)[::-1]), vectors]
        taken, random = split_layers(network.contexts.encoder, self._saved.start)
        return [[*answer, network.body, *vectors, *random], *taken, [network.contexts.embedding]]

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Sentences of like length together."""
        lengths = np.array([len(self._sentences[row].tokens) for row in self._train])
        groups = bucketed_batches(lengths, self._batch_size, seed=self._seed, epoch=epoch)
        return [self._train[group] for group in groups]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """-log p of the tags of these sentences; the mean runs over tokens."""
        batch = Batch(*(part.to(device) for part in batch_of([self._encode(int(row)) for row in rows])))
        numbers = []
        for row in rows:
            own = rewritten(self._sentences[row].tags, self._saved, self._saved.inner)
            numbers.append(np.array([self._numbers[tag] for tag in own], dtype=np.int64))
        tags, _ = pad_tokens(numbers)
        tokens = int(batch.lengths.sum())
        return Loss(model(*batch, tags.to(device)), tokens, tokens)

    def _tagged(self, rows: np.ndarray, predicted: list[list[str]]) -> Tagged:
        sentences = [self._sentences[row] for row in rows]
        return Tagged([s.tokens for s in sentences], [s.tags for s in sentences], predicted, self._known())

    def _known(self) -> frozenset[str]:
        return frozenset(token for row in self._train for token in self._sentences[row].tokens)

    def _answers(self, part: str) -> Tagged:
        rows = self._rows[part]
        return self._tagged(rows, tag_sentences(self._network, self._saved, [self._encode(int(row)) for row in rows]))

    def validate(self) -> dict[str, float]:
        """Token accuracy and, for entities, their F1, by Viterbi decoding."""
        if "validation" not in self.parts:
            return {}
        return validation_metrics(self._answers("validation"), entities=self._saved.scheme is not None)

    def evaluate(self, part: str) -> Scores:
        """Token accuracy; for entities precision, recall and F1, also by type."""
        return score_tags(self._answers(part), entities=self._saved.scheme is not None, seed=self._seed)

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The most frequent tag of each word; logistic regression on every token by itself."""
        sentences = [self._sentences[row].tokens for row in self._train]
        tags = [self._sentences[row].tags for row in self._train]
        entities = self._saved.scheme is not None

        def tagged(tagger: MostFrequentTag | LinearTagger, part: str) -> Tagged:
            rows = self._rows[part]
            return self._tagged(rows, tagger.tag([self._sentences[row].tokens for row in rows]))

        def scored(tagger: MostFrequentTag | LinearTagger) -> dict[str, Scores]:
            return {part: score_tags(tagged(tagger, part), entities=entities, seed=self._seed) for part in self.parts}

        def choice(tagger: LinearTagger) -> float:
            part = "validation" if "validation" in self.parts else self.parts[0]
            return next(iter(validation_metrics(tagged(tagger, part), entities=entities).values()))

        if not self.parts:
            return {}
        linear = best_linear_tagger(sentences, tags, choice, seed=self._seed)
        return {"most frequent tag": scored(MostFrequentTag(sentences, tags)), "logistic regression": scored(linear)}

    def save(self, folder: RunFolder) -> None:
        """Tags, scheme and columns; the vocabulary."""
        folder.write_json(_FILE, self._saved.model_dump(mode="json"))
        folder.write_text("tokenizer.json", self.features.to_json())
        if self._pretrained is not None:
            folder.write_text(TOKENIZER, self._pretrained.tokenizer.to_json())


def _hangul(sentences: Iterable[Sequence[str]]) -> bool:
    text = "".join(itertools.chain.from_iterable(itertools.islice(sentences, 1000)))
    letters = sum(map(str.isalpha, text))
    return sum("가" <= c <= "힣" for c in text) > _HANGUL * letters


class TagTask(Task):
    """A tag for every token."""

    name = "tag"
    summary = "a tag for every token of a sentence: parts of speech, named entities"
    monitor = Monitor("score", higher_is_better=True)
    Settings = TagSettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of tokens beside one of as many tags."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"target": columns.tags, "inputs": (columns.tokens,)})
        tags = table.labels(columns.tags, np.arange(min(len(table), 1000)))
        what = "entities" if detect_scheme(tags) is not None else "tags"
        return Guess(0.95, f"task tag: the {what} in '{columns.tags}' of the tokens in '{columns.tokens}'", filled)

    def open(self, table: Table, config: RunConfig, settings: Any) -> Job:
        """Check the sentences, split, learn the vocabulary, build the model."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                f"tag needs a column of tokens and one of tags, got {', '.join(table.columns)};"
                " name them with --target and --set data.inputs=..., or the format with --format conll",
                table.paths[0],
            )
        return TagJob(table, config, settings, columns)

    def load(self, folder: RunFolder) -> Predictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(_FILE), str(folder.path / _FILE))
        settings = validate(TagSettings, folder.config.model, "model")
        if saved.characters:
            settings = settings.model_copy(update={"character_size": 0})
        features = tokens_from_json(folder.read_text("tokenizer.json"))
        network = build_network(saved, features, settings)
        folder.load_weights(network)
        pieces = None
        if saved.start is not None:
            pieces = pieces_of(saved, tokenizer_from_json(folder.read_text(TOKENIZER)))
        return TagPredictor(network, saved, features, settings.best, pieces)

    def findings(self, table: Table, data: DataConfig) -> Iterator[Finding]:
        """Everything that is wrong with the sentences, with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns)
