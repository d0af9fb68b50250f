"""A brand's work file and where its other files are; the only place (with dbt, from the same settings) that opens a work file.

Settings, brand → BrandPaths → lock → connect() → DuckDB connection with every table of fifty/tables.yml

One writer per brand: `lock_brand` is an operating-system lock, released also when its holder is killed.
Try it alone: `python -m fifty.warehouse data/<brand>` prints the tables and their rows.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as program_version
from pathlib import Path
from typing import TextIO, TypeVar

import duckdb
from filelock import FileLock, Timeout

from fifty.errors import DepartedError, FatalError, FiftyError, RetryableError, SchemaError
from fifty.landing import sync_folder
from fifty.settings import Settings
from fifty.yaml_files import read_yaml

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 3
"""What the tables of a work file are like. 1: before `ops.schema_version`; 2: with it; 3: with the gate's verdict on
the build that is there, which a program that knows of none would leave standing when it builds. Whoever changes a column raises it."""
TABLES_FILE = Path(__file__).with_name("tables.yml")
_FOLDER_ATTEMPTS = 5
_KEY_NAMES = ("guest_key", "person_salt")
_Entered = TypeVar("_Entered")
_DUCKDB_TYPES = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "text[]": "varchar[]",
}


@dataclass(frozen=True)
class Column:
    """A column of a table that Fifty writes."""

    name: str
    type: str
    description: str

    @property
    def duckdb_type(self) -> str:
        """Type as DuckDB names it."""
        return _DUCKDB_TYPES[self.type]


@dataclass(frozen=True)
class Table:
    """A table that Fifty writes; `columns` begin with the common ones for staging."""

    schema: str
    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(column.name for column in self.columns)


@cache
def read_tables() -> dict[str, Table]:
    """All tables of tables.yml by `schema.name`."""
    raw = read_yaml(TABLES_FILE)
    tables = {}
    for schema in ("staging", "ops"):
        for name, spec in raw[schema].items():
            columns = {**(raw["common"] if schema == "staging" else {}), **spec["columns"]}
            tables[f"{schema}.{name}"] = Table(
                schema, name, tuple(spec["key"]), tuple(Column(column, kind, text) for column, (kind, text) in columns.items())
            )
    return tables


@dataclass(frozen=True)
class BrandPaths:
    """Where a brand's files are (see docs/decisions/0002 and the operator's guide)."""

    data: Path
    brand: str

    @property
    def root(self) -> Path:
        """The brand's folder: removing it removes the brand."""
        return self.data / self.brand

    @property
    def landing(self) -> Path:
        """Landed loads."""
        return self.root / "landing"

    @property
    def warehouse(self) -> Path:
        """The work file: staging, intermediate, ops."""
        return self.root / "warehouse.duckdb"

    @property
    def marts(self) -> Path:
        """Where dbt builds the marts; attached while transforming."""
        return self.root / "marts.duckdb"

    @property
    def published(self) -> Path:
        """What readers open."""
        return self.root / "published"

    @property
    def extracts(self) -> Path:
        """Extracts by name and as_of."""
        return self.root / "extracts"

    @property
    def dbt_target(self) -> Path:
        """dbt's compiled models and manifest of this brand."""
        return self.root / "dbt_target"

    @property
    def operations(self) -> Path:
        """What operators have said of the brand (fifty/state.py)."""
        return self.root / "operations.json"

    @property
    def departure(self) -> Path:
        """Says that the brand has left; outside its folder, which goes."""
        return self.data / ".offboarded" / f"{self.brand}.json"

    @property
    def tombstone(self) -> Path:
        """What the brand's folder is called while it is being removed."""
        return self.data / f".{self.brand}.offboarded"


def refuse_departed(paths: BrandPaths) -> None:
    """Raise DepartedError where the brand has left."""
    if paths.departure.exists():
        raise DepartedError(
            "the brand has left",
            where=paths.brand,
            seen=str(paths.departure),
            expected="a brand that has not been offboarded",
            remedy=f"take it out of fifty.yml; to begin it anew, from nothing, remove {paths.departure}",
        )


def _refuse_departed_meanwhile(paths: BrandPaths) -> None:
    """As refuse_departed, for who has just got a lock: the brand may have left since it was asked for, and the folder been made anew for the lock."""
    try:
        refuse_departed(paths)
    except DepartedError:
        with suppress(OSError):
            for lock in paths.root.glob(".*.lock"):
                lock.unlink()
            paths.root.rmdir()
        raise


