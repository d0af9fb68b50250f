"""The state of one platform as of a moment: events up to then, applied in order.

Data flow: accounts + events with ts <= now -> ``PlatformState`` -> the platform applications and the truth.
``advance_to`` moves the moment forward, so a later moment shows later edits, deletions, un-likes, renames and newcomers.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from demo.model import Account, Event, Segment, World


@dataclass
class AccountState:
    """An account as it stands now."""

    account: Account
    username: str
    display_name: str
    is_locked: bool = False
    suspended_at: int | None = None
    deactivated_at: int | None = None
    blocks: set[str] = field(default_factory=set)
    past_usernames: list[str] = field(default_factory=list)

    @property
    def account_id(self) -> str:
        """The platform's id of the account."""
        return self.account.account_id

    @property
    def is_gone(self) -> bool:
        """Whether the platform hides this account and all it did."""
        return self.suspended_at is not None or self.deactivated_at is not None


@dataclass
class Post:
    """A message as it stands now, with its earlier versions and, when deleted, since when and how."""

    post_id: str
    kind: str
    author_id: str
    created_at: int
    segments: list[Segment]
    parent_id: str | None
    root_id: str
    quoted_id: str | None
    client: str | None
    has_media: bool
    title: str | None
    cid: str | None
    versions: list[tuple[int, list[Segment]]]
    deleted_at: int | None = None
    delete_mode: str | None = None

    @property
    def edited_at(self) -> int | None:
        """When it was last edited, None when never."""
        return self.versions[-1][0] if len(self.versions) > 1 else None


@dataclass
class Mark:
    """A like, reshare or follow as it stands now; ``ended_at`` when it was taken back."""

    kind: str
    mark_id: str
    actor_id: str
    object_id: str
    ts: int
    ended_at: int | None = None


class PlatformState:
    """One platform at ``now`` (milliseconds). Grain of the dictionaries: platform ids."""

    def __init__(self, world: World, platform: str, now: int) -> None:
        self.world, self.platform, self.now = world, platform, world.start - 1
        self.accounts = {
            a.account_id: AccountState(a, a.username, a.display_name, bool(a.traits.get("locked"))) for a in world.accounts if a.platform == platform
        }
        self.events = [e for e in world.events if e.platform == platform]
        self.position = 0
        self.posts: dict[str, Post] = {}
        self.children: dict[str, list[str]] = defaultdict(list)
        self.by_author: dict[str, list[str]] = defaultdict(list)
        self.quotes: dict[str, list[str]] = defaultdict(list)
        self.marks: list[Mark] = []
        self.open_marks: dict[tuple[str, str, str], Mark] = {}
        self.marks_on: dict[tuple[str, str], list[Mark]] = defaultdict(list)
        self.marks_by: dict[tuple[str, str], list[Mark]] = defaultdict(list)
        self.advance_to(now)

    def advance_to(self, now: int) -> None:
        """Apply what happened up to and including ``now``. Raises ValueError when asked to go back."""
        if now < self.now:
            raise ValueError(f"platform {self.platform}: cannot go back from {self.now} to {now}; build a new state")
        while self.position < len(self.events) and self.events[self.position].ts <= now:
            self.apply(self.events[self.position])
            self.position += 1
        self.now = now

    def apply(self, event: Event) -> None:
        """Apply one event."""
        data = event.data
        if event.kind == "post":
            post = Post(
                data["post_id"],
                data["kind"],
                event.actor,
                event.ts,
                data["segments"],
                data["parent_id"],
                data["root_id"],
                data["quoted_id"],
                data["client"],
                data["has_media"],
                data["title"],
                data.get("cid"),
                [(event.ts, data["segments"])],
            )
            self.posts[post.post_id] = post
            self.by_author[event.actor].append(post.post_id)
            if post.parent_id:
                self.children[post.parent_id].append(post.post_id)
            if post.quoted_id:
                self.quotes[post.quoted_id].append(post.post_id)
        elif event.kind == "edit":
            post = self.posts[data["post_id"]]
            post.segments = data["segments"]
            post.versions.append((event.ts, data["segments"]))
        elif event.kind == "delete":
            post = self.posts[data["post_id"]]
            post.deleted_at, post.delete_mode = event.ts, data["mode"]
        elif event.kind in ("like", "reshare", "follow"):
            mark = Mark(event.kind, data["id"], event.actor, data.get("post_id") or data["target"], event.ts)
            self.marks.append(mark)
            self.open_marks[(mark.kind, mark.actor_id, mark.object_id)] = mark
            self.marks_on[(mark.kind, mark.object_id)].append(mark)
            self.marks_by[(mark.kind, mark.actor_id)].append(mark)
        elif event.kind in ("unlike", "unreshare", "unfollow"):
            closed = self.open_marks.pop((event.kind[2:], event.actor, data.get("post_id") or data["target"]), None)
            if closed is not None:
                closed.ended_at = event.ts
                self.marks_on[(closed.kind, closed.object_id)].remove(closed)
                self.marks_by[(closed.kind, closed.actor_id)].remove(closed)
        else:
            self.apply_account_event(event)

    def apply_account_event(self, event: Event) -> None:
        """Apply an event that changes an account itself."""
        account = self.accounts[event.actor]
        if event.kind == "rename":
            if "username" in event.data:
                account.past_usernames.append(account.username)
                account.username = event.data["username"]
            account.display_name = event.data.get("display_name", account.display_name)
        elif event.kind == "protect":
            account.is_locked = True
        elif event.kind == "suspend":
            account.suspended_at = event.ts
        elif event.kind == "deactivate":
            account.deactivated_at = event.ts
        elif event.kind == "block":
            account.blocks.add(event.data["target"])
        else:
            raise ValueError(f"platform {self.platform}: unknown event kind {event.kind!r}")

    # -- what can be seen -----------------------------------------------------------------------------------------

    def find_post(self, post_id: str | None) -> Post | None:
        """The message when the platform would show it: neither deleted nor by an account that is gone."""
        post = self.posts.get(post_id or "")
        if post is None or post.deleted_at is not None or self.accounts[post.author_id].is_gone:
            return None
        return post

    def list_posts(self, author_id: str) -> list[Post]:
        """The visible messages of an author, oldest first."""
        return [post for post_id in self.by_author[author_id] if (post := self.find_post(post_id))]

    def list_marks(self, kind: str, object_id: str) -> list[Mark]:
        """The standing likes, reshares or follows on an object, oldest first, those of hidden accounts included."""
        return self.marks_on[(kind, object_id)]

    def count_marks(self, kind: str, object_id: str) -> int:
        """How many standing marks by visible accounts an object has."""
        return sum(not self.accounts[mark.actor_id].is_gone for mark in self.marks_on[(kind, object_id)])

    def count_children(self, post_id: str) -> int:
        """How many visible direct replies a message has."""
        return sum(self.find_post(child) is not None for child in self.children[post_id])

    def list_mentioned(self, post: Post) -> list[str]:
        """The accounts named by hand in a message, in order, each once."""
        return list(dict.fromkeys(value for kind, value in post.segments if kind == "m"))
