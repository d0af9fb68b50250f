"""Events must fit through a model however many they are: what is held in memory are numbers and people, never the texts of all events."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.models.conftest import Brand

EVENTS, PEOPLE = 750_000, 50_000
LIMIT = "240MB"
"""Where aggregates keep the texts of events this ends with out of memory; with numbers alone a sixth less is enough, too."""
# Names longer than twelve letters: shorter ones need no room of their own.
_ACTOR = f"'someone-whose-name-is-long-as-in-a-network-without-a-centre-' || i % {PEOPLE}"
_LIKES = f"""
    select * exclude (i) replace ('like-at-a-place-whose-name-is-long-as-those-of-lists-are-' || i as interaction_id, {_ACTOR} as actor_account_id)
    from (select * from {{table}} where kind = 'like' and post_id is not null order by all limit 1) cross join range({EVENTS}) as likes (i)
"""
_PEOPLE = f"""
    select * exclude (i) replace (platform || ':' || {_ACTOR} as account_key)
    from (select * from {{table}} order by all limit 1) cross join range({PEOPLE}) as people (i)
"""


@pytest.fixture
def connection(built: Brand, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the brand, as dbt sees it."""
    warehouse = shutil.copy(built.paths.warehouse, tmp_path / "warehouse.duckdb")
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False, "temp_directory": str(tmp_path / "spilled")}) as connection:
        connection.execute(f"attach '{warehouse}' as warehouse; attach '{built.paths.marts}' as marts (read_only)")
        yield connection


def _add(connection: duckdb.DuckDBPyConnection, table: str, rows: str) -> None:
    connection.execute(f"insert into warehouse.{table} by name {rows.format(table='warehouse.' + table)}")


def _read_sql(built: Brand, manifest: dict[str, Any], model: str) -> str:
    path = manifest["nodes"][f"model.fifty.{model}"]["original_file_path"]
    return (built.paths.dbt_target / "compiled" / "fifty" / path).read_text(encoding="utf-8")


def test_the_newest_rows_of_many_events_need_no_memory_for_their_texts(
    built: Brand, manifest: dict[str, Any], connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    _add(connection, "staging.interactions", _LIKES)
    connection.execute(f"checkpoint warehouse; set memory_limit = '{LIMIT}'; attach '{tmp_path / 'result.duckdb'}' as result")
    connection.execute(f"create table result.rows as {_read_sql(built, manifest, 'stg_interactions')}")
    found = connection.execute("select count(*) from result.rows").fetchone()
    assert found is not None
    assert found[0] > EVENTS


def test_events_are_not_held_to_be_joined_with_people(built: Brand, manifest: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
    def count_held_events() -> int:
        """Joins of the plan that hold their left side, which are the events."""
        plan = connection.execute(f"explain (format json) {_read_sql(built, manifest, 'int_interactions')}").fetchall()[-1][1]
        return str(plan).count('"Join Type": "RIGHT"')

    _add(connection, "intermediate.stg_interactions", _LIKES)
    _add(connection, "intermediate.int_person_accounts", _PEOPLE)
    assert count_held_events() > 0, "DuckDB estimates better now: joins_as_written may be of no use any more"
    # dbt sets this before it makes the table, and takes it back.
    asked = [" ".join(statement.split("*/")[-1].split()) for statement in built.statements]
    made = next(
        place for place, sql in enumerate(asked) if sql.startswith('create or replace table "warehouse"."intermediate"."int_interactions" as')
    )
    settings = [(place, sql) for place, sql in enumerate(asked) if "disabled_optimizers" in sql]
    assert [sql for _, sql in settings] == ["set disabled_optimizers = 'build_side_probe_side'", "reset disabled_optimizers"]
    assert settings[0][0] < made < settings[1][0]
    connection.execute(settings[0][1])
    assert count_held_events() == 0
