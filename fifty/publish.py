"""Publish: the finished marts become a new read-only version, swapped in at once; older versions stay for roll-back.

marts.duckdb that passed + gate results, freshness, dictionary → versions/<publish_id>/{marts.duckdb, parquet/, version.json} → current → marts.duckdb → bi.duckdb

A version is built in a folder with a temporary name and appears by one rename: a folder without a leading dot is complete. Then `current`,
`published/marts.duckdb` and the views of bi.duckdb are switched, each at once, and last the row of `ops.publishes` is written. A run killed anywhere
is mended by the next one: what is complete is taken as it is, what is half-built is removed.

`publish_id` is `<as_of>-<number>-<first 8 of the fingerprint>`; the number counts publishes of the brand. The same content for the same day
and `known_at` makes no new version. Run alone: `fifty publish --brand <brand>`; see docs/decisions/0004-publish.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from fifty.building import MartsVerdict, find_build, read_verdict
from fifty.dictionary import MART_SCHEMAS, READABLE_SCHEMAS, TableEntry, read_dictionary, read_own_tables
from fifty.errors import FatalError, GateFailed, SettingsError
from fifty.fingerprint import fingerprint_marts, fingerprint_tables, quote_name
from fifty.history import record_history
from fifty.landing import hash_file, sync_folder
from fifty.serving import (
    ServedColumn,
    ServedTable,
    list_served,
    read_served_version,
    replace_link,
    seal_file,
    serve_version,
)
from fifty.settings import Settings
from fifty.shapes import quote_text
from fifty.transform import write_cut
from fifty.warehouse import BrandPaths, connect, duckdb_config, lock_brand

__all__ = [
    "PublishResult",
    "Version",
    "fingerprint_marts",
    "list_prunable_versions",
    "list_versions",
    "open_version",
    "prepare_folder",
    "prune_versions",
    "read_current_version",
    "run_publish",
    "switch_version",
]

log = logging.getLogger(__name__)

_ID = re.compile(r"^(?P<as_of>[0-9]{8})-(?P<number>[0-9]{6})-(?P<head>[0-9a-f]{8})$")


@dataclass(frozen=True)
class RuleChange:
    """From this version on other parameters are in force than in the version that readers saw before."""

    as_of_date: str
    publish_id: str
    parameters: Mapping[str, tuple[float | None, float | None]]
    """Name to value before and after; NULL before is new, NULL after is gone."""


@dataclass(frozen=True)
class Version:
    """A complete published version, as its version.json says. `tables` is `schema.table` to rows."""

    publish_id: str
    number: int
    as_of_date: str
    known_at: str | None
    parameters_version: str | None
    fingerprint: str
    content: str
    """sha256 over the fingerprint and the readable tables of `ops`: two runs with equal content need one version."""
    previous_publish_id: str | None
    run_id: str
    marts_sha256: str
    tables: Mapping[str, int] = field(default_factory=dict)
    rule_changes: tuple[RuleChange, ...] = ()
    """Oldest first. Carried from version to version, because old ones are pruned: a page must be able to say which older pages counted otherwise."""


@dataclass(frozen=True)
class PublishResult:
    """What a publish came to."""

    publish_id: str
    previous_publish_id: str | None
    fingerprint: str
    is_new: bool
    """False: the content was published already."""
    is_switched: bool
    """What readers see has changed."""
    tables: Mapping[str, int]
    path: Path

    @property
    def table_count(self) -> int:
        """Tables in the version."""
        return len(self.tables)

    @property
    def message(self) -> str:
        """The result in words."""
        if self.is_new:
            return f"published {self.publish_id}: {self.table_count} tables, {sum(self.tables.values())} rows"
        if self.is_switched:
            return f"{self.publish_id} was complete already and is what readers see now"
        return f"nothing new: {self.publish_id} has the same content and stays"


def run_publish(paths: BrandPaths, settings: Settings, *, run_id: str, as_of: date, known_at: datetime | None = None) -> PublishResult:
    """Make the marts that dbt built a version and let readers see it.

    Raises GateFailed when the gate has found these marts wanting; FatalError when there are no finished marts, when they are not those of `as_of` and
    `known_at`, or when the gate has not judged them; RetryableError when another process writes the brand.
    """
    log.info("publish start brand=%s as_of=%s run_id=%s", paths.brand, as_of, run_id)
    dictionary = read_dictionary(paths.dbt_target / "manifest.json")
    with lock_brand(paths, settings):
        prepare_folder(paths, settings)
        _remove_leftovers(paths.published)
        if not paths.marts.exists():
            raise _missing_marts(paths, f"no file {paths.marts}")
        with connect(paths, settings, attach_marts=True) as connection:
            verdict = _find_passed(connection, paths, as_of, known_at)
            draft = _prepare_marts(connection, paths, dictionary, run_id=run_id, as_of=as_of, known_at=known_at, gate_run_id=verdict.gate_run_id)
        existing = _find_version(paths.published, draft)
        if existing is None:
            _build_version(paths, settings, draft, dictionary)
        version = existing or draft
        is_switched = _switch_to(paths, settings, version)
        with connect(paths, settings) as connection:
            _record_versions(connection, paths.published)
    record_history(paths, settings, publish_id=version.publish_id, as_of=as_of, run_id=run_id)
    result = PublishResult(
        publish_id=version.publish_id,
        previous_publish_id=version.previous_publish_id,
        fingerprint=version.fingerprint,
        is_new=existing is None,
        is_switched=is_switched,
        tables=version.tables,
        path=paths.published / "versions" / version.publish_id,
    )
    log.info("publish end brand=%s %s", paths.brand, result.message)
    return result


def switch_version(paths: BrandPaths, settings: Settings, version: str) -> PublishResult:
    """Let readers see an older (or newer) version again; the next publish switches on from there.

    Raises SettingsError for a version that is not there, FatalError for one that is not what it was when published.
    """
    with lock_brand(paths, settings):
        _remove_leftovers(paths.published)
        chosen = next((one for one in list_versions(paths) if one.publish_id == version), None)
        if chosen is None:
            raise SettingsError(
                f"version {version!r} is not kept",
                where=f"{paths.brand}/publish",
                expected=", ".join(one.publish_id for one in list_versions(paths)) or "a version; nothing is published yet",
                remedy="use one of these",
            )
        file = paths.published / "versions" / version / "marts.duckdb"
        if (seen := hash_file(file)) != chosen.marts_sha256:
            raise FatalError(
                "the version is damaged, nothing was switched",
                where=str(file),
                seen=f"sha256 {seen}",
                expected=f"sha256 {chosen.marts_sha256}",
                remedy="choose another version, or publish again",
            )
        before = read_current_version(paths)
        is_switched = _switch_to(paths, settings, chosen)
    log.info("publish switch brand=%s from=%s to=%s", paths.brand, before, version)
    return PublishResult(
        publish_id=version,
        previous_publish_id=before,
        fingerprint=chosen.fingerprint,
        is_new=False,
        is_switched=is_switched,
        tables=chosen.tables,
        path=file.parent,
    )


def list_versions(paths: BrandPaths) -> list[Version]:
    """The complete versions kept, oldest publish first."""
    folder = paths.published / "versions"
    found = [_read_version(one) for one in folder.iterdir() if _ID.match(one.name)] if folder.is_dir() else []
    return sorted(found, key=lambda one: one.number)


def read_current_version(paths: BrandPaths) -> str | None:
    """publish_id of what readers see, or None before the first publish."""
    link = paths.published / "current"
    return link.readlink().name if link.is_symlink() else None


def prune_versions(paths: BrandPaths, settings: Settings, *, keep: int | None = None) -> list[str]:
    """Remove all but the newest `keep` versions (default: the setting), never one that readers are shown; returns what was removed."""
    with lock_brand(paths, settings):
        _remove_leftovers(paths.published)
        removed = list_prunable_versions(paths, settings, keep=keep)
        for one in removed:
            # Renamed first: a folder under its own name is complete, whatever happens meanwhile.
            hidden = paths.published / "versions" / f".removed-{one}"
            (paths.published / "versions" / one).rename(hidden)
            shutil.rmtree(hidden)
    if removed:
        log.info("publish prune brand=%s removed=%s", paths.brand, ",".join(removed))
    return removed


def list_prunable_versions(paths: BrandPaths, settings: Settings, *, keep: int | None = None) -> list[str]:
    """What prune_versions would remove now."""
    versions = [one.publish_id for one in list_versions(paths)]
    needed = {*versions[-max(keep or settings.keep_versions, 1) :], read_current_version(paths), *list_served(paths.published)}
    return [one for one in versions if one not in needed]


@contextmanager
def open_version(paths: BrandPaths, publish_id: str | None = None) -> Iterator[tuple[Version, duckdb.DuckDBPyConnection]]:
    """Open a published version (default: the current one) read-only. It stays the same version however many publishes come meanwhile.

    Raises FatalError when nothing is published.
    """
    chosen = publish_id or read_current_version(paths)
    folder = paths.published / "versions" / str(chosen)
    if chosen is None or not folder.is_dir():
        raise FatalError(
            "nothing is published" if chosen is None else f"version {chosen} is not there",
            where=f"{paths.brand}/published",
            expected="a published version",
            remedy="run `fifty publish` first",
        )
    connection = duckdb.connect(str(folder / "marts.duckdb"), read_only=True)
    try:
        connection.execute("set timezone = 'UTC'")
        yield _read_version(folder), connection
    finally:
        connection.close()


def _find_passed(connection: duckdb.DuckDBPyConnection, paths: BrandPaths, as_of: date, known_at: datetime | None) -> MartsVerdict:
    """The gate's verdict on the build that is there. The run's name proves nothing: a load that comes after the gate gives the next run another, and
    between a run's gate and its publish another run may have built."""
    build = find_build(connection, paths.brand, "publish", as_of=as_of, known_at=write_cut(known_at))
    verdict = read_verdict(connection, build)
    if verdict is None:
        raise FatalError(
            "the gate has not judged these marts: they are not published",
            where=f"{paths.brand}/publish",
            seen="no verdict on the build that is there",
            expected="one that passed",
            remedy=f"run `fifty gate --marts --brand {paths.brand} --as-of {as_of}`, then `fifty publish` again",
        )
    if not verdict.is_passed:
        failed = connection.execute(
            "select suite || ' ' || expectation_id || ' ' || outcome from ops.gate_results"
            " where stage = 'marts' and severity = 'critical' and outcome != 'passed' and gate_run_id = ? order by all",
            [verdict.gate_run_id],
        ).fetchall()
        raise GateFailed(
            "the gate stopped these marts: they are not published",
            where=f"{paths.brand}/publish/{verdict.gate_run_id}",
            seen=", ".join(row[0] for row in failed),
            expected="every critical expectation to pass",
            remedy="mend what is named, then run `fifty transform`, `fifty gate --marts` and `fifty publish` again",
        )
    return verdict


