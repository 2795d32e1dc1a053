"""`unroll info`: what this installation can do."""

from __future__ import annotations

import typer


def info() -> None:
    """Show versions, engines, instruction set, threads, cells and installed extras."""
    import importlib.metadata
    import importlib.util
    import platform

    import torch

    from unroll import __version__
    from unroll.cells import CELLS
    from unroll.cli.extras import EXTRAS
    from unroll.cli.show import table
    from unroll.engine import engines

    rows = [
        ["unroll", __version__],
        ["python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"],
        ["torch", torch.__version__],
        ["threads", f"{torch.get_num_threads()} (set OMP_NUM_THREADS to change)"],
        ["GPUs", ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())) or "none"],
        ["cells", ", ".join(CELLS)],
        ["engines", ", ".join(engine.name for engine in engines()) + "  (fastest first)"],
        ["native", _native()],
    ]
    table(["", ""], rows, left=2)
    typer.echo("")
    found: dict[str, list[str]] = {}
    for module, (distribution, extra) in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        version = importlib.metadata.version(distribution) if there else "missing"
        found.setdefault(extra, []).append(f"{distribution} {version}")
    table(["extra", "packages"], [[extra, ", ".join(packages)] for extra, packages in found.items()], left=2)


def _native() -> str:
    """Which instruction set the native engine uses, or why it is not there."""
    from unroll.kernels.native_plan import LIBRARY, MISSING

    if LIBRARY is None:
        return MISSING
    levels = ", ".join(LIBRARY.levels())
    return f"{LIBRARY.level()} (of {levels}; UNROLL_SIMD chooses another), threads from {LIBRARY.THREADS}"
