"""Many-to-many, aligned: a tag for every token of a sentence.

Shapes: B batch, T tokens, F features of a token, W different words of a batch, C characters of a word, K tags.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from unroll.baselines.tagging import LinearTagger, MostFrequentTag, best_linear_tagger
from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.cells import CELLS
from unroll.data import Finding, Table, bucketed_batches, pad_tokens, split_rows
from unroll.data.tokens import CHARACTER_TEMPLATES, WORD_TEMPLATES, Encoded, TokenFeatures
from unroll.errors import DataError, nearest
from unroll.layers import Bidirectional, Recurrent
from unroll.metrics.entities import Scheme, allowed_moves, detect_scheme, spans, tags_of
from unroll.models.crf import CRF
from unroll.models.encoders import recurrent_stack
from unroll.models.tagger import CharacterWords, Tagger
from unroll.tasks.base import Guess, Job, Predictor, Record, Scores, Task
from unroll.tasks.tag_data import (
    Checked,
    Columns,
    check_sentences,
    find_columns,
    findings,
    record_tokens,
    single_characters,
)
from unroll.tasks.tag_scores import Tagged, score_tags, validation_metrics
from unroll.train import Loss, Monitor, TrainSettings

_FILE = "tags.json"
#: Sentences that are tagged at once.
_SCORED = 64
#: Share of the letters of a text from which on Hangul syllables are taken apart.
_HANGUL = 0.3


class TagSettings(BaseModel):
    """The model of a tagger. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: str = Field("lstm", description=f"one of {', '.join(CELLS)}")
    hidden_size: int = Field(200, ge=1, description="features of one token in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers over the tokens")
    bidirectional: bool = Field(True, description="read every sentence from both ends")
    word_size: int = Field(100, ge=1, description="numbers of a word's vector")
    affix_size: int = Field(
        24, ge=1, description="numbers of the vector of each prefix, suffix, shape or neighbourhood"
    )
    character_size: int = Field(32, ge=0, description="numbers of a character's vector; 0: no character layer")
    character_hidden: int = Field(48, ge=1, description="features of the character layer in each direction")
    jamo: bool | None = Field(None, description="characters of Hangul are its letters")
    crf: bool = Field(True, description="score whole tag sequences; without, every tag by itself")
    scheme: Literal["bioes", "keep"] = Field("bioes", description="how entities are marked inside the model")
    dropout: float = Field(0.4, ge=0, lt=1, description="of features, the same for all tokens of a sentence")
    word_dropout: float = Field(0.05, ge=0, lt=1, description="of whole words, which are then unknown")
    min_count: int = Field(2, ge=1, description="words and affixes that come more rarely are unknown")
    best: int = Field(1, ge=1, le=100, description="tag sequences that an answer lists")
    broken: Literal["stop", "drop"] = Field("stop", description="what is done about sentences with broken lines")
    illegal: Literal["stop", "drop", "repair"] = Field("stop", description="what is done about illegal tag sequences")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, value: str) -> str:
        if value not in CELLS:
            raise ValueError(f"expected one of {', '.join(CELLS)}{nearest(value, CELLS)}")
        return value


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabulary: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    tokens: str
    target: str
    tags: tuple[str, ...] = Field(min_length=1, max_length=100_000)
    scheme: Literal["iob1", "iob2", "bioes"] | None
    inner: Literal["iob1", "iob2", "bioes"] | None
    characters: bool


class Batch(NamedTuple):
    """Sentences as the model takes them; see `Tagger.scores`."""

    features: Tensor
    lengths: Tensor
    characters: Tensor
    character_lengths: Tensor
    place: Tensor


