"""Bluesky (AT Protocol): posts, threads, who liked, reposted, quoted, mentions, followers, profiles.

app.bsky.* of the AppView, a session of the PDS for notifications → profiles, feed, mentions, term_posts, notifications, known_posts, quotes,
threads, vanished_posts, likes, reposts, followers, people → landing

Keys are DIDs and at:// addresses; handles change. README.md says what is anonymous and which errors mean "gone".
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fifty.connectors.base import Connector, Following, Shape, Stream, Unfolded, list_fields
from fifty.errors import CredentialError
from fifty.http import Authorization, HttpClient

if TYPE_CHECKING:
    from fifty.config import Account

PROFILE: dict[str, Shape] = {
    "did": "id!",
    "labels": [list_fields(text="val src uri", json="cts cid ver neg")],
    **list_fields(
        text="handle displayName description avatar banner pronouns website createdAt",  # createdAt: as its owner's program wrote it
        time="indexedAt",
        count="followersCount followsCount postsCount",
        json="associated viewer joinedViaStarterPack pinnedPost verification status debug",
    ),
}
PERSON: dict[str, Shape] = {**PROFILE, "did": "id"}
REFERENCE = list_fields(id="uri", text="cid")
FACET = {
    "$type": "text",
    "index": list_fields(count="byteStart byteEnd"),
    "features": [list_fields(id="did", text="$type tag uri")],
}
RECORD: dict[str, Shape] = {
    "langs": ["text"],
    "tags": ["text"],
    "facets": [FACET],
    "reply": {"root": REFERENCE, "parent": REFERENCE},
    "embed": {
        "$type": "text",
        "record": {**REFERENCE, "$type": "text", "record": REFERENCE},
        "external": list_fields(text="uri title description", json="thumb"),
        **list_fields(json="images video media alt aspectRatio presentation captions"),
    },
    # `via` names a program in a post and points to a repost in a like; createdAt is what the author's program wrote.
    **list_fields(text="$type text createdAt", json="via entities labels subject bridgyOriginalText bridgyOriginalUrl fediverseId"),
}
POST: dict[str, Shape] = {
    "uri": "id!",
    "author": PROFILE,
    "record": RECORD,
    **list_fields(
        text="$type cid",
        time="indexedAt",
        count="bookmarkCount replyCount repostCount likeCount quoteCount",
        json="embed viewer labels threadgate debug",
    ),
}
# Of the root and the parent beside a feed item only this matters: whether they are gone. Whole they come as known posts.
BESIDE: dict[str, Shape] = {
    **dict.fromkeys(POST, "json"),
    **list_fields(id="uri", boolean="notFound blocked"),
}
FEED_ITEM: dict[str, Shape] = {
    "post": POST,
    "reply": {"root": BESIDE, "parent": BESIDE, "grandparentAuthor": "json"},
    "reason": {"by": PERSON, **list_fields(id="uri", text="$type cid", time="indexedAt")},
    **list_fields(json="feedContext reqId"),
}
NODE: dict[str, Shape] = {
    "post": {**POST, "uri": "id"},
    **list_fields(id="uri", text="$type", boolean="notFound blocked", json="author threadContext"),
}
LIKE: dict[str, Shape] = {"actor": PROFILE, **list_fields(text="createdAt", time="indexedAt")}
NOTIFICATION: dict[str, Shape] = {
    "uri": "id!",
    "reason": "text!",
    "author": PROFILE,
    "record": RECORD,
    **list_fields(id="reasonSubject", text="cid", boolean="isRead", time="indexedAt", json="labels"),
}

COUNTS = {"replies": "replyCount", "likes": "likeCount", "reposts": "repostCount", "quotes": "quoteCount"}
POST_FOLLOWING = Following(
    id="uri",
    created_at="record.createdAt|indexedAt",
    author="author.did",
    parent="record.reply.parent.uri",
    counts=COUNTS,
    others=("record.reply.parent.uri", "record.reply.root.uri", "record.embed.record.record.uri|record.embed.record.uri"),
)
FEED_FOLLOWING = Following(
    id="post.uri",
    created_at="post.record.createdAt|post.indexedAt",
    author="post.author.did",
    parent="post.record.reply.parent.uri",
    counts={name: f"post.{path}" for name, path in COUNTS.items()},
    others=tuple("|".join(f"post.{one}" for one in path.split("|")) for path in POST_FOLLOWING.others),
)
POST_SCOPE = {"post_id": "{post_id}"}
PAGE = {"limit": "100"}
DEEPEST = "1000"


def unfold_thread(content: Any, is_anonymous: bool) -> Unfolded:
    """Every node of a thread as an item of its own, without `replies` and `parent`; branches that the depth cut are to be asked again."""
    items: list[Any] = []
    again: list[str] = []
    waiting = [content.get("thread") or {}]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Mapping):
            continue
        items.append({name: value for name, value in node.items() if name not in ("replies", "parent")})
        replies, post = node.get("replies"), node.get("post") or {}
        if replies is None and (post.get("replyCount") or 0) > 0 and len(items) > 1:
            again.append(post["uri"])
        waiting += [*reversed(replies or []), *([node["parent"]] if node.get("parent") else [])]
    return Unfolded(items, tuple(again))


class BlueskySession(Authorization):
    """A session of the account's PDS, made with its app password and renewed when it expires; one per account and process."""

    def __init__(self, account: Account, password: str, client: HttpClient) -> None:
        self.server = account.auth_url or account.base_url
        self.user = account.user or account.id or account.handle or ""
        self.password = password
        self.client = client
        self.access: str | None = None
        self.refresh: str | None = None
        self._lock = threading.Lock()

    def header(self) -> str:
        """The Authorization header; the first call logs in."""
        with self._lock:
            if self.access is None:
                self._log_in()
            return f"Bearer {self.access}"

    def renew(self, stale: str) -> bool:
        """Exchange a session that the server no longer takes; False where nothing is left to try."""
        with self._lock:
            if stale != f"Bearer {self.access}":
                return True  # another thread has renewed it meanwhile
            try:
                if self.refresh:
                    self._take(self.client.post(self.server, "xrpc/com.atproto.server.refreshSession", authorization=f"Bearer {self.refresh}"))
                    return True
            except CredentialError:
                pass
            self._log_in()
            return True

    def secrets(self) -> list[str]:
        """What must never be shown."""
        return [secret for secret in (self.password, self.access, self.refresh) if secret]

    def _log_in(self) -> None:
        self.refresh = None
        body = {"identifier": self.user, "password": self.password}
        self._take(self.client.post(self.server, "xrpc/com.atproto.server.createSession", body=body))

    def _take(self, session: Mapping[str, Any]) -> None:
        self.access, self.refresh = session["accessJwt"], session["refreshJwt"]


