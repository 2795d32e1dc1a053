"""Optional dependencies: which extra brings which module."""

from __future__ import annotations

from unroll.errors import MissingExtraError

#: Module -> (distribution, extra); of several extras the one that ordinary use needs.
EXTRAS = {
    "tokenizers": ("tokenizers", "tasks"),
    "pyarrow": ("pyarrow", "tasks"),
    "pydantic": ("pydantic", "tasks"),
    "typing_extensions": ("typing-extensions", "tasks"),
    "sklearn": ("scikit-learn", "tasks"),
    "statsmodels": ("statsmodels", "tasks"),
    "jinja2": ("jinja2", "tasks"),
    "matplotlib": ("matplotlib", "bench"),
    "sacrebleu": ("sacrebleu", "tasks"),
    "jiwer": ("jiwer", "tasks"),
    "soundfile": ("soundfile", "tasks"),
    "PIL": ("pillow", "tasks"),
    "tensorboard": ("tensorboard", "tasks"),
    "datasets": ("datasets", "datasets"),
    "babel": ("babel", "names"),
    "onnx": ("onnx", "export"),
    "onnxruntime": ("onnxruntime", "export"),
    "onnxscript": ("onnxscript", "export"),
    "openvino": ("openvino", "bench"),
    "jax": ("jax", "bench"),
    "keras": ("keras", "keras"),
    "optuna": ("optuna", "tune"),
    "torchvision": ("torchvision", "vision"),
    "fastapi": ("fastapi", "serve"),
    "uvicorn": ("uvicorn", "serve"),
}


def missing_extra(module: str | None) -> MissingExtraError | None:
    """Return the error that says how to install this module, or None if no extra of unroll brings it."""
    known = EXTRAS.get((module or "").split(".")[0])
    return None if known is None else MissingExtraError(*known, "this command")