def batch_of(sentences: Sequence[Encoded]) -> Batch:
    """Pad sentences, and gather the different words of the batch so that each is read by characters once."""
    lengths = torch.tensor([len(sentence.features) for sentence in sentences], dtype=torch.int64)
    longest = int(lengths.max()) if len(sentences) else 0
    features = np.zeros((len(sentences), longest, sentences[0].features.shape[1]), dtype=np.int64)
    place = np.zeros((len(sentences), longest), dtype=np.int64)
    numbers: dict[bytes, int] = {b"": 0}
    words = [np.zeros(0, dtype=np.int32)]
    for row, sentence in enumerate(sentences):
        features[row, : len(sentence.features)] = sentence.features
        for at, word in enumerate(sentence.characters):
            number = numbers.setdefault(word.tobytes(), len(words))
            if number == len(words):
                words.append(word)
            place[row, at] = number
    characters, character_lengths = pad_tokens(words)
    return Batch(torch.from_numpy(features), lengths, characters, character_lengths, torch.from_numpy(place))


def build_network(saved: Saved, features: TokenFeatures, settings: TagSettings) -> Tagger:
    """The untrained network."""
    cell = CELLS[settings.encoder]
    word = [settings.word_size, *[settings.affix_size] * (len(features.templates) - 1)]
    embeddings = [nn.Embedding(n, size, padding_idx=0) for n, size in zip(features.sizes(), word, strict=True)]
    words = None
    if settings.character_size:
        size, hidden = settings.character_size, settings.character_hidden
        both = [
            Recurrent(cell(size, hidden), reverse=reverse, batch_first=True, engine=settings.engine)
            for reverse in (False, True)
        ]
        words = CharacterWords(features.character_size, size, Bidirectional(*both), dropout=settings.word_dropout)
    below = sum(word) + (words.output_size if words else 0)
    directions = 2 if settings.bidirectional else 1
    sizes = [below, *[settings.hidden_size * directions] * (settings.num_layers - 1)]
    body = recurrent_stack(
        [tuple(cell(size, settings.hidden_size) for _ in range(directions)) for size in sizes],
        dropout=settings.dropout if settings.num_layers > 1 else 0.0,
        engine=settings.engine,
    )
    crf = None
    if settings.crf:
        masks: tuple[Tensor | None, ...] = (None, None, None)
        if saved.inner is not None:
            masks = tuple(torch.from_numpy(mask) for mask in allowed_moves(saved.tags, Scheme(saved.inner)))
        crf = CRF(len(saved.tags), allowed=masks[0], allowed_start=masks[1], allowed_end=masks[2])
    return Tagger(
        embeddings,
        words,
        body,
        crf,
        len(saved.tags),
        dropout=settings.dropout,
        word_dropout=settings.word_dropout,
    )


def rewritten(tags: Sequence[str], saved: Saved, to: str | None) -> list[str]:
    """Tags of entities in another scheme; other tags as they are."""
    return list(tags) if to is None or saved.inner == saved.scheme else tags_of(spans(tags), len(tags), Scheme(to))


@torch.no_grad()
def tag_sentences(network: Tagger, saved: Saved, sentences: Sequence[Encoded]) -> list[list[str]]:
    """The tags of sentences, in the scheme of the data; sentences without tokens get none."""
    network.eval()
    device = network.output.weight.device
    found: list[list[str]] = [[] for _ in sentences]
    order = [
        row for row in np.argsort([len(s.features) for s in sentences], kind="stable") if len(sentences[row].features)
    ]
    for at in range(0, len(order), _SCORED):
        rows = order[at : at + _SCORED]
        batch = batch_of([sentences[row] for row in rows])
        moved = Batch(*(part.to(device) for part in batch))
        for row, numbers in zip(rows, network.decode(network.scores(*moved), moved.lengths), strict=True):
            found[row] = rewritten([saved.tags[number] for number in numbers], saved, saved.scheme)
    return found


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
        self.training = {"learning_rate": 3e-3, "epochs": 12, "batch_size": 32, "weight_decay": 0.01, "patience": 5}
        self._batch_size = validate(TrainSettings, {**self.training, **config.training}, "training").batch_size
        written = "" if checked.scheme is None else f", entities in {checked.scheme.name}"
        self.notes = (
            *checked.notes,
            f"tags from '{columns.tags}': {len(self._saved.tags)}{written}",
            f"{sum(map(len, tokens)):,} tokens in {len(tokens):,} sentences to train on",
            f"features: {', '.join(templates)}; vocabulary {self.features.sizes()[0]:,} words,"
            f" {self.features.character_size} {'letters (Hangul taken apart)' if jamo else 'characters'}",
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
        )

    def _encode(self, row: int) -> Encoded:
        if row not in self._encoded:
            self._encoded[row] = self.features.encode(self._sentences[row].tokens)
        return self._encoded[row]

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


