"""What this machine knows to be in the object store: a note per brand, so that a run asks for news only and `fifty status` needs no network.

uploads and downloads → data/<brand>/stored.sqlite → what is still to be uploaded

A note, not a truth: listings of the store decide. Without it everything is compared anew (one small read per load) and nothing is lost. It
also holds this machine's name, by which other machines tell whose unfinished loads are whose.
Called by fifty/landing_store.py, fifty/publish_store.py, fifty/extract_store.py and fifty/status.py.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fifty.warehouse import BrandPaths


@dataclass(frozen=True)
class StoredNote:
    """One thing in the store, committed by one small object (a manifest, current.json)."""

    path: str
    """Of the thing below its area; the same here and there."""
    sha256: str
    """Of the committing object's content."""
    e_tag: str
    """Of the committing object in the store."""
    local_mark: str
    """Size and time of the local file the object is a copy of: where they are the same, the file need not be read."""
    names: tuple[str, ...] = ()
    """Every object that belongs to the thing, without its path."""


def mark_file(path: Path) -> str:
    """Size and time of last change: a cheap sign that a file is still what it was."""
    facts = path.stat()
    return f"{facts.st_size}-{facts.st_mtime_ns}"


class StoredNotes:
    """The notes of one brand about one URL. Safe to use from several threads and processes."""

    def __init__(self, paths: BrandPaths, url: str) -> None:
        self.file = paths.root / "stored.sqlite"
        self.url = url

    def read(self) -> dict[str, StoredNote]:
        """All notes by path."""
        if not self.file.exists():
            return {}
        with self._open() as connection:
            rows = connection.execute("select path, sha256, e_tag, local_mark, names from stored where url = ?", [self.url]).fetchall()
        return {row[0]: _build_note(row) for row in rows}

    def find(self, path: str) -> StoredNote | None:
        """The note of one thing, where there is one."""
        if not self.file.exists():
            return None
        with self._open() as connection:
            row = connection.execute(
                "select path, sha256, e_tag, local_mark, names from stored where url = ? and path = ?", [self.url, path]
            ).fetchone()
        return _build_note(row) if row else None

    def write(self, note: StoredNote) -> None:
        """Note a thing, in place of what was known of it."""
        with self._open() as connection:
            connection.execute(
                "insert or replace into stored (url, path, sha256, e_tag, local_mark, names) values (?, ?, ?, ?, ?, ?)",
                [self.url, note.path, note.sha256, note.e_tag, note.local_mark, json.dumps(note.names)],
            )

    def read_machine(self) -> str:
        """Name of this machine's data directory, made once; tells nothing about it."""
        with self._open() as connection:
            connection.execute("insert or ignore into machine (id, name) values (1, ?)", [secrets.token_hex(8)])
            return str(connection.execute("select name from machine").fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.file, timeout=60)
        try:
            with connection:
                connection.execute("create table if not exists machine (id integer primary key check (id = 1), name text not null)")
                connection.execute(
                    "create table if not exists stored (url text not null, path text not null, sha256 text not null, e_tag text not null,"
                    " local_mark text not null, names text not null, primary key (url, path))"
                )
                yield connection
        finally:
            connection.close()


def _build_note(row: tuple[str, str, str, str, str]) -> StoredNote:
    path, sha256, e_tag, local_mark, names = row
    return StoredNote(path, sha256, e_tag, local_mark, tuple(json.loads(names)))
