"""What a transcriber may be told."""

from unroll.tasks.options import BIDIRECTIONAL, CELL, HIDDEN_SIZE, NUM_LAYERS, Options

OPTIONS = Options(training=(CELL, HIDDEN_SIZE, NUM_LAYERS, BIDIRECTIONAL))
