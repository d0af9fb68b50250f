"""Landing: the raw, immutable archive of what platforms sent, one folder per load.

pull → started.json → part-*.jsonl.gz → manifest.json (the commit) → land, replay

    data/<brand>/landing/<platform>/<account>/<stream>/<load_id>/

Everything that touches a landed file goes through this module. Writes are to a temporary name and moved, so that a killed
process leaves either nothing or a whole file; a load without a manifest is unfinished and is rebuilt.
Try it alone: `python -m fifty.landing data/<brand>` lists the finished loads.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import simplejson

from fifty.errors import LandingError
from fifty.sent import read_answer, write_item

PART_LINES = 20_000
UNLISTED_NOTE = "counted, not listed:"
"""How the note of a complete scope begins whose platform counts more than its list shows, as it is known to do; the number follows."""

StreamKind = Literal["events", "state"]
ReadKind = Literal["listing", "window", "lookup"]


@dataclass(frozen=True)
class Window:
    """Half-open UTC interval of a load; `start` None means the beginning of what the platform has."""

    start: datetime | None
    end: datetime

    def __post_init__(self) -> None:
        for instant in (self.start, self.end):
            if instant is not None and instant.utcoffset() is None:
                raise ValueError("a window needs instants with a zone")
        if self.start is not None and self.start >= self.end:
            raise ValueError(f"a window must end after its start: {self.start} .. {self.end}")

    @property
    def label(self) -> str:
        """`<start>-<end>` as it opens a load id; sorts by time."""
        start = "beginning" if self.start is None else format_compact(self.start)
        return f"{start}-{format_compact(self.end)}"


@dataclass(frozen=True)
class LoadKey:
    """What identifies a load; the same key always means the same folder."""

    brand: str
    platform: str
    account: str
    stream: str
    window: Window
    follows: str = ""
    """The load of the same window that this one corrects."""

    @property
    def load_id(self) -> str:
        """Derived from platform, account, stream, window and what it corrects, so that a retry meets its own remains."""
        names = (self.platform, self.account, self.stream, self.window.label, *([self.follows] if self.follows else []))
        identity = "|".join(names)
        return f"{self.window.label}-{hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest()[:8]}"

    @property
    def where(self) -> str:
        """Place for messages: brand/platform/account/stream/load."""
        return f"{self.brand}/{self.platform}/{self.account}/{self.stream}/{self.load_id}"


@dataclass
class ScopeRead:
    """What was asked of one scope and what came of it; the ground on which absence becomes evidence."""

    scope: dict[str, Any]
    read_kind: ReadKind
    entity: str
    subject_id: str | None = None
    is_complete: bool = False
    item_count: int = 0
    expected_count: int | None = None
    note: str | None = None


@dataclass
class Part:
    """One landed file."""

    name: str
    sha256: str
    line_count: int


@dataclass
class Manifest:
    """The commit of a load. Times are ISO 8601 text in UTC."""

    load_id: str
    brand: str
    platform: str
    account_id: str
    stream: str
    stream_kind: StreamKind
    window: dict[str, str | None]
    observed_at: str
    parts: list[Part] = field(default_factory=list)
    scopes: list[ScopeRead] = field(default_factory=list)
    request_count: int = 0
    page_count: int = 0
    item_count: int = 0
    limits_met: int = 0
    warnings: list[str] = field(default_factory=list)
    next_state: dict[str, Any] = field(default_factory=dict)
    is_backfill: bool = False
    revision: int = 1
    revision_reason: str | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Manifest:
        """From the JSON of a manifest; fields a newer version added are ignored."""
        known = {name: raw[name] for name in cls.__dataclass_fields__ if name in raw}
        known["parts"] = [Part(**part) for part in known.get("parts", [])]
        known["scopes"] = [ScopeRead(**scope) for scope in known.get("scopes", [])]
        return cls(**known)


@dataclass(frozen=True)
class LandedLoad:
    """A finished load on disk."""

    folder: Path
    manifest: Manifest
    manifest_sha256: str

    @property
    def part_paths(self) -> list[Path]:
        """Files of the load in order."""
        return [self.folder / part.name for part in self.manifest.parts]


def format_compact(instant: datetime) -> str:
    """`YYYYMMDDTHHMMSSZ` of a UTC instant, whole seconds."""
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def format_instant(instant: datetime) -> str:
    """ISO 8601 with microseconds and Z."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Inverse of format_instant."""
    return datetime.fromisoformat(text)


def landing_root(data: Path, brand: str) -> Path:
    """Folder of all landed loads of a brand."""
    return data / brand / "landing"


