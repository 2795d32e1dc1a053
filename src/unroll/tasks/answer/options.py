"""What a reader that answers questions may be told."""

from unroll.tasks.options import CELL, HIDDEN_SIZE, NUM_LAYERS, Option, Options

HOPS = Option("hops", "model.hops", int, "K", "How often a story is looked at before the answer.", least=1)

OPTIONS = Options(training=(CELL, HIDDEN_SIZE, NUM_LAYERS, HOPS))
