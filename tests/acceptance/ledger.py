"""What the platforms made of the story: their ids and the times as they state them.

tell.py -> Ledger (JSON file) -> oracle.py, compare.py

Run alone: not useful; the file it writes can be read by eye.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path


@dataclass
class Account:
    """A character's account: ``account_id`` is the DID or the WordPress user id (absent for guests)."""

    platform: str
    account_id: str | None
    handle: str
    shown_as: str


@dataclass
class Told:
    """A message as its platform keeps it; ``said_at`` in ISO 8601 with zone, ``is_article`` for a blog post."""

    platform: str
    message_id: str
    said_at: str
    url: str | None = None
    cid: str | None = None
    is_article: bool = False

    @property
    def instant(self) -> datetime:
        """The time the platform states, with its zone."""
        return datetime.fromisoformat(self.said_at)


@dataclass
class Ledger:
    """All accounts and messages, the records behind likes, reshares and follows, and when each change was made."""

    today: str
    bluesky_url: str = ""
    wordpress_url: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)
    messages: dict[str, Told] = field(default_factory=dict)
    likes: dict[str, Told] = field(default_factory=dict)
    reshares: dict[str, Told] = field(default_factory=dict)
    follows: dict[str, Told] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The day of the telling."""
        return date.fromisoformat(self.today)

    def write(self, path: Path) -> None:
        """Write the ledger as JSON."""
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False))
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Read a ledger written before."""
        raw = json.loads(path.read_text())
        for name in ("messages", "likes", "reshares", "follows"):
            raw[name] = {key: Told(**value) for key, value in raw[name].items()}
        raw["accounts"] = {key: Account(**value) for key, value in raw["accounts"].items()}
        return cls(**raw)
