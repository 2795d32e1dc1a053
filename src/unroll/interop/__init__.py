"""Ways in from other libraries and out to them: torch.nn, Keras and ONNX."""

from unroll.interop.accelerate import accelerate
from unroll.interop.onnx.export import OnnxExport, export_onnx
from unroll.interop.onnx.named import export_named
from unroll.interop.onnx.read import read_onnx
from unroll.interop.onnx.translate import onnx_translations
from unroll.interop.weights import OnnxWeights, from_keras, from_onnx, to_keras, to_onnx

__all__ = [
    "OnnxExport",
    "OnnxWeights",
    "accelerate",
    "export_named",
    "export_onnx",
    "from_keras",
    "from_onnx",
    "onnx_translations",
    "read_onnx",
    "to_keras",
    "to_onnx",
]
