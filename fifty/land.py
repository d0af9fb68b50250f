"""Land: landed files become typed rows of the `staging` tables, with nothing lost and everything counted.

finished loads not yet in ops.loads → verify → read_json by the stream's shape → check → quarantine | typed items → mapping → staging.*

Loads of streams that share shape and mapping are landed together, up to a bound, in one transaction: the fixed cost of a statement is paid once for hundreds of small
loads, and a killed process leaves whole loads or nothing. A batch that fails is landed again load by load, so that one bad load stays alone.
For every load: lines landed = accepted + quarantined + duplicates, or nothing of it is kept.
`run_replay` does the same for all of the landing into a new work file that replaces the old one at the end.
Run alone: `fifty land --brand <brand>`, `fifty replay --brand <brand>`.
"""

from __future__ import annotations

import glob
import gzip
import logging
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import simplejson

from fifty import shapes, warehouse
from fifty.connectors.base import Connector, Stream, discover_connectors
from fifty.errors import FatalError, FiftyError, LandingError
from fifty.landing import UNLISTED_NOTE, LandedLoad, Manifest, canonical_json, list_finished_loads, parse_instant, verify_load
from fifty.macros import create_macros
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

logger = logging.getLogger(__name__)

BATCH_LOADS = 200
BATCH_LINES = 200_000
SAMPLED_LINES = 200
"""Lines of each part that are searched for fields the shape does not name; a platform that adds one adds it to all."""

SLOW_OPTIMIZERS = "expression_rewriter,common_subexpressions,statistics_propagation"
"""They spend longer on a shape's hundreds of expressions than a small load takes to land, and gain nothing there."""

LINE_COLUMNS = {"scope": "JSON", "page": "JSON", "seq": "JSON"}


@dataclass
class LandResult:
    """What a run of land did. `failures` are loads that could not be landed, in words, and `failed_ids` which; the others went on."""

    load_ids: list[str] = field(default_factory=list)
    row_count: int = 0
    landed_count: int = 0
    quarantined_count: int = 0
    duplicate_count: int = 0
    failures: list[str] = field(default_factory=list)
    failed_ids: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def load_count(self) -> int:
        """Loads landed by this run."""
        return len(self.load_ids)


def run_land(paths: BrandPaths, settings: Settings, *, run_id: str, load_ids: list[str] | None = None) -> LandResult:
    """Land every finished load that is not in `ops.loads` yet, or whose manifest changed; only those of `load_ids` where given.

    A load whose manifest cannot be read, or whose files are not what it says, is named in `failures` and, unless an earlier state of it is landed, recorded
    in `ops.completeness` as failed; the others go on.
    """
    with warehouse.lock_brand(paths, settings):
        return _land_into(paths, settings, run_id=run_id, load_ids=load_ids)


def run_replay(paths: BrandPaths, settings: Settings, *, run_id: str) -> LandResult:
    """Rebuild the work file from landing alone and put it in the old one's place.

    Built beside it and moved over it at the end: killed before, the old one stands. All loads are `landed` again: the gate decides anew.
    Raises FatalError where the keys of the old one are not those of the brand's file, or are lost with both; LandingError where a load that the old one
    holds lies in landing and cannot be landed: then the old one stands, too. What the old one holds is not known where it cannot be opened.
    """
    rebuilt = _RebuildPaths(paths.data, paths.brand)
    with warehouse.lock_brand(paths, settings):
        warehouse.recover_brand_keys(paths, settings)
        held = _list_held_loads(paths, settings)
        _remove_work_file(rebuilt.warehouse)
        result = _land_into(rebuilt, settings, run_id=run_id, load_ids=None)
        try:
            _refuse_loss(paths, held, result)
        except LandingError:
            _remove_work_file(rebuilt.warehouse)
            raise
        _settle_log(paths, settings)
        rebuilt.warehouse.replace(paths.warehouse)
        logger.info("replay of %s: the rebuilt work file is in place", paths.brand)
    return result


def _list_held_loads(paths: BrandPaths, settings: Settings) -> set[str]:
    """Loads that the work file holds; none where it cannot be opened, which is one reason to replay."""
    if not paths.warehouse.exists():
        return set()
    try:
        with warehouse.open_work_file(paths, settings, read_only=True) as connection:
            return {load_id for (load_id,) in connection.execute("select load_id from ops.loads").fetchall()}
    except (FatalError, duckdb.Error) as error:
        logger.warning("replay of %s: what the old work file holds is not known: %s", paths.brand, error)
        return set()


def _refuse_loss(paths: BrandPaths, held: set[str], result: LandResult) -> None:
    unfinished = {path.parent.name for path in paths.landing.glob("*/*/*/*/started.json") if not (path.parent / "manifest.json").exists()}
    words = dict(zip(result.failed_ids, result.failures, strict=True))
    lost = sorted(held & (words.keys() | unfinished))
    # Their folders were removed, which is how one gives up a damaged load; said, and not refused.
    if gone := held - set(result.load_ids) - set(lost):
        logger.warning("replay of %s: %d loads of the old work file are not in landing any more", paths.brand, len(gone))
    if lost:
        shown = [words.get(load_id, f"{load_id}: its manifest is gone") for load_id in lost[:5]]
        raise LandingError(
            "the work file holds loads that cannot be landed again; it stays as it is",
            where=paths.brand,
            seen=f"{len(lost)} of {len(held)} loads: " + " ‖ ".join(shown),
            expected="every load that it holds to be whole in landing",
            remedy="restore their files from a backup, or remove their folders and pull their windows again; then run the command again."
            f" To go on without them, move {paths.warehouse} away and run `fifty replay`",
        )


class _RebuildPaths(BrandPaths):
    """The brand's paths, but for the work file."""

    @property
    def warehouse(self) -> Path:
        """The work file being rebuilt."""
        return self.root / "warehouse.rebuild.duckdb"


