"""Mastodon, and what speaks its client API: statuses, threads, who favourited, boosted, quoted, mentions, followers.

/api/v1 → profile, statuses, notifications, tag_statuses, known_statuses, quotes, contexts, vanished_statuses,
favourites, reblogs, followers, people → landing

Ids are the configured server's own; a person elsewhere is recognised by `url`. README.md says what needs a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fifty.connectors.base import Connector, Following, Shape, Stream, Unfolded, list_fields
from fifty.http import bearer_authorization

ACCOUNT: dict[str, Shape] = {
    "id": "id!",
    **list_fields(
        text="username acct display_name note url uri last_status_at avatar avatar_static avatar_description header header_static header_description",
        boolean="locked bot group discoverable indexable noindex hide_collections suspended limited memorial",
        count="followers_count following_count statuses_count",
        time="created_at",
        json="moved emojis fields roles source role mute_expires_at",
    ),
}
MEDIA = list_fields(id="id", text="type url preview_url remote_url preview_remote_url text_url description blurhash", json="meta")
PLAIN_STATUS: dict[str, Shape] = {
    "id": "id!",
    "account": ACCOUNT,
    "application": list_fields(text="name website"),
    "media_attachments": [MEDIA],
    "mentions": [list_fields(id="id", text="username acct url")],
    "tags": [list_fields(text="name url", json="id")],
    **list_fields(
        id="in_reply_to_id in_reply_to_account_id",
        text="spoiler_text visibility language uri url content",
        boolean="sensitive favourited reblogged muted bookmarked pinned",
        count="replies_count reblogs_count favourites_count quotes_count",
        time="created_at edited_at",
        json="card poll emojis filtered text quote_approval local_only tagged_collections",
    ),
}
# A status within a status (quoted, boosted) can itself quote: of that only the id is needed.
QUOTED = {"state": "text", "quoted_status_id": "id", "quoted_status": {**PLAIN_STATUS, "reblog": "json", "quote": "json"}}
UNREAD_STATUS: dict[str, Shape] = {**dict.fromkeys((*PLAIN_STATUS, "reblog", "quote"), "json"), "id": "id"}
INNER_QUOTED = {"state": "text", "quoted_status_id": "id", "quoted_status": UNREAD_STATUS}
STATUS = {**PLAIN_STATUS, "quote": QUOTED, "reblog": {**PLAIN_STATUS, "quote": INNER_QUOTED, "reblog": "json"}}
NOTIFICATION: dict[str, Shape] = {
    "id": "id!",
    "type": "text!",
    "account": ACCOUNT,
    "status": {**PLAIN_STATUS, "quote": INNER_QUOTED, "reblog": "json"},
    **list_fields(time="created_at", text="group_key", json="report event moderation_warning filtered"),
}

QUOTED_ID = "quote.quoted_status.id|quote.quoted_status_id"
COUNTS = {"replies": "replies_count", "favourites": "favourites_count", "reblogs": "reblogs_count", "quotes": "quotes_count"}
FOLLOWING = Following(
    id="id", created_at="created_at", author="account.id", parent="in_reply_to_id", counts=COUNTS, others=("in_reply_to_id", QUOTED_ID, "reblog.id")
)
PAGE = {"limit": "80"}
ANONYMOUS_ANCESTORS, ANONYMOUS_DESCENDANTS, ANONYMOUS_DEPTH = 40, 60, 20


def unfold_context(content: Any, is_anonymous: bool) -> Unfolded:
    """Ancestors and descendants of a status; says where an anonymous reader is shown only part of them."""
    ancestors, descendants = content.get("ancestors") or [], content.get("descendants") or []
    cut = None
    if is_anonymous:
        if len(ancestors) >= ANONYMOUS_ANCESTORS or len(descendants) >= ANONYMOUS_DESCENDANTS:
            cut = f"without a token at most {ANONYMOUS_ANCESTORS} messages above and {ANONYMOUS_DESCENDANTS} below are shown"
        elif _measure_depth(descendants) >= ANONYMOUS_DEPTH:
            cut = f"without a token at most {ANONYMOUS_DEPTH} generations are shown"
    return Unfolded([*ancestors, *descendants], cut=cut)


def _measure_depth(descendants: list[Mapping[str, Any]]) -> int:
    depth: dict[Any, int] = {}
    for status in descendants:  # a parent comes before its children
        depth[status.get("id")] = depth.get(status.get("in_reply_to_id"), 0) + 1
    return max(depth.values(), default=0)


CONNECTOR = Connector(
    platform="mastodon",
    title="Mastodon",
    authenticate=bearer_authorization,
    limits={"remaining": "X-RateLimit-Remaining", "reset": "X-RateLimit-Reset", "reset_as": "iso"},
    error_code="error",
    streams=(
        Stream(
            name="profile",
            kind="state",
            path="api/v1/accounts/lookup",
            path_by_id="api/v1/accounts/{account_id}",
            params={"acct": "{handle}"},
            asks="role",
            read_kind="lookup",
            shape=ACCOUNT,
            mapping="accounts",
            entity="accounts",
            scope={"handle": "{handle}"},
            subject="{account_id}",
            profile_counts={"followers": "followers_count", "posts": "statuses_count"},
            is_conditional=True,
        ),
        Stream(
            name="statuses",
            kind="events",
            path="api/v1/accounts/{account_id}/statuses",
            params={"limit": "40"},
            paging="link_header",
            newest_first="created_at",
            lookback=timedelta(days=2),
            read_kind="window",
            shape=STATUS,
            entity="posts",
            follows=FOLLOWING,
        ),
        Stream(
            name="notifications",
            kind="events",
            path="api/v1/notifications",
            params={"limit": "80", "types[]": "mention|status|favourite|reblog|follow|quote|poll|update"},
            paging="link_header",
            newest_first="created_at",
            lookback=timedelta(days=1),
            read_kind="window",
            needs_credential=True,
            shape=NOTIFICATION,
            entity="notifications",
            scope={"account_id": "{account_id}"},
            follows=Following(
                id="status.id",
                created_at="status.created_at",
                author="status.account.id",
                parent="status.in_reply_to_id",
                counts={name: f"status.{path}" for name, path in COUNTS.items()},
                others=("status.in_reply_to_id", "status.quote.quoted_status.id|status.quote.quoted_status_id"),
            ),
        ),
        Stream(
            name="tag_statuses",
            kind="events",
            path="api/v1/timelines/tag/{tag}",
            params={"limit": "40"},
            asks="term",
            paging="link_header",
            newest_first="created_at",
            lookback=timedelta(days=1),
            read_kind="window",
            skips=frozenset({401, 403, 422}),
            shape=STATUS,
            mapping="statuses",
            entity="posts",
            scope={"term": "{term}"},
            follows=FOLLOWING,
        ),
        Stream(
            name="known_statuses",
            kind="state",
            path="api/v1/statuses",
            params={"id[]": "{ids}"},
            asks="known",
            batch=20,
            read_kind="lookup",
            shape=STATUS,
            mapping="statuses",
            entity="posts",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            follows=FOLLOWING,
            person="account.id",
        ),
        Stream(
            name="quotes",
            kind="state",
            path="api/v1/statuses/{post_id}/quotes",
            params={"limit": "40"},
            paging="link_header",
            asks="post",
            count="quotes",
            shape=STATUS,
            mapping="statuses",
            entity="quotes",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            follows=FOLLOWING,
            person="account.id",
            member="id",
            read_kind="window",
        ),
        Stream(
            name="contexts",
            kind="state",
            path="api/v1/statuses/{post_id}/context",
            asks="post",
            count="replies",
            replies_once=True,
            others_up_to=200,
            unfold=unfold_context,
            shape=STATUS,
            mapping="statuses",
            entity="thread",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            is_conditional=True,
            person="account.id",
            member="id",
            read_kind="window",
        ),
        Stream(
            name="vanished_statuses",
            kind="state",
            path="api/v1/statuses",
            params={"id[]": "{ids}"},
            asks="vanished",
            batch=20,
            read_kind="lookup",
            shape=STATUS,
            mapping="statuses",
            entity="posts",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            follows=FOLLOWING,
            person="account.id",
        ),
        Stream(
            name="favourites",
            kind="state",
            path="api/v1/statuses/{post_id}/favourited_by",
            params=PAGE,
            paging="link_header",
            asks="post",
            count="favourites",
            shape=ACCOUNT,
            entity="likes",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            person="id",
        ),
        Stream(
            name="reblogs",
            kind="state",
            path="api/v1/statuses/{post_id}/reblogged_by",
            params=PAGE,
            paging="link_header",
            asks="post",
            count="reblogs",
            shape=ACCOUNT,
            entity="reshares",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            person="id",
        ),
        Stream(
            name="followers",
            kind="state",
            path="api/v1/accounts/{account_id}/followers",
            params=PAGE,
            paging="link_header",
            shape=ACCOUNT,
            entity="followers",
            scope={"account_id": "{account_id}"},
            subject="{account_id}",
            expected="profile:followers",
            may_be_hidden=True,
            skips=frozenset({401, 403}),
            person="id",
        ),
        Stream(
            name="people",
            kind="state",
            path="api/v1/accounts/{account_id}",
            asks="person",
            read_kind="lookup",
            shape=ACCOUNT,
            mapping="accounts",
            entity="accounts",
            scope={"account_id": "{account_id}"},
            subject="{account_id}",
        ),
    ),
)
