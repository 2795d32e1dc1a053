"""What a forecaster may be told."""

from unroll.tasks.options import BIDIRECTIONAL, CELL, HIDDEN_SIZE, NUM_LAYERS, Option, Options

HORIZON = Option("horizon", "model.horizon", int, "N", "How many steps ahead to forecast.")

OPTIONS = Options(training=(CELL, HIDDEN_SIZE, NUM_LAYERS, BIDIRECTIONAL, HORIZON))
