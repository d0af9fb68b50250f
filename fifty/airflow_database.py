"""Airflow's own database, saved and brought back without the values of credentials that it holds.

sqlite:///…, postgresql://… → airflow.db (sqlite's own backup), airflow.dump (pg_dump) → the same address or another

Rows of `connection` and `variable` stay behind: passwords are in them. Their names are told. Called by backup and restore; imports no Airflow.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from fifty.errors import BackupError
from fifty.landing import hash_file

_LEFT_OUT = ("connection", "variable")


@dataclass(frozen=True)
class DatabaseDump:
    """A saved database; `connections` are the names of Airflow connections and variables whose values are not in it."""

    kind: str
    file: Path
    connections: list[str]


def measure_database(address: str) -> int:
    """Bytes of a SQLite database. 0 for PostgreSQL: its dump is compressed, by how much nobody knows before. Raises BackupError as dump_database does."""
    url = _parse(address)
    files = [Path(str(url.database)), Path(f"{url.database}-wal")] if url.get_backend_name() == "sqlite" else []
    return sum(file.stat().st_size for file in files if file.is_file())


def dump_database(address: str, folder: Path) -> DatabaseDump:
    """Save the database at `address` into `folder`. Raises BackupError for one that is neither SQLite nor PostgreSQL, or cannot be read."""
    url = _parse(address)
    folder.mkdir(mode=0o700)
    if url.get_backend_name() == "sqlite":
        return _dump_sqlite(url, folder / "airflow.db")
    return _dump_postgresql(url, folder / "airflow.dump")


def restore_database(address: str, file: Path) -> str:
    """Bring a saved database back to `address`; returns what was done, in words. One that is the same already is left as it is.

    Raises BackupError where another database is there, or the saved one is of another kind.
    """
    url = _parse(address)
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite != (file.name == "airflow.db"):
        raise BackupError(
            "the saved database of Airflow is of another kind than the address",
            where=_hide(url),
            seen=file.name,
            remedy="give an address of the same kind, or begin with an empty database: `airflow db migrate`",
        )
    return _restore_sqlite(url, file) if is_sqlite else _restore_postgresql(url, file)


def _parse(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        # The text itself may hold a password.
        raise BackupError(
            "the address of Airflow's database cannot be read",
            expected="sqlite:////path/airflow.db or postgresql://user@host/name",
            remedy="write it so",
        ) from None
    if url.get_backend_name() not in ("sqlite", "postgresql") or not url.database:
        raise BackupError(
            "this kind of database is not known here",
            where=_hide(url),
            expected="sqlite:////path/airflow.db or postgresql://user@host/name",
            remedy="save it with its own tools",
        )
    return url


def _dump_sqlite(url: URL, target: Path) -> DatabaseDump:
    source = Path(str(url.database))
    if not source.is_file():
        raise BackupError(
            "Airflow's database is not there", where=str(source), expected="a file", remedy="check the address; `airflow db migrate` makes it"
        )
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            names = []
            for table in _LEFT_OUT:
                if copy.execute("select 1 from sqlite_master where type = 'table' and name = ?", [table]).fetchone():
                    key = "conn_id" if table == "connection" else "key"
                    names += [name for (name,) in copy.execute(f"select {key} from {table} order by 1")]
                    copy.execute(f"delete from {table}")
            copy.commit()
            # Where SQLite was built without secure_delete, what was deleted is still in free pages.
            copy.execute("vacuum")
    except sqlite3.Error as error:
        raise BackupError(
            "Airflow's database cannot be saved", where=str(source), seen=str(error), remedy="see that the file is a database"
        ) from None
    return DatabaseDump("sqlite", target, names)


def _restore_sqlite(url: URL, file: Path) -> str:
    target = Path(str(url.database))
    if target.exists():
        if hash_file(target) == hash_file(file):
            return f"{target} is there already and the same"
        raise BackupError(
            "another database of Airflow is there",
            where=str(target),
            expected="no file",
            remedy="move it away, with Airflow stopped, and run the command again",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.copyfile(file, temporary)
    temporary.replace(target)
    return f"{target} is in place"


def _dump_postgresql(url: URL, target: Path) -> DatabaseDump:
    left_out = [f"--exclude-table-data={table}" for table in _LEFT_OUT]
    _run_tool(url, "pg_dump", "--format=custom", "--no-owner", *left_out, f"--file={target}")
    target.chmod(0o600)
    query = "select conn_id from connection union all select key from variable order by 1"
    names = _run_tool(url, "psql", "--tuples-only", "--no-align", "--no-psqlrc", f"--command={query}").split()
    return DatabaseDump("postgresql", target, names)


def _restore_postgresql(url: URL, file: Path) -> str:
    there = _run_tool(url, "psql", "--tuples-only", "--no-align", "--no-psqlrc", "--command=select to_regclass('dag_run')").strip()
    if there:
        return f"{_hide(url)} has Airflow's tables already and is left as it is"
    # In one transaction: killed, nothing of it is there.
    _run_tool(url, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", last=(str(file),))
    return f"{_hide(url)} is filled"


def _run_tool(url: URL, tool: str, *options: str, last: tuple[str, ...] = ()) -> str:
    """One of PostgreSQL's programs on the database of `url`; the password goes by environment, where no list of processes shows it."""
    program = shutil.which(tool)
    if program is None:
        raise BackupError(
            f"{tool} is not installed, and without it Airflow's PostgreSQL database cannot be saved or brought back",
            where=_hide(url),
            expected=f"{tool} on the path, of the server's version or newer",
            remedy="install PostgreSQL's client programs; or leave --airflow-database away and save that database with its own tools",
        )
    place = {"--host": url.host, "--port": url.port, "--username": url.username}
    where = [f"{option}={value}" for option, value in place.items() if value is not None]
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10"} | ({"PGPASSWORD": str(url.password)} if url.password else {})
    # How a connection is encrypted is told by the address's query, in the words of PostgreSQL's own library.
    environment |= {f"PG{name.upper()}": str(value) for name, value in url.query.items() if name.startswith("ssl")}
    done = subprocess.run(
        [program, *options, *where, "--no-password", f"--dbname={url.database}", *last], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupError(
            f"{tool} failed", where=_hide(url), seen=" ".join(done.stderr.split())[-300:], remedy="mend what it names, then run the command again"
        )
    return done.stdout


def _hide(url: URL) -> str:
    return url.render_as_string(hide_password=True)
