"""One-to-many: a picture in, a text out."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Split, Table, WordTokenizer, tokenizer_from_json
from unroll.errors import BundleError, DataError
from unroll.models.efficientnet import EfficientNetLite0
from unroll.tasks.base import Guess, Task
from unroll.tasks.caption.data import CaptionData, draw_split, prepare
from unroll.tasks.caption.eyes import BackboneEye, Eye, PixelEye, cache_folder, freeze
from unroll.tasks.caption.job import FILE, CaptionJob
from unroll.tasks.caption.network import CaptionNetwork, build_captioner
from unroll.tasks.caption.options import OPTIONS
from unroll.tasks.caption.pictures import find_columns, findings
from unroll.tasks.caption.predictor import CaptionPredictor
from unroll.tasks.caption.settings import CaptionSettings, Saved
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.training import Monitor, TrainSettings


class CaptionTask(Task[CaptionSettings, CaptionData]):
    """What a picture shows, in words."""

    name = "caption"
    summary = "what a picture shows, in words, each looking at a part of it"
    monitor = Monitor("cider_d", higher_is_better=True)
    Settings = CaptionSettings
    options = OPTIONS
    writes_target = True

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of names of pictures beside one of texts."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"target": columns.caption, "inputs": (columns.image,)})
        return Guess(0.96, f"task caption: the '{columns.caption}' of the pictures in '{columns.image}'", filled)

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """Whole pictures."""
        columns = find_columns(table, config.data)
        return None if columns is None else draw_split(table, config, columns)

    def prepare(self, table: Table, config: RunConfig, settings: CaptionSettings) -> CaptionData:
        """Look at the pictures, split them, learn the words."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                f"caption needs a column of names of pictures and one of captions, got {', '.join(table.columns)};"
                " name them with --target and --set data.inputs=IMAGE",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(
        self, data: CaptionData, config: RunConfig, settings: CaptionSettings, training: TrainSettings
    ) -> CaptionJob:
        """The network."""
        captioner = build_captioner(data.tokenizer.size, data.saved, settings)
        return CaptionJob(data, captioner, settings, batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> CaptionPredictor:
        """Build the predictor of a finished run; a frozen network's weights are in the folder."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(CaptionSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        if not isinstance(tokenizer, WordTokenizer):
            raise BundleError(f"{folder.tokenizer}: expected a tokenizer of words")
        backbone = None if saved.backbone is None else EfficientNetLite0()
        network = CaptionNetwork(build_captioner(tokenizer.size, saved, settings), backbone)
        folder.load_weights(network)
        eye: Eye = PixelEye((saved.height, saved.width))
        if backbone is not None and saved.backbone is not None:
            freeze(backbone)
            eye = BackboneEye(backbone, saved.backbone, saved.height, cache_folder())
        return CaptionPredictor(network, eye, tokenizer, saved, settings, seed=folder.config.seed)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterator[Finding]:
        """Everything that is wrong with captions and pictures, with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns, validate(CaptionSettings, model, "model").images)
