"""The rules of the conformance truth once more, message by message in plain Python: what the set operations of demo/truth.py are held against."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.model import DAY, HOUR, parse_instant, read_head, read_table, to_datetime

MASS_MENTION = 3
LONGEST_GAP = 7 * DAY


@dataclass
class Contact:
    """One message towards one account, seen from the brand; ``direction`` is in, out or peer."""

    post: dict[str, Any]
    actor: int
    target: int
    direction: str
    is_direct: bool


class PlainExaminer:
    """Reads the truth of one brand on one platform off the tables, one message at a time."""

    def __init__(self, folder: Path, brand: str, platform: str, now: int) -> None:
        self.now, self.platform = now, platform
        head = read_head(folder)
        rows = [row for row in head.brands[brand]["accounts"] if row["platform"] == platform]
        self.brand_side = {row["account_no"] for row in rows if row["answers_for_brand"]}
        self.internal = {row["account_no"] for row in rows} - self.brand_side
        self.automatons = {row["account_no"] for row in rows if row["role"] == "automaton"}
        self.contests = [c for c in head.brands[brand]["campaigns"] if c["is_incentivised"]]
        self.accounts = read_table(folder, platform, "accounts").to_pylist()
        self.gone: set[int] = set()
        self.parted: set[tuple[int, int]] = set()
        for change in read_table(folder, platform, "changes").to_pylist():
            if change["ts"] <= now and change["kind"] in ("suspend", "deactivate"):
                self.gone.add(change["account_no"])
            elif change["ts"] <= now and change["kind"] == "return":
                self.gone.discard(change["account_no"])
            elif change["ts"] <= now and change["kind"] == "block" and platform == "bluesky":
                self.parted |= {(change["account_no"], change["target_no"]), (change["target_no"], change["account_no"])}
        self.posts = [row for row in read_table(folder, platform, "messages").to_pylist() if row["visible_at"] <= now]
        for post in self.posts:
            segments = json.loads(post["segments"])
            ids = list(dict.fromkeys(value for kind, value in segments if kind == "m"))
            post["named"] = [self.number_of(account_id) for account_id in ids]
            post["tags"] = {value.lower() for kind, value in segments if kind == "h"}
            post["is_deleted"] = post["deleted_at"] is not None and post["deleted_at"] <= now
        self.numbers = {post["message_no"]: post for post in self.posts}

    def number_of(self, account_id: str) -> int:
        """The row of an account."""
        if not hasattr(self, "places"):
            self.places = {row["account_id"]: row["account_no"] for row in self.accounts}
        return self.places[account_id]

    def is_automated(self, account: int) -> bool:
        """Whether the account is said to be automated, by the brand or by the platform."""
        return account in self.automatons or self.accounts[account]["is_bot"]

    def is_incentivised(self, post: dict[str, Any]) -> bool:
        """Whether a message belongs to a contest by its thread or its hashtag, inside the contest's dates."""
        root = f"{self.platform}:{self.numbers[post['root_no']]['post_id']}"
        return any(
            parse_instant(contest["starts_at"]) <= post["created_at"] < parse_instant(contest["ends_at"])
            and (root in contest["post_ids"] or bool(post["tags"] & {tag.lower() for tag in contest["hashtags"]}))
            for contest in self.contests
        )

    def is_served(self, post: dict[str, Any]) -> bool:
        """Whether the platform shows the message."""
        return not post["is_deleted"] and post["author_no"] not in self.gone

    def is_reachable(self, post: dict[str, Any]) -> bool:
        """Whether a walk down from the thread's root arrives at the message."""
        while self.is_served(post):
            if post["parent_no"] < 0:
                return True
            above = self.numbers[post["parent_no"]]
            if (post["author_no"], above["author_no"]) in self.parted:
                return False
            post = above
        return False

    def list_contacts(self, post: dict[str, Any]) -> list[Contact]:
        """With the author of what a message answers, else quotes, else of the thread's root; and with those named by hand."""
        above = next(self.numbers[post[name]] for name in ("parent_no", "quoted_no", "root_no") if post[name] >= 0)
        author = post["author_no"]
        targets = {} if above["author_no"] == author else {above["author_no"]: True}
        for account in post["named"]:
            if account != author:
                targets.setdefault(account, len(post["named"]) <= MASS_MENTION)
        contacts = []
        for target, is_direct in targets.items():
            ours = (author in self.brand_side, target in self.brand_side)
            if not {author, target} & self.internal and ours != (True, True):
                direction = {(False, True): "in", (True, False): "out", (False, False): "peer"}[ours]
                contacts.append(Contact(post, author, target, direction, is_direct))
        return contacts

    def is_identifiable(self, *accounts: int) -> bool:
        """Whether nobody of these is a guest without an e-mail address."""
        return not any(self.accounts[account]["account_id"].startswith("guest:without-email") for account in accounts)

    def list_standing(self, *, with_deleted: bool = False) -> list[dict[str, Any]]:
        """Messages in time order, without those of accounts that are gone."""
        posts = [p for p in self.posts if p["author_no"] not in self.gone and (with_deleted or not p["is_deleted"])]
        return sorted(posts, key=lambda p: (p["created_at"], p["post_id"]))

    def list_asks(self) -> list[tuple[Any, ...]]:
        """(ask, account, repeats, answer, hours to it), in the order of the asks."""
        waiting: dict[tuple[int, int], list[Any]] = {}
        rows: list[list[Any]] = []
        for post in self.list_standing():
            contacts = self.list_contacts(post)
            for contact in contacts:
                if contact.direction == "out" and not self.is_automated(contact.actor):
                    ask = waiting.pop((contact.target, post["root_no"]), None)
                    if ask is not None:
                        ask[3:] = [post["post_id"], (post["created_at"] - ask[4]) / HOUR]
            is_known = self.is_identifiable(post["author_no"])
            if (
                is_known
                and any(c.direction == "in" for c in contacts)
                and not self.is_automated(post["author_no"])
                and not self.is_incentivised(post)
            ):
                key = (post["author_no"], post["root_no"])
                if key in waiting:
                    waiting[key][2] += 1
                else:
                    waiting[key] = [post["post_id"], self.accounts[post["author_no"]]["account_id"], 0, None, post["created_at"]]
                    rows.append(waiting[key])
        return [(a.removeprefix("post:"), account, n, answer, hours if answer else None) for a, account, n, answer, hours in rows]

    def pair_contacts(self, posts: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        """(account, day, message in, message out): consecutive contacts in opposite directions, at most seven days apart."""
        turns: dict[int, list[Contact]] = defaultdict(list)
        for post in posts:
            if self.is_automated(post["author_no"]) or self.is_incentivised(post):
                continue
            for contact in self.list_contacts(post):
                is_known = self.is_identifiable(contact.actor, contact.target)
                if contact.direction == "peer" or not is_known or (contact.direction == "out" and not contact.is_direct):
                    continue
                turn = turns[contact.actor if contact.direction == "in" else contact.target]
                if not turn or turn[-1].post is not post:
                    turn.append(contact)
        rows = []
        for account, contacts in turns.items():
            for first, second in itertools.pairwise(contacts):
                if first.direction != second.direction and second.post["created_at"] - first.post["created_at"] <= LONGEST_GAP:
                    incoming, outgoing = (first, second) if first.direction == "in" else (second, first)
                    day = to_datetime(second.post["created_at"]).date()
                    rows.append((self.accounts[account]["account_id"], day, incoming.post["post_id"], outgoing.post["post_id"]))
        return rows

    def list_exchanges(self) -> list[tuple[Any, ...]]:
        """The exchanges whose day also has one where deleted messages count."""
        days = {row[:2] for row in self.pair_contacts(self.list_standing(with_deleted=True))}
        return [row for row in self.pair_contacts(self.list_standing()) if row[:2] in days]
