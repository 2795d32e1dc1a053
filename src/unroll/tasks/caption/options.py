"""What a model that captions pictures may be told."""

from unroll.tasks.options import CELL, HIDDEN_SIZE, NUM_LAYERS, Option, Options

BACKBONE = Option(
    "backbone", "model.backbone", str, "FILE", "Weights of tf_efficientnet_lite0, as safetensors, for photographs."
)
MAPS = Option("maps", "maps", str, "DIR", "Draw where each word looked, as a picture in this folder.")

OPTIONS = Options(training=(CELL, HIDDEN_SIZE, NUM_LAYERS, BACKBONE), prediction=(MAPS,))
