"""The view inside: traces of memory, and what is measured on them."""

from unroll.inspect.trace import Attention, Trace, Track, trace
from unroll.inspect.view import View

__all__ = ["Attention", "Trace", "Track", "View", "trace"]
