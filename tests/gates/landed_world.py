"""Lands a described world for the gate's tests: landing files as pull writes them, staging rows and ledger as land leaves them."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import simplejson
import yaml

from fifty.landing import LoadKey, LoadWriter, ScopeRead, Window, canonical_json, format_instant, write_atomically
from fifty.warehouse import BrandPaths, read_tables

SAMPLES = Path(__file__).parent / "samples"


def read_sample(name: str) -> Any:
    return deepcopy(_parse_sample(name))


@cache
def _parse_sample(name: str) -> Any:
    return yaml.load((SAMPLES / name).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def land_good_world(paths: BrandPaths, connection: duckdb.DuckDBPyConnection) -> None:
    """Every load of landed_good.yml; one without items repeats the items of the next one of its stream."""
    loads = read_sample("landed_good.yml")
    for position, load in enumerate(loads):
        source = load if "items" in load else next(later for later in loads[position:] if later["stream"] == load["stream"] and "items" in later)
        land(paths, connection, **{**source, **load})


def land(
    paths: BrandPaths,
    connection: duckdb.DuckDBPyConnection,
    *,
    platform: str,
    account: str,
    stream: str,
    end: str,
    scopes: list[dict[str, Any]],
    items: list[dict[str, Any]],
    status: str = "landed",
) -> str:
    """One load; returns its id. An item is `{scope: position, n: copies, rows: {table: values}}`."""
    instant = datetime.fromisoformat(end)
    key = LoadKey(paths.brand, platform, account, stream, Window(instant - timedelta(days=1), instant))
    writer = LoadWriter(paths.data, key, kind="state")
    # The instant of the load is part of the sample: the clock of the machine must not decide what a check says.
    write_atomically(writer.folder / "started.json", canonical_json({"load_id": key.load_id, "observed_at": format_instant(instant)}).encode())
    writer = LoadWriter(paths.data, key, kind="state")
    reads = [ScopeRead(**scope) for scope in scopes]
    keys = [f"{stream}|{canonical_json(scope['scope'])}" for scope in scopes]
    rows: dict[str, list[dict[str, Any]]] = {}
    seq = 0
    for item in items:
        for number in range(1, item.get("n", 1) + 1):
            seq += 1
            reads[item["scope"]].item_count += 1
            filled = {table: {name: _fill(value, number) for name, value in values.items()} for table, values in item["rows"].items()}
            writer.write(reads[item["scope"]].scope, 1, [filled])
            for table, values in filled.items():
                rows.setdefault(table, []).append({**values, "page": 1, "seq": seq, "scope_key": keys[item["scope"]]})
    writer.finish(scopes=reads, next_state={})
    writer.__exit__()
    for read, scope_key in zip(reads, keys, strict=True):
        facts = {name: getattr(read, name) for name in ("read_kind", "entity", "subject_id", "is_complete", "item_count", "expected_count", "note")}
        rows.setdefault("scopes", []).append({**facts, "scope_key": scope_key, "stream": stream})
    common = {"platform": platform, "source_account_id": account, "load_id": key.load_id, "observed_at": instant.replace(tzinfo=None)}
    for table, values in rows.items():
        insert(connection, f"staging.{table}", [{**one, **common} for one in values])
    counts = {table: len(values) for table, values in rows.items() if table != "scopes"}
    ledger = {
        **common,
        "stream": stream,
        "load_status": status,
        "landed_count": seq,
        "accepted_count": seq,
        "quarantined_count": 0,
        "duplicate_count": 0,
        "row_counts": simplejson.dumps(counts),
        "window_end": instant.replace(tzinfo=None),
    }
    insert(connection, "ops.loads", [ledger])
    return key.load_id


def _fill(value: Any, number: int) -> Any:
    return value.replace("{n}", str(number)) if isinstance(value, str) else value


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    columns = read_tables()[table].columns
    for row in rows:
        if unknown := set(row) - {column.name for column in columns}:
            raise KeyError(f"{table} has no {unknown}")
    casts = ", ".join(f"cast(? as {column.duckdb_type})" for column in columns)
    for start in range(0, len(rows), 100):
        some = rows[start : start + 100]
        connection.execute(
            f"insert into {table} values {', '.join([f'({casts})'] * len(some))}",
            [row.get(column.name) for row in some for column in columns],
        )