def _enter_folder(paths: BrandPaths, enter: Callable[[], _Entered]) -> _Entered:
    """What `enter` comes to in the brand's folder, which is made where it is not there, and anew where it goes before it was entered.

    Raises DepartedError when the brand has left, RetryableError when the folder cannot be made or goes each time.
    """
    for attempt in range(1, _FOLDER_ATTEMPTS + 1):
        refuse_departed(paths)
        try:
            paths.root.mkdir(parents=True, exist_ok=True)
            return enter()
        except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
            if attempt == _FOLDER_ATTEMPTS:
                seen = f"{type(error).__name__}: {error}"
    # The last time, too, the brand may have left.
    refuse_departed(paths)
    raise RetryableError(
        "the brand's folder cannot be made, or goes as soon as it is made",
        where=str(paths.root),
        seen=seen,
        expected="a folder that stays, or none yet",
        remedy="see what lies there (a file, a link that leads nowhere) or what removes it; then run the command again",
    )


@contextmanager
def hold_lock(file: Path, seconds: float, *, what: str, where: str, remedy: str) -> Iterator[None]:
    """Be the only one who holds the lock `file`. Raises RetryableError, saying `what`, when another process holds it for longer than `seconds`."""
    lock = FileLock(file)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise RetryableError(what, where=where, seen=f"{file} is held", expected=f"it to be free within {seconds:.0f} s", remedy=remedy) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def lock_brand(paths: BrandPaths, settings: Settings) -> Iterator[None]:
    """Hold the brand's writer lock. Raises RetryableError when another process holds it longer than the setting allows, DepartedError when the brand
    has left."""
    with ExitStack() as held:
        _enter_folder(
            paths,
            lambda: held.enter_context(
                hold_lock(
                    paths.root / ".writer.lock",
                    settings.lock_timeout_seconds,
                    what="another process is writing this brand",
                    where=paths.brand,
                    remedy="wait for the other run, or end it; the lock goes with its process",
                )
            ),
        )
        _refuse_departed_meanwhile(paths)
        yield


@contextmanager
def lock_extracts(paths: BrandPaths, settings: Settings) -> Iterator[None]:
    """Be the only one who writes, copies or uploads the brand's extracts: two that write the same one would mix. The brand's folder must be there.

    Raises RetryableError when another process does so for longer than the setting allows.
    """
    with hold_lock(
        paths.root / ".extracts.lock",
        settings.lock_timeout_seconds,
        what="another process is at work on this brand's extracts",
        where=f"{paths.brand}/extract",
        remedy="wait for the other run, or end it; the lock goes with its process",
    ):
        yield


@contextmanager
def hold_folder(paths: BrandPaths, *, alone: bool = False) -> Iterator[None]:
    """Keep the brand's folder where it is: pulls and backups hold it together, whoever moves it holds it `alone`.

    Raises RetryableError at once when it is held otherwise, DepartedError when the brand has left.
    """
    path = paths.root / ".folder.lock"
    try:
        file = _enter_folder(paths, lambda: _open_held(path, alone=alone))
    except BlockingIOError:
        raise RetryableError(
            "a pull or a backup of this brand is under way" if alone else "the brand is being offboarded",
            where=paths.brand,
            seen=f"{path} is held",
            expected="it to be free",
            remedy="wait until it has ended; the lock goes with its process",
        ) from None
    with file:
        _refuse_departed_meanwhile(paths)
        yield


def _open_held(path: Path, *, alone: bool) -> TextIO:
    """A lock file, held as long as it is open. Raises BlockingIOError when it is held otherwise, FileNotFoundError when it has gone meanwhile."""
    with ExitStack() as opened:
        file = opened.enter_context(path.open("a"))
        # The operating system's: shared or alone, and gone with its process.
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink == 0:
            # A lock that nobody else can find guards nothing.
            raise FileNotFoundError(f"{path} was removed")
        opened.pop_all()
        return file


