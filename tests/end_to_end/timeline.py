"""What the pipeline knows of a platform, held against what is true of it, id by id.

truth/*.parquet (posts, reactions, accounts, asks, exchanges) + warehouse.duckdb → Difference(missing, extra, other)

What a platform's API cannot show is left out by rule, never by id:

- a message counts as *shown* when it is served and either hangs in its thread without a gap (`is_reachable_from_root`), or is towards the brand
  (it comes as a notification), or is the brand account's own (it is in the account's list). Others that are served may be known, need not be;
- messages of others that begin a thread, name nobody of the brand and quote nothing of it: on Mastodon they are shown when they carry a hashtag (its API
  has no search in full text), on Bluesky when they hold one of the brand's terms;
- likes and reshares of the brand account's messages, the reshares it makes, and follows of the brand account: nobody else's lists are read.

What a message says of its parent, when the parent is gone: WordPress moves what hung below a comment deleted for good up to the post; elsewhere the
parent's id stays, but nobody tells any more who wrote it. Such messages are *uprooted*: whom they address is known to the truth alone, so that asks of
that person in that thread are left out (`list_uprooted_pairs`). Exchanges are paired with deleted messages, too (M4.1), and who never saw a message
before it was deleted cannot do so: an exchange is compared when no such message of that person lies between its two (`list_unknowable_moments`),
living relationships are for accounts without any (`list_unknowable_accounts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from demo_world import DemoWorld, FinishedRun

PLATFORMS = ("mastodon", "bluesky", "wordpress")
# Mastodon's times are the server's own; WordPress cuts to seconds; on Bluesky createdAt is written by the author's program, whose clock may be off.
CLOCK = {"mastodon": timedelta(0), "wordpress": timedelta(seconds=1), "bluesky": timedelta(minutes=1)}


@dataclass
class Difference:
    """What differs between the truth and what the pipeline knows; each entry names the ids."""

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    compared: int = 0

    @property
    def is_none(self) -> bool:
        """Nothing differs, and there was something to compare."""
        return self.compared > 0 and not (self.missing or self.extra or self.other)

    def __str__(self) -> str:
        words = [f"{self.compared} compared, missing {len(self.missing)}, extra {len(self.extra)}, otherwise different {len(self.other)}"]
        return "\n  ".join(words + [f"{name}: {one}" for name in ("missing", "extra", "other") for one in getattr(self, name)[:20]])


def naive(instant: datetime | None) -> datetime | None:
    """UTC without its zone, as staging has it."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant else None


