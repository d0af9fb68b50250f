"""Rewrite a work file without the room that deleted rows have left in it.

warehouse.duckdb → .warehouse.compact.duckdb (copied, every table compared) → warehouse.duckdb

Killed at any line the old file stands, or the new one, which holds the same. Run alone: `fifty compact acme`.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fifty.disk import refuse_short_disk
from fifty.errors import FatalError, SettingsError
from fifty.fingerprint import quote_name
from fifty.landing import sync_folder
from fifty.serving import sync_file
from fifty.settings import Settings
from fifty.shapes import quote_text
from fifty.warehouse import BrandPaths, connect, duckdb_config, lock_brand

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compaction:
    """What became of a work file. `is_replaced` is False where the copy was no smaller, and the file was left as it is."""

    brand: str
    bytes_before: int
    bytes_after: int
    table_count: int
    seconds: float
    is_replaced: bool


def compact_brand(paths: BrandPaths, settings: Settings) -> Compaction:
    """Rewrite the brand's work file under its lock.

    Raises SettingsError where there is none, DiskError where the copy would not fit beside it, FatalError where the copy is not the same: then the old
    one stays.
    """
    started = time.monotonic()
    copy = paths.root / ".warehouse.compact.duckdb"
    with lock_brand(paths, settings):
        _remove_database(copy)
        if not paths.warehouse.exists():
            raise SettingsError("there is no work file to compact", where=paths.brand, seen=f"no {paths.warehouse}", remedy="run `fifty run` first")
        with connect(paths, settings) as connection:
            connection.execute("checkpoint")
        before = paths.warehouse.stat().st_size
        refuse_short_disk({paths.root: before}, settings, what="a second work file", where=paths.brand)
        logger.info("compact brand=%s bytes=%d", paths.brand, before)
        table_count = _copy_database(paths.warehouse, copy, settings)
        after = copy.stat().st_size
        if after < before:
            sync_file(copy)
            copy.replace(paths.warehouse)
            sync_folder(paths.root)
        else:
            _remove_database(copy)
    done = Compaction(paths.brand, before, min(before, after), table_count, round(time.monotonic() - started, 3), after < before)
    logger.info("compact brand=%s bytes=%d tables=%d seconds=%.2f", paths.brand, done.bytes_after, table_count, done.seconds)
    return done


def _copy_database(old: Path, new: Path, settings: Settings) -> int:
    """Copy and compare; returns the number of tables. The new one bears the old one's name meanwhile, because views name the file they are in."""
    connection = duckdb.connect(config={**duckdb_config(settings), "preserve_insertion_order": True})
    try:
        connection.execute(f"attach {quote_text(str(old))} as before (read_only)")
        connection.execute(f"attach {quote_text(str(new))} as {quote_name(old.stem)}")
        connection.execute(f"copy from database before to {quote_name(old.stem)}")
        connection.execute(f"checkpoint {quote_name(old.stem)}")
        expected, found = (_describe_database(connection, name) for name in ("before", old.stem))
        connection.execute(f"detach {quote_name(old.stem)}")
    finally:
        connection.close()
    differing = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if differing:
        _remove_database(new)
        raise FatalError(
            "the copy is not what was copied, and was removed",
            where=str(old),
            seen=f"differing: {', '.join(differing)}",
            expected="the same tables, columns, views, rows",
            remedy="look at the disk; `fifty replay` rebuilds the work file from landing",
        )
    return sum(kind == "table" for kind, *_ in found.values())


def _describe_database(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, tuple[object, ...]]:
    """`schema.name` to kind, columns and, of a table, its number of rows and the sum of their hashes, which no order alters."""
    columns: dict[tuple[str, str], list[str]] = {}
    for schema, name, column, kind in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = ? and not internal"
        " order by schema_name, table_name, column_index",
        [catalog],
    ).fetchall():
        columns.setdefault((schema, name), []).append(f"{column} {kind}")
    views = {
        (schema, name)
        for schema, name in connection.execute(
            "select schema_name, view_name from duckdb_views() where database_name = ? and not internal", [catalog]
        ).fetchall()
    }
    described: dict[str, tuple[object, ...]] = {}
    for (schema, name), listed in columns.items():
        content: tuple[object, ...] = ("view",)
        if (schema, name) not in views:
            relation = f"{quote_name(catalog)}.{quote_name(schema)}.{quote_name(name)}"
            content = ("table", *connection.execute(f"select count(*), sum(hash(one)::hugeint) from {relation} as one").fetchall()[0])
        described[f"{schema}.{name}"] = (*content, tuple(listed))
    return described


def _remove_database(path: Path) -> None:
    for remains in (path, path.with_name(path.name + ".wal")):
        remains.unlink(missing_ok=True)
