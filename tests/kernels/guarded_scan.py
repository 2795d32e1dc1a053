"""Scans whose every buffer ends at a page that may not be touched; run by test_native_memory.py in its own process."""

from __future__ import annotations

import ctypes
import dataclasses
import mmap
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from contract import suite
from unroll.cells import Cell
from unroll.kernels.native_layer import Scan, allocate
from unroll.kernels.native_plan import NOISE, PARAMETERS, examined

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_held = []


def guarded(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Memory for a tensor that ends right before a page without access, and begins after one where the sizes allow."""
    size = torch.empty((), dtype=dtype).element_size()
    for axis in shape:
        size *= axis
    pages = -(-size // PAGE)
    area = mmap.mmap(-1, (pages + 2) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    for page in (start, start + (pages + 1) * PAGE):
        if _libc.mprotect(ctypes.c_void_p(page), PAGE, 0) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = (pages + 1) * PAGE - size
    _held.append(area)
    return (
        torch.frombuffer(area, dtype=torch.uint8, count=size, offset=offset).view(dtype).view(shape)
        if size
        else torch.empty(shape, dtype=dtype)
    )


def copied(value: torch.Tensor | None, dtype: torch.dtype | None = None) -> torch.Tensor | None:
    if value is None:
        return None
    made = guarded(tuple(value.shape), dtype or value.dtype)
    return made.copy_(value)


def memory(shape: int) -> torch.Tensor:
    """uint8 memory whose start is aligned to 64 bytes; its end is then at most 63 bytes before the guard."""
    whole = guarded((-(-shape // 64) * 64,), torch.uint8)
    return whole[:shape] if shape else torch.empty(0, dtype=torch.uint8)


def check(cell, dtype: torch.dtype, recompute: int) -> None:
    case = suite.Case(5, 7, ragged=True, reset=True, reverse=recompute > 0)
    task = suite.problem(cell, case, noisy=True)
    state = [copied(part, dtype) for part in task.first]
    h0, c0 = (*state, None)[:2]
    params = tuple(copied(task.params.get(name), dtype) for name in PARAMETERS)
    noise = [copied(task.noise.get(name), dtype) for name in NOISE]
    x = copied(task.x, dtype)
    scan = Scan(x, copied(task.lengths), copied(task.reset), case.reverse, h0, c0, *noise, params)
    known = examined(cell, dtype, "dropout" in task.noise)
    plan = known.plan
    out = [copied(value) for value in allocate(x, None, known.sizes, True)]
    packed = plan.pack(params, True, 1)
    plan.forward(((*scan, *out, None),), recompute, 1)
    for own_y in (False, True):
        saved = memory(plan.saved_bytes(5, 7, int(task.lengths.sum()), recompute, own_y))
        plan.forward(((*scan[:9], packed, *out, saved),), recompute, 1, own_y)
        y, h_n, c_n = out[:3]
        grads = [copied(torch.empty_like(value)) for value in (x, h0)]
        dc0 = None if c0 is None else copied(torch.empty_like(c0))
        d_params = tuple(None if value is None else copied(torch.empty_like(value)) for value in params)
        upstream = [None if value is None else copied(torch.ones_like(value)) for value in (y, h_n, c_n)]
        kept = None if own_y else y
        plan.backward(((*scan[:9], packed, params, kept, saved, *upstream, *grads, dc0, d_params),), recompute, 1)


def main() -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        for cell in suite.CELLS:
            check_sizes(cell, dtype)
        print(str(dtype).removeprefix("torch."), flush=True)


def check_sizes(cell: Cell, dtype: torch.dtype) -> None:
    for sizes in ((1, 1), (3, 5), (17, 33), (16, 16)):
        options = {"input_size": sizes[0], "hidden_size": sizes[1]}
        if getattr(cell, "proj_size", 0):
            if sizes[1] == 1:
                continue
            options["proj_size"] = max(1, sizes[1] // 2)
        sized = dataclasses.replace(cell, **options)
        for recompute in (0, 2):
            check(sized, dtype, recompute)
            _held.clear()


if __name__ == "__main__":
    main()
