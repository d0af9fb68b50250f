"""Which posts are asked about again, and when: rarely where they are old or their counts stand still, at once where a count changed.

what finished loads saw (`next_state`) → Register of known posts → what is due in this window

Pure: no network, no files. The clock is the end of the window, so that a repeated run decides the same.
Try it alone: `python -m fifty.polling` prints how often a post is asked about as it ages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fifty.connectors.base import POLLING, Connector, Following, Intervals, Stream, find_value
from fifty.landing import format_instant, parse_instant

PERSON_INTERVAL = timedelta(days=30)


@dataclass
class KnownPost:
    """A post under observation."""

    created_at: str
    is_own: bool = False
    is_reply: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    checked_at: str | None = None
    """End of the window in which it was last seen itself; None: only named by another post so far."""
    is_gone: bool = False
    author: str | None = None
    """Who wrote it, where it was somebody else."""
    parent: str | None = None
    """What it answers."""

    def dump(self) -> dict[str, Any]:
        """For `next_state`; what is usual is left out."""
        kept: dict[str, Any] = {"created_at": self.created_at}
        if self.is_own:
            kept["own"] = True
        if self.parent:
            kept["parent"] = self.parent
        elif self.is_reply:
            kept["reply"] = True
        if self.counts:
            kept["counts"] = self.counts
        if self.checked_at:
            kept["checked_at"] = self.checked_at
        if self.is_gone:
            kept["gone"] = True
        if self.author:
            kept["author"] = self.author
        return kept

    @classmethod
    def load(cls, raw: Mapping[str, Any]) -> KnownPost:
        """Inverse of dump."""
        return cls(
            created_at=raw["created_at"],
            is_own=bool(raw.get("own")),
            is_reply=bool(raw.get("reply") or raw.get("parent")),
            counts={name: int(count) for name, count in (raw.get("counts") or {}).items()},
            checked_at=raw.get("checked_at"),
            is_gone=bool(raw.get("gone")),
            author=raw.get("author"),
            parent=raw.get("parent"),
        )


class Register:
    """Every post that is known, by id."""

    def __init__(self, posts: dict[str, KnownPost] | None = None) -> None:
        self.posts = posts or {}

    @classmethod
    def load(cls, raw: Mapping[str, Any]) -> Register:
        """From `next_state`."""
        return cls({post_id: KnownPost.load(post) for post_id, post in raw.items()})

    def dump(self) -> dict[str, Any]:
        """For `next_state`."""
        return {post_id: post.dump() for post_id, post in sorted(self.posts.items())}

    def merge(self, seen: Register) -> None:
        """Take over what a load saw. A post seen itself is there (again); one only named is added where it is new."""
        for post_id, post in seen.posts.items():
            known = self.posts.get(post_id)
            if known is None:
                self.posts[post_id] = replace(post, counts=dict(post.counts))
            elif post.checked_at is not None and (known.checked_at is None or post.checked_at >= known.checked_at):
                self.posts[post_id] = replace(post, counts=dict(post.counts), is_own=post.is_own or known.is_own)

    def list_due(self, connector: Connector, clock: datetime, *, reread_all: bool = False) -> list[str]:
        """Ids to look up in a window that ends at `clock`: never seen themselves, or not for as long as their age allows.

        The account's own posts come more often: their counts say which of their lists have changed.
        """
        due = []
        for post_id, post in sorted(self.posts.items()):
            intervals = connector.lookups if post.is_own else connector.polling
            if not post.is_gone and (
                post.checked_at is None or is_due(intervals, post, parse_instant(post.checked_at), clock, reread_all=reread_all)
            ):
                due.append(post_id)
        return due

    def find_root(self, post_id: str) -> str:
        """The first message of a post's tree as far as it is known and there: what hangs below a gone message is a tree of its own."""
        passed = {post_id}
        while True:
            parent = self.posts[post_id].parent
            if parent is None or parent in passed or parent not in self.posts or self.posts[parent].is_gone:
                return post_id
            passed.add(parent)
            post_id = parent

    def count(self, stream: Stream) -> dict[str, int | None]:
        """What a stream's count says of each post; of a tree's first message: of all messages known in the tree together."""
        if stream.count is None:
            return dict.fromkeys(self.posts)
        counts = {post_id: post.counts.get(stream.count) for post_id, post in self.posts.items()}
        if stream.unfold is None:
            return counts
        totals: dict[str, int | None] = {}
        for post_id, count in counts.items():
            root = self.find_root(post_id)
            if not self.posts[post_id].is_gone and count is not None and counts[root] is not None:
                totals[root] = (totals.get(root) or 0) + count
        return {**counts, **totals}


