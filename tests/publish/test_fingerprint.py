"""The fingerprint against a slow reference that knows nothing of DuckDB's ways of writing a value."""

from __future__ import annotations

import hashlib
import math
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from fifty.errors import FatalError
from fifty.fingerprint import fingerprint_marts, fingerprint_tables

_COLUMNS = {"id": "VARCHAR", "count": "BIGINT", "rate": "DOUBLE", "flag": "BOOLEAN", "day": "DATE", "at_time": "TIMESTAMP"}
_INSTANTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1))
_ROWS = st.lists(
    st.tuples(
        st.none()
        | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
        | st.sampled_from(["\\N", "", "\t", "\\t", "\n", "a\\nb"]),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=True, allow_infinity=True),
        st.none() | st.booleans(),
        st.none() | st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1)),
        st.none() | _INSTANTS,
    ),
    max_size=12,
)


def _write_value(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    if isinstance(value, datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
        return f"{text}.{value.microsecond:06d}".rstrip("0") if value.microsecond else text
    return str(value)


def _fingerprint_slowly(tables: dict[str, list[tuple[Any, ...]]]) -> str:
    text = b""
    for name in sorted(tables):
        text += "\t".join([name, *(f"{column} {kind}" for column, kind in _COLUMNS.items())]).encode() + b"\n"
        text += b"".join(sorted("\t".join(map(_write_value, row)).encode() + b"\n" for row in tables[name]))
    return hashlib.sha256(text).hexdigest()


def _write_table(connection: duckdb.DuckDBPyConnection, name: str, rows: list[tuple[Any, ...]]) -> None:
    columns = ", ".join(f'"{column}" {kind}' for column, kind in _COLUMNS.items())
    connection.execute(f"create or replace table {name} ({columns})")
    if rows:
        connection.executemany(f"insert into {name} values (?, ?, ?, ?, ?, ?)", rows)


@pytest.fixture(scope="module")
def memory() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create schema engagement")
    connection.execute("create schema relationships")
    connection.execute("create schema ops")
    return connection


@budget(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(posts=_ROWS, people=_ROWS)
def test_fingerprint_equals_a_slow_reference_for_any_values(memory: duckdb.DuckDBPyConnection, posts: Any, people: Any) -> None:
    _write_table(memory, "engagement.posts", posts)
    _write_table(memory, "relationships.people", people)
    assert fingerprint_tables(memory, "memory") == _fingerprint_slowly({"engagement.posts": posts, "relationships.people": people})


def test_reference_holds_over_more_rows_than_one_batch(memory: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fifty.fingerprint._BATCH_ROWS", 2048)
    now = datetime(2026, 1, 1)
    rows = [(f"id {number % 7000}", number, number / 7, None, date(2026, 1, 1), now) for number in range(10_000)]
    _write_table(memory, "engagement.posts", rows)
    _write_table(memory, "relationships.people", [])
    assert fingerprint_tables(memory, "memory") == _fingerprint_slowly({"engagement.posts": rows, "relationships.people": []})


def _make_file(path: Path, statements: list[str]) -> str:
    connection = duckdb.connect(str(path))
    connection.execute("create schema engagement")
    connection.execute("create schema ops")
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return fingerprint_marts(path)


_BASE = ["create table engagement.posts (id varchar, rate double)", "insert into engagement.posts values ('a', 0.1), ('b', null), ('c', 2)"]


def test_order_of_rows_and_of_building_does_not_matter(tmp_path: Path) -> None:
    other = ["create table engagement.posts as from (values ('c', 2::double), ('b', null), ('a', 0.1::double)) as rows(id, rate)"]
    assert _make_file(tmp_path / "one.duckdb", _BASE) == _make_file(tmp_path / "two.duckdb", other)


@pytest.mark.parametrize(
    "change",
    [
        "update engagement.posts set rate = 0.10000000000000002 where id = 'a'",
        "update engagement.posts set id = '' where id = 'b'",
        "update engagement.posts set id = null where id = 'b'",
        "insert into engagement.posts values ('a', 0.1)",
        "delete from engagement.posts where id = 'c'",
        "alter table engagement.posts rename column rate to share",
        "alter table engagement.posts alter id type varchar[] using [id]",
        "create table engagement.more (id varchar)",
    ],
)
def test_every_change_of_content_or_contract_changes_the_fingerprint(tmp_path: Path, change: str) -> None:
    assert _make_file(tmp_path / "one.duckdb", _BASE) != _make_file(tmp_path / "two.duckdb", [*_BASE, change])


def test_null_and_empty_text_differ(tmp_path: Path) -> None:
    empty = [*_BASE, "update engagement.posts set id = '' where id = 'b'"]
    unknown = [*_BASE, "update engagement.posts set id = null where id = 'b'"]
    assert _make_file(tmp_path / "one.duckdb", empty) != _make_file(tmp_path / "two.duckdb", unknown)


def test_volatile_columns_and_the_ops_schema_are_left_out(tmp_path: Path) -> None:
    def build(name: str, stamp: str) -> str:
        return _make_file(
            tmp_path / name,
            [
                f"create table engagement.posts as select 'a' as id, '{stamp}' as built_by",
                "create table ops.data_dictionary as select 'engagement' as schema_name, 'posts' as table_name,"
                " unnest(['id', 'built_by']) as column_name, unnest([false, true]) as is_volatile",
                f"create table ops.freshness as select '{stamp}' as publish_id",
            ],
        )

    assert build("one.duckdb", "monday") == build("two.duckdb", "tuesday")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="remedy: run `fifty transform` first"):
        fingerprint_marts(tmp_path / "none.duckdb")