def load_folder(data: Path, key: LoadKey) -> Path:
    """Folder of one load."""
    return landing_root(data, key.brand) / key.platform / key.account / key.stream / key.load_id


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no blanks; equal values give equal text."""
    return simplejson.dumps(value, sort_keys=True, separators=(",", ":"), use_decimal=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside `path`, flush to disk, move over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_manifest(folder: Path) -> LandedLoad | None:
    """The finished load in `folder`, or None while it has no manifest. Raises LandingError for an unreadable manifest."""
    path = folder / "manifest.json"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return LandedLoad(folder, _parse_manifest(path, content), hashlib.sha256(content).hexdigest())


def _parse_manifest(path: Path, content: bytes) -> Manifest:
    try:
        return Manifest.parse(simplejson.loads(content, use_decimal=True))
    except (ValueError, TypeError, KeyError) as error:
        raise LandingError(
            "the manifest cannot be read",
            where=str(path),
            seen=str(error),
            expected="the JSON that pull wrote",
            remedy="restore the file from a backup, or remove the load's folder and pull its window again",
        ) from None


def list_finished_loads(
    data: Path,
    brand: str,
    *,
    platform: str | None = None,
    account: str | None = None,
    stream: str | None = None,
    known: Collection[str] = (),
    damaged: dict[Path, LandingError] | None = None,
) -> list[LandedLoad]:
    """All finished loads of a brand, ordered by observed_at, then load_id. Folders without a manifest are passed over.

    So are, unparsed, manifests whose sha256 is in `known`. `next_state` is left out: read_manifest gives it. What is wrong with unreadable manifests
    goes to `damaged`, by the load's folder; without it LandingError is raised for the first.
    """
    loads = []
    for path in landing_root(data, brand).glob(f"{platform or '*'}/{account or '*'}/{stream or '*'}/*/manifest.json"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # it went meanwhile
        digest = hashlib.sha256(content).hexdigest()
        if digest in known:
            continue
        try:
            manifest = _parse_manifest(path, content)
        except LandingError as error:
            if damaged is None:
                raise
            damaged[path.parent] = error
            continue
        # Megabytes a load, which of a long history would fill the memory; only pull goes on from them.
        manifest.next_state = {}
        loads.append(LandedLoad(path.parent, manifest, digest))
    return sorted(loads, key=lambda load: (load.manifest.observed_at, load.manifest.load_id))


def read_state(data: Path, key: LoadKey, *, read: Callable[[Path], LandedLoad | None] = read_manifest) -> dict[str, Any]:
    """`next_state` of the newest finished load of the same stream that is no backfill and ends before this window's end; {} at first.

    `read` opens a load's folder, for who keeps what was read.
    """
    # The folder's name tells the window, so that of a long history only the newest manifests are opened.
    latest = format_compact(key.window.end)
    folders = [folder for folder in load_folder(data, key).parent.glob("*-*-*") if _read_window_end(folder) < latest]
    for _, ending in groupby(sorted(folders, key=_read_window_end, reverse=True), key=_read_window_end):
        loads = [load for folder in ending if (load := read(folder)) and not load.manifest.is_backfill]
        if loads:
            return max(loads, key=lambda load: (load.manifest.observed_at, load.manifest.load_id)).manifest.next_state
    return {}


def _read_window_end(folder: Path) -> str:
    return folder.name.rsplit("-", 2)[1]


def verify_load(load: LandedLoad) -> None:
    """Compare each part with its sha256. Raises LandingError at the first that differs or is missing."""
    for part in load.manifest.parts:
        path = load.folder / part.name
        try:
            digest = hash_file(path)
        except FileNotFoundError:
            digest = "no such file"
        if digest != part.sha256:
            raise LandingError(
                "a landed part is not what its manifest says",
                where=str(path),
                seen=digest,
                expected=part.sha256,
                remedy="restore the file from a backup, or remove the load's folder and pull its window again",
            )


def hash_file(path: Path) -> str:
    """sha256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_lines(load: LandedLoad) -> Iterator[dict[str, Any]]:
    """Every line of a load, parsed, in order. For inspection; land reads the files with DuckDB."""
    for path in load.part_paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield read_answer(line)


def start_load(folder: Path, load_id: str) -> datetime:
    """The instant at which a load was begun: that of its `started.json`, which is written with the first call."""
    path = folder / "started.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # The only clock of the pipeline: when this load was begun. Linked into place, so that of two starters one wins whole.
        temporary = path.with_name(f".started.{os.getpid()}.tmp")
        temporary.write_text(_write_start(load_id, datetime.now(UTC)), encoding="utf-8")
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
        sync_folder(folder)
    return parse_instant(simplejson.loads(path.read_text(encoding="utf-8"))["observed_at"])


def write_started(folder: Path, load_id: str, observed_at: datetime) -> None:
    """Let a load have been begun at this instant: the one that another machine began it with."""
    write_atomically(folder / "started.json", _write_start(load_id, observed_at).encode())


