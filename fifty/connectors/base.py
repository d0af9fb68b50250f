"""What a connector is: a folder that declares its streams as data; everything it needs done, the runner does.

connectors/<platform>/__init__.py (CONNECTOR) → discover_connectors() → pull, land, DAGs, docs

A new platform is a new folder here; nothing else changes. Try it alone: `python -m fifty.connectors.base` lists platforms and streams.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fifty.landing import ReadKind, StreamKind

Shape = Mapping[str, Any] | list[Any] | str
"""See docs/decisions/0002: a mapping of field to shape, `[shape]`, or a leaf word."""


@dataclass(frozen=True)
class Stream:
    """One kind of thing a platform is asked for.

    `path` and `params` may hold `{placeholders}`, filled from the account (`{account_id}`, `{handle}`), the window (`{since}`, `{until}`)
    and, for a stream with a `parent`, from the scope of each parent item (`{post_id}` …).
    """

    name: str
    kind: StreamKind
    path: str
    shape: Shape
    entity: str
    """What the items are: posts, comments, likes, reshares, followers, profiles …; goes into the scopes."""
    items: str = "$"
    """Where the items stand in an answer: `$` (the answer is the list), a dotted path, or several joined by `+`."""
    params: Mapping[str, str] = field(default_factory=dict)
    read_kind: ReadKind = "listing"
    paging: str = "none"
    """Name of a paginator in fifty/paging.py."""
    page_size: int | None = None
    mapping: str | None = None
    """SQL file of the mapping, without `.sql`; the stream's own name where absent."""
    key: str = "id"
    """Path of an item's id, to drop what overlapping pages repeat."""
    created_at: str | None = None
    """Path of an item's time, to stop reading at the start of the window where the platform cannot filter by time."""
    lookback: timedelta = timedelta(0)
    """How much before its window a stream reads again, because things change later."""
    parent: str | None = None
    """Stream whose open items are asked about one by one."""
    scope: Mapping[str, str] = field(default_factory=dict)
    """What is asked, as it goes into each line: name to placeholder."""
    subject: str | None = None
    """Name in `scope` whose value is the subject of the read."""
    count_path: str | None = None
    """Path in the parent item of the count that says whether anything is there (`0`: no request) or has changed."""
    expected: str | None = None
    """Path or `header:<name>` of the number of items the platform says there are."""
    needs_credential: bool = False
    is_conditional: bool = False
    """The server offers ETag or Last-Modified for it."""


@dataclass(frozen=True)
class Connector:
    """A platform: how it is spoken to, and its streams in the order in which they are pulled."""

    platform: str
    title: str
    streams: tuple[Stream, ...]
    authenticate: Callable[..., Any] | None = None
    """Makes a requests auth object from account, credential and HTTP client; None: anonymous."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """Names of the limit headers: `remaining`, `reset`, and `reset_as`: epoch, iso or seconds."""
    is_remote: bool = True
    """False for platforms that are read from files."""

    @property
    def folder(self) -> Path:
        """The connector's folder: mappings, README, samples."""
        return Path(__file__).parent / self.platform

    def read_mapping(self, stream: Stream) -> str:
        """SQL of a stream's mapping."""
        return (self.folder / f"{stream.mapping or stream.name}.sql").read_text(encoding="utf-8")

    def stream(self, name: str) -> Stream:
        """The stream of that name; KeyError when there is none."""
        return {stream.name: stream for stream in self.streams}[name]


@cache
def discover_connectors() -> dict[str, Connector]:
    """Every platform by its short name, found by folder."""
    import fifty.connectors as package

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            connector: Connector = importlib.import_module(f"fifty.connectors.{module.name}").CONNECTOR
            found[connector.platform] = connector
    return found


if __name__ == "__main__":
    import sys

    for name, connector in discover_connectors().items():
        sys.stdout.write(f"{name}: {', '.join(stream.name for stream in connector.streams)}\n")
