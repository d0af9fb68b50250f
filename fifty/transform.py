"""Accepted staging rows → intermediate → marts, by one `dbt build` in this process.

warehouse.duckdb (staging, ops) → dbt_project/ → warehouse.duckdb (intermediate) + marts.duckdb (engagement, relationships, ops)

The marts are built into a file beside, which takes the place of marts.duckdb when every model and key test has passed: a transform that is
killed or fails leaves the finished marts of before. Try it alone: `fifty transform --brand <brand>`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from pydantic import ByteSize, TypeAdapter

from fifty.building import FROM_NOTHING, Footing, find_footing, record_build
from fifty.errors import FatalError, FiftyError, RetryableError
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, connect, duckdb_config, lock_brand

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

logger = logging.getLogger(__name__)

EVERYTHING_KNOWN = "9999-12-31 00:00:00"
LARGE_SHARE_OF_MEMORY = 0.5
"""Ten million interactions are a work file of 2.3 GB, and ran out of 4 GB with two models at once; a million (1 to 2 GB, by how often it was rewritten) never did."""
# dbt keeps its invocation in process-wide state and reads the environment: one build at a time in a process.
_DBT = threading.Lock()
_GOOD = {"success", "pass", "no-op"}


@dataclass(frozen=True)
class NodeOutcome:
    """What became of one model, seed or test; `message` is dbt's word, in one line."""

    name: str
    kind: str
    status: str
    seconds: float
    message: str = ""

    @property
    def is_good(self) -> bool:
        """It did what it should."""
        return self.status in _GOOD