def _remove_work_file(path: Path) -> None:
    for remains in (path, path.with_name(path.name + ".wal")):
        remains.unlink(missing_ok=True)


def _settle_log(paths: BrandPaths, settings: Settings) -> None:
    """Leave no log of the old work file that the new one would be taken to continue."""
    log = paths.warehouse.with_name(paths.warehouse.name + ".wal")
    if not log.exists():
        return
    try:
        with warehouse.connect(paths, settings) as connection:
            connection.execute("checkpoint")
    except (duckdb.Error, FatalError) as error:
        # A broken work file is one reason to replay, another program's file is one, too.
        logger.warning("replay of %s: the old work file cannot be opened and is given up: %s", paths.brand, error)
    log.unlink(missing_ok=True)


def _land_into(paths: BrandPaths, settings: Settings, *, run_id: str, load_ids: list[str] | None) -> LandResult:
    started = time.perf_counter()
    logger.info("land starts: brand=%s run_id=%s", paths.brand, run_id)
    result = LandResult()
    broken: list[_Failure] = []
    with warehouse.connect(paths, settings) as connection:
        create_macros(connection)
        for connector in discover_connectors().values():
            create_platform_macros(connection, connector)
        waiting = _list_waiting(connection, paths, load_ids, broken)
        for batch in _make_batches(waiting):
            _land_apart(connection, batch, result, broken)
        _record_failures(connection, paths, broken)
        result.failures = [failure.text for failure in broken]
        result.failed_ids = [failure.folder.name for failure in broken]
        result.seconds = time.perf_counter() - started
        _record_run(connection, run_id, result)
    logger.info(
        "land ends: brand=%s run_id=%s loads=%d rows=%d quarantined=%d duplicates=%d failed=%d seconds=%.2f",
        paths.brand, run_id, result.load_count, result.row_count, result.quarantined_count, result.duplicate_count, len(result.failures),
        result.seconds,
    )  # fmt: skip
    return result


@dataclass(frozen=True)
class _Failure:
    folder: Path
    text: str
    manifest: Manifest | None
    """None where it cannot be read."""


@dataclass(frozen=True)
class _Waiting:
    """A verified load with its stream."""

    load: LandedLoad
    plan: StreamPlan
    is_landed: bool

    @property
    def line_count(self) -> int:
        return sum(part.line_count for part in self.load.manifest.parts)


def _list_waiting(connection: duckdb.DuckDBPyConnection, paths: BrandPaths, load_ids: list[str] | None, broken: list[_Failure]) -> list[_Waiting]:
    """Loads to land, verified, in order of observed_at and load_id. Those that cannot be landed go to `broken`."""
    landed = dict(connection.execute("select load_id, manifest_sha256 from ops.loads").fetchall())
    connectors = discover_connectors()
    waiting = []
    damaged: dict[Path, LandingError] = {}
    loads = list_finished_loads(paths.data, paths.brand, known=set(landed.values()), damaged=damaged)
    broken += [_Failure(folder, str(error), None) for folder, error in sorted(damaged.items()) if load_ids is None or folder.name in load_ids]
    for load in loads:
        manifest = load.manifest
        if load_ids is not None and manifest.load_id not in load_ids:
            continue
        try:
            plan = plan_stream(connectors, manifest.platform, manifest.stream)
            verify_load(load)
        except FiftyError as error:
            broken.append(_Failure(load.folder, str(error), manifest))
            continue
        waiting.append(_Waiting(load, plan, manifest.load_id in landed))
    return waiting


def _make_batches(waiting: list[_Waiting]) -> Iterator[list[_Waiting]]:
    """Loads of one plan together. Their order does not enter any table: rows carry observed_at, load_id, page and seq."""
    by_plan: dict[int, list[_Waiting]] = {}
    for one in waiting:
        by_plan.setdefault(id(one.plan), []).append(one)
    for loads in by_plan.values():
        batch: list[_Waiting] = []
        lines = 0
        for one in loads:
            if batch and (len(batch) >= BATCH_LOADS or lines + one.line_count > BATCH_LINES):
                yield batch
                batch, lines = [], 0
            batch.append(one)
            lines += one.line_count
        yield batch


def _land_apart(connection: duckdb.DuckDBPyConnection, batch: list[_Waiting], result: LandResult, broken: list[_Failure]) -> None:
    """Land a batch; where it fails, each of its loads alone, so that the failing one is known and the others are landed."""
    started = time.perf_counter()
    try:
        counts = _land_batch(connection, batch)
    except (FiftyError, duckdb.Error) as error:
        _roll_back(connection)
        if isinstance(error, (duckdb.IOException, duckdb.OutOfMemoryException)):
            raise  # the machine's trouble, not the load's
        if len(batch) > 1:
            for one in batch:
                _land_apart(connection, [one], result, broken)
            return
        manifest = batch[0].load.manifest
        where = f"{manifest.brand}/{manifest.platform}/{manifest.account_id}/{manifest.stream}/{manifest.load_id}"
        text = str(error) if isinstance(error, FiftyError) else f"{where}: the load cannot be landed · seen: {' '.join(str(error).split())[:500]}"
        logger.error("land failed: %s", text)
        broken.append(_Failure(batch[0].load.folder, text, manifest))
        return
    for one, count in zip(batch, counts, strict=True):
        result.load_ids.append(one.load.manifest.load_id)
        result.row_count += sum(count.rows.values())
        result.landed_count += count.landed
        result.quarantined_count += count.quarantined
        result.duplicate_count += count.duplicates
    logger.info(
        "landed: platform=%s mapping=%s loads=%d lines=%d seconds=%.3f",
        batch[0].plan.connector.platform, batch[0].plan.mapping, len(batch), sum(one.line_count for one in batch),
        time.perf_counter() - started,
    )  # fmt: skip


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.TransactionException):  # it may have failed before the transaction began
        connection.execute("rollback")


