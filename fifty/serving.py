"""`bi.duckdb`: views for programs that keep a connection open; they see a new publish without reopening, and never two versions at once.

versions/<publish_id>/parquet → serving/slot_a | slot_b (links) + serving/active.csv (which, from when) → views of bi.duckdb

A view over `current/parquet` is not enough: a query over two views opens two files one after the other, and a publish in between
mixes two versions (measured: 5 in 100 joins while publishing without pause). So each view holds both slots and keeps the rows of
the one that was active *when the query's transaction began*: `now()` has one value for all views of a query. A switch is announced
for an instant shortly ahead; whoever reads the old or the new announcement before it comes to the same answer.
Reasons, limits and measurements: docs/decisions/0004-publish.md.

Try it alone: `duckdb -readonly data/<brand>/published/bi.duckdb`; its definition lies readable in published/serving/views.sql.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fifty.fingerprint import quote_name
from fifty.landing import sync_folder
from fifty.shapes import quote_text

log = logging.getLogger(__name__)

LEAD_SECONDS = 1.0
"""How far ahead a switch is announced: longer than writing one small file takes, and than clocks of readers' machines differ."""
GRACE_SECONDS = 3.0
"""How long after a switch the slot left behind stays as it is: longer than a query takes from its begin to its last opened file."""


