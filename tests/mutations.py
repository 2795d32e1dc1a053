"""Break the code on purpose, one place at a time, and see that a test goes red. Run by hand before a release:

    python tests/mutations.py            all of them, a few minutes
    python tests/mutations.py gru        those whose name holds the word

Each mutation is applied to a copy of the sources, never to the working tree. Exit code 1 if one survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Mutation(NamedTuple):
    """One way to be wrong.

    Attributes:
        name: what is broken.
        file: below src/unroll.
        old: a text that stands in the file exactly once.
        new: what stands there instead.
        tests: what must go red, as arguments of pytest.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


CONTRACT = "tests/contract/test_cells.py"
MUTATIONS = [
    Mutation(
        "gru: update gate turned round",
        "cells/gru.py",
        "n + z * (h - n)",
        "h + z * (n - h)",
        f"{CONTRACT} -k agrees_with_numpy",
    ),
    Mutation(
        "gru: reset gate after instead of before",
        "cells/gru.py",
        "self._recurrent(params, r * seen, candidate)",
        "self._recurrent(params, seen, candidate)",
        f"{CONTRACT} -k agrees_with_numpy",
    ),
    Mutation(
        "lstm: output gate sees the old memory",
        "cells/lstm.py",
        "peephole[-1] * c if",
        "peephole[-1] * state.c if",
        f"{CONTRACT} -k agrees_with_numpy",
    ),
    Mutation(
        "lstm: recurrent bias dropped",
        "cells/lstm.py",
        'recurrent + params["bias_hh"]',
        'recurrent + 0.0 * params["bias_hh"]',
        f"{CONTRACT} -k agrees_with_numpy",
    ),
    Mutation(
        "zoneout: old and new exchanged",
        "cells/parts.py",
        "keep * old + (1.0 - keep) * new",
        "keep * new + (1.0 - keep) * old",
        f"{CONTRACT} -k agrees_with_numpy",
    ),
    Mutation(
        "reference: padding multiplied instead of replaced",
        "engine/reference.py",
        "x = torch.where(active, x, torch.zeros((), dtype=x.dtype, device=x.device))",
        "x = x * active",
        f"{CONTRACT} -k padding",
    ),
    Mutation(
        "reference: state of a finished row goes on",
        "engine/reference.py",
        "torch.where(active[t], new, old)",
        "torch.where(active[t], new, new)",
        f"{CONTRACT} -k agrees_with_numpy",
    ),
    Mutation(
        "scan: reset not moved in reverse",
        "engine/scan.py",
        "    if not reverse:\n        return reset",
        "    if True:\n        return reset",
        f"{CONTRACT} -k reset_equals",
    ),
    Mutation(
        "torch engine: last states stay in sorted order",
        "kernels/torch_nn.py",
        "last = [part.index_select(1, inverse) for part in last]",
        "last = [part for part in last]",
        f"{CONTRACT} -k 'agrees_with_the_reference and torch'",
    ),
    Mutation(
        "torch engine: rows of length zero lose their first state",
        "kernels/torch_nn.py",
        "old.index_copy(0, rows, new)",
        "(0 * old).index_copy(0, rows, new)",
        f"{CONTRACT} -k 'agrees_with_the_reference and torch'",
    ),
    Mutation(
        "drop-in: packed output in the wrong row order",
        "layers/dropin.py",
        "if like.sorted_indices is not None:",
        "if False:",
        "tests/layers/test_dropin.py -k packed",
    ),
    Mutation(
        "init: chrono's input gate keeps Keras's bias",
        "cells/init.py",
        '_gate(cell, params["bias_ih"], "i").copy_(-kept)',
        "kept.neg()",
        "tests/cells/test_init.py",
    ),
]


def survives(mutation: Mutation, copy: Path) -> bool:
    """Apply a mutation to the copy, run its tests, and put the copy right again."""
    path = copy / "src" / "unroll" / mutation.file
    text = path.read_text("utf-8")
    if text.count(mutation.old) != 1:
        raise SystemExit(
            f"{mutation.name}: the text to change stands {text.count(mutation.old)} times in {mutation.file}"
        )
    path.write_text(text.replace(mutation.old, mutation.new), "utf-8")
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {mutation.tests}"
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, shell=True, cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
    finally:
        path.write_text(text, "utf-8")
    if done.returncode not in (0, 1):
        raise SystemExit(f"{mutation.name}: pytest ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode == 0


def main() -> int:
    """Run the mutations asked for; return the exit code."""
    words = sys.argv[1:]
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    alive = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("src", "tests", "pyproject.toml"):
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / part)
        for mutation in chosen:
            lived = survives(mutation, copy)
            print(f"{'SURVIVED' if lived else 'caught  '}  {mutation.name}", flush=True)
            alive += [mutation] if lived else []
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