# ---------------------------------------------------------------------------------------------------------------- plan of a stream


@dataclass(frozen=True, eq=False)
class StreamPlan:
    """The SQL of a stream, made once from its shape and mapping; streams of a platform with the same shape and mapping share it."""

    connector: Connector
    mapping: str
    whole: shapes.Node
    """The declared shape."""
    node: shapes.Node
    """What of it the mapping can use: only this is read and checked."""
    sections: tuple[tuple[str, str], ...]
    """(staging table, select over `items`) of the mapping."""
    read_columns: str
    line_sql: str
    """From (scope, page, seq, item) as read, what a line of `landed_lines` holds."""
    problems_sql: str
    key_sql: str | None
    """Key of an item in its scope, over `items`; None for files, where a row is a row."""
    scope_names: tuple[str, ...]
    """Names in the scopes of its streams."""


def plan_stream(connectors: dict[str, Connector], platform: str, stream_name: str) -> StreamPlan:
    """The plan of a registered stream. Raises LandingError where platform or stream are not registered, FatalError for a faulty mapping."""
    connector = connectors.get(platform)
    stream = {one.name: one for one in connector.streams}.get(stream_name) if connector else None
    if connector is None or stream is None:
        raise LandingError(
            "no connector reads these landed files",
            where=f"{platform}/{stream_name}",
            expected=f"a folder fifty/connectors/{platform} that declares the stream {stream_name}",
            remedy="install the version of fifty that pulled them, or remove the loads",
        )
    if (platform, stream_name) not in _PLANS:
        for names, plan in make_plans(connector).items():
            _PLANS.update({(platform, name): plan for name in names})
    return _PLANS[platform, stream_name]


_PLANS: dict[tuple[str, str], StreamPlan] = {}


def make_plans(connector: Connector) -> dict[tuple[str, ...], StreamPlan]:
    """Derive everything that landing a platform's streams needs; each plan by the names of its streams.

    Raises FatalError for a faulty shape, mapping or key.
    """
    alike: dict[tuple[str, str, str], list[Stream]] = {}
    for stream in connector.streams:
        alike.setdefault((stream.mapping or stream.name, stream.key, repr(stream.shape)), []).append(stream)
    return {tuple(stream.name for stream in streams): _make_plan(connector, streams) for streams in alike.values()}


def _make_plan(connector: Connector, streams: list[Stream]) -> StreamPlan:
    stream = streams[0]
    where = f"{connector.platform}/{stream.name}"
    whole = shapes.parse_shape(stream.shape, where=where)
    sections = parse_mapping(connector.read_mapping(stream), where=where, folder=connector.folder)
    used = " ".join([*(sql for _, sql in sections), _read_platform_macros(connector), stream.key])
    node = shapes.prune(whole, {*re.findall(r"\w+", used), *re.findall(r'"([^"]+)"', used)})
    return StreamPlan(
        connector=connector,
        mapping=stream.mapping or stream.name,
        whole=whole,
        sections=sections,
        node=node,
        read_columns=", ".join(f"{name}: '{kind}'" for name, kind in {**LINE_COLUMNS, "item": shapes.read_type(node).replace("'", "''")}.items()),
        line_sql=_line_sql(node),
        problems_sql=_line_problems_sql(node),
        key_sql=_key_sql(node, stream.key, where) if connector.is_remote else None,
        scope_names=tuple(sorted({name for one in streams for name in one.scope})),
    )


def parse_mapping(text: str, *, where: str, folder: Path) -> tuple[tuple[str, str], ...]:
    """Sections of a mapping: (table, select).

    A line `-- include: <name>` stands for `<name>.sql` of the same folder; a `with` before the first section belongs to every section.
    Raises FatalError for a table that is none, or a mapping without a section.
    """
    text = re.sub(r"^--\s*include:\s*(\S+)\s*$", lambda match: (folder / f"{match[1]}.sql").read_text(encoding="utf-8"), text, flags=re.MULTILINE)
    pieces = re.split(r"^--\s*into:\s*(\S+)\s*$", text, flags=re.MULTILINE)
    shared, sections = _drop_comments(pieces[0]), []
    for table, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        sql = _drop_comments(piece)
        if shared and sql.startswith("with"):
            sql = f"{shared},\n{sql.removeprefix('with')}"
        elif shared:
            sql = f"{shared}\n{sql}"
        sections.append((table, sql))
    tables = {table.name for table in warehouse.read_tables().values() if table.schema == "staging"}
    unknown = [table for table, _ in sections if table not in tables]
    if unknown or not sections:
        raise FatalError(
            "the mapping names no staging table",
            where=where,
            seen=", ".join(unknown) or "no line `-- into: <table>`",
            expected=f"`-- into: ` and one of {', '.join(sorted(tables))}",
        )
    return tuple(sections)


def _drop_comments(sql: str) -> str:
    return re.sub(r"^\s*--.*$", "", sql, flags=re.MULTILINE).strip().rstrip(";")


def _read_platform_macros(connector: Connector) -> str:
    path = connector.folder / "_macros.sql"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def create_platform_macros(connection: duckdb.DuckDBPyConnection, connector: Connector) -> None:
    """Create the macros that a platform's folder brings for its own mappings (`_macros.sql`)."""
    if sql := _read_platform_macros(connector):
        connection.execute(sql)