@dataclass(frozen=True)
class TransformResult:
    """A finished transform: every node, and the rows of each mart by `schema.table`."""

    as_of: date
    known_at: datetime | None
    nodes: tuple[NodeOutcome, ...]
    tables: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    footing: Footing | None = None

    @property
    def node_count(self) -> int:
        """Models, seeds and tests run."""
        return len(self.nodes)

    @property
    def row_count(self) -> int:
        """Rows of all marts together."""
        return sum(self.tables.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Tests that warn, in words."""
        return tuple(f"{node.name}: {node.message}" for node in self.nodes if node.status == "warn")

    @property
    def message(self) -> str:
        """The result in words."""
        models = sum(node.kind == "model" for node in self.nodes)
        tests = sum(node.kind == "test" for node in self.nodes)
        footing = f"; {self.footing.message}" if self.footing else ""
        return f"{models} models, {tests} tests, {len(self.tables)} marts with {self.row_count:,} rows{footing}"


def run_transform(paths: BrandPaths, settings: Settings, *, as_of: date, run_id: str, known_at: datetime | None = None) -> TransformResult:
    """Build all marts of a brand as of the end of `as_of` (24:00 UTC), from what had been observed by `known_at` (UTC; None: everything).

    Same loads, `as_of`, `known_at` and parameters give the same marts. Raises FatalError naming each model or test that failed and what to do;
    RetryableError when another process has the brand.
    """
    started = time.monotonic()
    logger.info("transform start brand=%s as_of=%s run_id=%s", paths.brand, as_of, run_id)
    with lock_brand(paths, settings):
        building = _name_building(paths)
        _remove_database(building)
        # Every table is there that a model reads, the brand's keys too. Held open, because dbt lets go of the file whenever no node happens to run:
        # without another connection in this process each time is a checkpoint, a new start and an empty cache.
        with connect(paths, settings) as connection:
            footing = find_footing(connection, settings.dbt_project, write_cut(known_at))
            logger.info("transform brand=%s %s", paths.brand, footing.message)
            nodes = _build(paths, settings, _make_environment(paths, settings, as_of, known_at, footing.build))
        if building.with_name(building.name + ".wal").exists():
            raise FatalError(
                "the marts were not written out",
                where=f"{paths.brand}/transform",
                seen=f"{building.name}.wal is still there",
                expected="dbt to close the file",
                remedy="run `fifty transform` again in a new process",
            )
        # First the log: left beside, it would be played into the new file.
        _remove_wal(paths.marts)
        building.replace(paths.marts)
        with connect(paths, settings, attach_marts=True) as connection:
            tables = _count_rows(connection)
            result = TransformResult(as_of, known_at, nodes, tables, round(time.monotonic() - started, 3), footing)
            connection.execute("begin")
            record_build(connection, footing, as_of=as_of, known_at=write_cut(known_at))
            connection.execute("delete from ops.runs where run_id = ? and stage = 'transform'", [run_id])
            connection.execute(
                "insert into ops.runs by name select ? as run_id, 'transform' as stage, ? as outcome, ? as row_count, ? as seconds,"
                " ? as message, ? as as_of_date",
                [run_id, "warned" if result.warnings else "done", result.row_count, result.seconds, result.message, as_of],
            )
            connection.execute("commit")
    logger.info("transform end brand=%s as_of=%s rows=%d seconds=%.2f", paths.brand, as_of, result.row_count, result.seconds)
    return result


def parse_project(paths: BrandPaths, settings: Settings, *, as_of: date, known_at: datetime | None = None) -> bool:
    """Let dbt read the project for a brand and keep what it found in `dbt_target`; returns whether it could.

    Nothing needs it: a transform reads what is not known yet itself, and says what is wrong. Worth calling while something else is waited for, because
    the first reading takes ten seconds, and opens no database.
    """
    return bool(_invoke(paths, settings, _make_environment(paths, settings, as_of, known_at), "parse").success)


def _name_building(paths: BrandPaths) -> Path:
    return paths.root / "marts.building.duckdb"


def write_cut(known_at: datetime | None) -> str:
    """`known_at` as the models are told."""
    return known_at.strftime("%Y-%m-%d %H:%M:%S.%f") if known_at else EVERYTHING_KNOWN


def _make_environment(paths: BrandPaths, settings: Settings, as_of: date, known_at: datetime | None, build: str = FROM_NOTHING) -> dict[str, str]:
    return {
        "FIFTY_WAREHOUSE": str(paths.warehouse.resolve()),
        "FIFTY_MARTS": str(_name_building(paths).resolve()),
        "FIFTY_THREADS": str(settings.threads),
        "FIFTY_MEMORY_LIMIT": settings.memory_limit,
        "FIFTY_RUN_BRAND": paths.brand,
        "FIFTY_RUN_AS_OF": as_of.isoformat(),
        "FIFTY_RUN_KNOWN_AT": write_cut(known_at),
        "FIFTY_RUN_BUILD": build,
    }


def _invoke(paths: BrandPaths, settings: Settings, environment: dict[str, str], *command: str) -> dbtRunnerResult:
    project = settings.dbt_project.resolve()
    target = paths.dbt_target.resolve()
    target.mkdir(parents=True, exist_ok=True)
    arguments = [
        *command,
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(target), "--log-path", str(target / "logs")),
        # dbt words each of its thousands of events before it asks whether anybody wants them: a twelfth of a transform.
        *("--log-level", "none", "--log-level-file", "debug" if settings.log_level == "DEBUG" else "none", "--no-use-colors", "--no-version-check"),
    ]
    # Imported here: it takes seconds, and only this stage needs it.
    from dbt.cli.main import dbtRunner

    with _DBT, _set_environment(environment):
        return dbtRunner().invoke(arguments)


def _build(paths: BrandPaths, settings: Settings, environment: dict[str, str], *select: str) -> tuple[NodeOutcome, ...]:
    chosen = ("--select", *select) if select else ()
    at_once = str(count_models_at_once(paths, settings))
    outcome = _invoke(paths, settings, environment, "build", *chosen, "--exclude-resource-type", "unit_test", "--threads", at_once)
    nodes = tuple(_read_nodes(outcome))
    for node in nodes:
        logger.log(
            logging.DEBUG if node.is_good else logging.WARNING,
            "transform brand=%s node=%s status=%s seconds=%.2f%s",
            *(paths.brand, node.name, node.status, node.seconds, f" {node.message}" if not node.is_good else ""),
        )
    if not outcome.success:
        raise _explain_failure(paths, outcome, nodes, paths.dbt_target.resolve())
    return nodes


def count_models_at_once(paths: BrandPaths, settings: Settings) -> int:
    """How many models may be built side by side. One, with all threads, where the work file is large beside the memory: what one model holds of texts
    while it groups them cannot go to the disk, and two that want it at once do not fit."""
    # As the engine understands the setting, which may also be a share of the machine's memory; it answers like `3.7 GiB`.
    with duckdb.connect(config=duckdb_config(settings)) as connection:
        row = connection.execute("select current_setting('memory_limit')").fetchone()
    memory = TypeAdapter(ByteSize).validate_python(row[0].replace(" ", "") if row else "0B")
    is_large = paths.warehouse.exists() and paths.warehouse.stat().st_size > LARGE_SHARE_OF_MEMORY * memory
    return 1 if is_large else settings.threads


def _count_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    names = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = 'marts' order by all").fetchall()
    counts = {}
    for schema, name in names:
        found = connection.execute(f'select count(*) from marts."{schema}"."{name}"').fetchone()
        counts[f"{schema}.{name}"] = int(found[0]) if found else 0
    return counts


def _read_nodes(outcome: dbtRunnerResult) -> Iterator[NodeOutcome]:
    results: Any = outcome.result
    for one in getattr(results, "results", None) or ():
        yield NodeOutcome(
            name=one.node.name,
            kind=str(one.node.resource_type),
            status=str(one.status),
            seconds=round(float(one.execution_time), 3),
            message=" ".join(str(one.message or "").split()),
        )


def _explain_failure(paths: BrandPaths, outcome: dbtRunnerResult, nodes: tuple[NodeOutcome, ...], target: Path) -> FiftyError:
    where = f"{paths.brand}/transform"
    broken = [node for node in nodes if node.status in ("error", "fail", "runtime error")]
    text = " ".join(str(outcome.exception or "").split()) or "; ".join(f"{node.kind} {node.name}: {node.message}" for node in broken)
    if "lock on file" in text:
        return RetryableError(
            "a file of the brand is open in another process",
            where=where,
            seen=text[:500],
            expected="nobody but Fifty to open the work file",
            remedy="close the other program; readers use published/marts.duckdb",
        )
    if not broken:
        return FatalError(
            "dbt could not begin",
            where=where,
            seen=text[:1000] or "no result",
            expected="a project and profile that parse",
            remedy="undo the last change to dbt_project/, or set FIFTY_DBT_PROJECT to the right folder",
        )
    skipped = sum(node.status == "skipped" for node in nodes)
    failed_tests = [node for node in broken if node.kind == "test"]
    remedy = f"read the compiled SQL under {target / 'compiled'}; run `fifty transform` again once the model or its input is mended"
    if len(failed_tests) == len(broken):
        remedy = f"look at the rows the test names (compiled SQL under {target / 'compiled'}); what is published stays as it is"
    return FatalError(
        f"{', '.join(node.name for node in broken)} failed, {skipped} more were not tried",
        where=where,
        seen=text[:1500],
        expected="every model to build and every key to hold",
        remedy=remedy,
    )


@contextmanager
def _set_environment(values: dict[str, str]) -> Iterator[None]:
    # dbt's profile takes its paths from the environment; what was there before comes back.
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _remove_database(path: Path) -> None:
    path.unlink(missing_ok=True)
    _remove_wal(path)


def _remove_wal(path: Path) -> None:
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
