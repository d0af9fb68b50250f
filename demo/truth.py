"""What is true in a world as of a moment, computed from the behaviour and written beside it as Parquet; no platform ever opens it.

Data flow: world with what is hidden + platform states at ``now`` -> rows -> DIR/truth/*.parquet and summary.json.

Grain: posts and reactions one row per platform id that ever was (``is_served`` says whether the platform shows it at ``now``);
accounts one per account; identities one per person and account; asks one per question with its answer; exchanges one per pair of
consecutive messages in opposite directions. Asks leave out deleted messages on both sides and accounts that are gone; exchanges are
paired with and without deleted messages and kept where both passes have one on the day.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from demo.model import DAY, HOUR, World, format_utc, parse_instant, to_datetime, write_atomically
from demo.people import NETWORKS
from demo.story import PlatformState, Post

MASS_MENTION = 3  # a message that names more people by hand addresses none of them
LONGEST_GAP = 7 * DAY


@dataclass
class Contact:
    """One message towards one account, seen from the brand; ``direction`` is in, out or peer."""

    post: Post
    actor_id: str
    target_id: str
    kind: str
    direction: str
    is_automated: bool
    is_incentivised: bool
    is_direct: bool  # towards the author of what it answers or quotes, or naming few enough


class Examiner:
    """Reads the truth of one platform off its state."""

    def __init__(self, world: World, state: PlatformState) -> None:
        self.world, self.state, self.platform = world, state, state.platform
        rows = [row for row in world.brand["accounts"] if row["platform"] == self.platform]
        self.brand_side = {row["account_id"] for row in rows if row["answers_for_brand"]}
        self.internal = {row["account_id"] for row in rows} - self.brand_side
        self.brand_account_id = next(row["account_id"] for row in rows if row["role"] == "brand")
        self.automatons = {row["account_id"] for row in rows if row["role"] == "automaton"}
        self.person_of = {p["accounts"][self.platform]: p for p in world.hidden["people"] if self.platform in p["accounts"]}
        self.contests = [c for c in world.brand["campaigns"] if c["is_incentivised"]]

    def is_incentivised(self, post: Post) -> bool:
        """Whether a message belongs to a contest by its thread or its hashtag, inside the contest's dates."""
        tags = {value.lower() for kind, value in post.segments if kind == "h"}
        for contest in self.contests:
            is_on = parse_instant(contest["starts_at"]) <= post.created_at < parse_instant(contest["ends_at"])
            belongs = f"{self.platform}:{post.root_id}" in contest["post_ids"] or tags & {tag.lower() for tag in contest["hashtags"]}
            if is_on and belongs:
                return True
        return False

    def is_automated(self, account_id: str) -> bool:
        """Whether the account is said to be automated, by the brand or by the platform."""
        return account_id in self.automatons or self.state.accounts[account_id].account.is_bot

    def list_contacts(self, post: Post) -> list[Contact]:
        """The contacts one message makes: with the author of what it answers, else quotes, else began the thread; and with those named by hand."""
        above = self.state.posts.get(post.parent_id or "") or self.state.posts.get(post.quoted_id or "") or self.state.posts.get(post.root_id)
        named = self.state.list_mentioned(post)
        targets: dict[str, str] = {}
        if above is not None and above.author_id != post.author_id:
            targets[above.author_id] = "quote" if post.quoted_id else ("comment" if self.platform == "wordpress" else "reply")
        for account_id in named:
            if account_id != post.author_id:
                targets.setdefault(account_id, "mention")
        contacts = []
        for target_id, kind in targets.items():
            if {post.author_id, target_id} & self.internal:
                continue
            ours = (post.author_id in self.brand_side, target_id in self.brand_side)
            if ours == (True, True):
                continue
            direction = {(False, True): "in", (True, False): "out", (False, False): "peer"}[ours]
            contacts.append(
                Contact(
                    post,
                    post.author_id,
                    target_id,
                    kind,
                    direction,
                    self.is_automated(post.author_id),
                    self.is_incentivised(post),
                    kind != "mention" or len(named) <= MASS_MENTION,
                )
            )
        return contacts

    def list_standing(self, with_deleted: bool = False) -> list[Post]:
        """Messages in time order, without those of accounts that are gone."""
        posts = [p for p in self.state.posts.values() if not self.state.accounts[p.author_id].is_gone and (with_deleted or p.deleted_at is None)]
        return sorted(posts, key=lambda p: (p.created_at, p.post_id))

    def is_reachable(self, post: Post) -> bool:
        """Whether a walk down from the thread's root arrives at the message: nothing between them is deleted or hidden."""
        while self.state.find_post(post.post_id):
            if post.parent_id is None:
                return True
            post = self.state.posts[post.parent_id]
        return False

    # -- rows -----------------------------------------------------------------------------------------------------

    def tell_posts(self) -> list[dict[str, Any]]:
        """One row per message that ever was."""
        rows = []
        for post in self.state.posts.values():
            hidden = self.world.hidden["messages"][f"{self.platform}|{post.post_id}"]
            contacts = self.list_contacts(post)
            rows.append(
                {
                    "platform": self.platform,
                    "post_id": clean_id(post.post_id),
                    "author_account_id": post.author_id,
                    "kind": post.kind,
                    "parent_post_id": clean_id(post.parent_id),
                    "root_post_id": clean_id(post.root_id),
                    "quoted_post_id": clean_id(post.quoted_id),
                    "text": "".join(("#" if k == "h" else "@" if k == "m" else "") + v for k, v in post.segments),
                    "created_at": to_datetime(post.created_at),
                    "edited_at": to_datetime(post.edited_at) if post.edited_at else None,
                    "deleted_at": to_datetime(post.deleted_at) if post.deleted_at else None,
                    "delete_mode": post.delete_mode,
                    "mentioned_by_hand": self.state.list_mentioned(post),
                    "directions": sorted({c.direction for c in contacts}),
                    "is_by_brand_side": post.author_id in self.brand_side,
                    "is_automated": self.is_automated(post.author_id),
                    "is_incentivised": self.is_incentivised(post),
                    "intent": hidden["intent"],
                    "is_served": self.state.find_post(post.post_id) is not None,
                    "is_reachable_from_root": self.is_reachable(post),
                }
            )
        return rows

    def tell_reactions(self) -> list[dict[str, Any]]:
        """One row per like, reshare and follow that ever was."""
        rows = []
        for mark in self.state.marks:
            is_follow = mark.kind == "follow"
            stands = mark.ended_at is None and not self.state.accounts[mark.actor_id].is_gone
            rows.append(
                {
                    "platform": self.platform,
                    "kind": mark.kind,
                    "reaction_id": mark.mark_id,
                    "actor_account_id": mark.actor_id,
                    "post_id": None if is_follow else clean_id(mark.object_id),
                    "target_account_id": mark.object_id if is_follow else self.state.posts[mark.object_id].author_id,
                    "occurred_at": to_datetime(mark.ts),
                    "is_before_world": is_follow and mark.ts == self.world.start,
                    "ended_at": to_datetime(mark.ended_at) if mark.ended_at else None,
                    "is_served": stands and (is_follow or self.state.find_post(mark.object_id) is not None),
                }
            )
        return rows

    def tell_accounts(self) -> list[dict[str, Any]]:
        """One row per account."""
        rows = []
        for account in self.state.accounts.values():
            person = self.person_of.get(account.account_id)
            rows.append(
                {
                    "platform": self.platform,
                    "account_id": account.account_id,
                    "username": account.username,
                    "domain": account.account.domain,
                    "display_name": account.display_name,
                    "email": account.account.email or None,
                    "role": account.account.role,
                    "person_id": person["person_id"] if person else None,
                    "type": person["type"] if person else None,
                    "is_bot_by_platform": account.account.is_bot,
                    "is_locked": account.is_locked,
                    "suspended_at": to_datetime(account.suspended_at) if account.suspended_at else None,
                    "deactivated_at": to_datetime(account.deactivated_at) if account.deactivated_at else None,
                }
            )
        return rows

    def tell_asks(self) -> list[dict[str, Any]]:
        """One row per ask: an external, human, not incentivised message to the brand side; repeats before the answer join the first."""
        open_asks: dict[tuple[str, str], dict[str, Any]] = {}
        rows = []
        for post in self.list_standing():
            for contact in self.list_contacts(post):
                if contact.direction == "out" and not contact.is_automated:
                    answered = open_asks.pop((contact.target_id, post.root_id), None)
                    if answered is not None:
                        answered |= {
                            "answer_post_id": clean_id(post.post_id),
                            "answered_at": to_datetime(post.created_at),
                            "answered_by": post.author_id,
                            "hours_to_answer": (post.created_at - answered.pop("asked_ms")) / HOUR,
                        }
            if any(c.direction == "in" and not c.is_automated and not c.is_incentivised for c in self.list_contacts(post)):
                key = (post.author_id, post.root_id)
                if key in open_asks:
                    open_asks[key]["repeat_count"] += 1
                    continue
                person = self.person_of.get(post.author_id)
                open_asks[key] = {
                    "platform": self.platform,
                    "ask_post_id": clean_id(post.post_id),
                    "account_id": post.author_id,
                    "person_id": person["person_id"] if person else None,
                    "root_post_id": clean_id(post.root_id),
                    "asked_at": to_datetime(post.created_at),
                    "asked_ms": post.created_at,
                    "repeat_count": 0,
                    "answer_post_id": None,
                    "answered_at": None,
                    "answered_by": None,
                    "hours_to_answer": None,
                }
                rows.append(open_asks[key])
        for row in rows:
            row.pop("asked_ms", None)
        return rows

    def pair_contacts(self, posts: list[Post]) -> list[dict[str, Any]]:
        """Consecutive contacts in opposite directions between the brand and one account, at most seven days apart.

        Who answers for the brand speaks for its account of the platform: one conversation, whoever of them writes."""
        turns: dict[str, list[Contact]] = defaultdict(list)
        for post in posts:
            for contact in self.list_contacts(post):
                if (
                    contact.direction == "peer"
                    or contact.is_automated
                    or contact.is_incentivised
                    or (contact.direction == "out" and not contact.is_direct)
                ):
                    continue
                # One message to two of the brand's accounts is one turn.
                turn = turns[contact.actor_id if contact.direction == "in" else contact.target_id]
                if not turn or turn[-1].post is not post:
                    turn.append(contact)
        rows = []
        for account_id, contacts in turns.items():
            person = self.person_of.get(account_id)
            for first, second in itertools.pairwise(contacts):
                if first.direction == second.direction or second.post.created_at - first.post.created_at > LONGEST_GAP:
                    continue
                incoming, outgoing = (first, second) if first.direction == "in" else (second, first)
                rows.append(
                    {
                        "platform": self.platform,
                        "brand_account_id": self.brand_account_id,
                        "account_id": account_id,
                        "person_id": person["person_id"] if person else None,
                        "in_post_id": clean_id(incoming.post.post_id),
                        "out_post_id": clean_id(outgoing.post.post_id),
                        "first_at": to_datetime(first.post.created_at),
                        "second_at": to_datetime(second.post.created_at),
                        "on_date": to_datetime(second.post.created_at).date(),
                    }
                )
        return rows

    def tell_exchanges(self) -> list[dict[str, Any]]:
        """One row per exchange, kept where the pass with deleted messages has one on the same day for the same pair."""

        def place(row: dict[str, Any]) -> tuple[Any, ...]:
            return row["brand_account_id"], row["account_id"], row["on_date"]

        was = {place(row) for row in self.pair_contacts(self.list_standing(with_deleted=True))}
        return [row for row in self.pair_contacts(self.list_standing()) if place(row) in was]