def _line_sql(node: shapes.Node) -> str:
    """Columns of a line: its scope as text, page, seq, whether it is beyond doubt, and the typed item."""
    check = (
        "coalesce(starts_with(scope::varchar, '{') and regexp_full_match(page::varchar, '[0-9]{1,18}')"
        f" and regexp_full_match(seq::varchar, '[0-9]{{1,18}}'), false) and item is not null and {shapes.check_sql(node, 'item')}"
    )
    return (
        "scope::varchar as scope_text, try_cast(page::varchar as bigint) as page, try_cast(seq::varchar as bigint) as seq, "
        f"({check}) as is_good, {shapes.typed_sql(node, 'item')} as item"
    )


def _line_problems_sql(node: shapes.Node) -> str:
    """List of problems of a line in `document` (JSON)."""
    count = shapes.Leaf("count")
    whole = [
        f"case when coalesce(json_type(document, '/scope'), '') <> 'OBJECT' then [struct_pack(path := 'line.scope', expected := 'an object',"
        f" seen := json_extract(document, '/scope'), reason := 'unreadable')] else []::{shapes.PROBLEM_TYPE}[] end",
        shapes.problems_sql(count, "document", "/page", "'line.page'", is_required=True),
        shapes.problems_sql(count, "document", "/seq", "'line.seq'", is_required=True),
        shapes.problems_sql(node, "document", "/item", is_required=True),
    ]
    return f"flatten([{', '.join(whole)}])"


def _key_sql(node: shapes.Node, key: str, where: str) -> str:
    alternatives = []
    for path in key.split("|"):
        current = node
        for name in path.split("."):
            fields = {one.name: one.node for one in current.fields} if isinstance(current, shapes.Struct) else {}
            if name not in fields:
                raise FatalError("the key is not in the shape", where=where, seen=path, expected="a path of the shape")
            current = fields[name]
        alternatives.append("item." + ".".join(shapes.quote_name(name) for name in path.split(".")) + "::varchar")
    return f"coalesce({', '.join(alternatives)}, null)"


# ------------------------------------------------------------------------------------------------------------------ landing a batch


@dataclass
class _Count:
    """Counts of one load."""

    landed: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)


def _land_batch(connection: duckdb.DuckDBPyConnection, batch: list[_Waiting]) -> list[_Count]:
    """Land loads of one plan in one transaction. Leaves the transaction open when it raises."""
    plan = batch[0].plan
    _register_files(connection, batch)
    _read_lines(connection, plan, batch)
    repeated = _drop_repeated(connection, plan)
    _name_scopes(connection, plan)
    counts = _count_lines(connection, batch, repeated)
    connection.execute("begin")
    ids = [one.load.manifest.load_id for one in batch]
    if any(one.is_landed for one in batch):
        _forget_loads(connection, ids)
    connection.execute("delete from ops.completeness where load_id in (select unnest(?))", [ids])
    for number, (table, sql) in enumerate(plan.sections):
        _insert_section(connection, batch, counts, table, sql, number)
    _insert_scopes(connection, batch)
    connection.execute(
        """
        insert into ops.quarantine by name
        select
            load_id, platform, source_account_id, stream, part, line, page, seq, path, expected, seen, reason, original, observed_at,
        from bad_lines
        inner join landed_files using (file_number)
        """
    )
    _insert_ledger(connection, plan, batch, counts)
    connection.execute("commit")
    return counts


def _register(connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]], schema: pyarrow.Schema) -> None:
    """Make `rows` readable under `name` in SQL."""
    connection.register(name, pyarrow.Table.from_pylist(rows, schema=schema))


_FILES = pyarrow.schema(
    [(name, pyarrow.int64()) for name in ("file_number", "load_number", "line_count", "first_seq")]
    + [(name, pyarrow.string()) for name in ("file_path", "part", "load_id", "platform", "source_account_id", "stream")]
    + [("observed_at", pyarrow.timestamp("us"))]
)


def _naive(text: str | None) -> datetime | None:
    return parse_instant(text).astimezone(UTC).replace(tzinfo=None) if text else None


def _register_files(connection: duckdb.DuckDBPyConnection, batch: list[_Waiting]) -> None:
    rows: list[dict[str, Any]] = []
    for load_number, one in enumerate(batch):
        manifest = one.load.manifest
        first_seq = 1
        for part, path in zip(manifest.parts, one.load.part_paths, strict=True):
            rows.append(
                {
                    "file_number": len(rows),
                    "load_number": load_number,
                    "line_count": part.line_count,
                    "first_seq": first_seq,
                    "file_path": str(path),
                    "part": part.name,
                    "load_id": manifest.load_id,
                    "platform": manifest.platform,
                    "source_account_id": manifest.account_id,
                    "stream": manifest.stream,
                    "observed_at": _naive(manifest.observed_at),
                }
            )
            first_seq += part.line_count
    _register(connection, "registered_files", rows, _FILES)
    connection.execute("create or replace temp table landed_files as select * from registered_files")
    connection.unregister("registered_files")


_RAW = pyarrow.schema([("file_number", pyarrow.int64()), ("line", pyarrow.int64()), ("original", pyarrow.string()), ("readable", pyarrow.string())])


