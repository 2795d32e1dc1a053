"""What a translator may be told."""

from unroll.tasks.options import BEAM, CELL, HIDDEN_SIZE, NUM_LAYERS, Option, Options

OPTIONS = Options(
    training=(
        Option("source", "model.source", str, "COL", "The column to translate from."),
        CELL,
        HIDDEN_SIZE,
        NUM_LAYERS,
    ),
    prediction=(
        BEAM,
        Option("length_penalty", "length_penalty", float, "X", "How much longer texts are preferred; 0: not.", least=0),
        Option("best", "best", int, "N", "How many texts an answer lists; not more than the beam is wide.", least=1),
    ),
)
