"""Marts as dbt would leave them, made from the contracts themselves: tables of the declared types and the manifest that describes them.

contracts (dbt_project/models/marts/*/*.yml) + rows → marts.duckdb, dbt_target/manifest.json
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from fifty.building import Footing, MartsVerdict, find_build, record_build, record_verdict
from fifty.publish import PublishResult, run_publish
from fifty.settings import PROJECT_ROOT, Settings
from fifty.transform import write_cut
from fifty.warehouse import BrandPaths, connect, lock_brand

AS_OF = date(2026, 9, 6)
_TYPES = {"string": "varchar", "bigint": "bigint", "double": "double", "boolean": "boolean", "date": "date", "timestamp": "timestamp"}


@cache
def read_contracts() -> dict[str, dict[str, Any]]:
    """`schema.mart` to its model as the contract states it."""
    found = {}
    for file in sorted((PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("*/*.yml")):
        for model in yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)).get("models", []):
            found[f"{file.parent.name}.{model['name']}"] = model
    return found


def write_manifest(path: Path, contracts: Mapping[str, Mapping[str, Any]]) -> None:
    """The part of dbt's manifest.json that describes the marts."""
    nodes = {}
    for full_name, model in contracts.items():
        schema, name = full_name.split(".")
        nodes[f"model.fifty.{name}"] = {
            "resource_type": "model",
            "schema": schema,
            "name": name,
            "alias": name,
            "description": model["description"],
            "config": model.get("config", {}),
            "columns": {column["name"]: column for column in model["columns"]},
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"nodes": nodes}), encoding="utf-8")


def write_marts(
    paths: BrandPaths,
    rows: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    *,
    parameters_version: str = "p1",
    as_of: date = AS_OF,
    filler_rows: int = 3,
    contracts: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write every contracted mart: the given rows, or `filler_rows` made-up ones; `as_of_date` and `parameters_version` are filled in."""
    contracts = contracts or read_contracts()
    paths.root.mkdir(parents=True, exist_ok=True)
    write_manifest(paths.dbt_target / "manifest.json", contracts)
    paths.marts.unlink(missing_ok=True)
    connection = duckdb.connect(str(paths.marts))
    try:
        for full_name, model in contracts.items():
            schema = full_name.split(".")[0]
            columns = {column["name"]: _TYPES[column["data_type"]] for column in model["columns"]}
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {full_name} ({_list_columns(columns)})")
            if rows is not None:
                given = list(rows.get(full_name, []))
            else:
                given = [{name: _make_value(name, kind, number) for name, kind in columns.items()} for number in range(filler_rows)]
            fixed: dict[str, Any] = {"parameters_version": parameters_version}
            values: list[Any] = []
            for row in given:
                unknown = set(row) - set(columns)
                assert not unknown, f"{full_name} has no column {sorted(unknown)}"
                whole = {"as_of_date": as_of, **row, **fixed}
                values += [whole.get(name) for name in columns]
            if given:
                marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(given))
                connection.execute(f"insert into {full_name} values {marks}", values)
    finally:
        connection.close()


def record_built(paths: BrandPaths, settings: Settings, *, as_of: date = AS_OF, known_at: datetime | None = None) -> None:
    """Say of the marts that are there what a transform says at its end. No gate has judged them."""
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        connection.execute("begin")
        record_build(connection, Footing(False, "a test wrote them", "no project"), as_of=as_of, known_at=write_cut(known_at))
        connection.execute("commit")


def record_judged(paths: BrandPaths, settings: Settings, *, run_id: str, as_of: date = AS_OF, is_passed: bool = True) -> None:
    """Say of the build that is there what the gate of the marts says at its end, but for the results."""
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        connection.execute("begin")
        record_verdict(connection, find_build(connection, paths.brand, "gate", as_of=as_of), MartsVerdict(run_id, is_passed))
        connection.execute("commit")


def pass_marts(paths: BrandPaths, settings: Settings, *, run_id: str, as_of: date = AS_OF, known_at: datetime | None = None) -> None:
    """Let the marts that are there be built and have passed the gate."""
    record_built(paths, settings, as_of=as_of, known_at=known_at)
    record_judged(paths, settings, run_id=run_id, as_of=as_of)


def publish_passed(paths: BrandPaths, settings: Settings, *, run_id: str, as_of: date = AS_OF, known_at: datetime | None = None) -> PublishResult:
    """Publish the marts that are there as a run does after its gate has passed them."""
    pass_marts(paths, settings, run_id=run_id, as_of=as_of, known_at=known_at)
    return run_publish(paths, settings, run_id=run_id, as_of=as_of, known_at=known_at)


def _make_value(name: str, kind: str, number: int) -> Any:
    if kind == "bigint":
        return number + 1
    if kind == "double":
        return (number + 1) / 3
    if kind == "boolean":
        return number % 2 == 0
    if kind == "date":
        return date(2026, 9, 1 + number)
    if kind == "timestamp":
        return f"2026-09-0{1 + number} 10:00:00"
    return f"{name} {number}"


def _list_columns(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns.items())


def _quote_all(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
