"""`unroll transcribe`: words while sound comes in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    import numpy as np

    from unroll.data.audio.wav import WavFormat

#: Bytes that are taken at once at most; what has come is taken at once, however little it is.
_PIECE = 1 << 15


def transcribe(
    run: o.Run,
    raw: Annotated[bool, typer.Option("--raw", help="Samples without a WAV header; --rate says how many.")] = False,
    rate: Annotated[
        int | None, typer.Option(metavar="N", min=1_000, max=768_000, help="Samples per second of --raw.")
    ] = None,
    channels: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Channels of --raw.")] = 1,
    bits: Annotated[int, typer.Option(metavar="N", help="Bits of a sample of --raw: 8, 16, 24 or 32.")] = 16,
) -> None:
    """Write what is spoken on standard input while it is read: a WAV, or samples as they are with --raw.

    The model must read forwards only (`unroll train ... --no-bidirectional`). For files there is `unroll predict`.
    """
    import sys

    from unroll import api
    from unroll.cli.show import say
    from unroll.errors import ConfigError

    if raw != (rate is not None):
        raise ConfigError("--raw and --rate belong together: samples without a header do not say their rate")
    if bits not in (8, 16, 24, 32):
        raise ConfigError(f"--bits must be 8, 16, 24 or 32, got {bits}")
    model = api.load(run)
    if model.task != "transcribe":
        raise ConfigError(f"{run} is a run of {model.task}; transcribe needs one of transcribe")
    form = _raw_format(rate, channels, bits // 8) if rate is not None else _header(sys.stdin.buffer)
    listener = model.predictor.listen(form.rate)  # type: ignore[attr-defined]
    seconds = 0.0
    for samples in _samples(sys.stdin.buffer, form):
        seconds += len(samples) / form.rate
        _write(listener.push(samples))
    _write(listener.finish())
    print(flush=True)
    if form.size is not None and seconds * form.rate * form.block < form.size - form.block:
        promised = form.size / form.block / form.rate
        say(f"the header promises {promised:.2f} s of sound, {seconds:.2f} s came: cut off, or a header that lies")


def _write(text: str) -> None:
    if text:
        print(text, end="", flush=True)


def _raw_format(rate: int, channels: int, width: int) -> WavFormat:
    from unroll.data.audio.wav import WavFormat

    return WavFormat(1, channels, rate, width, None, 0)


def _header(stream: BinaryIO) -> WavFormat:
    from unroll.data.audio.wav import BadHeader, read_wav_header
    from unroll.errors import DataError

    try:
        return read_wav_header(stream)
    except BadHeader as error:
        raise DataError(f"{error}; give a WAV, or samples with --raw --rate N", "standard input") from None


def _samples(stream: BinaryIO, form: WavFormat) -> Iterator[np.ndarray]:
    """Yield the samples as they come, (S,) float32, the mean of all channels."""
    from unroll.data.audio.wav import decode_wav

    left, rest = form.size, b""
    while left is None or left > 0:
        piece = stream.read1(_PIECE if left is None else min(_PIECE, left))  # type: ignore[attr-defined]
        if not piece:
            return
        left = None if left is None else left - len(piece)
        rest += piece
        whole = len(rest) // form.block * form.block
        if whole:
            yield decode_wav(rest[:whole], form).mean(axis=1, dtype="float32")
        rest = rest[whole:]