def _read_lines(connection: duckdb.DuckDBPyConnection, plan: StreamPlan, batch: list[_Waiting]) -> None:
    """Fill `landed_lines` (good lines, typed) and `bad_lines` (all others, with their original and what is wrong with them)."""
    paths = [glob.escape(str(path)) for one in batch for path in one.load.part_paths]
    connection.execute(
        "create or replace temp table bad_lines (file_number bigint, line bigint, page bigint, seq bigint, path varchar, expected varchar,"
        " seen varchar, reason varchar, original varchar)"
    )
    # An empty list of files is no list to DuckDB; the literal gives the same columns.
    empty = (
        f"select 0 as file_number, null::json as scope, null::json as page, null::json as seq, null::{shapes.read_type(plan.node)} as item limit 0"
    )
    source = (
        f"select file_number, scope, page, seq, item from read_json([{', '.join(shapes.quote_text(path) for path in paths)}],"
        f" format = 'newline_delimited', compression = 'gzip', ignore_errors = true, filename = true, columns = {{{plan.read_columns}}})"
        " as lines inner join landed_files on landed_files.file_path = lines.filename"
        if paths
        else empty
    )
    create = "create or replace temp table landed_lines as select file_number, {line} from ({source}) as lines"
    connection.execute(f"set disabled_optimizers = '{SLOW_OPTIMIZERS}'")
    try:
        connection.execute(create.format(line=plan.line_sql, source=source))
    except (duckdb.InvalidInputException, duckdb.IOException, duckdb.SerializationException) as error:
        # A line longer than DuckDB's buffer, or a damaged gzip stream: every line is looked at one by one.
        logger.warning("land reads %s/%s line by line: %s", plan.connector.platform, plan.mapping, " ".join(str(error).split())[:300])
        connection.execute(create.format(line=plan.line_sql, source=empty))
    finally:
        connection.execute("reset disabled_optimizers")
    doubtful = connection.execute(
        """
        select file_number, line_count, count(seq) filter (is_good), count(*) = 0 or bool_and(is_good is not null)
        from landed_files
        left join landed_lines using (file_number)
        group by all
        having count(*) filter (is_good) <> line_count or count(*) filter (is_good is false) > 0
        order by file_number
        """
    ).fetchall()
    if not doubtful:
        return
    connection.execute("delete from landed_lines where not is_good")
    files = [(one, part, path) for one in batch for part, path in zip(one.load.manifest.parts, one.load.part_paths, strict=True)]
    for file_number, _, good_count, _ in doubtful:
        one, _, path = files[file_number]
        _judge_file(connection, plan, one.load, path, file_number, good_count)


def _judge_file(connection: duckdb.DuckDBPyConnection, plan: StreamPlan, load: LandedLoad, path: Path, file_number: int, good_count: int) -> None:
    """Read a part again as text and decide each line that was not good: landed after all, or quarantined with its original."""
    rows = [
        {"file_number": file_number, "line": number, "original": original, "readable": mend_text(original)}
        for number, original in _read_raw(load, path)
    ]
    _register(connection, "raw_lines", rows, _RAW)
    good = f"(select seq from landed_lines where file_number = {file_number})"
    documents = "select *, case when json_valid(readable) then readable::json end as document from raw_lines"
    rest = (
        f"select * from ({documents}) where document is null or json_type(document) <> 'OBJECT'"
        f" or coalesce(try_cast(json_extract_string(document, '/seq') as bigint) not in {good}, true)"
    )
    rest_count = connection.execute(f"select count(*) from ({rest})").fetchone()
    if rest_count is None or rest_count[0] != len(rows) - good_count:
        # Two lines claim the same seq: position decides, so every line is judged.
        connection.execute("delete from landed_lines where file_number = ?", [file_number])
        rest = documents
    connection.execute(
        f"""
        create or replace temp table judged_lines as
        select
            *,
            case
                when document is null then [struct_pack(path := 'line', expected := 'JSON', seen := to_json(left(original, 60)), reason := 'unreadable')]
                when json_type(document) <> 'OBJECT' then [struct_pack(path := 'line', expected := 'an object', seen := document, reason := 'unreadable')]
                else {plan.problems_sql}
            end as problems,
        from ({rest})
        """
    )
    structure = shapes.quote_text(simplejson.dumps({**LINE_COLUMNS, "item": shapes.read_structure(plan.node)}))
    connection.execute(
        f"""
        insert into landed_lines
        select file_number, {plan.line_sql}
        from (
            select file_number, read_line.scope as scope, read_line.page as page, read_line.seq as seq, read_line.item as item,
            from (select file_number, from_json(document, {structure}) as read_line from judged_lines where len(problems) = 0)
        )
        """
    )
    connection.execute(
        f"""
        insert into bad_lines
        select
            file_number,
            line,
            case when json_type(document) = 'OBJECT' then try_cast(json_extract_string(document, '/page') as bigint) end,
            first_seq + line - 1,
            array_to_string(list_transform(problems[:10], lambda problem: problem.path), ' | '),
            array_to_string(list_transform(problems[:10], lambda problem: problem.expected), ' | '),
            array_to_string(list_transform(problems[:10], lambda problem: {shapes.describe_json_sql("problem.seen")}), ' | '),
            problems[1].reason,
            original,
        from judged_lines
        inner join landed_files using (file_number)
        where len(problems) > 0
        """
    )
    connection.unregister("raw_lines")