def _prepare_marts(
    connection: duckdb.DuckDBPyConnection,
    paths: BrandPaths,
    dictionary: Mapping[str, TableEntry],
    *,
    run_id: str,
    as_of: date,
    known_at: datetime | None,
    gate_run_id: str,
) -> Version:
    """Add the readable `ops` tables to the marts and say what version this would be."""
    tables = _list_tables(connection)
    missing = sorted(set(dictionary) - set(read_own_tables()) - {f"{schema}.{name}" for schema, name in tables})
    if missing or not any(schema in MART_SCHEMAS for schema, _ in tables):
        raise _missing_marts(paths, f"not in {paths.marts}: {', '.join(missing) or ' and '.join(MART_SCHEMAS)}")
    for schema, name in tables:
        # Left by a model that is gone: nobody keeps it up to date any more.
        if f"{schema}.{name}" not in dictionary:
            log.warning("publish: %s.%s is no model any more and is not published", schema, name)
            connection.execute(f"drop table marts.{quote_name(schema)}.{quote_name(name)}")
    parameters_version = _read_parameters_version(connection, tables)
    facts = {
        "as_of": as_of,
        "known_at": known_at,
        "parameters_version": parameters_version,
        "gate_run_id": gate_run_id,
        "publish_id": None,
    }
    connection.execute("create schema if not exists marts.ops")
    connection.execute("begin")
    for name in ("freshness", "gate_results"):
        _create_own_table(connection, read_own_tables()[f"ops.{name}"])
        connection.execute(f"insert into marts.ops.{name} by name {_QUERIES[name]}", {key: facts[key] for key in _PARAMETERS[name]})
    _create_own_table(connection, read_own_tables()["ops.data_dictionary"])
    _fill_dictionary(connection, dictionary, as_of, parameters_version)
    connection.execute("commit")
    volatile = {(entry.schema, entry.name, column.name) for entry in dictionary.values() for column in entry.columns if column.is_volatile}
    fingerprint = fingerprint_tables(connection, "marts", volatile)
    content = hashlib.sha256(f"{fingerprint} {fingerprint_tables(connection, 'marts', volatile, schemas=['ops'])}".encode()).hexdigest()
    number, previous = _read_last_publish(connection, paths)
    publish_id = f"{as_of:%Y%m%d}-{number + 1:06d}-{fingerprint[:8]}"
    counts = {}
    for schema, name in _list_tables(connection):
        row = connection.execute(f"select count(*) from marts.{quote_name(schema)}.{quote_name(name)}").fetchone()
        counts[f"{schema}.{name}"] = row[0] if row else 0
    return Version(
        publish_id=publish_id,
        number=number + 1,
        as_of_date=as_of.isoformat(),
        known_at=known_at.isoformat() if known_at else None,
        parameters_version=parameters_version,
        fingerprint=fingerprint,
        content=content,
        previous_publish_id=previous,
        run_id=run_id,
        marts_sha256="",
        tables=counts,
        rule_changes=_note_rule_change(connection, paths.published, previous, publish_id, as_of, parameters_version),
    )


