"""Public data sets by name, through the optional `datasets` library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from unroll.data.readers.features import names_in
from unroll.data.readers.parquet import batches_of, fields_of, settle, with_names
from unroll.data.table.partcolumns import PART_NAMES
from unroll.data.table.table import Table
from unroll.data.table.writer import Field, Writer
from unroll.errors import DataError, MissingExtraError

_BATCH = 1 << 14


def read_hub(name: str, store: Path) -> Table:
    """Load a data set by name and store it as a table; class numbers become class names, and its splits become parts.

    Args:
        name: "NAME" or "NAME:CONFIGURATION" as the `datasets` library knows it, or a local folder it can read.
        store: the folder for the table.

    Raises:
        MissingExtraError: the `datasets` library is not installed.
        DataError: the set cannot be loaded, or its splits differ in their columns.
    """
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise MissingExtraError("datasets", "datasets", f"the data set {name!r} from the hub") from error
    title, _, configuration = name.partition(":")
    origin = Path(f"hub:{name}")
    try:
        found = datasets.load_dataset(title, configuration or None)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DataError(
            f"cannot be loaded ({reason}); check the name and the network, or download it and name the file", origin
        ) from error
    splits: dict[Any, int | None] = {
        split: part for split in found if (part := PART_NAMES.get(str(split).lower())) is not None
    }
    if not splits:
        splits = dict.fromkeys(list(found)[:1])
    left = [str(split) for split in found if split not in splits]
    ordered = sorted(splits, key=lambda split: splits[split] or 0)
    first = found[ordered[0]]
    names = names_in({"features": first.features.to_dict()})
    head = first.with_format("arrow")[:256]
    fields = fields_of(head.schema, origin)
    fields = settle(fields, head.combine_chunks().to_batches()[0]) if head.num_rows else fields
    fields = with_names(fields, names)
    notes = [f"{origin}: splits {', '.join(map(str, ordered))}"] + (
        [f"left out: splits {', '.join(left)}"] if left else []
    )
    with Writer(store, fields, origin) as writer:
        for split in ordered:
            _write_split(
                writer,
                found[split],
                fields,
                names,
                Path(f"{origin}/{split}"),
                splits[split] if len(splits) > 1 else None,
            )
        return writer.finish(notes, "parquet")


def _write_split(
    writer: Writer, data: Any, fields: tuple[Field, ...], names: dict[str, list[str]], path: Path, part: int | None
) -> None:
    if [field.name for field in fields] != list(data.column_names):
        raise DataError(f"the splits differ in their columns: {', '.join(data.column_names[:12])}", path)
    writer.begin(path, part)
    plain = data.with_format("arrow")

    def batches() -> Iterator[pa.RecordBatch]:
        for at in range(0, len(data), _BATCH):
            yield from plain[at : at + _BATCH].combine_chunks().to_batches()

    for batch in batches_of(batches(), fields, path, names):
        writer.add(batch)
