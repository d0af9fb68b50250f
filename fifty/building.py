"""What a build of the marts may stand on: nothing, or the tables that the build before it left. And what the gate said of the build that is there.

ops.built, ops.built_loads, ops.loads, dbt_project/ → Footing(is_kept, why) → transform → ops.built, ops.built_loads

A build that stands on the one before reads, for the models that are `kept_up` (dbt_project/macros/keeping_up.sql), only the rows of what the loads
added since touch. It must give what a build from nothing gives; wherever that is not certain, the build is one from nothing, and says why.
The record of a build is removed before its first table changes and written after its last: whatever is killed or fails between, the next build
finds none and stands on nothing (decision 0011). The verdict of the gate of the marts goes with that record: it is always about the build that is
there, whatever runs are called, and publish asks for it (decision 0004).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fifty.errors import FatalError
from fifty.history import PLATFORM as HISTORY_PLATFORM
from fifty.warehouse import TABLES_FILE, read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

#: the value of FIFTY_RUN_BUILD, as the macro keeps_up() reads it
KEPT, FROM_NOTHING = "added loads", "from nothing"
#: more added lines than this share of all, and a build from nothing costs no more
MOST_ADDED_SHARE = 0.25

# A load as a build read it: its lines change with its manifest, its verdict or the ledger that the gate writes, and with a line in quarantine a
# listing is no evidence of absence.
_READ_LOADS = """
    select
        load_id,
        concat_ws('|', coalesce(manifest_sha256, '-'), coalesce(manifest_revision, 0), load_status, observed_at, coalesce(row_counts, '-'),
            coalesce(accepted_count, -1), coalesce(waiting.line_count, 0)) as state
    from ops.loads
    left join (select load_id, count(*) as line_count from ops.quarantine where replayed_at is null group by load_id) as waiting using (load_id)
    where load_status in ('accepted', 'warned')
"""


@dataclass(frozen=True)
class Footing:
    """What a build stands on, and why in words that end a sentence."""

    is_kept: bool
    why: str
    project: str

    @property
    def build(self) -> str:
        """As the models are told."""
        return KEPT if self.is_kept else FROM_NOTHING

    @property
    def message(self) -> str:
        """In words, for the log and for `ops.runs`."""
        return f"built on the build before, {self.why}" if self.is_kept else f"built from nothing: {self.why}"


@dataclass(frozen=True)
class Build:
    """The finished build that the marts are of."""

    as_of: date
    known_at: str
    """As the models were told."""


@dataclass(frozen=True)
class MartsVerdict:
    """What the gate of the marts said of a build, and in which validation run."""

    gate_run_id: str
    is_passed: bool


def find_footing(connection: duckdb.DuckDBPyConnection, project_folder: Path, known_at: str) -> Footing:
    """What a build may stand on now; removes the record of the build before and the verdict on it, so that none is there until this one has ended."""
    project = hash_project(project_folder)
    why = _find_objection(connection, project, known_at)
    footing = Footing(why is None, why or _count_added(connection), project)
    connection.execute("begin")
    connection.execute("delete from ops.built")
    connection.execute("delete from ops.marts_verdict")
    if not footing.is_kept:
        # What was read before is of no use to a build that reads everything.
        connection.execute("delete from ops.built_loads")
    connection.execute("commit")
    return footing


def find_news(connection: duckdb.DuckDBPyConnection, project_folder: Path, *, as_of: date, known_at: str) -> str | None:
    """What a build now would read or do other than the build before; None when it would build the same. Changes nothing.

    What publish has written of itself since is no news: it says what readers were shown of that same build.
    """
    if why := _find_change(connection, hash_project(project_folder), known_at):
        return why
    if connection.execute("select as_of_date from ops.built").fetchall() != [(as_of,)]:
        return "as_of is not that of the build before"
    news = connection.execute(
        "select load_id, load_status from ops.loads anti join ops.built_loads using (load_id)"
        " where platform <> ? and load_status <> 'rejected' order by load_id limit 1",
        [HISTORY_PLATFORM],
    ).fetchone()
    return f"load {news[0]} is {news[1]} and was not read" if news else None


def record_build(connection: duckdb.DuckDBPyConnection, footing: Footing, *, as_of: date, known_at: str) -> None:
    """Say, within the caller's transaction, what has been built from what. The brand must have been locked since `find_footing`."""
    connection.execute("delete from ops.built_loads")
    connection.execute(f"insert into ops.built_loads by name {_READ_LOADS}")
    connection.execute("delete from ops.built")
    # Gone since find_footing; said again here, because no record may ever stand beside a verdict on another build.
    connection.execute("delete from ops.marts_verdict")
    connection.execute(
        "insert into ops.built by name select ? as as_of_date, ? as known_at, ? as project_hash, ? as row_count",
        [as_of, known_at, footing.project, _count_read_rows(connection)],
    )