@dataclass(frozen=True)
class ServedColumn:
    """A column of a view."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class ServedTable:
    """A view of bi.duckdb: one published table."""

    schema: str
    name: str
    description: str
    columns: tuple[ServedColumn, ...]


def serve_version(published: Path, publish_id: str, tables: Sequence[ServedTable], *, bi_root: str | None) -> bool:
    """Let `bi.duckdb` show `published/versions/<publish_id>`; true when something had to be changed.

    Safe to repeat and to kill at any line: whatever state was left, the next call ends in the same one.
    """
    serving = published / "serving"
    serving.mkdir(exist_ok=True)
    definition = write_definition(tables, bi_root or str(published.resolve()))
    known = serving / "views.sql"
    is_view_set_new = not (published / "bi.duckdb").exists() or not known.exists() or known.read_text(encoding="utf-8") != definition
    is_switched = _activate_version(serving, publish_id)
    if is_view_set_new:
        # A view needs its file in both slots: wait until nobody reads the old one, then let both show this version.
        _wait_for_switch(serving)
        active = _read_active(serving)
        other = "slot_b" if active[-1][0] == "slot_a" else "slot_a"
        _link_slot(serving, other, publish_id)
        _write_bi_file(published, definition)
        replace_text(known, definition)
    return is_switched or is_view_set_new


def list_served(published: Path) -> set[str]:
    """Versions that either slot shows: they must not be removed."""
    links = (published / "serving" / name for name in ("slot_a", "slot_b"))
    return {link.readlink().name for link in links if link.is_symlink()}


def read_served_version(published: Path) -> str | None:
    """The version that views show from now on, or None before the first publish."""
    serving = published / "serving"
    active = _read_active(serving)
    if not active or not (serving / active[-1][0]).is_symlink():
        return None
    return (serving / active[-1][0]).readlink().name


def _activate_version(serving: Path, publish_id: str) -> bool:
    active = _read_active(serving)
    if not active:
        for slot in ("slot_a", "slot_b"):
            _link_slot(serving, slot, publish_id)
        replace_text(serving / "active.csv", "slot_a 0\n")
        return True
    newest = active[-1][0]
    if (serving / newest).is_symlink() and (serving / newest).readlink().name == publish_id:
        return False
    _wait_for_switch(serving)
    other = "slot_b" if newest == "slot_a" else "slot_a"
    _link_slot(serving, other, publish_id)
    while True:
        begins_at = time.time() + LEAD_SECONDS

        text = f"{newest} 0\n{other} {round(begins_at * 1e6)}\n"
        temporary = _write_temporary(serving / "active.csv", text)
        if time.time() < begins_at - LEAD_SECONDS / 2:
            temporary.replace(serving / "active.csv")
            break
        log.warning("publish: writing %s took longer than half of %s s; announcing the switch again", temporary, LEAD_SECONDS)
    sync_folder(serving)
    if time.time() >= begins_at:
        log.warning("publish: the switch of %s came late; a query of this moment may have seen two versions", serving)
    return True


def _read_active(serving: Path) -> list[tuple[str, int]]:
    # (slot, first instant in microseconds), oldest first.
    path = serving / "active.csv"
    if not path.exists():
        return []
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(((slot, int(begin)) for slot, begin in rows), key=lambda row: row[1])


def _wait_for_switch(serving: Path) -> None:
    # At most lead + grace: after a clock was set back the announced instant may lie far ahead, and is then worth no wait.
    begins_at = _read_active(serving)[-1][1] / 1e6
    wait = begins_at + GRACE_SECONDS - time.time()
    if 0 < wait <= LEAD_SECONDS + GRACE_SECONDS:
        time.sleep(wait)
    elif wait > 0:
        log.warning("publish: the clock was set back by more than %s s; switching %s at once", round(wait), serving)
        replace_text(serving / "active.csv", f"{_read_active(serving)[-1][0]} 0\n")


def _link_slot(serving: Path, slot: str, publish_id: str) -> None:
    replace_link(serving / slot, Path("..") / "versions" / publish_id)


def write_definition(tables: Sequence[ServedTable], root: str) -> str:
    """SQL that makes the views; `root` is the published folder as the readers see it.

    A reader who sees it elsewhere sets the variable `fifty_published` (as we do here, where only the reader's path is stated).
    """

    def place(path: str) -> str:
        return f"coalesce(getvariable('fifty_published'), {quote_text(root.rstrip('/'))}) || {quote_text('/serving/' + path)}"

    active = (
        "select slot from read_csv("
        f"{place('active.csv')}, columns = {{'slot': 'varchar', 'begins_at_us': 'bigint'}}, delim = ' ',"
        " header = false, auto_detect = false)\n"
        "    where begins_at_us <= epoch_us(now())\n"
        "    order by begins_at_us desc\n"
        "    limit 1"
    )
    parts = [
        "-- Written by publish: the views of bi.duckdb. Each keeps the rows of the slot that was active when the query began.",
        "create schema serving;",
        f"create view serving.active as\n    {active};",
    ]
    for schema in sorted({table.schema for table in tables}):
        parts.append(f"create schema {quote_name(schema)};")
    for table in sorted(tables, key=lambda one: (one.schema, one.name)):
        name = f"{quote_name(table.schema)}.{quote_name(table.name)}"
        # The empty first branch fixes names and types: a version that lacks a column gives NULL, one that has more is cut to these.
        shape = ", ".join(f"cast(null as {column.type}) as {quote_name(column.name)}" for column in table.columns)
        chosen = ", ".join(f"cast({quote_name(column.name)} as {column.type}) as {quote_name(column.name)}" for column in table.columns)
        branches = [
            f"    select slot_rows.* from read_parquet({place(f'{slot}/parquet/{table.schema}/{table.name}.parquet')})"
            f" as slot_rows\n    semi join (select 1 from serving.active where slot = '{slot}') as is_active on true"
            for slot in ("slot_a", "slot_b")
        ]
        parts.append(
            f"create view {name} as select {chosen} from (\n    select {shape} where false\n    union all by name\n"
            + "\n    union all by name\n".join(branches)
            + "\n) as both_slots;"
        )
        parts.append(f"comment on view {name} is {quote_text(table.description)};")
        parts += [
            f"comment on column {name}.{quote_name(column.name)} is {quote_text(column.description)};"
            for column in table.columns
            if column.description
        ]
    return "\n".join(parts) + "\n"


def _write_bi_file(published: Path, definition: str) -> None:
    path = published / "bi.duckdb"
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    connection = duckdb.connect(str(temporary))
    try:
        # Making a view reads its files, and the readers' path may not exist here.
        connection.execute(f"set variable fifty_published = {quote_text(str(published.resolve()))}")
        # One transaction: else each of a thousand descriptions is written to the disk for itself.
        connection.execute(f"begin;\n{definition}commit;")
        connection.execute("checkpoint")
    finally:
        connection.close()
    seal_file(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def replace_text(path: Path, text: str) -> None:
    """Replace a small file at once; read-only for everybody."""
    _write_temporary(path, text).replace(path)
    sync_folder(path.parent)


def _write_temporary(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.write_text(text, encoding="utf-8")
    seal_file(temporary)
    return temporary


def replace_link(path: Path, target: Path) -> None:
    """Let the symbolic link `path` point to `target` at once."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)
    sync_folder(path.parent)


def seal_file(path: Path) -> None:
    """Force a finished file to the disk and make it read-only."""
    path.chmod(0o444)
    sync_file(path)


def sync_file(path: Path) -> None:
    """Force what was written into a file to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