def _hangul(sentences: Iterable[Sequence[str]]) -> bool:
    text = "".join(itertools.chain.from_iterable(itertools.islice(sentences, 1000)))
    letters = sum(map(str.isalpha, text))
    return sum("가" <= c <= "힣" for c in text) > _HANGUL * letters


class TagPredictor(Predictor):
    """A trained tagger.

    Args:
        network: with its weights.
        saved: its tags and columns.
        features: its vocabulary.
        best: how many tag sequences an answer lists.
    """

    def __init__(self, network: Tagger, saved: Saved, features: TokenFeatures, best: int) -> None:
        self._network = network.eval()
        self._saved = saved
        self._features = features
        self._best = best
        self._columns = Columns(saved.tokens, saved.target)

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """Tokens and tags; entities, if the tags mark any; with `best` above 1 the next best sequences, too.

        Raises:
            DataError: a record holds neither tokens nor text.
        """
        stream = iter(records)
        while chunk := list(itertools.islice(stream, _SCORED)):
            sentences = [record_tokens(record, self._columns, characters=self._saved.characters) for record in chunk]
            encoded = [self._features.encode(tokens) for tokens in sentences]
            for tokens, own, tags in zip(
                sentences, encoded, tag_sentences(self._network, self._saved, encoded), strict=True
            ):
                answer: dict[str, Any] = {"tokens": list(tokens), "tags": tags}
                if self._saved.scheme is not None:
                    glue = "" if self._saved.characters else " "
                    answer["entities"] = [
                        {"type": s.type, "text": glue.join(tokens[s.start : s.end]), "start": s.start, "end": s.end}
                        for s in spans(tags)
                    ]
                if self._best > 1 and self._network.crf is not None:
                    answer["best"] = self._alternatives(own, self._network.crf)
                yield answer

    @torch.no_grad()
    def _alternatives(self, sentence: Encoded, crf: CRF) -> list[dict[str, Any]]:
        if not len(sentence.features):
            return []
        scores = self._network.scores(*(part.to(crf.start.device) for part in batch_of([sentence])))
        whole = float(crf.log_partition(scores))
        return [
            {
                "tags": rewritten([self._saved.tags[number] for number in path.tags], self._saved, self._saved.scheme),
                "probability": round(math.exp(min(0.0, path.score - whole)), 6),
            }
            for path in crf.best(scores[0], self._best)
        ]

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all sentences. A tag that training did not know counts as an error wherever it stands.

        Raises:
            DataError: a column is missing, or a sentence is broken, with file and line.
        """
        columns = find_columns(
            table, data.model_copy(update={"inputs": (self._saved.tokens,), "target": self._saved.target})
        )
        if columns is None:
            raise DataError(
                f"the model needs the columns '{self._saved.tokens}' and '{self._saved.target}', lists of the same"
                f" length; the columns are {', '.join(table.columns)}",
                table.paths[0],
            )
        checked = check_sentences(table, columns, broken_option="stop", illegal_option="repair")
        tokens = [sentence.tokens for sentence in checked.sentences]
        predicted = tag_sentences(self._network, self._saved, [self._features.encode(own) for own in tokens])
        tags = [sentence.tags for sentence in checked.sentences]
        return score_tags(Tagged(tokens, tags, predicted, None), entities=self._saved.scheme is not None, seed=0)


class TagTask(Task):
    """A tag for every token."""

    name = "tag"
    summary = "a tag for every token of a sentence: parts of speech, named entities"
    monitor = Monitor("score", higher_is_better=True)
    Settings = TagSettings

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
        features = TokenFeatures.from_json(folder.read_text("tokenizer.json"))
        network = build_network(saved, features, settings)
        folder.load_weights(network)
        return TagPredictor(network, saved, features, settings.best)

    def findings(self, table: Table, data: DataConfig) -> Iterator[Finding]:
        """Everything that is wrong with the sentences, with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns)
