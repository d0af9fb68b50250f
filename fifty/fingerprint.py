"""Whether two builds of the marts are identical: the sha256 of one canonical export.

marts (DuckDB) → one line per row, sorted → sha256

The export: for each table of the schemas `engagement` and `relationships`, in order of name, a head line
`schema.table` TAB `column type` … and then its rows. A row is its columns in the order of the contract, separated by TAB, ended by LF.
NULL is `\\N`; in text, backslash, TAB, LF and CR are `\\\\`, `\\t`, `\\n`, `\\r`, so that NULL, empty text and the text `\\N` differ.
Doubles are the shortest text that reads back to the same value (as Python's repr), instants are UTC, booleans true/false.
Rows are sorted by their line (all columns, bytewise), so no key is needed and no two builds can differ by order alone.
Columns that the dictionary calls volatile are left out.

Try it alone: `python -m fifty.fingerprint data/<brand>/published/marts.duckdb`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fifty.dictionary import MART_SCHEMAS
from fifty.errors import FatalError

if TYPE_CHECKING:
    from typing import Any

_BATCH_ROWS = 50_000


def fingerprint_marts(path: Path) -> str:
    """Fingerprint of the marts in a closed or published DuckDB file, 64 hex digits. Raises FatalError when it cannot be opened."""
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise FatalError(
            "the marts cannot be opened",
            where=str(path),
            seen=" ".join(str(error).split()),
            expected="a DuckDB file that no other process writes",
            remedy="run `fifty transform` first, or wait until it has ended",
        ) from None
    try:
        row = connection.execute("select current_database()").fetchone()
        assert row is not None
        return fingerprint_tables(connection, row[0], read_volatile_columns(connection, row[0]))
    finally:
        connection.close()


def read_volatile_columns(connection: duckdb.DuckDBPyConnection, catalog: str) -> set[tuple[str, str, str]]:
    """(schema, table, column) that the file's own dictionary calls volatile; empty where it has no dictionary."""
    found = connection.execute(
        "select 1 from duckdb_tables() where database_name = ? and schema_name = 'ops' and table_name = 'data_dictionary'", [catalog]
    ).fetchone()
    if found is None:
        return set()
    return set(
        connection.execute(f"select schema_name, table_name, column_name from {quote_name(catalog)}.ops.data_dictionary where is_volatile").fetchall()
    )


def fingerprint_tables(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    volatile: Collection[tuple[str, str, str]] = (),
    *,
    schemas: Iterable[str] = MART_SCHEMAS,
) -> str:
    """sha256 of the canonical export of `schemas` in an attached catalog."""
    digest = hashlib.sha256()
    tables: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, kind in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns()"
        " where database_name = ? and list_contains(?, schema_name) order by schema_name, table_name, column_index",
        [catalog, list(schemas)],
    ).fetchall():
        if (schema, table, column) not in volatile:
            tables.setdefault((schema, table), []).append((column, kind))
    for (schema, table), columns in sorted(tables.items()):
        digest.update("\t".join([f"{schema}.{table}", *(f"{name} {kind}" for name, kind in columns)]).encode() + b"\n")
        # No field is NULL, so none is passed over; `||` would copy what a line has grown to with each of its columns.
        line = f"concat_ws(chr(9), {', '.join(_write_field(name, kind) for name, kind in columns)})"
        relation = f"{quote_name(catalog)}.{quote_name(schema)}.{quote_name(table)}"
        reader = connection.execute(f"select {line} || chr(10) as line from {relation} order by line").to_arrow_reader(_BATCH_ROWS)
        for batch in reader:
            digest.update(_read_bytes(batch.column(0)))
    return digest.hexdigest()


def _write_field(name: str, kind: str) -> str:
    text = f"cast({quote_name(name)} as varchar)"
    if kind == "VARCHAR":
        text = (
            # Few texts hold one of the four: looking is cheaper than replacing.
            f"case when contains({text}, chr(92)) or contains({text}, chr(9)) or contains({text}, chr(10)) or contains({text}, chr(13))"
            f" then replace(replace(replace(replace({text}, chr(92), chr(92) || chr(92)), chr(9), chr(92) || 't'),"
            f" chr(10), chr(92) || 'n'), chr(13), chr(92) || 'r') else {text} end"
        )
    elif kind in ("DOUBLE", "FLOAT"):
        # Not-a-number has a sign bit that no arithmetic respects.
        text = f"case when isnan({quote_name(name)}) then 'nan' else {text} end"
    return f"coalesce({text}, chr(92) || 'N')"


def _read_bytes(array: Any) -> memoryview | bytes:
    # Arrow keeps the lines of a batch end to end: hash that memory as it lies.
    if len(array) == 0:
        return b""
    _, offsets, data = array.buffers()
    places = memoryview(offsets).cast("i")
    return memoryview(data)[places[array.offset] : places[array.offset + len(array)]]


def quote_name(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    import sys

    sys.stdout.write(fingerprint_marts(Path(sys.argv[1])) + "\n")