class Truth:
    """The truth of one platform."""

    def __init__(self, world: DemoWorld, platform: str) -> None:
        self.platform = platform
        self.posts = {self.key_of(row): row for row in world.read_truth("posts") if row["platform"] == platform}
        self.reactions = [row for row in world.read_truth("reactions") if row["platform"] == platform]
        self.asks = [row for row in world.read_truth("asks") if row["platform"] == platform]
        self.exchanges = [row for row in world.read_truth("exchanges") if row["platform"] == platform]
        self.accounts = {row["account_id"]: row for row in world.read_truth("accounts") if row["platform"] == platform}
        self.terms = [term.lower() for term in world.terms]
        self.brand_id = next(account_id for account_id, row in self.accounts.items() if row["role"] == "brand")
        self.stated = {row["account_id"] for row in world.read_truth("identities") if row["platform"] == platform and row["is_stated"]}

    def key_of(self, row: dict[str, Any]) -> str:
        """Id of a message as staging has it: on a blog posts and comments are numbered apart."""
        return f"post:{row['post_id']}" if self.platform == "wordpress" and row["kind"] == "post" else row["post_id"]

    def parent_of(self, row: dict[str, Any]) -> str | None:
        """Id of what a message answers, as staging has it."""
        parent: str | None = row["parent_post_id"]
        is_below_post = self.platform == "wordpress" and row["kind"] == "comment" and parent == row["root_post_id"]
        return f"post:{parent}" if is_below_post else parent

    def root_of(self, row: dict[str, Any]) -> str:
        """Id of the first message of the thread, as staging has it."""
        return f"post:{row['root_post_id']}" if self.platform == "wordpress" else row["root_post_id"]

    def is_shown(self, row: dict[str, Any]) -> bool:
        """Whether the platform's API shows the message to one who follows the brand."""
        if not row["is_served"]:
            return False
        is_own = row["author_account_id"] == self.brand_id
        if row["kind"] == "post" and not row["directions"] and not row["is_by_brand_side"] and not self.is_found_by_its_words(row["text"]):
            return False
        return bool(self.platform == "wordpress" or row["is_reachable_from_root"] or "in" in row["directions"] or is_own)

    def is_found_by_its_words(self, text: str) -> bool:
        """Whether a message that is towards nobody of the brand is found by what it says; on a blog there is none."""
        return "#" in text if self.platform == "mastodon" else any(term in text.lower() for term in self.terms)

    def is_uprooted(self, row: dict[str, Any]) -> bool:
        """Whether the message is served and what it answers is not."""
        parent = self.posts.get(self.parent_of(row) or "")
        return row["is_served"] and parent is not None and not parent["is_served"]

    def list_unknowable_moments(self) -> dict[str, list[datetime]]:
        """By account, when it wrote, or was truly addressed by, a message that is uprooted, or that was gone before anybody could read it."""
        found: dict[str, list[datetime]] = {}
        for row in self.posts.values():
            if self.is_uprooted(row) or not row["is_served"]:
                parent = self.posts.get(self.parent_of(row) or "")
                for account_id in {row["author_account_id"], *row["mentioned_by_hand"], *([parent["author_account_id"]] if parent else [])}:
                    found.setdefault(account_id, []).append(row["created_at"])
        return found

    def list_unknowable_accounts(self) -> set[str]:
        """Accounts with an unknowable moment."""
        return self.list_unknowable_moments().keys() - {self.brand_id}

    def list_uprooted_pairs(self) -> set[tuple[str, str]]:
        """(account, root) in which an uprooted message makes it unknowable who addressed whom."""
        found = set()
        for row in self.posts.values():
            if self.is_uprooted(row):
                parent = self.posts[self.parent_of(row) or ""]
                found |= {(row["author_account_id"], row["root_post_id"]), (parent["author_account_id"], row["root_post_id"])}
        return found


def compare_posts(truth: Truth, run: FinishedRun) -> Difference:
    """Every message: is it there, not marked as deleted, with its author, parent, root, time, names and flags."""
    found = Difference()
    names: tuple[str, ...] = ("post_id", "author", "parent", "root", "kind", "published_at", "edited_at", "named", "subject")
    names += ("is_automated", "is_incentivised", "author_side", "is_gone")
    rows = run.ask(
        """
        select
            post_id, author_account_key, parent_post_key, root_post_key, kind, published_at, edited_at, mentioned_account_ids, subject_post_key,
            is_automated, is_incentivised, author_side, is_deleted or is_hidden,
        from intermediate.int_messages where platform = ?
        """,
        truth.platform,
    )
    ours = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    shown = {key for key, row in truth.posts.items() if truth.is_shown(row)}
    served = {key for key, row in truth.posts.items() if row["is_served"]}
    standing = {key for key, row in ours.items() if not row["is_gone"]}
    found.missing = sorted(shown - standing)
    found.extra = sorted(standing - served)
    guests: dict[str, str] = {}
    for key in sorted(standing & served):
        found.compared += 1
        found.other += [f"{key}: {words}" for words in _compare_post(truth, truth.posts[key], ours[key], guests)]
    return found


