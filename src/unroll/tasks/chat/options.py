"""What a model that answers may be told."""

from unroll.tasks.options import BEAM, CELL, HIDDEN_SIZE, NUM_LAYERS, Option, Options

OPTIONS = Options(
    training=(
        CELL,
        HIDDEN_SIZE,
        NUM_LAYERS,
        Option("history", "model.history", int, "N", "How many turns are read before an answer.", least=1),
    ),
    prediction=(
        BEAM,
        Option("best", "best", int, "N", "How many texts an answer lists; not more than the beam is wide.", least=1),
    ),
)
