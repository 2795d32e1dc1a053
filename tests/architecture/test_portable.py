"""What only some compilers know stands in one header, so that another compiler is a matter of that header."""

from __future__ import annotations

import re
from pathlib import Path

CSRC = Path(__file__).parents[2] / "csrc"

#: Pragmas, builtins, attributes and assembly of GCC and Clang or of MSVC, and headers that not every system has.
SPECIAL = re.compile(
    r"#\s*pragma(?! once)|_Pragma|__builtin_|__attribute__|__forceinline|__declspec|\basm\b"
    r"|<(omp|sched|unistd|pthread|intrin|cpuid|windows)\.h>|<sys/"
)
#: The header; the one file with parallel regions; what stands behind a test for the system; a check for one machine.
ALLOWED = {
    "simd/compiler.h": SPECIAL,
    "dispatch/threads.cpp": re.compile(r"#pragma omp parallel num_threads|<(omp|pthread)\.h>"),
    "binding/memory.cpp": re.compile("<sys/mman.h>|<sys/"),
    "tests/check_threads.cpp": re.compile("<sys/|<unistd.h>"),
    "tests/carry_out_pairs.cpp": SPECIAL,
}


def test_what_compilers_spell_differently_is_in_one_header() -> None:
    found = []
    for path in sorted(path for kind in ("*.h", "*.cpp", "*.inc") for path in CSRC.rglob(kind)):
        name = path.relative_to(CSRC).as_posix()
        allowed = ALLOWED.get(name)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = line.split("//")[0]
            if allowed is not None:
                code = allowed.sub("", code)
            if SPECIAL.search(code):
                found.append(f"{name}:{number}: {line.strip()}")
    assert not found, "use the macros of csrc/simd/compiler.h, or add one: " + "; ".join(found)