_PARAMETERS = {
    "freshness": ("as_of", "known_at", "parameters_version", "publish_id"),
    "gate_results": ("as_of", "parameters_version", "gate_run_id", "known_at"),
}
_QUERIES = {
    "freshness": """
        with known_loads as (
            select *, load_status in ('accepted', 'warned') as is_used
            from ops.loads
            -- What publish itself remembers is no source whose age matters.
            where ($known_at is null or observed_at <= $known_at) and platform <> 'fifty'
        ),
        streams as (
            select
                platform,
                source_account_id,
                stream,
                arg_max(load_id, (window_end, observed_at, load_id)) as newest_load_id,
                arg_max(load_status, (window_end, observed_at, load_id)) as newest_load_status,
                count(*) filter (where is_used) as used_load_count,
                count(*) filter (where load_status = 'rejected') as rejected_load_count,
                max(observed_at) filter (where is_used) as newest_observed_at,
                max(window_end) filter (where is_used) as newest_window_end_at,
            from known_loads
            group by all
        )
        select
            *,
            case
                when platform in ('business', 'config') then 'read only when it changes'
                when newest_window_end_at is null then 'no load of it was accepted'
            end as age_reason,
            case when age_reason is null
                then greatest(0, epoch(cast(cast($as_of as date) + 1 as timestamp)) - epoch(newest_window_end_at))::bigint end as age_seconds,
            age_seconds > 0 as is_behind,
            cast($as_of as date) as as_of_date,
            cast($known_at as timestamp) as known_at,
            cast($parameters_version as varchar) as parameters_version,
            cast($publish_id as varchar) as publish_id,
        from streams
    """,
    "gate_results": """
        with loads_used as (
            select load_id from ops.loads where $known_at is null or observed_at <= $known_at
        ),
        of_loads as (
            -- A load that was gated again counts with its newest result.
            select *
            from ops.gate_results
            where stage = 'landed' and table_name <> 'staging.published_history' and (load_id is null or load_id in (select load_id from loads_used))
            qualify row_number() over (partition by suite, expectation_id, load_id order by gate_run_id desc) = 1
        ),
        of_marts as (
            select * from ops.gate_results
            where stage = 'marts' and as_of_date = $as_of and gate_run_id = $gate_run_id
        ),
        passed_loads as (
            select
                stage, suite, table_name, expectation_id, severity, outcome,
                count(*) as check_count,
                sum(unexpected_count)::bigint as unexpected_count,
                sum(checked_count)::bigint as checked_count,
            from of_loads
            where outcome = 'passed'
            group by all
        ),
        single as (
            select
                stage, suite, table_name, expectation_id, severity, outcome, load_id, observed_value, expected_value, detail,
                1 as check_count, unexpected_count, checked_count,
            from (select * from of_marts union all by name select * from of_loads where outcome <> 'passed')
        )
        select
            *,
            cast($parameters_version as varchar) as parameters_version,
            cast($as_of as date) as as_of_date,
        from (select * from passed_loads union all by name select * from single)
    """,
}


