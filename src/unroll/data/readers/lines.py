"""Lines of a plain or gzipped file, decoded strictly: every error says the file, the line and the byte."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from unroll.data.readers.encodings import BOMS, check_encoding, holds_nul, marked_encoding, wrong_encoding
from unroll.data.table.kinds import MAX_LINE_BYTES
from unroll.errors import DataError

_BLOCK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the content of a file in blocks of 1 MiB, unpacked if it is gzipped.

    Raises:
        DataError: the file is missing, is a folder, cannot be read, or its gzip stream is damaged.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
            while block := stream.read(_BLOCK):
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"the gzip stream is damaged or cut off ({error}); fetch the file again", path) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path) from error


def numbered_lines(
    path: Path, encoding: str = "utf-8", *, longest: int | None = None, cut_off: bool = False
) -> Iterator[tuple[int, str]]:
    r"""Yield (line number from 1, text) for every line; a ``\r`` before the ``\n`` is kept, the ``\n`` is not.

    Args:
        path: a plain or gzipped text file.
        encoding: its encoding; a byte order mark at the start is dropped, and a UTF-16 or UTF-32 mark is believed.
        longest: bytes of a line at most; None for `MAX_LINE_BYTES`.
        cut_off: end with the beginning of a longer line, instead of an error.

    Raises:
        DataError: wrong encoding (line and byte offset), a NUL, a line over the limit, or a file that cannot be read.
    """
    encoding = check_encoding(encoding)
    longest = longest or MAX_LINE_BYTES
    number, base, length = 1, 0, 0
    pieces: list[bytes] = []
    first = True
    codec: str = encoding
    wide = False
    for block in blocks(path):
        if first:
            first = False
            for mark, name in BOMS:
                if block.startswith(mark):
                    if name == "utf-8" and encoding in ("utf-8", "utf-8-sig", "ascii"):
                        block, base, codec = block[len(mark) :], len(mark), "utf-8"
                    elif name != "utf-8":
                        codec = name
                    break
            wide = "\n".encode(codec)[-1:] != b"\n" or len("\n".encode(codec)) > 1
            if wide:
                yield from _wide_lines(path, codec, longest, cut_off)
                return
        if b"\0" in block:
            at = block.index(b"\0")
            where = number + block.count(b"\n", 0, at)
            raise holds_nul(block, at, encoding, path, where, base + length + at)
        cut = block.rfind(b"\n") + 1
        if cut == 0:
            # In pieces: to join a long line again and again takes the square of its length.
            pieces.append(block)
            length += len(block)
            if length > longest and cut_off:
                yield number, b"".join(pieces).decode(codec, errors="ignore")
                return
            if length > longest:
                raise DataError(
                    f"a line of more than {longest} bytes; split it, or name the format if this is not a text file",
                    path,
                    number,
                )
            continue
        tail = b"".join(pieces)
        lines = _decode(tail + block[:cut], codec, path, number, base).split("\n")
        base += len(tail) + cut
        pieces, length = [block[cut:]], len(block) - cut
        lines.pop()
        for line in lines:
            yield number, line
            number += 1
    if length:
        yield number, _decode(b"".join(pieces), codec, path, number, base)


def _decode(data: bytes, encoding: str, path: Path, number: int, base: int) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = number + data.count(b"\n", 0, error.start)
        raise wrong_encoding(data, error.start, encoding, path, line, base + error.start) from error


def _wide_lines(path: Path, encoding: str, longest: int, cut_off: bool) -> Iterator[tuple[int, str]]:
    """Lines of an encoding in which a line break is not the byte 0x0A (UTF-16, UTF-32)."""
    decoder = codecs.getincrementaldecoder(encoding)()
    number, base, tail = 1, 0, ""
    for block in blocks(path):
        pending = len(decoder.getstate()[0])
        try:
            text = tail + decoder.decode(block)
        except UnicodeDecodeError as error:
            raise wrong_encoding(
                error.object, error.start, encoding, path, number, base - pending + error.start
            ) from error
        base += len(block)
        if "\0" in text:
            raise DataError(
                "a NUL character; the file is damaged", path, number + text.count("\n", 0, text.index("\0"))
            )
        lines = text.split("\n")
        tail = lines.pop()
        for line in lines:
            yield number, line.removeprefix("\ufeff") if number == 1 else line
            number += 1
        if len(tail) > longest and cut_off:
            yield number, tail.removeprefix("\ufeff")
            return
        if len(tail) > longest:
            raise DataError(f"a line of more than {longest} characters; split it", path, number)
    try:
        tail += decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise wrong_encoding(error.object, error.start, encoding, path, number, base) from error
    if tail:
        yield number, tail.removeprefix("\ufeff") if number == 1 else tail


def encoding_of(path: Path, encoding: str) -> str:
    """The encoding that a file is read with, as notes say it: that of its byte order mark, or the one that is named."""
    return marked_encoding(next(blocks(path), b"")[:4], encoding).upper()


def sample_lines(path: Path, encoding: str, *, lines: int = 2000, characters: int = 1 << 20) -> list[tuple[int, str]]:
    """The first numbered lines of a file: at most `lines`, and about `characters` characters; the last may be cut off
    where it is longer than a line may be."""
    found: list[tuple[int, str]] = []
    total = 0
    for number, line in numbered_lines(path, encoding, cut_off=True):
        found.append((number, line))
        total += len(line)
        if len(found) >= lines or total >= characters:
            break
    return found
