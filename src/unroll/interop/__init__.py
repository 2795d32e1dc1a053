"""Ways in from other libraries."""

from unroll.interop.accelerate import accelerate

__all__ = ["accelerate"]
