"""Speed side by side: this project and its peers in one run, with the machine's peak and every error."""

from unroll.bench.cases import CASES, Case
from unroll.bench.run import Settings, run

__all__ = ["CASES", "Case", "Settings", "run"]
