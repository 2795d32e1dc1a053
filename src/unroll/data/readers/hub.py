"""Public data sets by name, through the optional `datasets` library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unroll.data.readers.parquet import batches_of, fields_of, settle
from unroll.data.table.splits import PART_NAMES
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
    fields = fields_of(_decoded_schema(found[ordered[0]]), origin)
    first = _decoded(found[ordered[0]].with_format("arrow")[:256], found[ordered[0]])
    fields = settle(fields, first.combine_chunks().to_batches()[0]) if first.num_rows else fields
    notes = [f"{origin}: splits {', '.join(map(str, ordered))}"] + (
        [f"left out: splits {', '.join(left)}"] if left else []
    )
    with Writer(store, fields, origin) as writer:
        for split in ordered:
            _write_split(
                writer, found[split], fields, Path(f"{origin}/{split}"), splits[split] if len(splits) > 1 else None
            )
        return writer.finish(notes, "parquet")


def _write_split(writer: Writer, data: Any, fields: tuple[Field, ...], path: Path, part: int | None) -> None:
    if [field.name for field in fields] != list(data.column_names):
        raise DataError(f"the splits differ in their columns: {', '.join(data.column_names[:12])}", path)
    writer.begin(path, part)
    plain = data.with_format("arrow")

    def batches() -> Any:
        for at in range(0, len(data), _BATCH):
            yield from _decoded(plain[at : at + _BATCH], data).combine_chunks().to_batches()

    for batch in batches_of(batches(), fields, path):
        writer.add(batch)


def _class_names(data: Any) -> dict[str, list[str]]:
    return {name: feature.names for name, feature in data.features.items() if type(feature).__name__ == "ClassLabel"}


def _decoded_schema(data: Any) -> Any:
    return _decoded(data.with_format("arrow")[:1], data).schema


def _decoded(rows: Any, data: Any) -> Any:
    """Replace class numbers by class names; -1 (no label) becomes an empty cell."""
    import pyarrow as pa

    for name, names in _class_names(data).items():
        numbers = rows.column(name).to_pylist()
        texts = [None if number is None or number < 0 else names[number] for number in numbers]
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(texts, pa.large_string()))
    return rows
