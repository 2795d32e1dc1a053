"""The training of a transcriber.

Shapes: B batch, T frames, M bands, S steps, V letters and blank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from unroll.baselines.transcripts import most_frequent_transcript
from unroll.bundle import RunFolder
from unroll.data import bucketed_batches
from unroll.models.recognizer import Recognizer, ctc_loss, least_steps
from unroll.models.spec_augment import SpecAugment
from unroll.report import Section
from unroll.tasks.base import Job, Scores
from unroll.tasks.transcribe.data import Speech
from unroll.tasks.transcribe.network import fit_normalisation, hear, layers_of, letters_of, padded
from unroll.tasks.transcribe.pictures import SHOWN, Shown, picture_section
from unroll.tasks.transcribe.predictor import TranscribePredictor
from unroll.tasks.transcribe.reading import CHOICES, Reading, SpokenLetters
from unroll.tasks.transcribe.scores import Transcribed, plain_metrics, score_transcripts
from unroll.tasks.transcribe.settings import Saved, TranscribeSettings
from unroll.tasks.transcribe.sound import Ears
from unroll.training import Loss

#: What the run folder's files are called.
FILE, SPOKEN = "speech.json", "transcripts.json"
#: Validation by which two models of the same errors are told apart: the loss, far below what one error counts.
_TIE = 1e-4
#: Frames of a batch, padding counted.
_MOST_FRAMES = 30_000


class TranscribeJob(Job):
    """A transcriber in training.

    Args:
        data: prepared.
        network: for these data.
        ears: how it hears.
        settings: of the model.
        batch_size: recordings of a batch.
        seed: of the batches and the intervals.
    """

    def __init__(
        self,
        data: Speech,
        network: Recognizer,
        ears: Ears,
        settings: TranscribeSettings,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        self.model = network
        self.splits = data.splits
        self.notes = data.notes
        self.data = data
        self._network = network
        self._ears = ears
        self._settings = settings
        self._batch_size = batch_size
        self._seed = seed
        self._augment = SpecAugment(
            settings.masks,
            settings.mask_bands,
            settings.mask_frames,
            settings.stretch,
            settings.loudness,
            settings.voice,
        )

    def layers(self) -> list[list[nn.Module]]:
        """The letters, then the recurrent layers from the highest down."""
        return layers_of(self._network)

    def begin(self) -> None:
        """Fit means and scales of the bands on the train split."""
        fit_normalisation(self._network, (self.data.of(int(row)) for row in self.data.rows["train"]))

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Recordings of like length together."""
        train = self.data.rows["train"]
        groups = bucketed_batches(
            self.data.lengths(train), self._batch_size, seed=self._seed, epoch=epoch, max_tokens=_MOST_FRAMES
        )
        return [train[group] for group in groups]

    def batch(self, rows: np.ndarray) -> tuple[tuple[Tensor, Tensor], list[list[int]]]:
        """The recordings, padded, with their lengths; the letters of each."""
        letters = [letters_of(self.data.texts[row], self.data.saved) for row in rows.tolist()]
        return padded([self.data.of(int(row)) for row in rows]), letters

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """-log p of the transcripts of these recordings, changed by SpecAugment; the mean runs over letters."""
        (features, lengths), letters = self.feed.take(rows)
        least = torch.tensor([least_steps(own) for own in letters]) * self._settings.frames
        features, lengths = self._augment.stretched(
            self._augment.voiced(self._augment.louder(features)), lengths, least
        )
        hidden = self._augment.hidden(features.to(device), lengths, self._network.mean)
        log_p, steps = model(hidden, lengths)
        return Loss(ctc_loss(log_p, steps, letters), max(1, sum(map(len, letters))), int(lengths.sum()))

    def _heard(self, split: str) -> Iterator[np.ndarray]:
        return hear(self._network, (self.data.of(int(row)) for row in self.data.rows[split]))

    def _gold(self, split: str) -> list[str]:
        return [self.data.texts[row] for row in self.data.rows[split].tolist()]

    def validate(self) -> dict[str, float]:
        """Word and letter error rates of greedy decoding, the loss, and the word error rate with ties broken by it."""
        if "validation" not in self.splits:
            return {}
        gold, said = self._gold("validation"), []
        total, count = 0.0, 0
        for text, log_p in zip(gold, self._heard("validation"), strict=True):
            said.append(Reading(0).text(log_p, self.data.saved))
            letters = letters_of(text, self.data.saved)
            if least_steps(letters) <= len(log_p):
                total += float(ctc_loss(torch.from_numpy(log_p)[None], torch.tensor([len(log_p)]), [letters]))
                count += max(1, len(letters))
        metrics, loss = plain_metrics(gold, said), total / max(count, 1)
        return {**metrics, "loss": loss, "wer_and_loss": metrics["wer"] + _TIE * loss}

    def settle(self) -> None:
        """Choose on validation how much the n-gram model of letters counts."""
        if self._settings.decoder == "greedy" or "validation" not in self.splits:
            return
        readings = {choice: self._reading(*choice) for choice in CHOICES}
        said: dict[tuple[float, float], list[str]] = {choice: [] for choice in CHOICES}
        for log_p in self._heard("validation"):
            for choice, reading in readings.items():
                said[choice].append(reading.text(log_p, self.data.saved))
        metrics = {choice: plain_metrics(self._gold("validation"), texts) for choice, texts in said.items()}
        reached = {choice: (own["wer"], own["cer"]) for choice, own in metrics.items()}
        # Of equals the first, which trusts the network most.
        self._network.reading.copy_(torch.tensor(min(CHOICES, key=lambda choice: reached[choice])))

    def _spoken(self) -> Counter[str]:
        return Counter(self.data.texts[row] for row in self.data.rows["train"].tolist())

    def _reading(self, weight: float, bonus: float) -> Reading:
        return make_reading(self._settings, self.data.saved, self._spoken(), weight, bonus)

    def predictor(self) -> TranscribePredictor:
        """The network as it stands."""
        return TranscribePredictor(
            self._network,
            self.data.saved,
            self._ears,
            self._reading(*self._network.reading.tolist()),
            longest=self._settings.longest,
            seed=self._seed,
        )

    def evaluate(self, split: str) -> Scores:
        """Word and letter error rates, errors by kind, confusions."""
        return self.predictor().score(self._gold(split), self._heard(split), self._names(split))

    def _names(self, split: str) -> list[str]:
        return [self.data.names[row] for row in self.data.rows[split].tolist()]

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The most frequent transcript, whatever is heard."""
        same = most_frequent_transcript(self._gold("train"))
        scored = {}
        for split in self.splits:
            gold = self._gold(split)
            done = Transcribed(gold, [same] * len(gold), self._names(split))
            scored[split] = score_transcripts(done, seed=self._seed)
        return {"most frequent transcript": scored} if scored else {}

    def save(self, folder: RunFolder) -> None:
        """Columns, rate and letters; the transcripts of training."""
        folder.write_json(FILE, self.data.saved.model_dump(mode="json"))
        folder.write_json(SPOKEN, {"counts": dict(sorted(self._spoken().items()))})

    def sections(self) -> list[Section]:
        """How texts are read off, and recordings with the letters that were understood."""
        split = "test" if "test" in self.splits else "validation"
        weight, bonus = self._network.reading.tolist()
        if self._settings.decoder == "greedy":
            text = "Greedy: the likeliest letter of every step."
        elif not weight:
            text = f"A beam of {self._settings.beam} texts; on validation no n-gram model of letters made it better."
        else:
            text = (
                f"A beam of {self._settings.beam} texts with a {self._settings.order}-gram model of the letters of the"
                f" training transcripts, whose weight {weight:.1f} and bonus {bonus:.1f} per letter were best on"
                " validation."
            )
        found = [Section("How texts are read off", text)]
        if split in self.splits:
            found.append(picture_section(self._shown(split), self.data.saved, self._ears))
        return found

    def _shown(self, split: str) -> list[Shown]:
        """Some recordings of a split, wrong ones first but not alone."""
        reading = self.predictor().reading
        wrong: list[Shown] = []
        right: list[Shown] = []
        every = zip(self.data.rows[split].tolist(), self._heard(split), self._gold(split), strict=True)
        for row, log_p, gold in every:
            said = reading.text(log_p, self.data.saved)
            kind = right if gold == said else wrong
            if len(kind) < SHOWN:
                kind.append(Shown(self.data.names[row], self.data.of(row), log_p, gold, said))
        half = SHOWN // 2
        first = wrong[: max(half, SHOWN - len(right))]
        return [*first, *right[: SHOWN - len(first)]]


def make_reading(
    settings: TranscribeSettings, saved: Saved, spoken: Mapping[str, int], weight: float, bonus: float
) -> Reading:
    """How texts are read off, by the settings and what was chosen on validation."""
    if settings.decoder == "greedy":
        return Reading(0)
    model = SpokenLetters(spoken, saved, settings.order) if weight else None
    return Reading(settings.beam, model, weight, bonus, decide=not settings.bidirectional)
