"""Keras's recurrent layers on unroll's engines."""

from unroll.interop.keras.backend import check

__all__ = ["check"]

check()
