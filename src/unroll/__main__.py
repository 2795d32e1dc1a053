"""`python -m unroll`, and what torchrun starts with `-m unroll`."""

from __future__ import annotations

from unroll.cli import main

if __name__ == "__main__":
    main()
