"""The shapes of a world: its tables, its head, and worlds told by hand.

Data flow: ``world.generate`` or ``WorldBuilder`` -> DIR/world/<platform>/*.parquet, DIR/world.json (last) -> ``state``, ``truth``, ``business``.
What only the truth may know lies in DIR/hidden/, which the platform processes never open.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
#: of the files, and of what is drawn: with another generator the same seed is another world
FORMAT, GENERATOR_VERSION = 2, 2

#: a run of message text: ["t", text], ["m", account id], ["h", hashtag without #] or ["u", url]
Segment = list[str]


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware datetime."""
    return round(moment.timestamp() * 1000)


def to_datetime(milliseconds: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


@lru_cache(maxsize=4096)
def _format_day(day: int) -> str:
    return to_datetime(day * DAY).date().isoformat()


def format_utc(milliseconds: int) -> str:
    """ISO 8601 with milliseconds and Z."""
    # Every like and every follow in an answer says its time: put together from numbers it takes a third of what a datetime takes.
    day, rest = divmod(milliseconds, DAY)
    seconds, rest = divmod(rest, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{_format_day(day)}T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{rest:03}Z"


def parse_instant(text: str) -> int:
    """Milliseconds of an ISO 8601 instant; a bare date means its 00:00 UTC. Raises ValueError when it is neither."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="")
    temporary.replace(path)


PLATFORM_NAMES = ("mastodon", "bluesky", "wordpress")
#: what stands for "no row" in a column of row numbers
NOBODY = -1


def _declare(**columns: pa.DataType) -> pa.Schema:
    """A schema; a name written with a trailing underscore is a column that may be null."""
    return pa.schema([pa.field(name.rstrip("_"), kind, nullable=name.endswith("_")) for name, kind in columns.items()])


_TEXT, _NUMBER, _INSTANT, _FLAG, _ROW = pa.string(), pa.int64(), pa.int64(), pa.bool_(), pa.int32()

#: the tables of a platform, below world/<platform>/; instants are milliseconds since 1970 UTC
TABLES: dict[str, pa.Schema] = {
    "accounts": _declare(
        account_no=_ROW, account_id=_TEXT, username=_TEXT, domain_=_TEXT, display_name=_TEXT, bio=_TEXT, location=_TEXT, created_at=_INSTANT,
        role=_TEXT, brand_=_TEXT, is_bot=_FLAG, email=_TEXT, follower_count=_NUMBER, following_count=_NUMBER, post_count=_NUMBER, traits=_TEXT,
    ),
    "messages": _declare(
        message_no=_NUMBER, post_id=_TEXT, content_id_=_TEXT, kind=_TEXT, site_=_TEXT, author_no=_ROW, created_at=_INSTANT, visible_at=_INSTANT,
        segments=_TEXT, parent_no=_NUMBER, root_no=_NUMBER, quoted_no=_NUMBER, client_=_TEXT, has_media=_FLAG, title_=_TEXT, visibility=_TEXT,
        deleted_at_=_INSTANT, delete_mode_=_TEXT,
    ),
    "mentions": _declare(message_no=_NUMBER, account_no=_ROW),
    "tags": _declare(message_no=_NUMBER, tag=_TEXT),
    "edits": _declare(message_no=_NUMBER, ts=_INSTANT, segments=_TEXT),
    "reactions": _declare(
        reaction_no=_NUMBER, kind=_TEXT, actor_no=_ROW, message_no=_NUMBER, target_no=_ROW, ts=_INSTANT, visible_at=_INSTANT, ended_at_=_INSTANT,
    ),
    "changes": _declare(ts=_INSTANT, account_no=_ROW, kind=_TEXT, target_no=_ROW, data=_TEXT),
}  # fmt: skip


@dataclass(frozen=True)
class WorldHead:
    """What world.json says. ``start`` and ``end`` (exclusive) are milliseconds; ``brands`` hold what each brand tells about itself, by key."""

    preset: str
    seed: int
    anchor: date
    days: int
    thesis: str
    regime: str
    interactions: int  # wanted of all brands together; 0 for a world told by hand
    counts: dict[str, dict[str, int]]  # platform -> table -> rows
    brands: dict[str, dict[str, Any]]

    @property
    def start(self) -> int:
        """First instant of the world."""
        return self.end - self.days * DAY

    @property
    def end(self) -> int:
        """The instant the world ends (exclusive): 00:00 UTC of the anchor date."""
        return to_ms(datetime.combine(self.anchor, datetime.min.time(), UTC))


def write_head(folder: Path, head: WorldHead) -> None:
    """Write world.json, which says that all the rest is there."""
    text = json.dumps(
        {"format": FORMAT, "generator": GENERATOR_VERSION, **asdict(head), "anchor": head.anchor.isoformat()}, ensure_ascii=False, indent=1
    )
    write_atomically(folder / "world.json", text + "\n")


def read_head(folder: Path) -> WorldHead:
    """Read world.json. Raises FileNotFoundError where there is no world, ValueError for one of another format."""
    said = json.loads((folder / "world.json").read_text(encoding="utf-8"))
    if said.pop("format", None) != FORMAT:
        raise ValueError(f"{folder} holds a world of another format than {FORMAT}: remove the folder, or give another --dir")
    del said["generator"]
    return WorldHead(**{**said, "anchor": date.fromisoformat(said["anchor"])})


def find_table(folder: Path, platform: str, name: str) -> Path:
    """Where a table of a platform lies."""
    return folder / "world" / platform / f"{name}.parquet"


def read_table(folder: Path, platform: str, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A table of a platform, whole or some of its columns."""
    return pq.read_table(find_table(folder, platform, name), columns=list(columns) if columns is not None else None)


class TableWriter:
    """Writes one Parquet file chunk by chunk; the file appears when it is whole. Grain: what its schema says."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self.schema, self.rows = path, schema, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._writer = pq.ParquetWriter(self._temporary, schema, compression="zstd")

    def write(self, table: pa.Table) -> None:
        """Add rows. Raises ArrowInvalid or KeyError where they do not fit the schema."""
        self._writer.write_table(table.select(self.schema.names).cast(self.schema), row_group_size=1 << 18)
        self.rows += table.num_rows

    def close(self) -> int:
        """Finish the file and put it in its place; returns its rows."""
        self._writer.close()
        self._temporary.replace(self.path)
        return self.rows


def write_table(path: Path, table: pa.Table) -> int:
    """Write a table that is in memory; returns its rows."""
    writer = TableWriter(path, table.schema)
    writer.write(table)
    return writer.close()


class WorldBuilder:
    """A world told by hand: everything as given, also ids, content ids and instants; ``write`` makes a world folder of it.

    ``add_account`` and ``add_message`` return a number to refer to in later calls; the row numbers in the files are others.
    """

    def __init__(self, anchor: date, days: int, seed: int = 0) -> None:
        self.anchor, self.days, self.seed = anchor, days, seed
        self.brands: dict[str, dict[str, Any]] = {}
        self._rows: dict[str, dict[str, list[dict[str, Any]]]] = {p: {name: [] for name in TABLES} for p in PLATFORM_NAMES}

    @property
    def end(self) -> int:
        """The instant the world ends, in milliseconds."""
        return to_ms(datetime.combine(self.anchor, datetime.min.time(), UTC))

    @property
    def start(self) -> int:
        """The instant the world begins, in milliseconds."""
        return self.end - self.days * DAY

    def add_brand(self, key: str, **description: Any) -> None:
        """What a brand says of itself (see world.json): names, timezone, accounts, campaigns …"""
        self.brands[key] = {"key": key, **description}

    def add_account(self, platform: str, account_id: str, username: str, **columns: Any) -> int:
        """An account; ``columns`` as in the table, ``traits`` as a dictionary. Returns its number."""
        rows = self._rows[platform]["accounts"]
        row = {
            "account_no": len(rows), "account_id": account_id, "username": username, "domain": None, "display_name": username, "bio": "",
            "location": "", "created_at": self.start - 400 * DAY, "role": "person", "brand": None, "is_bot": False, "email": "",
            "follower_count": 0, "following_count": 0, "post_count": 0, "traits": {},
        }  # fmt: skip
        rows.append(_replace(row, columns))
        return len(rows) - 1

    def add_message(self, platform: str, post_id: str, author: int, created_at: int, segments: list[Segment], **columns: Any) -> int:
        """A message; ``parent`` and ``quoted`` are numbers of earlier messages, the root follows. Returns its number."""
        rows = self._rows[platform]["messages"]
        parent, quoted = columns.pop("parent", NOBODY), columns.pop("quoted", NOBODY)
        kind = "quote" if quoted != NOBODY else "post" if parent == NOBODY else "comment" if platform == "wordpress" else "reply"
        row = {
            "message_no": len(rows), "post_id": post_id, "content_id": None, "kind": kind, "site": None, "author_no": author,
            "created_at": created_at, "visible_at": created_at, "segments": segments, "parent_no": parent,
            "root_no": len(rows) if parent == NOBODY else rows[parent]["root_no"], "quoted_no": quoted, "client": None, "has_media": False,
            "title": None, "visibility": "public", "deleted_at": None, "delete_mode": None,
        }  # fmt: skip
        rows.append(_replace(row, columns))
        return len(rows) - 1

    def add_reaction(self, platform: str, kind: str, actor: int, ts: int, *, message: int = NOBODY, target: int = NOBODY, **columns: Any) -> None:
        """A like or reshare of a message, or a follow of an account (``target``)."""
        row = {
            "reaction_no": 0, "kind": kind, "actor_no": actor, "message_no": message, "target_no": target, "ts": ts, "visible_at": ts,
            "ended_at": None,
        }  # fmt: skip
        self._rows[platform]["reactions"].append(_replace(row, columns))

    def add_edit(self, platform: str, message: int, ts: int, segments: list[Segment]) -> None:
        """Another version of a message."""
        self._rows[platform]["edits"].append({"message_no": message, "ts": ts, "segments": segments})

    def delete_message(self, platform: str, message: int, ts: int, mode: str = "author") -> None:
        """A message is taken back (``author``) or put away (``trash``)."""
        self._rows[platform]["messages"][message] |= {"deleted_at": ts, "delete_mode": mode}

    def add_change(self, platform: str, kind: str, account: int, ts: int, *, target: int = NOBODY, **data: Any) -> None:
        """An account is renamed, protected, suspended, deactivated, returns, or blocks another (``target``)."""
        self._rows[platform]["changes"].append({"ts": ts, "account_no": account, "kind": kind, "target_no": target, "data": data})

    def write(self, folder: Path) -> WorldHead:
        """Write the world folder; rows are put in the order of the files, and numbered anew."""
        counts = {}
        for platform, rows in self._rows.items():
            tables = _order_rows(rows)
            counts[platform] = {
                name: write_table(find_table(folder, platform, name), pa.Table.from_pylist(tables[name], schema=schema))
                for name, schema in TABLES.items()
            }
        head = WorldHead("by hand", self.seed, self.anchor, self.days, "open", "mixed", 0, counts, self.brands)
        write_head(folder, head)
        return head


def write_segments(segments: list[Segment]) -> str:
    """Segments as the tables hold them."""
    return json.dumps(segments, ensure_ascii=False)


def _replace(row: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    """A row with other values. Raises TypeError for a column that is none."""
    if unknown := columns.keys() - row.keys():
        raise TypeError(f"no such column: {', '.join(sorted(unknown))}")
    return row | columns


def _order_rows(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of a platform in the order and with the numbers of the files, mentions and tags beside them."""
    place = {row["account_id"]: row["account_no"] for row in rows["accounts"]}
    old = sorted(rows["messages"], key=lambda row: (row["visible_at"], row["message_no"]))
    number = {row["message_no"]: position for position, row in enumerate(old)} | {NOBODY: NOBODY}
    ordered: dict[str, list[dict[str, Any]]] = {
        "accounts": [row | {"traits": json.dumps(row["traits"], ensure_ascii=False)} for row in rows["accounts"]],
        "messages": [
            row | {name: number[row[name]] for name in ("message_no", "parent_no", "root_no", "quoted_no")}
            | {"segments": write_segments(row["segments"])}
            for row in old
        ],
        "mentions": [], "tags": [],
        "edits": [
            row | {"message_no": number[row["message_no"]], "segments": write_segments(row["segments"])}
            for row in sorted(rows["edits"], key=lambda row: row["ts"])
        ],
        "reactions": [
            row | {"reaction_no": position, "message_no": number[row["message_no"]]}
            for position, row in enumerate(sorted(rows["reactions"], key=lambda row: row["visible_at"]))
        ],
        "changes": [row | {"data": json.dumps(row["data"], ensure_ascii=False)} for row in sorted(rows["changes"], key=lambda row: row["ts"])],
    }  # fmt: skip
    for row in old:
        named = dict.fromkeys(place[value] for kind, value in row["segments"] if kind == "m")
        ordered["mentions"] += [{"message_no": number[row["message_no"]], "account_no": account} for account in named]
        tags = dict.fromkeys(value for kind, value in row["segments"] if kind == "h")
        ordered["tags"] += [{"message_no": number[row["message_no"]], "tag": tag} for tag in tags]
    return ordered
