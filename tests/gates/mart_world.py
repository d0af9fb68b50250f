"""Builds marts from the contracts of the dbt project and a described sample, for the gate's tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from fifty.settings import PROJECT_ROOT

AS_OF = "2026-03-02"
TYPES = {"string": "varchar"}


@cache
def read_contract_types() -> dict[str, dict[str, str]]:
    """Mart to column to DuckDB type."""
    types: dict[str, dict[str, str]] = {}
    for path in sorted((PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("*/*.yml")):
        for model in yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)).get("models", []):
            columns = {column["name"]: TYPES.get(column["data_type"], column["data_type"]) for column in model["columns"]}
            types[f"{path.parent.name}.{model['name']}"] = columns
    return types


def build_marts(path: Path, sample: dict[str, list[dict[str, Any]]]) -> None:
    """Every mart of the contracts, with the sample's rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        for mart, columns in read_contract_types().items():
            connection.execute(f"create schema if not exists {mart.split('.')[0]}")
            connection.execute(f"create table {mart} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
            for row in sample.get(mart, []):
                if unknown := set(row) - set(columns):
                    raise KeyError(f"{mart} has no {unknown}")
                values = [row[name] if name in row else _default(name, kind) for name, kind in columns.items()]
                connection.execute(f"insert into {mart} values ({', '.join('?' * len(values))})", values)


def _default(name: str, kind: str) -> Any:
    if name == "as_of_date":
        return AS_OF
    if name == "parameters_version":
        return "v1"
    if kind == "boolean":
        return False
    return 0 if kind == "bigint" and name.endswith("_count") and not name.startswith("stated_") else None