def _create_own_table(connection: duckdb.DuckDBPyConnection, entry: TableEntry) -> None:
    name = f"marts.ops.{entry.name}"
    columns = ", ".join(f"{quote_name(column.name)} {column.type}" for column in entry.columns)
    connection.execute(f"create or replace table {name} ({columns})")
    connection.execute(f"comment on table {name} is {quote_text(entry.description)}")
    for column in entry.columns:
        connection.execute(f"comment on column {name}.{quote_name(column.name)} is {quote_text(column.description)}")


def _fill_dictionary(
    connection: duckdb.DuckDBPyConnection, dictionary: Mapping[str, TableEntry], as_of: date, parameters_version: str | None
) -> None:
    rows = []
    for schema, table, column, kind, position in connection.execute(
        "select schema_name, table_name, column_name, data_type, column_index from duckdb_columns()"
        " where database_name = 'marts' and list_contains(?, schema_name) order by all",
        [list(READABLE_SCHEMAS)],
    ).fetchall():
        entry = dictionary.get(f"{schema}.{table}")
        meaning = entry.find_column(column) if entry else None
        rows.append(
            (
                schema,
                table,
                column,
                kind,
                meaning.unit if meaning else None,
                meaning.description if meaning and meaning.description else "not described",
                entry.grain if entry else None,
                entry.description if entry else None,
                " ".join(entry.key) if entry and entry.key else None,
                parameters_version,
                position,
                bool(meaning and meaning.is_volatile),
                as_of,
            )
        )
    if rows:
        # One statement: a thousand single inserts take a second.
        marks = ", ".join([f"({', '.join('?' * 13)})"] * len(rows))
        connection.execute(f"insert into marts.ops.data_dictionary values {marks}", [value for row in rows for value in row])


