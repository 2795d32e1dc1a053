"""`python -m unroll.cli`, which torchrun starts with `-m unroll.cli`."""

from __future__ import annotations

from unroll.cli import main

if __name__ == "__main__":
    main()