def _write_start(load_id: str, observed_at: datetime) -> str:
    return canonical_json({"load_id": load_id, "observed_at": format_instant(observed_at)})


class LoadWriter:
    """Writes one load. Use as a context manager around the pull of one stream.

        with LoadWriter(data, key, kind="state") as writer:
            if writer.is_finished: …                      # a manifest is there: nothing to do
            writer.write(scope, page, items)
            writer.finish(scopes=…, next_state=…)

    `observed_at` is the instant in started.json, written once and reused by every retry. Leaving without `finish` leaves the
    load unfinished, and the next attempt removes the parts and starts over.
    """

    def __init__(self, data: Path, key: LoadKey, *, kind: StreamKind, is_backfill: bool = False) -> None:
        self.key = key
        self.kind = kind
        self.is_backfill = is_backfill
        self.folder = load_folder(data, key)
        self.item_count = 0
        self.page_count = 0
        self._parts: list[Part] = []
        self._file: gzip.GzipFile | None = None
        self._raw: Any = None
        self._lines = 0
        finished = read_manifest(self.folder)
        self.finished: LandedLoad | None = finished
        self.observed_at = parse_instant(finished.manifest.observed_at) if finished else self._start()

    @property
    def is_finished(self) -> bool:
        """A manifest is there: pulling again is a no-op."""
        return self.finished is not None

    def _start(self) -> datetime:
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if path.name != "started.json":
                path.unlink()
        return start_load(self.folder, self.key.load_id)

    def __enter__(self) -> LoadWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_part(keep=False)

    def write(self, scope: Mapping[str, Any], page: int, items: list[Any]) -> None:
        """Append the items of one page as lines. `scope` is what was asked."""
        self.page_count += 1
        asked = simplejson.dumps(scope, separators=(",", ":"), use_decimal=True).encode("ascii")
        waiting = items
        while waiting:
            if self._file is None or self._lines >= PART_LINES:
                self._open_part()
            assert self._file is not None
            now, waiting = waiting[: PART_LINES - self._lines], waiting[PART_LINES - self._lines :]
            numbered = enumerate(now, start=self.item_count + 1)
            self._file.write(
                b"".join([b'{"scope":%b,"page":%d,"seq":%d,"item":%b}\n' % (asked, page, seq, write_item(item)) for seq, item in numbered])
            )
            self.item_count += len(now)
            self._lines += len(now)

    def finish(
        self,
        *,
        scopes: list[ScopeRead],
        next_state: Mapping[str, Any],
        request_count: int = 0,
        limits_met: int = 0,
        warnings: list[str] | None = None,
    ) -> LandedLoad:
        """Close the parts and write the manifest: the load is committed."""
        self._close_part(keep=True)
        manifest = Manifest(
            load_id=self.key.load_id,
            brand=self.key.brand,
            platform=self.key.platform,
            account_id=self.key.account,
            stream=self.key.stream,
            stream_kind=self.kind,
            window={
                "start": format_instant(self.key.window.start) if self.key.window.start else None,
                "end": format_instant(self.key.window.end),
            },
            observed_at=format_instant(self.observed_at),
            parts=self._parts,
            scopes=scopes,
            request_count=request_count,
            page_count=self.page_count,
            item_count=self.item_count,
            limits_met=limits_met,
            warnings=warnings or [],
            next_state=dict(next_state),
            is_backfill=self.is_backfill,
        )
        # Not `asdict`: it copies the memory of every post that is known, one by one.
        content = vars(manifest) | {"parts": [vars(part) for part in manifest.parts], "scopes": [vars(scope) for scope in scopes]}
        write_atomically(self.folder / "manifest.json", canonical_json(content).encode())
        load = read_manifest(self.folder)
        assert load is not None
        self.finished = load
        return load

    def _open_part(self) -> None:
        self._close_part(keep=True)
        name = f"part-{len(self._parts):05d}.jsonl.gz"
        self._raw = (self.folder / name).open("wb")
        # mtime 0 and no name inside: equal lines give equal bytes.
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=5, fileobj=self._raw, mtime=0)
        self._parts.append(Part(name, "", 0))
        self._lines = 0

    def _close_part(self, *, keep: bool) -> None:
        if self._file is None:
            return
        self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        self._file = None
        if keep:
            part = self._parts[-1]
            part.line_count = self._lines
            part.sha256 = hash_file(self.folder / part.name)


if __name__ == "__main__":
    import sys

    target = Path(sys.argv[1])
    for landed in list_finished_loads(target.parent, target.name):
        sys.stdout.write(f"{landed.folder.relative_to(target)} {landed.manifest.item_count}\n")
