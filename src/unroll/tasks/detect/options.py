"""What a detector may be told."""

from unroll.tasks.options import CELL, HIDDEN_SIZE, NUM_LAYERS, Option, Options

LABELS = Option("labels", "model.labels", str, "FILE", "A JSON file of anomaly windows by series, to score with.")
THRESHOLD = Option(
    "threshold", "model.threshold", float, "S", "Raise an alert from this score on, in digits of rarity.", least=0
)

OPTIONS = Options(training=(CELL, HIDDEN_SIZE, NUM_LAYERS, LABELS, THRESHOLD))