def _read_raw(load: LandedLoad, path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a part as text with their number. Raises LandingError where the file cannot be unpacked."""
    try:
        with gzip.open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                yield number, line.removesuffix(b"\n").decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        raise LandingError(
            "a landed part cannot be unpacked",
            where=str(path),
            seen=str(error),
            expected="a gzip file as pull writes it",
            remedy="restore the file from a backup, or remove the load's folder and pull its window again",
        ) from None


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def mend_text(line: str) -> str:
    """The line with half surrogate pairs replaced by U+FFFD; they are legal in JSON's grammar and in no encoding."""
    if not _SURROGATE.search(line):
        return line
    try:
        document = simplejson.loads(line, use_decimal=True)
        text = simplejson.dumps(document, ensure_ascii=False, use_decimal=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        return line
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _drop_repeated(connection: duckdb.DuckDBPyConnection, plan: StreamPlan) -> dict[int, list[int]]:
    """Remove what a load holds twice (same scope, same key; overlapping pages), keeping the last. Returns load_number to the seqs dropped."""
    if plan.key_sql is None:
        return {}
    dropped = connection.execute(
        f"""
        with last_lines as (
            select load_number, scope_text, {plan.key_sql} as item_key, max(seq) as last_seq,
            from landed_lines
            inner join landed_files using (file_number)
            where {plan.key_sql} is not null
            group by all
            having count(*) > 1
        )

        select landed_files.load_number, landed_lines.file_number, landed_lines.seq, landed_lines.rowid
        from landed_lines
        inner join landed_files using (file_number)
        inner join last_lines
            on last_lines.load_number = landed_files.load_number
            and last_lines.scope_text = landed_lines.scope_text
            and last_lines.item_key = {plan.key_sql.replace("item.", "landed_lines.item.")}
        where landed_lines.seq < last_lines.last_seq
        order by all
        """
    ).fetchall()
    repeated: dict[int, list[int]] = {}
    for load_number, _, seq, _ in dropped:
        repeated.setdefault(load_number, []).append(seq)
    if dropped:
        connection.execute("delete from landed_lines where rowid in (select unnest(?))", [[row[3] for row in dropped]])
    return repeated


def _name_scopes(connection: duckdb.DuckDBPyConnection, plan: StreamPlan) -> None:
    """Give every scope its key, canonical whatever the order of its fields, and make the relation `items` that mappings read."""
    found = connection.execute("select distinct stream, scope_text from landed_lines inner join landed_files using (file_number)").fetchall()
    rows = []
    for stream, text in found:
        scope = simplejson.loads(text, use_decimal=True)
        values = {f"value_{number}": _spell(scope.get(name)) for number, name in enumerate(plan.scope_names)}
        rows.append({"stream": stream, "scope_text": text, "scope_key": make_scope_key(stream, scope), **values})
    columns = ["stream", "scope_text", "scope_key", *(f"value_{number}" for number in range(len(plan.scope_names)))]
    _register(connection, "registered_scopes", rows, pyarrow.schema([(name, pyarrow.string()) for name in columns]))
    connection.execute("create or replace temp table landed_scopes as select * from registered_scopes")
    connection.unregister("registered_scopes")
    members = ", ".join(f"{shapes.quote_name(name)} := value_{number}" for number, name in enumerate(plan.scope_names))
    connection.execute(
        f"""
        create or replace temp view items as
        select
            {f"struct_pack({members})" if members else "null"} as scope,
            landed_lines.item,
            struct_pack(
                platform := platform, source_account_id := source_account_id, load_id := load_id, page := page, seq := seq,
                observed_at := observed_at, scope_key := scope_key
            ) as line,
            platform,
            source_account_id,
            load_id,
            page,
            seq,
            observed_at,
            scope_key,
        from landed_lines
        inner join landed_files using (file_number)
        inner join landed_scopes using (stream, scope_text)
        """
    )


def _spell(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else canonical_json(value)


def make_scope_key(stream: str, scope: dict[str, Any]) -> str:
    """`<stream>|<canonical JSON of the scope>`: joins rows to the scope in which they were sent."""
    return f"{stream}|{canonical_json(scope)}"


def _count_lines(connection: duckdb.DuckDBPyConnection, batch: list[_Waiting], repeated: dict[int, list[int]]) -> list[_Count]:
    """Counts of every load. Raises LandingError where landed ≠ accepted + quarantined + duplicates."""
    accepted = dict(
        connection.execute("select load_number, count(*) from landed_lines inner join landed_files using (file_number) group by all").fetchall()
    )
    quarantined = dict(
        connection.execute("select load_number, count(*) from bad_lines inner join landed_files using (file_number) group by all").fetchall()
    )
    counts = []
    for number, one in enumerate(batch):
        count = _Count(
            one.line_count, accepted.get(number, 0), quarantined.get(number, 0), len(repeated.get(number, [])), repeated=repeated.get(number, [])
        )
        if count.landed != count.accepted + count.quarantined + count.duplicates:
            raise LandingError(
                "the lines of the load do not add up",
                where=str(one.load.folder),
                seen=f"{count.accepted} accepted, {count.quarantined} quarantined, {count.duplicates} sent twice",
                expected=f"{count.landed} together, as the manifest says",
                remedy="restore the files from a backup, or remove the load's folder and pull its window again",
            )
        counts.append(count)
    return counts


def _forget_loads(connection: duckdb.DuckDBPyConnection, load_ids: list[str]) -> None:
    """Remove every row of loads that are landed again."""
    tables = [name for name, table in warehouse.read_tables().items() if table.schema == "staging"]
    for name in [*tables, "ops.quarantine", "ops.loads"]:
        connection.execute(f"delete from {name} where load_id in (select unnest(?))", [load_ids])


def _insert_section(connection: duckdb.DuckDBPyConnection, batch: list[_Waiting], counts: list[_Count], table: str, sql: str, number: int) -> None:
    """Insert what one section of the mapping makes of the items; counts the rows of each load."""
    rows = f"select unnest(mapped.line), mapped.* exclude (line) from ({sql}) as mapped"
    if table == "accounts":
        # A thousand posts bring their author a thousand times; what was sent last says it all.
        rows += " qualify row_number() over (partition by mapped.line.load_id, mapped.account_id order by mapped.line.seq desc) = 1"
    if len(batch) == 1:
        inserted = connection.execute(f"insert into staging.{table} by name {rows}").fetchone()
        counts[0].rows[table] = counts[0].rows.get(table, 0) + (inserted[0] if inserted else 0)
        return
    connection.execute(f"create or replace temp table mapped_rows as {rows}")
    connection.execute(f"insert into staging.{table} by name select * from mapped_rows")
    by_load = dict(connection.execute("select load_id, count(*) from mapped_rows group by all").fetchall())
    for one, count in zip(batch, counts, strict=True):
        count.rows[table] = count.rows.get(table, 0) + by_load.get(one.load.manifest.load_id, 0)


_SCOPES = pyarrow.schema(
    [
        *(
            (name, pyarrow.string())
            for name in ("platform", "source_account_id", "load_id", "scope_key", "stream", "read_kind", "entity", "subject_id", "note")
        ),
        *((name, pyarrow.int64()) for name in ("item_count", "expected_count")),
        ("is_complete", pyarrow.bool_()),
        *((name, pyarrow.timestamp("us")) for name in ("observed_at", "window_start", "window_end")),
    ]
)


def _insert_scopes(connection: duckdb.DuckDBPyConnection, batch: list[_Waiting]) -> None:
    rows: list[dict[str, Any]] = []
    for one in batch:
        manifest = one.load.manifest
        observed_at = _naive(manifest.observed_at)
        for scope in manifest.scopes:
            is_window = scope.read_kind == "window"
            rows.append(
                {
                    "platform": manifest.platform,
                    "source_account_id": manifest.account_id,
                    "load_id": manifest.load_id,
                    "scope_key": make_scope_key(manifest.stream, scope.scope),
                    "stream": manifest.stream,
                    "read_kind": scope.read_kind,
                    "entity": scope.entity,
                    "subject_id": scope.subject_id,
                    "note": scope.note,
                    "item_count": scope.item_count,
                    "expected_count": scope.expected_count,
                    "is_complete": scope.is_complete,
                    "observed_at": observed_at,
                    "window_start": _naive(manifest.window["start"]) if is_window else None,
                    "window_end": _naive(manifest.window["end"]) if is_window else None,
                }
            )
    if rows:
        _register(connection, "registered_scope_rows", rows, _SCOPES)
        connection.execute("insert into staging.scopes by name select * from registered_scope_rows")
        connection.unregister("registered_scope_rows")


_LOADS = pyarrow.schema(
    [
        *(
            (name, pyarrow.string())
            for name in (
                "load_id", "platform", "source_account_id", "stream", "stream_kind", "manifest_sha256", "load_status", "row_counts", "new_fields",
                "warnings",
            )
        ),
        *(
            (name, pyarrow.int64())
            for name in ("manifest_revision", "landed_count", "accepted_count", "quarantined_count", "duplicate_count", "request_count")
        ),
        *((name, pyarrow.timestamp("us")) for name in ("observed_at", "window_start", "window_end")),
    ]
)  # fmt: skip

_COMPLETENESS = pyarrow.schema(
    [
        *((name, pyarrow.string()) for name in ("platform", "source_account_id", "stream", "load_id", "completeness_state", "reason")),
        *((name, pyarrow.int64()) for name in ("expected_count", "got_count")),
        ("is_reachable", pyarrow.bool_()),
        *((name, pyarrow.timestamp("us")) for name in ("window_start", "window_end")),
    ]
)


def _insert_ledger(connection: duckdb.DuckDBPyConnection, plan: StreamPlan, batch: list[_Waiting], counts: list[_Count]) -> None:
    """Write `ops.loads` and `ops.completeness` of the batch."""
    loads, completeness = [], []
    for one, count in zip(batch, counts, strict=True):
        manifest = one.load.manifest
        warnings = list(manifest.warnings)
        if count.repeated:
            shown = ", ".join(str(seq) for seq in count.repeated[:20]) + (", …" if len(count.repeated) > 20 else "")
            warnings.append(f"{len(count.repeated)} lines were sent again later in the load and left out: seq {shown}")
        common = {
            "platform": manifest.platform,
            "source_account_id": manifest.account_id,
            "stream": manifest.stream,
            "load_id": manifest.load_id,
            "window_start": _naive(manifest.window["start"]),
            "window_end": _naive(manifest.window["end"]),
        }
        loads.append(
            {
                **common,
                "stream_kind": manifest.stream_kind,
                "observed_at": _naive(manifest.observed_at),
                "manifest_sha256": one.load.manifest_sha256,
                "manifest_revision": manifest.revision,
                "load_status": "landed",
                "landed_count": count.landed,
                "accepted_count": count.accepted,
                "quarantined_count": count.quarantined,
                "duplicate_count": count.duplicates,
                "row_counts": canonical_json(count.rows),
                "new_fields": canonical_json(sample_new_fields(plan, one.load)),
                "request_count": manifest.request_count,
                "warnings": canonical_json(warnings),
            }
        )
        completeness.append({**common, **judge_completeness(one.load)})
    _register(connection, "registered_loads", loads, _LOADS)
    connection.execute("insert into ops.loads by name select * from registered_loads")
    connection.unregister("registered_loads")
    _insert_completeness(connection, completeness)


def _insert_completeness(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> None:
    _register(connection, "registered_completeness", rows, _COMPLETENESS)
    connection.execute("insert into ops.completeness by name select * from registered_completeness")
    connection.unregister("registered_completeness")


def sample_new_fields(plan: StreamPlan, load: LandedLoad) -> list[str]:
    """Paths that the first SAMPLED_LINES lines of each part have and the shape does not name, sorted."""
    found: set[str] = set()
    for path in load.part_paths:
        for number, line in _read_raw(load, path):
            if number > SAMPLED_LINES:
                break
            try:
                found.update(shapes.find_new_fields(plan.whole, simplejson.loads(line)["item"]))
            except (ValueError, TypeError, KeyError, RecursionError):
                continue  # such a line is in quarantine
    return sorted(found)


def judge_completeness(load: LandedLoad) -> dict[str, Any]:
    """State of a load in `ops.completeness`: expected_count, got_count, is_reachable, completeness_state, reason.

    complete            every scope was read to the platform's end and gave what the platform said it had, or a little less where the platform is known to
                        count whom it does not list (then the reason says how many)
    legitimately_empty  the same, and there was nothing
    partial             a scope was cut short, or gave less than the platform said it had, or it was not known what to ask about
    not_reachable       the platform cannot answer for this window (a snapshot asked for the past, or beyond its horizon)
    """
    manifest = load.manifest
    got = sum(part.line_count for part in manifest.parts)
    stated = [scope for scope in manifest.scopes if scope.expected_count is not None]
    expected = sum(scope.expected_count or 0 for scope in stated) if stated else None
    cut = [scope for scope in manifest.scopes if not scope.is_complete]
    fewer = [scope for scope in stated if scope.item_count < (scope.expected_count or 0)]
    unlisted = [scope for scope in fewer if (scope.note or "").startswith(UNLISTED_NOTE)]
    short = [scope for scope in fewer if scope not in unlisted]
    beyond = [text for text in [*(scope.note or "" for scope in manifest.scopes), *manifest.warnings] if text.startswith("not_reachable")]
    held_up = [text for text in manifest.warnings if text.startswith("incomplete:")]
    state, reason = "complete", None
    if (manifest.is_backfill and manifest.stream_kind == "state") or (beyond and got == 0):
        state = "not_reachable"
        reason = beyond[0].partition(":")[2].strip() if beyond else "a snapshot of now says nothing about the past"
    elif cut:
        notes = Counter(scope.note or "no reason given" for scope in cut)
        state = "partial"
        reason = f"{len(cut)} of {len(manifest.scopes)} reads were not complete: " + "; ".join(f"{note} ({n})" for note, n in notes.most_common(3))
    elif held_up:
        state, reason = "partial", "; ".join(text.partition(":")[2].strip() for text in held_up)
    elif short:
        missing = sum((scope.expected_count or 0) - scope.item_count for scope in short)
        state, reason = "partial", f"the platform states {missing} more than it gives, in {len(short)} of {len(manifest.scopes)} reads"
    elif got == 0:
        state = "legitimately_empty"
        reason = None if manifest.scopes else "nothing to ask about"
    elif unlisted:
        more = sum((scope.expected_count or 0) - scope.item_count for scope in unlisted)
        reason = f"the platform counts {more} more than it lists, in {len(unlisted)} of {len(manifest.scopes)} reads, as it does with people who are gone or blocked"
    return {
        "expected_count": expected,
        "got_count": got,
        "is_reachable": state != "not_reachable",
        "completeness_state": state,
        "reason": reason,
    }


# ---------------------------------------------------------------------------------------------------------- failures and the record

_COMPACT = re.compile(r"^(beginning|\d{8}T\d{6}Z)-(\d{8}T\d{6}Z)-[0-9a-f]{8}$")


def _record_failures(connection: duckdb.DuckDBPyConnection, paths: BrandPaths, broken: list[_Failure]) -> None:
    """Make the `failed` rows of `ops.completeness` say what is so now: loads that were begun and never finished, and broken ones."""
    rows: list[dict[str, Any]] = []
    for failure in broken:
        row = _describe_place(paths, failure.folder, failure.text)
        if manifest := failure.manifest:
            row |= {"window_start": _naive(manifest.window["start"]), "window_end": _naive(manifest.window["end"])}
        rows.append(row)
    for started in sorted(paths.landing.glob("*/*/*/*/started.json")):
        if _COMPACT.match(started.parent.name) and not (started.parent / "manifest.json").exists():
            reason = "the load was begun and not finished: the platform could not be read, or the pull was ended"
            rows.append(_describe_place(paths, started.parent, reason))
    # What is landed of a load stands, and a load stands once in the table.
    landed = {load_id for (load_id,) in connection.execute("select load_id from ops.loads").fetchall()}
    rows = [row for row in rows if row["load_id"] not in landed]
    known = connection.execute(
        "select platform, source_account_id, stream, load_id, reason from ops.completeness where completeness_state = 'failed' order by all"
    ).fetchall()
    if known == sorted((row["platform"], row["source_account_id"], row["stream"], row["load_id"], row["reason"]) for row in rows):
        return
    connection.execute("begin")
    connection.execute("delete from ops.completeness where completeness_state = 'failed'")
    if rows:
        _insert_completeness(connection, rows)
    connection.execute("commit")


def _describe_place(paths: BrandPaths, folder: Path, reason: str) -> dict[str, Any]:
    """A `failed` row of `ops.completeness` by where the load lies; without a window where the folder's name tells none."""
    platform, account, stream, load_id = folder.relative_to(paths.landing).parts
    match = _COMPACT.match(load_id)
    return {
        "platform": platform,
        "source_account_id": account,
        "stream": stream,
        "load_id": load_id,
        "window_start": _parse_compact(match[1]) if match else None,
        "window_end": _parse_compact(match[2]) if match else None,
        "is_reachable": True,
        "completeness_state": "failed",
        "reason": reason,
    }


def _parse_compact(text: str) -> datetime | None:
    return None if text == "beginning" else datetime.strptime(text, "%Y%m%dT%H%M%SZ")


def _record_run(connection: duckdb.DuckDBPyConnection, run_id: str, result: LandResult) -> None:
    message = f"{result.load_count} loads, {result.landed_count} lines, {result.quarantined_count} in quarantine, {result.duplicate_count} sent twice"
    if result.failures:
        message += f"; {len(result.failures)} loads failed: " + " ‖ ".join(result.failures[:5])
    connection.execute("begin")
    connection.execute("delete from ops.runs where run_id = ? and stage = 'land'", [run_id])
    connection.execute(
        "insert into ops.runs by name select ? as run_id, 'land' as stage, ? as outcome, ? as row_count, ? as seconds, ? as message",
        [run_id, "warned" if result.failures or result.quarantined_count else "done", result.row_count, result.seconds, message],
    )
    connection.execute("commit")