def _compare_post(truth: Truth, said: dict[str, Any], ours: dict[str, Any], guests: dict[str, str]) -> list[str]:
    found = []

    def expect(name: str, expected: object) -> None:
        if ours[name] != expected:
            found.append(f"{name} {ours[name]!r} instead of {expected!r}")

    def prefix(key: str | None) -> str | None:
        return f"{truth.platform}:{key}" if key else None

    # A guest's id is a keyed hash on both sides: the same guest must always be the same one, and nobody else.
    author = (
        guests.setdefault(said["author_account_id"], ours["author"]) if "guest:" in said["author_account_id"] else prefix(said["author_account_id"])
    )
    expect("author", author)
    if len(set(guests.values())) != len(guests):
        found.append(f"author {author} stands for two guests")
    is_uprooted = truth.is_uprooted(said)
    if not (truth.platform == "wordpress" and is_uprooted):
        expect("parent", prefix(truth.parent_of(said)))
    if said["is_reachable_from_root"]:
        expect("root", prefix(truth.root_of(said)))
        kind = said["kind"]
        if truth.platform == "wordpress" and kind == "comment":
            kind = "comment" if said["parent_post_id"] == said["root_post_id"] else "reply"
        expect("kind", kind)
    expect("subject", prefix(said["quoted_post_id"]))
    created = naive(said["created_at"])
    assert created is not None
    if abs(ours["published_at"] - created) > CLOCK[truth.platform]:
        found.append(f"published_at {ours['published_at']} instead of {created}")
    # Only Mastodon tells of an edit when it was; a blog tells it of posts, and of comments nothing; Bluesky has none.
    if truth.platform == "mastodon":
        expect("edited_at", naive(said["edited_at"]))
    if sorted(ours["named"] or []) != sorted(said["mentioned_by_hand"]):
        found.append(f"named {ours['named']} instead of {said['mentioned_by_hand']}")
    expect("is_automated", said["is_automated"])
    if said["is_reachable_from_root"]:
        expect("is_incentivised", said["is_incentivised"])
    if (ours["author_side"] == "brand") != said["is_by_brand_side"]:
        found.append(f"author_side {ours['author_side']}")
    return found


def compare_reactions(truth: Truth, run: FinishedRun, kind: str) -> Difference:
    """Every like, reshare or follow that stands: who, on what or whom, when."""
    found = Difference()
    rows = run.ask(
        """
        select interactions.actor_account_id, coalesce(interactions.post_id, interactions.target_account_id), interactions.occurred_at
        from intermediate.stg_interactions as interactions
        left join intermediate.int_interactions_absent as absent using (platform, interaction_id)
        left join intermediate.int_gone as gone on gone.platform = interactions.platform and gone.entity = 'account'
            and gone.entity_id = interactions.actor_account_id
        where interactions.platform = ? and kind = ? and interactions.ended_at is null and absent.ended_at is null and gone.entity_id is null
        """,
        truth.platform,
        kind,
    )
    ours = {(actor, target): occurred_at for actor, target, occurred_at in rows}
    served = {
        (row["actor_account_id"], row["post_id"] or row["target_account_id"]): row
        for row in truth.reactions
        if row["kind"] == kind and row["is_served"]
    }
    must = {key for key, row in served.items() if row["target_account_id"] == truth.brand_id}
    if kind == "reshare":
        must |= {key for key in served if key[0] == truth.brand_id}
    found.missing = [f"{actor} → {target}" for actor, target in sorted(must - ours.keys())]
    found.extra = [f"{actor} → {target}" for actor, target in sorted(ours.keys() - served.keys())]
    for key in sorted(must & ours.keys()):
        found.compared += 1
        said, occurred_at = naive(served[key]["occurred_at"]), ours[key]
        assert said is not None
        if served[key]["is_before_world"]:
            if occurred_at is not None:
                found.other.append(f"{key}: {occurred_at}, though nobody tells since when")
        elif occurred_at is None or abs(occurred_at - said) > CLOCK[truth.platform]:
            found.other.append(f"{key}: {occurred_at} instead of {said}")
    return found


