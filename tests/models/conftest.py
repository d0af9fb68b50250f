"""A brand's work file filled by hand, row by row, through the real tables; and the real transform over it.

Stage(rows) → warehouse.duckdb → run_transform → marts.duckdb → rows as dicts
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest

from fifty.settings import Settings, load_settings
from fifty.transform import TransformResult, run_transform
from fifty.warehouse import BrandPaths, connect, lock_brand, read_tables

AS_OF = date(2026, 10, 31)
START = datetime(2026, 8, 3, tzinfo=UTC).replace(tzinfo=None)
"""Day 0 of the hand-made worlds, a Monday; day 89 is AS_OF, so that the window of 90 days is exactly days 0 to 89."""


def at(day: float) -> datetime:
    """Instant of a day number."""
    return START + timedelta(seconds=round(day * 86400))


@dataclass
class Stage:
    """Rows to be put into staging, by load. Every load is accepted unless said otherwise."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    loads: dict[str, dict[str, Any]] = field(default_factory=dict)
    count: int = 0

    def load(self, load_id: str, *, observed: float = 90.2, platform: str = "bluesky", status: str = "accepted", stream: str = "timeline") -> str:
        """Declare a load, observed at a day number."""
        self.loads[load_id] = {
            "load_id": load_id,
            "platform": platform,
            "source_account_id": "brand",
            "stream": stream,
            "stream_kind": "events",
            "observed_at": at(observed),
            "load_status": status,
        }
        return load_id

    def add(self, table: str, *, load_id: str = "load", **columns: Any) -> None:
        """Add a row; common columns come from its load."""
        if load_id not in self.loads:
            self.load(load_id, platform=columns.get("platform", "bluesky"))
        load = self.loads[load_id]
        self.count += 1
        common = {
            "platform": load["platform"],
            "source_account_id": "brand",
            "load_id": load_id,
            "page": 1,
            "seq": self.count,
            "observed_at": load["observed_at"],
            "scope_key": f"{load['stream']}|{{}}",
        }
        self.rows.setdefault(f"staging.{table}", []).append({**common, **columns})

    def configure(self, *, platforms: tuple[str, ...] = ("bluesky",), settings: dict[str, str] | None = None, load_id: str = "config") -> None:
        """The brand's own account on each platform, staff who answers, staff who does not, an agency and an automaton."""
        self.load(load_id, platform="config", observed=-30, stream="configuration")
        for platform in platforms:
            for account_id, role, answers in (
                ("brand", "brand", True),
                ("sam", "staff", True),
                ("fay", "staff", False),
                ("agency", "agency", False),
                ("robot", "automaton", True),
            ):
                self.add(
                    "config_accounts",
                    load_id=load_id,
                    account_platform=platform,
                    account_id=account_id,
                    handle=account_id,
                    role=role,
                    answers_for_brand=answers,
                    responder_id="sam" if account_id == "sam" else None,
                )
        defaults = {
            "timezone": "Europe/Berlin",
            "working_days": "monday|tuesday|wednesday|thursday|friday",
            "work_start": "09:00",
            "work_end": "17:00",
            "holidays": "2026-10-03",
            "currency": "EUR",
        }
        for name, value in (defaults | (settings or {})).items():
            self.add("config_settings", load_id=load_id, name=name, value=value)

    def post(self, post_id: str, author: str | None, day: float, *, parent: str | None = None, root: str | None = None, **columns: Any) -> None:
        """A message; a reply when it has a parent."""
        self.add(
            "posts",
            **{
                "post_id": post_id,
                "author_account_id": author,
                "kind": "reply" if parent else "post",
                "parent_post_id": parent,
                "root_post_id": root or parent or post_id,
                "text": f"text of {post_id}",
                "url": f"https://example.org/{post_id}",
                "hashtags": [],
                "link_urls": [],
                "mentioned_account_ids": [],
                "created_at": at(day),
                **columns,
            },
        )

    def like(self, actor: str, post_id: str, day: float | None, **columns: Any) -> None:
        """A like, without time when `day` is None."""
        self.add(
            "interactions",
            **{
                "interaction_id": f"like:{actor}:{post_id}",
                "kind": "like",
                "actor_account_id": actor,
                "post_id": post_id,
                "occurred_at": None if day is None else at(day),
                **columns,
            },
        )

    def scope(self, load_id: str, stream: str, *, entity: str, subject_id: str | None = None, items: int, complete: bool = True) -> None:
        """A complete listing read of a stream, unless said otherwise."""
        self.add(
            "scopes",
            load_id=load_id,
            scope_key=f"{stream}|{{}}",
            stream=stream,
            read_kind="listing",
            entity=entity,
            subject_id=subject_id,
            is_complete=complete,
            item_count=items,
        )

    def write(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Insert everything."""
        tables = read_tables()
        self.rows["ops.loads"] = list(self.loads.values())
        for full_name in tables:
            if full_name != "ops.brand_key":
                connection.execute(f"delete from {full_name}")
        for full_name, rows in ((name, rows) for name, rows in self.rows.items() if rows):
            columns = tables[full_name].column_names
            unknown = {name for row in rows for name in row} - set(columns)
            assert not unknown, f"{full_name} has no {unknown}"
            marks = ", ".join("?" for _ in columns)
            connection.execute("begin")
            connection.executemany(f"insert into {full_name} values ({marks})", [[row.get(name) for name in columns] for row in rows])
            connection.execute("commit")


@dataclass
class Brand:
    """A brand in a folder of its own."""

    paths: BrandPaths
    settings: Settings
    result: TransformResult | None = None
    statements: list[str] = field(default_factory=list)
    """What dbt asked of DuckDB, in order; filled for `built` alone."""

    def transform(self, stage: Stage | None = None, *, as_of: date = AS_OF, known_at: datetime | None = None) -> TransformResult:
        """Fill the work file and build the marts."""
        if stage is not None:
            with lock_brand(self.paths, self.settings), connect(self.paths, self.settings) as connection:
                stage.write(connection)
        return run_transform(self.paths, self.settings, as_of=as_of, known_at=known_at, run_id="test")

    def read(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query over the marts (`marts.<schema>.<table>`) and the work file."""
        with connect(self.paths, self.settings, attach_marts=True) as connection:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def open_brand(folder: Path, name: str) -> Brand:
    """A brand under `folder`, sharing nothing but dbt's parse with others."""
    return Brand(BrandPaths(folder, name), load_settings(data=folder, threads=2))


@contextmanager
def record_statements(statements: list[str]) -> Iterator[None]:
    """Note every statement that dbt passes on to DuckDB, and pass it on."""
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

    execute = DuckDBCursorWrapper.execute

    def note(cursor: Any, sql: str, bindings: Any = None) -> Any:
        statements.append(sql)
        return execute(cursor, sql, bindings)

    with mock.patch.object(DuckDBCursorWrapper, "execute", note):
        yield


@pytest.fixture(scope="session")
def brands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder for the brands of this session; one parse of the project serves them all in turn."""
    yield tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def built(brands: Path) -> Brand:
    """T11 as real staging rows, with some business and some who pass posts on, built once."""
    from tests.models.worlds import add_business, add_spread, build_t11

    stage = build_t11()
    add_business(stage)
    add_spread(stage)
    brand = open_brand(brands, "t11")
    with record_statements(brand.statements):
        brand.result = brand.transform(stage)
    return brand


@pytest.fixture(scope="session")
def manifest(built: Brand) -> dict[str, Any]:
    """What dbt knows of the project: each model with its configuration and the path of its compiled SQL."""
    loaded: dict[str, Any] = json.loads((built.paths.dbt_target / "manifest.json").read_text(encoding="utf-8"))
    return loaded