def _list_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'marts' and list_contains(?, schema_name) order by all",
        [list(READABLE_SCHEMAS)],
    ).fetchall()


def _read_parameters_version(connection: duckdb.DuckDBPyConnection, tables: list[tuple[str, str]]) -> str | None:
    if ("ops", "parameters") not in tables:
        return None
    row = connection.execute("select max(parameters_version) from marts.ops.parameters").fetchone()
    return row[0] if row else None


def _note_rule_change(
    connection: duckdb.DuckDBPyConnection, published: Path, previous: str | None, publish_id: str, as_of: date, parameters_version: str | None
) -> tuple[RuleChange, ...]:
    """What the version that readers saw before knows of changed rules, and whether this one changes them again."""
    folder = published / "versions" / str(previous)
    if previous is None or not folder.is_dir():
        return ()
    before = _read_version(folder)
    if None in (before.parameters_version, parameters_version) or before.parameters_version == parameters_version:
        return before.rule_changes
    # From the version's Parquet: attached, its file would be shared with readers of this process.
    rows = connection.execute(
        """
        select parameter_name, before.value, after.value
        from read_parquet(?) as before
        full outer join marts.ops.parameters as after using (parameter_name)
        where before.value is distinct from after.value
        order by parameter_name
        """,
        [str(folder / "parquet" / "ops" / "parameters.parquet")],
    ).fetchall()
    return (*before.rule_changes, RuleChange(as_of.isoformat(), publish_id, {name: (old, new) for name, old, new in rows}))


def _read_last_publish(connection: duckdb.DuckDBPyConnection, paths: BrandPaths) -> tuple[int, str | None]:
    # Both are asked: a replay empties the ledger, pruning empties the folder, and a number must not come twice.
    known = [row[0] for row in connection.execute("select publish_id from ops.publishes").fetchall()]
    known += [one.publish_id for one in list_versions(paths)]
    numbers = [int(match["number"]) for match in map(_ID.match, known) if match]
    return max(numbers, default=0), read_current_version(paths)


