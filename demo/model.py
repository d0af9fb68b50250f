"""The shapes of a world: accounts, events, and the world file they live in.

Data flow: ``behaviour`` fills a ``World`` -> ``save_world`` -> DIR/world.json, DIR/world/*.jsonl -> ``load_world`` -> ``state``.
What only the truth may know (types, identities, intents) is kept in ``hidden.json``, which the platform processes never open.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

GENERATOR_VERSION = 1
WORLD_DAYS = 60
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

#: a run of message text: ["t", text], ["m", account id], ["h", hashtag without #] or ["u", url]
Segment = list[str]


@dataclass
class Account:
    """One account on one platform, as it stood when the world began; times are milliseconds since 1970 UTC."""

    platform: str
    account_id: str
    username: str
    domain: str | None
    display_name: str
    bio: str
    location: str
    created_at: int
    role: str = "person"  # brand | staff | agency | automaton | person
    is_bot: bool = False
    email: str = ""
    follower_count: int = 0
    following_count: int = 0
    post_count: int = 0
    traits: dict[str, Any] = field(default_factory=dict)  # platform oddities, such as counts sent as text


@dataclass
class Event:
    """Something that happened on a platform at ``ts`` (milliseconds since 1970 UTC); ``data`` depends on ``kind``."""

    ts: int
    platform: str
    kind: str  # post | edit | delete | like | unlike | reshare | unreshare | follow | unfollow | rename | protect | suspend | deactivate | block
    actor: str
    data: dict[str, Any]


@dataclass
class World:
    """A whole brand world: who was there, what happened in time order, and what only the truth may know."""

    seed: int
    anchor: date
    brand: dict[str, Any]
    accounts: list[Account]
    events: list[Event]
    hidden: dict[str, Any]

    @property
    def start(self) -> int:
        """First instant of the world in milliseconds."""
        return to_ms(datetime.combine(self.anchor - timedelta(days=WORLD_DAYS), datetime.min.time(), UTC))

    @property
    def end(self) -> int:
        """The instant the world ends (exclusive): 00:00 UTC of the anchor date."""
        return to_ms(datetime.combine(self.anchor, datetime.min.time(), UTC))


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware datetime."""
    return round(moment.timestamp() * 1000)


def to_datetime(milliseconds: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def format_utc(milliseconds: int) -> str:
    """ISO 8601 with milliseconds and Z."""
    return to_datetime(milliseconds).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


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


def save_world(world: World, directory: Path) -> None:
    """Write the world below ``directory``; world.json comes last and says that the rest is whole."""
    folder = directory / "world"
    write_atomically(folder / "accounts.jsonl", "".join(json.dumps(asdict(a), ensure_ascii=False) + "\n" for a in world.accounts))
    lines = (json.dumps([e.ts, e.platform, e.kind, e.actor, e.data], ensure_ascii=False) + "\n" for e in world.events)
    write_atomically(folder / "events.jsonl", "".join(lines))
    write_atomically(folder / "hidden.json", json.dumps(world.hidden, ensure_ascii=False))
    head = {
        "generator_version": GENERATOR_VERSION,
        "seed": world.seed,
        "anchor": world.anchor.isoformat(),
        "account_count": len(world.accounts),
        "event_count": len(world.events),
        "brand": world.brand,
    }
    write_atomically(directory / "world.json", json.dumps(head, ensure_ascii=False, indent=2) + "\n")


def load_world(directory: Path, platform: str | None = None, with_hidden: bool = False) -> World:
    """Read a saved world; with ``platform`` only that platform's accounts and events. Raises FileNotFoundError without world.json."""
    head = json.loads((directory / "world.json").read_text(encoding="utf-8"))
    folder = directory / "world"
    accounts, events = [], []
    with (folder / "accounts.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            account = Account(**json.loads(line))
            if platform in (None, account.platform):
                accounts.append(account)
    with (folder / "events.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            event = Event(*json.loads(line))
            if platform in (None, event.platform):
                events.append(event)
    hidden = json.loads((folder / "hidden.json").read_text(encoding="utf-8")) if with_hidden else {}
    return World(head["seed"], date.fromisoformat(head["anchor"]), head["brand"], accounts, events, hidden)
