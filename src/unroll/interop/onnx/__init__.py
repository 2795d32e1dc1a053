"""ONNX out and in."""
