"""A trained model that says what pictures show.

Shapes: B batch, S cells, C features of a cell, T words.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unroll.bundle import DataConfig
from unroll.data import Table, WordTokenizer
from unroll.data.images.held import picture_bytes
from unroll.data.images.pictures import file_content
from unroll.data.images.places import is_address
from unroll.decoding import Beam, Hypothesis, beam_search
from unroll.errors import ConfigError, DataError
from unroll.ids import UNKNOWN_ID
from unroll.models.attention_decoder import watched
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.caption.eyes import Eye
from unroll.tasks.caption.maps import draw_maps
from unroll.tasks.caption.network import CaptionNetwork
from unroll.tasks.caption.pictures import captions_of, find_columns, row_problems
from unroll.tasks.caption.places import Places
from unroll.tasks.caption.reread import Description
from unroll.tasks.caption.scores import score_captions
from unroll.tasks.caption.settings import CaptionSettings, Saved
from unroll.tasks.following import Followed
from unroll.tasks.parts import NetworkParts, ids, reader_and_writer

#: Pictures that are captioned at once.
_ROWS = 32


class Caption(NamedTuple):
    """A caption that was written.

    Attributes:
        text: the caption.
        score: its log-probability, with the length penalty.
        words: its words, one for each map.
        maps: (T, rows, columns), how each word looked at the cells.
    """

    text: str
    score: float
    words: list[str]
    maps: np.ndarray


class CaptionPredictor(Predictor):
    """A trained model of captions.

    Args:
        network: with its weights.
        eye: that looks at pictures.
        tokenizer: of its words.
        saved: columns and sizes.
        settings: of the run.
        seed: of the intervals.

    Raises:
        ConfigError: more captions are to be listed than are carried on.
    """

    def __init__(
        self,
        network: CaptionNetwork,
        eye: Eye,
        tokenizer: WordTokenizer,
        saved: Saved,
        settings: CaptionSettings,
        *,
        seed: int,
    ) -> None:
        if settings.best > settings.beam:
            raise ConfigError(f"model.best={settings.best} captions need model.beam of at least as many")
        self._network = network.eval()
        self._eye = eye
        self._tokenizer = tokenizer
        self._saved = saved
        self._settings = settings
        self._seed = seed
        self.files = (saved.image,)
        self._beam = Beam(
            width=settings.beam,
            length_penalty=settings.length_penalty,
            min_length=1,
            max_length=settings.longest,
            block_ngrams=3,
            forbidden=(UNKNOWN_ID,),
            n_best=settings.best,
        )

    @property
    def network(self) -> CaptionNetwork:
        """The network."""
        return self._network

    def encode(self, records: Sequence[Record]) -> tuple[Tensor]:
        """(B, 3, H, W) pixels."""
        from unroll.data.images.pictures import as_array, open_picture

        pixels = []
        for record in records:
            content, path = self._picture(record)
            pixels.append(as_array(open_picture(content, path), self._eye.size).transpose(2, 0, 1))
        return (torch.from_numpy(np.stack(pixels)),)

    def followed(self, record: Record) -> Followed:
        """As it reads what it wrote."""
        return Description(self._network, self._tokenizer, self.encode, self._words).followed(record)

    def _words(self, record: Record) -> list[str]:
        return [looked["word"] for looked in next(iter(self.predict([record])))["looked_at"]]

    def network_parts(self) -> tuple[NetworkParts, ...]:
        """What sees, and one step of what writes; a text begins with token 0 and ends with it."""
        height, width = self._eye.size
        inputs = {"pixels": ids(256, "batch", 3, height, width)}
        decoder = self._network.captioner.decoder
        places = math.prod(self._network.captioner.grid)
        metadata = {"unroll.tokenizer": self._tokenizer.to_json()}
        return reader_and_writer(self._network, decoder, inputs, places, metadata)

    def _picture(self, record: Record) -> tuple[bytes, Path]:
        """The content of a picture, and what it is called: its path, unless the record holds the picture itself."""
        # A path on the line that comes with options is a record with a text.
        names = (self._saved.image, "image", "text")
        name = record if isinstance(record, str) else next((record[key] for key in names if key in record), None)
        content = None if isinstance(name, str) else picture_bytes(name)
        if content is not None:
            return content, Path("<picture>")
        if isinstance(name, Mapping):
            name = name.get("path")
        if not isinstance(name, str | Path) or not str(name).strip():
            named = sorted(map(str, record)) if not isinstance(record, str) else repr(record)
            raise DataError(
                f"a record needs the path of a picture in '{self._saved.image}', or the picture (of Pillow, its bytes,"
                f" or an array (H, W, 3) of uint8 in a list), got {named}"
            )
        if is_address(str(name)):
            raise DataError(f"addresses are not fetched; download {str(name)[:80]} and name its file")
        path = Path(name)
        return file_content(path), path

    @torch.no_grad()
    def captions(self, seen: np.ndarray) -> list[list[Caption]]:
        """The best captions of each picture.

        Args:
            seen: what the eye made of them.
        """
        captioner = self._network.captioner
        decoder = captioner.decoder
        found = []
        for at in range(0, len(seen), _ROWS):
            batch = fed(seen[at : at + _ROWS]).to(decoder.device)
            state = captioner.read(batch)
            for own in beam_search(decoder, state, len(batch), self._beam, watch=watched):
                found.append([self._caption(hypothesis) for hypothesis in own])
        return found

    def _caption(self, hypothesis: Hypothesis) -> Caption:
        rows, columns = self._network.captioner.grid
        weights = np.zeros((len(hypothesis.tokens), rows * columns), dtype=np.float32)
        if hypothesis.weights is not None:
            weights = hypothesis.weights[: len(hypothesis.tokens)].cpu().float().numpy()
        maps = weights.reshape(-1, rows, columns)
        words = [self._tokenizer.decode([token]).strip() for token in hypothesis.tokens]
        shown = [index for index, word in enumerate(words) if word]
        text = self._tokenizer.decode(hypothesis.tokens).strip()
        return Caption(text, hypothesis.score, [words[index] for index in shown], maps[shown])

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The caption of each picture, and where its words looked; with `maps` also as a picture in that folder.

        Raises:
            DataError: a record names no picture, or it cannot be read.
        """
        stream = iter(records)
        while chunk := list(itertools.islice(stream, _ROWS)):
            pictures = [self._picture(record) for record in chunk]
            seen = np.stack([self._eye.look(content, path) for content, path in pictures])
            for record, (content, path), own in zip(chunk, pictures, self.captions(seen), strict=True):
                best = own[0]
                said: dict[str, Any] = {
                    "caption": best.text,
                    "score": round(best.score, 6),
                    "looked_at": [
                        {"word": word, "weights": np.round(looked.astype(float), 4).tolist()}
                        for word, looked in zip(best.words, best.maps, strict=True)
                    ],
                }
                if self._settings.best > 1:
                    said["captions"] = {caption.text: round(caption.score, 6) for caption in own}
                folder = None if isinstance(record, str) else record.get("maps")
                if folder:
                    said["maps"] = str(draw_maps(content, path, best.words, best.maps, Path(str(folder))))
                yield said

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all pictures of a table.

        Raises:
            DataError: a column is missing, or a caption or picture has something wrong, with file and line.
        """
        columns = find_columns(
            table, data.model_copy(update={"inputs": (self._saved.image,), "target": self._saved.caption})
        )
        if columns is None:
            raise DataError(
                f"the model needs names of pictures in '{self._saved.image}' and captions in '{self._saved.caption}';"
                f" the columns are {', '.join(table.columns)}",
                table.paths[0],
            )
        for row, problem in row_problems(table, columns):
            raise DataError(problem.text, table.place(row)[0], problem.line)
        places = Places(table, columns.image, self._settings.images)
        rows, paths = places.rows, places.paths()
        seen = np.stack([self._eye.look(file_content(path), path) for path in paths])
        captions, owner = captions_of(table, columns)
        of_row: dict[int, list[str]] = {}
        for caption, row in zip(captions, owner.tolist(), strict=True):
            of_row.setdefault(row, []).append(caption)
        return self.score(seen, paths, [[text for row in own for text in of_row[row]] for own in rows.values()])

    def score(self, seen: np.ndarray, paths: Sequence[Path], references: Sequence[Sequence[str]]) -> Scores:
        """Score pictures against the captions that people gave them.

        Args:
            seen: what the eye made of them.
            paths: their files.
            references: the captions of each.
        """
        said = [own[0] for own in self.captions(seen)]
        shown = [(caption.text, caption.words, caption.maps) for caption in said]
        return score_captions(shown, paths, references, seed=self._seed)


def fed(seen: np.ndarray) -> Tensor:
    """What the eye saw as the network is fed: pixels as they are, cells in single precision."""
    tensor = torch.from_numpy(np.ascontiguousarray(seen))
    return tensor if tensor.dtype is torch.uint8 else tensor.float()
