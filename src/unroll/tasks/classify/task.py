"""Many-to-one: a text or a numeric sequence in, its class or labels out."""

from __future__ import annotations

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Kind, Split, Table, tokenizer_from_json
from unroll.data.series.moments import said_of
from unroll.data.text.saved import steps_from_json
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.classify.columns import find_columns, measures_names
from unroll.tasks.classify.data import ClassifyData, draw_split, has_several, prepare, row_labels
from unroll.tasks.classify.examples import TextForms
from unroll.tasks.classify.job import FILE, ClassifyJob
from unroll.tasks.classify.network import build_network, initialise
from unroll.tasks.classify.notes import notes_of
from unroll.tasks.classify.options import OPTIONS
from unroll.tasks.classify.predictor import ClassifyPredictor
from unroll.tasks.classify.settings import ClassifySettings, Saved
from unroll.tasks.classify.wide import GRAMS
from unroll.tasks.transfer import TOKENIZER, RunTokens
from unroll.training import Monitor, TrainSettings


class ClassifyTask(Task[ClassifySettings, ClassifyData]):
    """Texts or numeric sequences to classes."""

    name = "classify"
    summary = "texts or numeric sequences to classes, one or several per row"
    monitor = Monitor("accuracy", higher_is_better=True)
    Settings = ClassifySettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of few classes beside a text or a sequence."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"target": columns.target, "inputs": columns.inputs})
        shown = ", ".join(columns.inputs[:3]) + (
            f" and {len(columns.inputs) - 3} more" if len(columns.inputs) > 3 else ""
        )
        kind = "numeric sequence" if columns.series else "text"
        reason = f"task classify: the class in '{columns.target}' from the {kind} in {shown}"
        notes = tuple(f"left out of the inputs: {name}, {why}" for name, why in columns.left)
        if columns.others:
            shown = "', '".join(columns.others[:4])
            notes += (f"'{shown}' may hold classes as well; name the one that is meant with --target",)
        timed = any(
            kind is Kind.TIME or (kind is Kind.NUMBER and columns.series and said_of(table, name) is not None)
            for name, kind in table.kinds.items()
        )
        # What is measured of things with names is no class of them, whatever else fits.
        named = data.target is None and measures_names(table, columns)
        return Guess(0.05 if named else 0.2 if timed and columns.series else 0.9, reason, filled, notes)

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """Every class in proportion."""
        target = config.data.target
        if target is None or table.kinds[target] is Kind.SERIES:
            return None
        several = has_several(table, target, validate(ClassifySettings, config.model, "model"))
        return draw_split(table, config, row_labels(table, target, several=several), several=several)

    def prepare(self, table: Table, config: RunConfig, settings: ClassifySettings) -> ClassifyData:
        """Split, fit the vocabulary or the scaler."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                f"classify needs a column of classes and a text or a numeric sequence, got {', '.join(table.columns)};"
                " name them with --target and --set data.inputs=...",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(
        self, data: ClassifyData, config: RunConfig, settings: ClassifySettings, training: TrainSettings
    ) -> ClassifyJob:
        """The network, with the scale of its inputs and the weights of the run that it starts from."""
        network = build_network(data.saved, settings)
        initialise(network, data)
        return ClassifyJob(
            data,
            network,
            settings,
            batch_size=training.batch_size,
            seed=config.seed,
            notes=tuple(notes_of(data, settings)),
        )

    def load(self, folder: RunFolder) -> ClassifyPredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(ClassifySettings, folder.config.model, "model")
        features, tokens, grams = None, None, None
        if not saved.series and (saved.start is None or settings.words):
            features = steps_from_json(folder.read_text("tokenizer.json"))
        if saved.start is not None:
            tokens = RunTokens(tokenizer_from_json(folder.read_text(TOKENIZER)), saved.start.task)
        if saved.wide_size is not None:
            grams = steps_from_json(folder.read_text(GRAMS))
        network = build_network(saved, settings)
        folder.load_weights(network)
        return ClassifyPredictor(network, saved, TextForms(tokens, features, grams))