def _find_version(published: Path, draft: Version) -> Version | None:
    """A complete version with the draft's content: the one readers see, else the newest."""
    same = [
        one
        for one in (_read_version(folder) for folder in (published / "versions").iterdir() if _ID.match(folder.name))
        if (one.content, one.as_of_date, one.known_at) == (draft.content, draft.as_of_date, draft.known_at)
    ]
    current = published / "current"
    shown = current.readlink().name if current.is_symlink() else None
    return max(same, key=lambda one: (one.publish_id == shown, one.number), default=None)


def _build_version(paths: BrandPaths, settings: Settings, draft: Version, dictionary: Mapping[str, TableEntry]) -> None:
    """Write the version's folder under a temporary name and let it appear at once."""
    versions = paths.published / "versions"
    temporary = versions / f".{draft.publish_id}.tmp"
    temporary.mkdir()
    file = temporary / "marts.duckdb"
    with connect_marts(paths, settings) as connection:
        connection.execute("update ops.freshness set publish_id = ?", [draft.publish_id])
        connection.execute("checkpoint")
    shutil.copyfile(paths.marts, file)
    _write_parquet(file, temporary / "parquet", settings, dictionary)
    seal_file(file)
    facts = {**asdict(draft), "marts_sha256": hash_file(file)}
    version_file = temporary / "version.json"
    version_file.write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    seal_file(version_file)
    for folder in sorted((one for one in temporary.rglob("*") if one.is_dir()), reverse=True):
        sync_folder(folder)
    sync_folder(temporary)
    temporary.rename(versions / draft.publish_id)
    sync_folder(versions)


@contextmanager
def connect_marts(paths: BrandPaths, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the marts file alone for writing; hold the brand's lock."""
    connection = duckdb.connect(str(paths.marts), config=duckdb_config(settings))
    try:
        yield connection
    finally:
        connection.close()


def _write_parquet(file: Path, folder: Path, settings: Settings, dictionary: Mapping[str, TableEntry]) -> None:
    # In memory with the file attached: an instance on the path itself would be shared with readers of this process.
    connection = duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory_limit})
    try:
        connection.execute(f"attach {quote_text(str(file))} as marts (read_only)")
        for schema, name in _list_tables(connection):
            entry = dictionary.get(f"{schema}.{name}")
            order = ", ".join(f"{quote_name(column)} nulls first" for column in entry.key) if entry and entry.key else "all nulls first"
            (folder / schema).mkdir(parents=True, exist_ok=True)
            target = folder / schema / f"{name}.parquet"
            connection.execute(
                f"copy (select * from marts.{quote_name(schema)}.{quote_name(name)} order by {order})"
                f" to {quote_text(str(target))} (format parquet, compression zstd)"
            )
            seal_file(target)
    finally:
        connection.close()


def _switch_to(paths: BrandPaths, settings: Settings, version: Version) -> bool:
    """Let every door lead to `version`: current, marts.duckdb, bi.duckdb. True when one of them led elsewhere."""
    published = paths.published
    file = published / "versions" / version.publish_id / "marts.duckdb"
    is_switched = False
    if read_current_version(paths) != version.publish_id:
        replace_link(published / "current", Path("versions") / version.publish_id)
        is_switched = True
    desktop = published / "marts.duckdb"
    if not desktop.exists() or not desktop.samefile(file):
        # A hard link: no second copy, and on the same file system by its nature. Python's replace does nothing for two names of one file.
        temporary = published / ".marts.duckdb.tmp"
        temporary.unlink(missing_ok=True)
        temporary.hardlink_to(file)
        temporary.replace(desktop)
        sync_folder(published)
        is_switched = True
    served = read_served_version(published)
    changed = serve_version(
        published, version.publish_id, _describe_served(file), bi_root=settings.bi_root and settings.bi_root.replace("{brand}", paths.brand)
    )
    return is_switched or (changed and served != version.publish_id)


