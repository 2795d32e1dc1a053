"""Recurrent networks for PyTorch: cells, the scan over time, kernels, tasks and a view inside."""