_SESSIONS: dict[tuple[str, str, str], BlueskySession] = {}
_SESSIONS_LOCK = threading.Lock()


def open_session(account: Account, password: str, client: HttpClient) -> BlueskySession:
    """The process's session of the account: logging in is limited to 30 times in 5 minutes and 300 a day."""
    session = BlueskySession(account, password, client)
    key = (session.server, session.user, hashlib.sha256(password.encode()).hexdigest())
    with _SESSIONS_LOCK:
        kept = _SESSIONS.setdefault(key, session)
    kept.client = client
    return kept


CONNECTOR = Connector(
    platform="bluesky",
    title="Bluesky",
    authenticate=open_session,
    limits={"remaining": "RateLimit-Remaining", "reset": "RateLimit-Reset", "reset_as": "epoch"},
    error_code="error",
    missing={
        "NotFound": "not_found",
        "Profile not found": "not_found",
        "RepoNotFound": "not_found",
        "AccountDeactivated": "deactivated",
        "RepoDeactivated": "deactivated",
        "AccountTakedown": "suspended",
        "RepoTakendown": "suspended",
        "RepoSuspended": "suspended",
    },
    expired=frozenset({"ExpiredToken", "InvalidToken"}),
    streams=(
        Stream(
            name="profiles",
            kind="state",
            path="xrpc/app.bsky.actor.getProfile",
            params={"actor": "{handle}"},
            asks="role",
            read_kind="lookup",
            shape=PROFILE,
            entity="accounts",
            key="did",
            scope={"handle": "{handle}"},
            subject="{account_id}",
            profile_counts={"followers": "followersCount", "posts": "postsCount"},
            is_conditional=True,
        ),
        Stream(
            name="feed",
            kind="events",
            path="xrpc/app.bsky.feed.getAuthorFeed",
            params={"actor": "{account_id}", "limit": "100", "filter": "posts_with_replies"},
            paging="cursor",
            items="feed",
            newest_first="reason.indexedAt|post.indexedAt",
            lookback=timedelta(days=2),
            read_kind="window",
            shape=FEED_ITEM,
            entity="posts",
            key="reason.uri|post.uri",
            follows=FEED_FOLLOWING,
        ),
        Stream(
            name="mentions",
            kind="events",
            path="xrpc/app.bsky.feed.searchPosts",
            params={"q": "@{handle}", "mentions": "{account_id}", "sort": "latest", "since": "{since}", "until": "{until}", "limit": "100"},
            paging="cursor",
            items="posts",
            newest_first="indexedAt",
            lookback=timedelta(days=2),
            read_kind="window",
            skips=frozenset({401, 403, 501}),
            shape=POST,
            mapping="posts",
            entity="posts",
            key="uri",
            scope={"mentions": "{account_id}"},
            follows=POST_FOLLOWING,
            person="author.did",
            completes=True,
        ),
        Stream(
            name="term_posts",
            kind="events",
            path="xrpc/app.bsky.feed.searchPosts",
            params={"q": "{term}", "sort": "latest", "since": "{since}", "until": "{until}", "limit": "100"},
            asks="term",
            paging="cursor",
            items="posts",
            newest_first="indexedAt",
            lookback=timedelta(days=1),
            read_kind="window",
            skips=frozenset({401, 403, 501}),
            shape=POST,
            mapping="posts",
            entity="posts",
            key="uri",
            scope={"term": "{term}"},
            follows=POST_FOLLOWING,
        ),
        Stream(
            name="notifications",
            kind="events",
            path="xrpc/app.bsky.notification.listNotifications",
            params=PAGE,
            first_params={"reasons": "follow|repost|mention|reply|quote"},
            paging="cursor",
            items="notifications",
            newest_first="indexedAt",
            lookback=timedelta(days=1),
            read_kind="window",
            server="auth",
            needs_credential=True,
            shape=NOTIFICATION,
            entity="notifications",
            key="uri",
            scope={"account_id": "{account_id}"},
        ),
        Stream(
            name="known_posts",
            kind="state",
            path="xrpc/app.bsky.feed.getPosts",
            params={"uris": "{ids}"},
            items="posts",
            asks="known",
            batch=25,
            read_kind="lookup",
            shape=POST,
            mapping="posts",
            entity="posts",
            key="uri",
            scope=POST_SCOPE,
            subject="{post_id}",
            follows=POST_FOLLOWING,
            person="author.did",
            completes=True,
        ),
        Stream(
            name="quotes",
            kind="state",
            path="xrpc/app.bsky.feed.getQuotes",
            params={"uri": "{post_id}", "limit": "100"},
            paging="cursor",
            items="posts",
            asks="post",
            count="quotes",
            counts_unlisted=True,
            shape=POST,
            mapping="posts",
            entity="quotes",
            key="uri",
            scope=POST_SCOPE,
            subject="{post_id}",
            follows=POST_FOLLOWING,
            person="author.did",
            completes=True,
            member="uri",
            read_kind="window",
        ),
        Stream(
            name="threads",
            kind="state",
            path="xrpc/app.bsky.feed.getPostThread",
            params={"uri": "{post_id}", "depth": DEEPEST, "parentHeight": "0"},
            asks="post",
            count="replies",
            unfold=unfold_thread,
            others_up_to=200,
            shape=NODE,
            entity="thread",
            key="post.uri|uri",
            scope=POST_SCOPE,
            subject="{post_id}",
            is_conditional=True,
            person="post.author.did",
            completes=True,
            member="post.uri",
            read_kind="window",
        ),
        Stream(
            name="vanished_posts",
            kind="state",
            path="xrpc/app.bsky.feed.getPosts",
            params={"uris": "{ids}"},
            items="posts",
            asks="vanished",
            batch=25,
            read_kind="lookup",
            shape=POST,
            mapping="posts",
            entity="posts",
            key="uri",
            scope=POST_SCOPE,
            subject="{post_id}",
            follows=POST_FOLLOWING,
            person="author.did",
            completes=True,
        ),
        Stream(
            name="likes",
            kind="state",
            path="xrpc/app.bsky.feed.getLikes",
            params={"uri": "{post_id}", "limit": "100"},
            paging="cursor",
            items="likes",
            asks="post",
            count="likes",
            counts_unlisted=True,
            shape=LIKE,
            entity="likes",
            key="actor.did",
            scope=POST_SCOPE,
            subject="{post_id}",
            person="actor.did",
        ),
        Stream(
            name="reposts",
            kind="state",
            path="xrpc/app.bsky.feed.getRepostedBy",
            params={"uri": "{post_id}", "limit": "100"},
            paging="cursor",
            items="repostedBy",
            asks="post",
            count="reposts",
            counts_unlisted=True,
            shape=PROFILE,
            entity="reshares",
            key="did",
            scope=POST_SCOPE,
            subject="{post_id}",
            person="did",
        ),
        Stream(
            name="followers",
            kind="state",
            path="xrpc/app.bsky.graph.getFollowers",
            params={"actor": "{account_id}", "limit": "100"},
            paging="cursor",
            items="followers",
            shape=PROFILE,
            entity="followers",
            key="did",
            scope={"account_id": "{account_id}"},
            subject="{account_id}",
            expected="profile:followers",
            counts_unlisted=True,
            may_be_hidden=True,
            person="did",
        ),
        Stream(
            name="people",
            kind="state",
            path="xrpc/app.bsky.actor.getProfiles",
            params={"actors": "{ids}"},
            items="profiles",
            asks="person",
            batch=25,
            why="xrpc/app.bsky.actor.getProfile?actor={account_id}",
            read_kind="lookup",
            shape=PROFILE,
            mapping="profiles",
            entity="accounts",
            key="did",
            scope={"account_id": "{account_id}"},
            subject="{account_id}",
        ),
    ),
)