def find_build(connection: duckdb.DuckDBPyConnection, brand: str, stage: str, *, as_of: date, known_at: str | None = None) -> Build:
    """The build that the marts are of, for a stage that wants those of a day; `known_at` as the models are told, None: whatever it was.

    Raises FatalError when a build began and did not end, and when the marts are of another day or another `known_at`.
    """
    rows = connection.execute("select as_of_date, known_at from ops.built").fetchall()
    if len(rows) != 1:
        raise FatalError(
            "there are no finished marts: no build has ended since the last one began",
            where=f"{brand}/{stage}",
            seen="no build in ops.built",
            expected="a build that ended",
            remedy=f"run `fifty transform --brand {brand} --as-of {as_of}`, then `fifty gate --marts --brand {brand} --as-of {as_of}`",
        )
    build = Build(*rows[0])
    if build.as_of != as_of:
        raise FatalError(
            "the marts are of another day",
            where=f"{brand}/{stage}",
            seen=f"as of {build.as_of}",
            expected=f"as of {as_of}",
            remedy=f"run `fifty transform`, `fifty gate --marts` and `fifty publish`, each with `--brand {brand} --as-of {as_of}`;"
            f" or name the day that the marts are of, `--as-of {build.as_of}`",
        )
    if known_at not in (None, build.known_at):
        raise FatalError(
            "the marts are built from what was known at another instant",
            where=f"{brand}/{stage}",
            seen=f"known at {build.known_at}",
            expected=f"known at {known_at} (9999: everything)",
            remedy=f"run `fifty transform` with the same `--known-at`, then `fifty gate --marts --brand {brand} --as-of {as_of}` and `fifty publish`",
        )
    return build


def record_verdict(connection: duckdb.DuckDBPyConnection, build: Build, verdict: MartsVerdict) -> None:
    """Say, within the caller's transaction, what the gate said of a build. The brand must have been locked since `find_build`."""
    connection.execute("delete from ops.marts_verdict")
    connection.execute(
        "insert into ops.marts_verdict by name select ? as as_of_date, ? as known_at, ? as gate_run_id, ? as is_passed",
        [build.as_of, build.known_at, verdict.gate_run_id, verdict.is_passed],
    )


def read_verdict(connection: duckdb.DuckDBPyConnection, build: Build) -> MartsVerdict | None:
    """What the gate said of the build that is there; None when it has not judged it."""
    row = connection.execute(
        "select gate_run_id, is_passed from ops.marts_verdict where as_of_date = ? and known_at = ?", [build.as_of, build.known_at]
    ).fetchone()
    return MartsVerdict(*row) if row else None


def hash_project(folder: Path) -> str:
    """sha256 of everything that says how staging rows become tables: the models, macros and seeds, the tables, the engine."""
    digest = hashlib.sha256(f"{duckdb.__version__}\n".encode())
    for path in (*sorted(_list_files(folder)), TABLES_FILE):
        digest.update(f"{path.name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _list_files(folder: Path) -> Iterator[Path]:
    yield folder / "dbt_project.yml"
    for part in ("models", "macros", "seeds"):
        yield from (path for path in (folder / part).rglob("*") if path.is_file())


def _find_objection(connection: duckdb.DuckDBPyConnection, project: str, known_at: str) -> str | None:
    """The first reason against standing on the build before; None when there is none."""
    if why := _find_change(connection, project, known_at):
        return why
    added, total = _count_lines(connection)
    if added > MOST_ADDED_SHARE * total:
        return f"{added:,} of {total:,} lines are new"
    return None


def _find_change(connection: duckdb.DuckDBPyConnection, project: str, known_at: str) -> str | None:
    """The first thing that the build before read and that is not so any more; None when all of it still is."""
    built = connection.execute("select known_at, project_hash, row_count from ops.built").fetchall()
    if len(built) != 1:
        return "there is no finished build to stand on"
    [(built_known_at, built_project, row_count)] = built
    if built_project != project:
        return "the models are not those of the build before"
    if built_known_at != known_at:
        return "known_at is not that of the build before"
    changed = connection.execute(
        f"select load_id from ops.built_loads anti join ({_READ_LOADS}) as now using (load_id, state) order by load_id limit 1"
    ).fetchone()
    if changed:
        return f"load {changed[0]} is not as the build before read it"
    if _count_read_rows(connection) != row_count:
        return "rows of loads that the build before read came or went"
    return None


def _count_lines(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    row = connection.execute(
        "select coalesce(sum(accepted_count) filter (where load_id not in (select load_id from ops.built_loads)), 0), coalesce(sum(accepted_count), 0)"
        " from ops.loads where load_status in ('accepted', 'warned')"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _count_added(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute(f"select count(*) from ({_READ_LOADS}) as now anti join ops.built_loads using (load_id)").fetchone()
    assert row is not None
    return f"{row[0]:,} loads added with {_count_lines(connection)[0]:,} lines"


def _count_read_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """Staging rows of the loads in `ops.built_loads`: lines that went behind the ledger's back are missed here."""
    counts = " + ".join(
        f"(select count(*) from staging.{table.name} where load_id in (select load_id from ops.built_loads))"
        for table in read_tables().values()
        if table.schema == "staging"
    )
    row = connection.execute(f"select {counts}").fetchone()
    assert row is not None
    return int(row[0])