def _describe_served(file: Path) -> list[ServedTable]:
    connection = duckdb.connect()
    try:
        connection.execute(f"attach {quote_text(str(file))} as marts (read_only)")
        texts = {
            (schema, name): text
            for schema, name, text in connection.execute(
                "select schema_name, table_name, coalesce(comment, '') from duckdb_tables() where database_name = 'marts'"
            ).fetchall()
        }
        columns: dict[tuple[str, str], list[ServedColumn]] = {}
        for schema, name, column, kind, text in connection.execute(
            "select schema_name, table_name, column_name, data_type, coalesce(comment, '') from duckdb_columns()"
            " where database_name = 'marts' order by schema_name, table_name, column_index"
        ).fetchall():
            columns.setdefault((schema, name), []).append(ServedColumn(column, kind, text))
    finally:
        connection.close()
    return [ServedTable(*key, texts[key], tuple(columns[key])) for key in sorted(texts) if key[0] in READABLE_SCHEMAS]


def _record_versions(connection: duckdb.DuckDBPyConnection, published: Path) -> None:
    # All that are kept, not only this one: a run killed before this line, or a replay, left gaps.
    known = {row[0] for row in connection.execute("select publish_id from ops.publishes").fetchall()}
    missing = [
        one
        for one in (_read_version(folder) for folder in sorted((published / "versions").iterdir()) if _ID.match(folder.name))
        if one.publish_id not in known
    ]
    for one in sorted(missing, key=lambda version: version.number):
        connection.execute(
            "insert into ops.publishes (publish_id, as_of_date, known_at, parameters_version, fingerprint, previous_publish_id)"
            " values (?, ?, ?, ?, ?, ?)",
            [one.publish_id, one.as_of_date, one.known_at, one.parameters_version, one.fingerprint, one.previous_publish_id],
        )


def _read_version(folder: Path) -> Version:
    try:
        facts: dict[str, Any] = json.loads((folder / "version.json").read_text(encoding="utf-8"))
        changes = tuple(
            RuleChange(one["as_of_date"], one["publish_id"], {name: (old, new) for name, (old, new) in one["parameters"].items()})
            for one in facts.pop("rule_changes", ())
        )
        return Version(**facts, rule_changes=changes)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FatalError(
            "a published version cannot be read",
            where=str(folder),
            seen=f"{type(error).__name__}: {' '.join(str(error).split())}",
            expected="version.json as publish wrote it",
            remedy="move the folder away and publish again",
        ) from None


def prepare_folder(paths: BrandPaths, settings: Settings) -> None:
    """Have the folder of the published files, where the setting wants it. Raises SettingsError where what is published lies elsewhere."""
    # Where readers get a volume of their own, the brand's folder links there, so that every path stays what it is.
    if settings.published:
        target = settings.published.resolve() / paths.brand
        is_elsewhere = paths.published.exists() and paths.published.resolve() != target
        if is_elsewhere and any(paths.published.iterdir()):
            raise SettingsError(
                "the published files lie elsewhere than FIFTY_PUBLISHED says",
                where=f"{paths.brand}/published",
                seen=str(paths.published.resolve()),
                expected=str(target),
                remedy=f"move what is in the one folder into the other, remove {paths.published}, publish again",
            )
        target.mkdir(parents=True, exist_ok=True)
        if not paths.published.is_symlink() and paths.published.is_dir():
            paths.published.rmdir()
        if not paths.published.is_symlink() or is_elsewhere:
            replace_link(paths.published, target)
    (paths.published / "versions").mkdir(parents=True, exist_ok=True)


def _remove_leftovers(published: Path) -> None:
    """Remove what a killed run left: everything under a temporary name."""
    for folder in (published, published / "serving"):
        for leftover in folder.glob(".*.tmp*"):
            leftover.unlink()
    versions = published / "versions"
    if versions.is_dir():
        for leftover in versions.glob(".*"):
            shutil.rmtree(leftover)


def _missing_marts(paths: BrandPaths, seen: str) -> FatalError:
    return FatalError(
        "there are no finished marts to publish",
        where=f"{paths.brand}/publish",
        seen=seen,
        expected="marts that `fifty transform` built",
        remedy="run `fifty transform` and look at its messages",
    )