def is_due(intervals: Intervals, post: KnownPost, last: datetime, clock: datetime, *, reread_all: bool = False) -> bool:
    """Whether a post last asked about at `last` is asked about again at `clock`; never twice at the same clock."""
    if clock <= last:
        return False
    age = clock - parse_instant(post.created_at)
    return reread_all or clock - last >= next(interval for limit, interval in intervals if age < limit)


def observe_items(items: Iterable[Any], following: Following, *, account_id: str | None, clock: datetime, seen_at: datetime) -> Register:
    """What the items of one load say about posts: those they are, and those they name."""
    seen = Register()
    named: dict[str, str] = {}
    for item in items:
        post_id = find_value(item, following.id)
        if str(post_id) in seen.posts:
            # A page of notifications names one post a hundred times, each time as it is at this moment.
            continue
        created_at = format_instant(read_time(find_value(item, following.created_at)) or seen_at)
        if post_id is not None:
            author = find_value(item, following.author) if following.author else None
            is_own = following.author is None or (account_id is not None and str(author) == account_id)
            parent = find_value(item, following.parent) if following.parent else None
            seen.posts[str(post_id)] = KnownPost(
                created_at=created_at,
                is_own=is_own,
                is_reply=parent is not None,
                counts={name: count for name, path in following.counts.items() if (count := read_count(find_value(item, path))) is not None},
                checked_at=format_instant(clock),
                author=None if is_own or author is None else str(author),
                parent=None if parent is None else str(parent),
            )
        for path in following.others:
            other = find_value(item, path)
            if other is not None:
                named.setdefault(str(other), created_at)
    for post_id, created_at in named.items():
        seen.posts.setdefault(post_id, KnownPost(created_at=created_at))
    return seen


@dataclass
class Polled:
    """When a stream last asked about a post, and the count the post had then."""

    at: str
    count: int | None = None


def choose_posts(
    stream: Stream,
    connector: Connector,
    register: Register,
    polled: Mapping[str, Polled],
    touched: set[str],
    clock: datetime,
    *,
    reread_all: bool = False,
) -> list[str]:
    """The posts that `stream` asks about in a window that ends at `clock`: the account's own, and others' where the stream says so.

    With a count: not where it is 0 and was 0; at once where it differs from the last time; else as the post's age says, a list and somebody else's
    thread more rarely than the account's own tree, whose count does not tell of all that hangs in it. A message within a tree that is read anyway
    is not asked about itself.
    """
    counts = register.count(stream)

    def is_asked(post_id: str) -> bool:
        post = register.posts[post_id]
        count = post.counts.get(stream.count) if stream.count else None
        is_watched = stream.others_up_to is not None and not post.is_reply and count is not None and count <= stream.others_up_to
        return not post.is_gone and (post.is_own or is_watched)

    chosen = []
    for post_id, post in sorted(register.posts.items()):
        if not is_asked(post_id):
            continue
        if stream.unfold is not None and (root := register.find_root(post_id)) != post_id and is_asked(root):
            continue
        count, last = counts[post_id], polled.get(post_id)
        if last is None:
            is_chosen = count is None or count > 0 or (stream.replies_once and post.is_reply)
        elif parse_instant(last.at) >= clock:
            is_chosen = False
        elif post_id in touched or count != last.count:
            is_chosen = True
        elif count == 0:
            is_chosen = False
        else:
            is_open = count is None or (stream.unfold is not None and post.is_own)
            intervals = connector.polling if is_open else connector.unchanged
            is_chosen = is_due(intervals, post, parse_instant(last.at), clock, reread_all=reread_all)
        if is_chosen:
            chosen.append(post_id)
    return chosen


def choose_people(seen: Iterable[str], vanished: Iterable[str], known: Mapping[str, str], clock: datetime, *, reread_all: bool = False) -> list[str]:
    """People to look up: new ones, those last looked up 30 days ago, and at once those who vanished from where they stood."""
    due = {person for person in seen if person not in known or clock - parse_instant(known[person]) >= PERSON_INTERVAL}
    return sorted({*due, *vanished, *(known if reread_all else ())})


def read_time(value: Any) -> datetime | None:
    """An instant from what a platform sends; without a zone it is UTC; None for what is no time."""
    try:
        instant = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def read_count(value: Any) -> int | None:
    """A count from what a platform sends, also as text; None for what is none."""
    try:
        return int(value) if value is not None and not isinstance(value, bool) else None
    except (ValueError, TypeError):
        return None


if __name__ == "__main__":
    import sys

    for limit, interval in POLLING:
        sys.stdout.write(f"younger than {limit.days} days: again after {interval.days} days\n")
