"""What a language model may be told."""

from unroll.tasks.options import CELL, HIDDEN_SIZE, NUM_LAYERS, Option, Options

OPTIONS = Options(
    training=(CELL, HIDDEN_SIZE, NUM_LAYERS),
    prediction=(
        Option(
            "temperature",
            "temperature",
            float,
            "X",
            "Of what is written: 0 always takes the likeliest.",
            least=0,
        ),
        Option("top_k", "top_k", int, "K", "Write with the K likeliest tokens only; 0: with all.", least=0),
        Option(
            "top_p",
            "top_p",
            float,
            "P",
            "Write with the fewest tokens that reach probability P together.",
            least=0,
            most=1,
        ),
        Option("length", "length", int, "N", "How many tokens are written after each text.", least=1),
        Option("seed", "seed", int, "N", "Seed of what is written after each text.", least=0),
    ),
)
