"""What was published is remembered: rows of history that readers see for the first time become a load, landed at once.

published marts − staging.published_history → landing/fifty/<publish_id>/published_history/… → staging

A later build reads the rows back: what was said stays as it was said, and what is known better is appended as a restated row with its cause. Called
by publish after readers see the version; a run killed in between is mended by the next publish, which finds the same rows not yet remembered.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import duckdb

from fifty.land import run_land
from fifty.landing import LoadKey, LoadWriter, ScopeRead, Window
from fifty.sent import SentObject
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, connect, lock_brand

log = logging.getLogger(__name__)

PLATFORM, STREAM = "fifty", "published_history"
_KEY = ("history", "subject_id", "period_date", "series", "revision")
_MARTS = {
    "living_relationships_history": """
        select
            'living_relationships' as history, 'brand' as subject_id, living_date as period_date, parameters_version as series, revision,
            restated_cause as cause, null::varchar as stage, living_count, living_weighted, conversing_count, engaged_count, null::double as strength,
            null::bigint as exchange_day_count, null::boolean as is_living, said_as_of_date
        from marts.relationships.living_relationships_history
    """,
    "relationship_history": """
        select
            'relationship' as history, person_id as subject_id, month_start_date as period_date, parameters_version as series, revision,
            restated_cause as cause, stage, null::bigint as living_count, null::double as living_weighted, null::bigint as conversing_count,
            null::bigint as engaged_count, strength, exchange_day_count, is_living, said_as_of_date
        from marts.relationships.relationship_history
    """,
}


def record_history(paths: BrandPaths, settings: Settings, *, publish_id: str, as_of: date, run_id: str) -> int:
    """Land what the marts say of the past and no version before has said; returns the number of rows. Does nothing where all was said before."""
    with lock_brand(paths, settings), connect(paths, settings, attach_marts=True) as connection:
        rows = _list_unsaid(connection)
    if not rows:
        return 0
    start = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    key = LoadKey(paths.brand, PLATFORM, publish_id, STREAM, Window(start, start + timedelta(days=1)))
    with LoadWriter(paths.data, key, kind="events") as writer:
        if not writer.is_finished:
            writer.write({}, 1, rows)
            scope = ScopeRead({}, "window", STREAM, None, True, len(rows), None)
            writer.finish(scopes=[scope], next_state={})
    landed = run_land(paths, settings, run_id=f"{run_id}-history", load_ids=[key.load_id])
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        # Made of marts that have passed their gate. A replay gates it with all other loads.
        connection.execute("update ops.loads set load_status = 'accepted' where load_id = ? and load_status = 'landed'", [key.load_id])
    for failure in landed.failures:
        log.error("history of brand=%s publish_id=%s is not landed: %s", paths.brand, publish_id, failure)
    log.info("history brand=%s publish_id=%s rows=%d", paths.brand, publish_id, len(rows))
    return len(rows)


def _list_unsaid(connection: duckdb.DuckDBPyConnection) -> list[SentObject]:
    """Rows no version has said before, each as the JSON that DuckDB makes of it: a first publish has as many as the brand has people and months."""
    there = {
        row[0]
        for row in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'marts' and schema_name = 'relationships'"
        ).fetchall()
    }
    found = []
    for mart, query in _MARTS.items():
        if mart in there:
            rows = connection.execute(
                f"select cast(to_json(unsaid) as varchar) from ({query}) as unsaid"
                f" anti join staging.published_history using ({', '.join(_KEY)}) order by {', '.join(_KEY)}"
            ).fetchall()
            found += [SentObject({}, text) for (text,) in rows]
    return found
