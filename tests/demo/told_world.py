"""A small world told by hand, in which every number is known, and its platforms served from this process over real HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import uvicorn
from demo.model import DAY, HOUR, WorldBuilder
from demo.platforms.base import Platform

ANCHOR, DAYS = date(2026, 3, 2), 60
DEEP = 1_200
FANS = 30


@dataclass
class Told:
    """The world and what its tests must know of it; instants are milliseconds."""

    folder: Path
    builder: WorldBuilder
    ids: dict[str, str] = field(default_factory=dict)

    def at(self, day: float) -> int:
        """The instant a number of days after the world began."""
        return self.builder.start + round(day * DAY)


def describe_brand(key: str, accounts: dict[str, str]) -> dict[str, object]:
    """What a brand says of itself; a blog user of the brand is named as the brand."""
    rows = [
        {"platform": platform, "account_id": account_id, "handle": key, "role": "brand", "answers_for_brand": True, "responder_id": None}
        for platform, account_id in accounts.items()
    ]
    return {
        "name": key.title(), "timezone": "Europe/Lisbon", "mastodon_domain": "perch.example", "blog_host": f"blog.{key}.example",
        "blog_name": f"{key.title()}, the blog", "accounts": rows, "campaigns": [],
    }  # fmt: skip


class Teller:
    """Tells the story on one platform and remembers its ids."""

    def __init__(self, told: Told, platform: str) -> None:
        self.told, self.platform = told, platform
        self.account_ids: list[str] = []
        self.count = 0

    def add_account(self, account_id: str, username: str, **columns: Any) -> int:
        """An account."""
        self.account_ids.append(account_id)
        return self.told.builder.add_account(self.platform, account_id, username, domain="bsky.example" if self.is_on("bluesky") else None, **columns)

    def is_on(self, platform: str) -> bool:
        """Whether the story is told there."""
        return self.platform == platform

    def mint(self, ts: int, author: int, is_comment: bool) -> str:
        """An id in the platform's form; ascending with time."""
        self.count += 1
        if self.is_on("mastodon"):
            return str((ts << 16) + 2 * self.count)
        if self.is_on("bluesky"):
            return f"at://{self.account_ids[author]}/app.bsky.feed.post/{self.count:013d}"
        return str(self.count) if is_comment else f"post:{self.count}"

    def say(self, name: str, author: int, day: float, text: str | list[list[str]], site: str = "wren", parent: int = -1, **columns: Any) -> int:
        """A message, remembered by a name."""
        ts, segments = self.told.at(day), [["t", text]] if isinstance(text, str) else text
        post_id = self.mint(ts, author, parent >= 0)
        self.told.ids[f"{self.platform}/{name}"] = post_id
        here = {"site": site} if self.is_on("wordpress") else {}
        return self.told.builder.add_message(self.platform, post_id, author, ts, segments, parent=parent, title=name.title(), **here, **columns)

    def name_account(self, number: int) -> str:
        """The id of the ``number``-th account."""
        if self.is_on("wordpress"):
            return str(number + 1) if number < 2 else f"guest:{number:032x}"
        return f"did:plc:told{number:020d}" if self.is_on("bluesky") else str(109_000_000_000_000_000 + number)


def tell_world(folder: Path) -> Told:
    """Two brands, wren and rook, with the same people around them on each platform:

    wren's post of day 1 is liked by thirty fans from day 2 on, one each hour; fan 3 takes it back on day 4, fan 5 is suspended on day 10 and returns
    on day 20, fan 7 leaves on day 30; half of them follow wren. Fan 1 asks on day 3, words it anew on day 5, and deletes it on day 12; wren
    answered below it on day 3.5. A thread of 1,200 messages hangs below wren's post of day 6. Fan 2 mentions wren on day 8, but the message
    arrives two days late. Fan 4 changes names on day 15, fan 6 locks the account on day 16 and blocks wren on day 17.
    """
    builder = WorldBuilder(ANCHOR, DAYS, seed=3)
    told = Told(folder, builder)
    own: dict[str, dict[str, str]] = {"wren": {}, "rook": {}}
    for platform in ("mastodon", "bluesky", "wordpress"):
        teller = Teller(told, platform)
        wren, rook = (
            teller.add_account(teller.name_account(number), key, role="brand", brand=key, email=f"{key}@mail.example")
            for number, key in enumerate(("wren", "rook"))
        )
        fans = [teller.add_account(teller.name_account(number + 2), f"fan{number}", follower_count=5) for number in range(FANS)]
        told.ids |= {f"{platform}/wren": teller.account_ids[wren], f"{platform}/rook": teller.account_ids[rook]}
        told.ids |= {f"{platform}/fan{number}": teller.account_ids[fan] for number, fan in enumerate(fans)}
        own["wren"][platform], own["rook"][platform] = teller.account_ids[wren], teller.account_ids[rook]
        first = teller.say("first", wren, 1, "Good morning, wetlands")
        asked = teller.say("asked", fans[1], 3, "When do you open?", parent=first)
        teller.say("answer", wren, 3.5, "At seven", parent=asked)
        builder.delete_message(platform, asked, told.at(12))
        if platform != "bluesky":
            builder.add_edit(platform, asked, told.at(5), [["t", "When do you open on Sundays?"]])
        last = teller.say("long", wren, 6, "A long talk")
        for number in range(DEEP):
            last = teller.say(f"turn{number}", (fans[8], wren)[number % 2], 6 + (number + 1) / DEEP, f"turn {number}", parent=last)
        teller.say("rook here", rook, 9, "Rook here", site="rook")
        if platform == "wordpress":
            continue
        mention = [["m", teller.account_ids[wren]], ["t", " seen on the pond, "], ["h", "Pond"]]
        teller.say("late", fans[2], 8, mention, visible_at=told.at(10))
        for number, fan in enumerate(fans):
            ts = told.at(2) + number * HOUR
            builder.add_reaction(platform, "like", fan, ts, message=first, ended_at=told.at(4) if number == 3 else None)
            if number % 2:
                builder.add_reaction(platform, "follow", fan, ts, target=wren)
            if number % 3 == 0:
                builder.add_reaction(platform, "reshare", fan, ts, message=first)
        builder.add_change(platform, "suspend", fans[5], told.at(10))
        builder.add_change(platform, "return", fans[5], told.at(20))
        builder.add_change(platform, "deactivate", fans[7], told.at(30))
        builder.add_change(platform, "rename", fans[4], told.at(15), username="heron", display_name="Grey heron")
        builder.add_change(platform, "protect", fans[6], told.at(16))
        builder.add_change(platform, "block", fans[6], told.at(17), target=wren)
    for key, accounts in own.items():
        builder.add_brand(key, **describe_brand(key, accounts))
    builder.write(folder)
    return told


@contextlib.contextmanager
def serve_here(platform: Platform) -> Iterator[str]:
    """Serve a platform from a thread; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(platform.app, host="127.0.0.1", port=port, log_level="critical", date_header=False, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline and thread.is_alive(), "the server did not come up"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(5)