def compare_asks(truth: Truth, run: FinishedRun) -> Difference:
    """Every ask with its answer and how often it was repeated."""
    found = Difference()
    rows = run.ask(
        """
        select asks.answer_post_key, asks.joined_ask_count, messages.post_id
        from intermediate.int_asks_answers as asks
        inner join intermediate.int_messages as messages on messages.post_key = asks.ask_post_key
        where asks.platform = ? and not asks.is_deleted and not messages.is_hidden
        """,
        truth.platform,
    )
    unknowable = truth.list_uprooted_pairs()

    def is_knowable(key: str) -> bool:
        said = truth.posts[key]
        return truth.is_shown(said) and (said["author_account_id"], said["root_post_id"]) not in unknowable

    ours = {post_id: (answer.split(":", 1)[1] if answer else None, count) for answer, count, post_id in rows if is_knowable(post_id)}
    said = {}
    for row in truth.asks:
        key = f"post:{row['ask_post_id']}" if truth.platform == "wordpress" and row["ask_post_id"] not in truth.posts else row["ask_post_id"]
        if is_knowable(key):
            said[key] = (row["answer_post_id"], row["repeat_count"] + 1)
    _compare_pairs(found, said, ours)
    return found


def compare_exchanges(truth: Truth, run: FinishedRun) -> Difference:
    """Every exchange: the message in, the message out, the day."""
    found = Difference()
    rows = run.ask(
        """
        select
            substr(in_post_key, strpos(in_post_key, ':') + 1), substr(out_post_key, strpos(out_post_key, ':') + 1), exchange_day,
        from intermediate.int_exchanges where platform = ?
        """,
        truth.platform,
    )
    unknowable = truth.list_unknowable_moments()

    def is_knowable(post_ids: Iterable[str]) -> bool:
        pair = [truth.posts[key] for key in post_ids]
        person = next(row["author_account_id"] for row in pair if not row["is_by_brand_side"])
        first, last = sorted(row["created_at"] for row in pair)
        return all(map(truth.is_shown, pair)) and not any(first <= moment <= last for moment in unknowable.get(person, ()))

    ours = {(incoming, outgoing): day for incoming, outgoing, day in rows if is_knowable((incoming, outgoing))}
    said = {
        (row["in_post_id"], row["out_post_id"]): row["on_date"] for row in truth.exchanges if is_knowable((row["in_post_id"], row["out_post_id"]))
    }
    _compare_pairs(found, said, ours)
    return found


def _compare_pairs(found: Difference, said: dict[Any, Any], ours: dict[Any, Any]) -> None:
    found.missing = [str(key) for key in sorted(said.keys() - ours.keys())]
    found.extra = [str(key) for key in sorted(ours.keys() - said.keys())]
    found.compared = len(said.keys() & ours.keys())
    found.other = [f"{key}: {ours[key]} instead of {said[key]}" for key in sorted(said.keys() & ours.keys()) if said[key] != ours[key]]


def compare_living(truth: Truth, run: FinishedRun) -> Difference:
    """Who is in a living relationship (LR90): the truth knows it for each account, the mart for each person: who has one account is compared."""
    found = Difference()
    by_account: dict[str, list[dict[str, Any]]] = {}
    for row in truth.exchanges:
        by_account.setdefault(row["account_id"], []).append(row)
    said = {
        account
        for account, rows in by_account.items()
        if (max(row["on_date"] for row in rows) - min(row["on_date"] for row in rows)).days >= 7
        and len({row["in_post_id"] for row in rows}) >= 2
        and len({row["out_post_id"] for row in rows}) >= 2
    }
    living = {person for (person,) in run.ask_published("select person_id from relationships.living_people where is_living")}
    rows = run.ask(
        """
        with accounts as (
            select person_id, min(account_key) as account_key from intermediate.int_person_accounts group by person_id having count(*) = 1
        )
        select distinct messages.post_id, accounts.person_id
        from intermediate.int_messages as messages
        inner join accounts on accounts.account_key = messages.author_account_key
        where messages.platform = ? and messages.author_side = 'audience'
        """,
        truth.platform,
    )
    unknowable = truth.list_unknowable_accounts()
    # By a message each wrote: a guest's id is a keyed hash that differs on both sides.
    ours = {truth.posts[post_id]["author_account_id"]: person_id in living for post_id, person_id in rows}
    for account, is_living in sorted(ours.items()):
        if account in unknowable:
            continue
        found.compared += 1
        if is_living and account not in said:
            found.extra.append(account)
        if not is_living and account in said:
            found.missing.append(account)
    return found
