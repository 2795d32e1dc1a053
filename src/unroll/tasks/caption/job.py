"""The training of a model that captions pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unroll.baselines.captions import most_frequent_caption, nearest_pictures
from unroll.bundle import RunFolder
from unroll.data import bucketed_batches, pad_tokens
from unroll.models.captioner import Captioner
from unroll.tasks.base import Job, Scores
from unroll.tasks.caption.data import CaptionData
from unroll.tasks.caption.network import CaptionNetwork
from unroll.tasks.caption.predictor import CaptionPredictor, fed
from unroll.tasks.caption.scores import metrics_of
from unroll.tasks.caption.settings import CaptionSettings
from unroll.training import Loss

#: What the run folder's file of columns and sizes is called.
FILE = "captions.json"
#: Captions whose cost is taken at once.
_COSTED = 128


class CaptionJob(Job):
    """A captioner in training.

    Args:
        data: prepared.
        captioner: for these data.
        settings: the run's model section.
        batch_size: captions of a batch.
        seed: of the batches and the intervals.
    """

    def __init__(
        self, data: CaptionData, captioner: Captioner, settings: CaptionSettings, *, batch_size: int, seed: int
    ) -> None:
        self.model = captioner
        self.splits = data.splits
        self.notes = data.notes
        self.sources = () if settings.backbone is None else (Path(settings.backbone),)
        self.data = data
        self._captioner = captioner
        self._settings = settings
        self._batch_size = batch_size
        self._seed = seed
        self._ids: dict[int, np.ndarray] = {}

    @property
    def network(self) -> CaptionNetwork:
        """The captioner, with the frozen network before it."""
        return CaptionNetwork(self._captioner, self.data.eye.backbone)

    def _encode(self, rows: np.ndarray) -> list[np.ndarray]:
        for row in rows.tolist():
            if row not in self._ids:
                text = self.data.captions.captions[row]
                self._ids[row] = self.data.tokenizer.encode(text)[: self._settings.longest]
        return [self._ids[row] for row in rows.tolist()]

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Captions of like length together."""
        train = self.data.rows["train"]
        lengths = np.array([len(ids) for ids in self._encode(train)])
        groups = bucketed_batches(lengths, self._batch_size, seed=self._seed, epoch=epoch)
        return [train[group] for group in groups]

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures, the ids (B, T) of their captions, and lengths (B,)."""
        ids, lengths = pad_tokens(self._encode(rows))
        return fed(self.data.captions.seen[self.data.captions.picture[rows]]), ids, lengths

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy of all tokens and ends, and the doubly stochastic term."""
        pictures, ids, lengths = (tensor.to(device) for tensor in self.feed.take(rows))
        cost = model(pictures, ids, lengths, self._settings.smoothing)
        tokens = int(lengths.sum()) + len(rows)
        return Loss(cost.tokens + self._settings.stochastic * cost.looks, tokens, tokens)

    @torch.no_grad()
    def _perplexity(self, split: str) -> float:
        """Of the captions of a split with every word before given: teacher forcing."""
        self._captioner.eval()
        device = self._captioner.decoder.device
        nats, tokens = 0.0, 0
        for rows in np.array_split(self.data.rows[split], max(1, len(self.data.rows[split]) // _COSTED)):
            pictures, ids, lengths = (tensor.to(device) for tensor in self.batch(rows))
            nats += float(self._captioner(pictures, ids, lengths).tokens)
            tokens += int(lengths.sum()) + len(rows)
        return float(np.exp(min(nats / tokens, 50.0)))

    def validate(self) -> dict[str, float]:
        """The metrics of captions that are written freely, without intervals; the perplexity with words given."""
        if "validation" not in self.splits:
            return {}
        said = self.predictor().captions(self.data.captions.seen[self.data.pictures("validation")])
        texts = [own[0].text for own in said]
        metrics = metrics_of(texts, self.data.references("validation"), seed=None)
        found = {name: score.value for name, score in metrics.items()}
        return {**found, "perplexity": self._perplexity("validation")}

    def predictor(self) -> CaptionPredictor:
        """The network as it stands."""
        data = self.data
        return CaptionPredictor(self.network, data.eye, data.tokenizer, data.saved, self._settings, seed=self._seed)

    def evaluate(self, split: str) -> Scores:
        """Score the pictures of a split."""
        pictures = self.data.pictures(split)
        paths = [self.data.captions.paths[number] for number in pictures.tolist()]
        return self.predictor().score(self.data.captions.seen[pictures], paths, self.data.references(split))

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The most frequent caption, and the first caption of the picture that looks most alike."""
        data = self.data
        known = data.pictures("train")
        first = [own[0] for own in data.references("train")]
        usual = most_frequent_caption([data.captions.captions[row] for row in data.rows["train"].tolist()])
        plain = np.stack([data.eye.plain(data.captions.seen[number]) for number in known.tolist()])
        scores: dict[str, dict[str, Scores]] = {"most frequent caption": {}, "nearest image": {}}
        for split in self.splits:
            references = data.references(split)
            asked = np.stack([data.eye.plain(data.captions.seen[number]) for number in data.pictures(split).tolist()])
            nearest = [first[number] for number in nearest_pictures(plain, asked).tolist()]
            for name, said in (("most frequent caption", [usual] * len(references)), ("nearest image", nearest)):
                scores[name][split] = Scores(metrics_of(said, references, seed=self._seed))
        return scores

    def save(self, folder: RunFolder) -> None:
        """The vocabulary, and the columns and sizes."""
        folder.write_text("tokenizer.json", self.data.tokenizer.to_json())
        folder.write_json(FILE, self.data.saved.model_dump(mode="json"))
