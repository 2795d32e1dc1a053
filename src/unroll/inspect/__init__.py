"""The view inside: traces of memory, and what is measured on them."""

from unroll.inspect.held import Held, held
from unroll.inspect.trace import Attention, Trace, Track, trace
from unroll.inspect.view import View

__all__ = ["Attention", "Held", "Trace", "Track", "View", "held", "trace"]