def clean_id(post_id: str | None) -> str | None:
    """The platform's own id: a blog post's number without our prefix."""
    return post_id.removeprefix("post:") if post_id else post_id


def count_living(exchanges: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Accounts with exchanges on dates at least seven days apart that hold two messages of each side."""
    by_account: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in exchanges:
        by_account[(row["platform"], row["account_id"])].append(row)
    living = set()
    for account, rows in by_account.items():
        dates = [row["on_date"] for row in rows]
        if (max(dates) - min(dates)).days >= 7 and len({r["in_post_id"] for r in rows}) >= 2 and len({r["out_post_id"] for r in rows}) >= 2:
            living.add(account)
    return living


def collect_truth(world: World, now: int) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """All truth tables as rows, and a summary of what the vanity counts say beside what is true."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in ("accounts", "posts", "reactions", "asks", "exchanges")}
    followers = 0
    for platform in NETWORKS:
        state = PlatformState(world, platform, now)
        examiner = Examiner(world, state)
        for name, rows in (
            ("accounts", examiner.tell_accounts()),
            ("posts", examiner.tell_posts()),
            ("reactions", examiner.tell_reactions()),
            ("asks", examiner.tell_asks()),
            ("exchanges", examiner.tell_exchanges()),
        ):
            tables[name] += rows
        brand_id = next(row["account_id"] for row in world.brand["accounts"] if row["platform"] == platform and row["role"] == "brand")
        followers += state.count_marks("follow", brand_id)
    tables["people"] = [
        {
            "person_id": p["person_id"],
            "type": p["type"],
            "name": p["name"],
            "activity": p["activity"],
            "business_ref": p["business_ref"],
            "volunteered": p["volunteered"],
            "away_from_day": p["away_from_day"],
            "away_until_day": p["away_until_day"],
        }
        for p in world.hidden["people"]
    ]
    tables["identities"] = [
        {
            "person_id": p["person_id"],
            "platform": platform,
            "account_id": account_id,
            "business_ref": p["business_ref"],
            "is_stated": bool(p["volunteered"] and p["business_ref"] and not account_id.startswith("guest:")),
        }
        for p in world.hidden["people"]
        for platform, account_id in p["accounts"].items()
    ]
    served = [row for row in tables["posts"] if row["is_served"]]
    living = count_living(tables["exchanges"])
    reactions = [row for row in tables["reactions"] if row["is_served"]]
    summary = {
        "now": format_utc(now),
        "seed": world.seed,
        "anchor": world.anchor.isoformat(),
        "vanity": {
            "followers": followers,
            "likes": sum(r["kind"] == "like" for r in reactions),
            "reshares": sum(r["kind"] == "reshare" for r in reactions),
        },
        "true": {
            "people": len(tables["people"]),
            "messages_served": len(served),
            "asks": len(tables["asks"]),
            "asks_answered": sum(a["answered_at"] is not None for a in tables["asks"]),
            "exchanges": len(tables["exchanges"]),
            "living_relationships_by_account": len(living),
            "living_by_platform": {n: sum(p == n for p, _ in living) for n in NETWORKS},
        },
    }
    return tables, summary


def write_truth(world: World, directory: Path, now: int) -> dict[str, Any]:
    """Write DIR/truth as of ``now``; returns the summary. ``world`` must have been loaded with what is hidden."""
    tables, summary = collect_truth(world, now)
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        temporary = directory / f".{name}.{os.getpid()}.tmp"
        pq.write_table(pa.Table.from_pylist(strip_surrogates(rows)), temporary)
        temporary.replace(directory / f"{name}.parquet")
    write_atomically(directory / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def strip_surrogates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose texts are valid UTF-8, whatever strangers typed."""
    return [{k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in row.items()} for row in rows]
