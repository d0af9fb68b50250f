"""What every published table and column means, for the data dictionary in the file and beside each extract.

dbt's manifest.json, fifty/published.yml → read_dictionary() → {`schema.table`: TableEntry} → ops.data_dictionary, dictionary.csv

Try it alone: `python -m fifty.dictionary data/<brand>/dbt_target/manifest.json` prints tables and columns.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fifty.errors import FatalError
from fifty.yaml_files import read_yaml

PUBLISHED_FILE = Path(__file__).with_name("published.yml")
MART_SCHEMAS = ("engagement", "relationships")
READABLE_SCHEMAS = (*MART_SCHEMAS, "ops")


@dataclass(frozen=True)
class ColumnEntry:
    """Meaning of one column; `type` is NULL where dbt does not state it."""

    name: str
    description: str
    unit: str | None = None
    type: str | None = None
    is_volatile: bool = False


@dataclass(frozen=True)
class TableEntry:
    """Meaning of one published table."""

    schema: str
    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[ColumnEntry, ...]

    def find_column(self, name: str) -> ColumnEntry | None:
        """The column's entry, or None where it is not described."""
        return next((column for column in self.columns if column.name == name), None)


@cache
def read_own_tables() -> dict[str, TableEntry]:
    """The tables that publish itself makes, from published.yml."""
    raw = read_yaml(PUBLISHED_FILE)
    return {
        f"ops.{name}": TableEntry(
            "ops",
            name,
            spec["description"],
            _find_grain(spec["description"]),
            tuple(spec["key"]),
            tuple(
                ColumnEntry(column, item["description"], item.get("unit"), item["type"], bool(item.get("volatile")))
                for column, item in spec["columns"].items()
            ),
        )
        for name, spec in raw.items()
    }


def read_dictionary(manifest: Path) -> dict[str, TableEntry]:
    """Entries of all published tables by `schema.table`: dbt's marts and publish's own.

    Raises FatalError when the manifest is missing or is not one of dbt's.
    """
    try:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FatalError(
            "the data dictionary cannot be made",
            where=str(manifest),
            seen=f"{type(error).__name__}: {' '.join(str(error).split())}",
            expected="the manifest.json that dbt writes while transforming",
            remedy="run `fifty transform`, then publish again",
        ) from None
    entries = {}
    for node in nodes.values():
        if node.get("resource_type") == "model" and node.get("schema") in READABLE_SCHEMAS:
            entry = _read_model(node)
            entries[f"{entry.schema}.{entry.name}"] = entry
    return {**entries, **read_own_tables()}


def _read_model(node: dict[str, Any]) -> TableEntry:
    meta = _find_meta(node)
    description = " ".join(node.get("description", "").split())
    return TableEntry(
        node["schema"],
        node.get("alias") or node["name"],
        description,
        meta.get("grain") or _find_grain(description),
        tuple(meta.get("key", ())),
        tuple(_read_column(name, item) for name, item in node.get("columns", {}).items()),
    )


def _read_column(name: str, item: dict[str, Any]) -> ColumnEntry:
    meta = _find_meta(item)
    tags = set(item.get("tags") or ()) | set((item.get("config") or {}).get("tags") or ())
    return ColumnEntry(name, " ".join(item.get("description", "").split()), meta.get("unit"), item.get("data_type"), "volatile" in tags)


def _find_meta(item: dict[str, Any]) -> dict[str, Any]:
    # dbt 1.11 keeps `meta` at both places for models, and under `config` alone where a project is strict.
    return {**(item.get("meta") or {}), **((item.get("config") or {}).get("meta") or {})}


def _find_grain(description: str) -> str:
    # House rule: the first sentence of a mart's description is its grain.
    return re.split(r"(?<=[.:]) ", description, maxsplit=1)[0].rstrip(".:")


if __name__ == "__main__":
    import sys

    for full_name, table in sorted(read_dictionary(Path(sys.argv[1])).items()):
        sys.stdout.write(f"{full_name}: {table.grain}\n")
        for line in table.columns:
            sys.stdout.write(f"    {line.name} [{line.unit or '-'}] {line.description}\n")