@contextmanager
def connect(paths: BrandPaths, settings: Settings, *, attach_marts: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the work file for writing, with every table there; `marts` attached when asked. Closes (and checkpoints) at the end.

    Hold `lock_brand` around it. Raises what open_work_file raises, SchemaError when another version of this program made the file and it cannot be used
    as it is, and FatalError when it was made with other keys than the brand's, or those cannot be read.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    with open_work_file(paths, settings) as connection:
        connection.execute("set timezone = 'UTC'")
        refuse_schema(connection, paths)
        create_tables(connection)
        fill_brand_key(connection, paths)
        if attach_marts:
            connection.execute(f"attach '{str(paths.marts).replace(chr(39), chr(39) * 2)}' as marts")
        yield connection


@contextmanager
def open_work_file(paths: BrandPaths, settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the work file as it is. Hold `lock_brand` around it.

    Raises RetryableError when a foreign process has it open, SchemaError when a version of DuckDB wrote it that this one cannot read, FatalError when it
    is damaged, no work file at all, or may not be opened.
    """
    try:
        connection = duckdb.connect(str(paths.warehouse), read_only=read_only, config=duckdb_config(settings))
    except duckdb.IOException as error:
        raise _explain_unopened(paths, " ".join(str(error).split())) from None
    try:
        yield connection
    finally:
        connection.close()


def _explain_unopened(paths: BrandPaths, seen: str) -> FiftyError:
    # Not "lock" alone: of a damaged file DuckDB says in which block.
    if "lock on file" in seen:
        return RetryableError(
            "the work file is open in another process",
            where=str(paths.warehouse),
            seen=seen,
            expected="nobody but Fifty to open it",
            remedy="close the other program; readers use published/marts.duckdb",
        )
    if "database file with version number" in seen:
        return SchemaError(
            "the work file was written by another version of DuckDB",
            where=str(paths.warehouse),
            seen=seen,
            expected=f"one that DuckDB {duckdb.__version__} can read",
            remedy="install the version of Fifty that made it; or move the file away and run `fifty replay`, which rebuilds it from landing",
        )
    return FatalError(
        "the work file cannot be opened",
        where=str(paths.warehouse),
        seen=seen,
        expected="a DuckDB file that is whole and may be read and written",
        remedy=f"see that the disk answers and whose the file is; where it is damaged, `fifty replay` rebuilds it from landing, or take {paths.warehouse.name}"
        " from a backup",
    )


def duckdb_config(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    """Configuration of every connection to a work file; two that differ cannot share a process."""
    return {"threads": settings.threads, "memory_limit": settings.memory_limit, "preserve_insertion_order": False}


def read_brand_keys(paths: BrandPaths) -> dict[str, str]:
    """The brand's `person_salt` and `guest_key`, made once.

    They lie beside the landed loads, because a rebuild from landing must give the same person ids; readable by the owner alone.
    Raises FatalError for a file that cannot be read.
    """
    path = paths.landing / "keys.json"
    if not path.exists():
        write_brand_keys(paths, make_brand_keys())
    return parse_brand_keys(path.read_bytes(), where=str(path))


def parse_brand_keys(content: bytes, *, where: str) -> dict[str, str]:
    """The keys in a file's content. Raises FatalError where it does not hold both of them and nothing else; never says what it does hold."""
    try:
        keys = json.loads(content)
    except ValueError:
        keys = None
    if not isinstance(keys, dict) or keys.keys() != set(_KEY_NAMES) or not all(isinstance(value, str) and value for value in keys.values()):
        raise FatalError(
            "the brand's keys cannot be read",
            where=where,
            seen=f"{len(content)} bytes that are something else",
            expected=f"JSON with {' and '.join(_KEY_NAMES)}, each a text",
            remedy="restore the file from a backup; where there is none, move it away: the next run writes it from the work file, where that holds the keys",
        )
    return keys


def make_brand_keys() -> bytes:
    """New keys, as the file holds them."""
    return _write_keys({name: secrets.token_hex(32) for name in _KEY_NAMES})


def _write_keys(keys: dict[str, str]) -> bytes:
    return json.dumps(keys, sort_keys=True).encode()


def write_brand_keys(paths: BrandPaths, content: bytes) -> None:
    """Write the keys' file, readable by the owner alone, and force it to the disk; where there is one already, it stands."""
    path = paths.landing / "keys.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".keys.{os.getpid()}.tmp")
    temporary.touch(mode=0o600)
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    # Linked, not moved: of two processes that start together, the first one's keys stand.
    with suppress(FileExistsError):
        path.hardlink_to(temporary)
    temporary.unlink()
    sync_folder(path.parent)


def recover_brand_keys(paths: BrandPaths, settings: Settings) -> None:
    """Where the keys' file is lost, write it from the work file; refuse one that is not the work file's. For who makes that file anew, or the keys.

    Raises what open_work_file and settle_brand_keys raise, the former only where the keys' file is lost: else a damaged work file hides nothing.
    """
    if not paths.warehouse.exists():
        return
    try:
        with open_work_file(paths, settings, read_only=True) as connection:
            known = _read_known_keys(connection)
    except (FatalError, duckdb.Error):
        if not (paths.landing / "keys.json").exists():
            raise
        return
    if known:
        settle_brand_keys(paths, known)


def _read_known_keys(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    # A work file that another version made may not have the table.
    if not connection.execute("select 1 from duckdb_tables() where schema_name = 'ops' and table_name = 'brand_key'").fetchall():
        return {}
    return dict(connection.execute("select name, value from ops.brand_key").fetchall())


def settle_brand_keys(paths: BrandPaths, known: dict[str, str]) -> dict[str, str]:
    """The brand's keys, of which the work file knows `known` ({}: none yet). A lost file is written from there: new keys would change every person's id.

    Raises FatalError where file and work file differ, or the file cannot be read.
    """
    path = paths.landing / "keys.json"
    if known and not path.exists():
        logger.warning("keys of %s: %s was lost, and is written again from the work file", paths.brand, path)
        write_brand_keys(paths, _write_keys(known))
    keys = read_brand_keys(paths)
    if known and known != keys:
        raise FatalError(
            "the work file was made with other keys than the brand's file holds",
            where=str(path),
            seen=f"not what ops.brand_key of {paths.warehouse} holds",
            expected="one pair of keys a brand: person ids derive from them",
            remedy="put back the keys.json that belongs to the work file, from a backup, or move the wrong one away and run the command again;"
            " where the file is the right one, move the work file away and run `fifty replay`",
        )
    return keys


def fill_brand_key(connection: duckdb.DuckDBPyConnection, paths: BrandPaths) -> None:
    """Put the brand's keys into `ops.brand_key`, where land and the models read them. Raises what settle_brand_keys raises."""
    known = _read_known_keys(connection)
    keys = settle_brand_keys(paths, known)
    if not known:
        connection.execute("begin")
        connection.executemany("insert into ops.brand_key values (?, ?)", sorted(keys.items()))
        connection.execute("commit")


def read_schema_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """What the tables of an open work file are like; None before it has any."""
    tables = {name for (name,) in connection.execute("select table_name from duckdb_tables() where schema_name = 'ops'").fetchall()}
    if "schema_version" in tables:
        row = connection.execute("select max(version) from ops.schema_version").fetchone()
        return row[0] if row else None
    return 1 if "loads" in tables else None


def list_column_differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Tables that are there and have other columns than this program writes, each with what differs. Tables that lack are none: they are made."""
    found: dict[str, dict[str, str]] = {}
    for schema, table, column, kind in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where schema_name in ('staging', 'ops')"
    ).fetchall():
        found.setdefault(f"{schema}.{table}", {})[column] = kind.lower()
    differences = []
    for name, table in read_tables().items():
        wanted = {column.name: column.duckdb_type for column in table.columns}
        if name in found and found[name] != wanted:
            apart = sorted(column for column in wanted.keys() | found[name].keys() if wanted.get(column) != found[name].get(column))
            differences.append(f"{name} ({', '.join(apart)})")
    return differences


def refuse_schema(connection: duckdb.DuckDBPyConnection, paths: BrandPaths) -> None:
    """Raise SchemaError where an open work file was made by a newer program, or by an older one that wrote other columns. Changes nothing."""
    version = read_schema_version(connection)
    if version is None or version == SCHEMA_VERSION:
        return
    if version > SCHEMA_VERSION:
        made_by = connection.execute("select max(made_by) from ops.schema_version where version = ?", [version]).fetchone()
        raise SchemaError(
            "the work file was made by a newer version of Fifty",
            where=str(paths.warehouse),
            seen=f"schema {version}, by fifty {made_by[0] if made_by else '?'}",
            expected=f"schema {SCHEMA_VERSION} or older",
            remedy="install that version again; or move the file away and run `fifty replay`, which rebuilds it from landing",
        )
    if differences := list_column_differences(connection):
        raise SchemaError(
            "the work file was made by an older version of Fifty",
            where=str(paths.warehouse),
            seen=f"schema {version}; other columns in {', '.join(differences)}",
            expected=f"schema {SCHEMA_VERSION}",
            remedy="`fifty upgrade` rebuilds it from landing, and says before how long that takes",
        )


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create schemas and tables that are not there, and say which version of them the file has now. All of it or nothing."""
    connection.execute("begin")
    for schema in ("staging", "ops", "intermediate"):
        connection.execute(f"create schema if not exists {schema}")
    for table in read_tables().values():
        columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in table.columns)
        connection.execute(f"create table if not exists {table.schema}.{table.name} ({columns})")
    if connection.execute("select version from ops.schema_version").fetchall() != [(SCHEMA_VERSION,)]:
        connection.execute("delete from ops.schema_version")
        connection.execute("insert into ops.schema_version values (?, ?)", [SCHEMA_VERSION, program_version("fifty")])
    connection.execute("commit")


if __name__ == "__main__":
    import sys

    with duckdb.connect(str(Path(sys.argv[1]) / "warehouse.duckdb"), read_only=True) as reader:
        for full_name in read_tables():
            count = reader.execute(f"select count(*) from {full_name}").fetchone()
            sys.stdout.write(f"{full_name} {count[0] if count else 0}\n")
