"""Mastodon's client API over the demo world.

Data flow: state as of now -> accounts, statuses, contexts, people behind likes and boosts, notifications, in Mastodon's shapes.
Odd on purpose, as the real thing: Link cursors of people lists are internal ids, pages lose hidden people but keep their cursor,
remote accounts live under their own host, and the 429 comes with an ISO reset time, not always with Retry-After.
"""

from __future__ import annotations

import html
import zlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from demo.model import format_utc, to_datetime
from demo.platforms.base import Handler, JSONAnswer, Limit, LimitState, Platform, PlatformError, read_integer
from demo.state import AccountState, Mark, Post

Row = TypeVar("Row")
ANONYMOUS_ANCESTORS, ANONYMOUS_DESCENDANTS, ANONYMOUS_DEPTH = 40, 60, 20


class Mastodon(Platform):
    """One Mastodon server on which the brand is at home."""

    name = platform = "mastodon"
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(300, 300), "raised": Limit(30_000, 300, 89)}
    sends_entity_tags = True
    health_path = "/api/v1/instance"

    def routes(self) -> list[tuple[str, Handler, list[str]]]:
        """The endpoints a reader of a brand needs."""
        get = ["GET"]
        return [
            ("/api/v1/instance", self.show_instance, get),
            ("/api/v2/instance", self.show_instance_v2, get),
            ("/api/v1/accounts/verify_credentials", self.verify_credentials, get),
            ("/api/v1/accounts/lookup", self.look_up_account, get),
            ("/api/v1/accounts/{id}", self.show_account, get),
            ("/api/v1/accounts/{id}/statuses", self.list_account_statuses, get),
            ("/api/v1/accounts/{id}/followers", self.list_followers, get),
            ("/api/v1/accounts/{id}/following", self.list_following, get),
            ("/api/v1/statuses", self.list_statuses, get),
            ("/api/v1/statuses/{id}", self.show_status, get),
            ("/api/v1/statuses/{id}/context", self.show_context, get),
            ("/api/v1/statuses/{id}/history", self.show_history, get),
            ("/api/v1/statuses/{id}/source", self.show_source, get),
            ("/api/v1/statuses/{id}/favourited_by", self.list_favourited_by, get),
            ("/api/v1/statuses/{id}/reblogged_by", self.list_reblogged_by, get),
            ("/api/v1/statuses/{id}/quotes", self.list_quotes, get),
            ("/api/v1/notifications", self.list_notifications, get),
            ("/api/v1/timelines/tag/{tag}", self.list_tagged, get),
        ]

    # -- limits and errors ----------------------------------------------------------------------------------------

    def limit_headers(self, limit: LimitState) -> dict[str, str]:
        """X-RateLimit-*, the reset as an ISO time with microseconds."""
        reset = to_datetime(round(limit.reset * 1000)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
        return {
            "X-RateLimit-Limit": str(limit.limit),
            "X-RateLimit-Remaining": str(limit.remaining),
            "X-RateLimit-Reset": reset,
        }

    def answer_refusal(self, limit: LimitState) -> Response:
        """429; every second one says Retry-After too, the others only the reset time."""
        headers = self.limit_headers(limit)
        if limit.refusal_number % 2 == 0:
            headers["Retry-After"] = str(max(1, round(limit.reset - self.clock())))
        return JSONAnswer({"error": "Too many requests"}, 429, headers)

    def is_authorised(self, request: Request) -> bool:
        """Whether the brand's token came along. Raises a 401 for a wrong one."""
        header = request.headers.get("authorization")
        if header is None:
            return False
        if header.removeprefix("Bearer ").strip() != self.make_secret("mastodon-token"):
            raise PlatformError(
                401,
                {"error": "The access token is invalid"},
                {"WWW-Authenticate": 'Bearer realm="Doorkeeper", error="invalid_token"'},
            )
        return True

    def require_token(self, request: Request) -> None:
        """Raise the 401 of endpoints that are never anonymous."""
        if not self.is_authorised(request):
            raise PlatformError(
                401,
                {"error": "The access token is invalid"},
                {"WWW-Authenticate": 'Bearer realm="Doorkeeper", error="invalid_token"'},
            )

    @property
    def brand_id(self) -> str:
        """The brand's account id here."""
        return next(row["account_id"] for row in self.world.brand["accounts"] if row["platform"] == "mastodon" and row["role"] == "brand")

    def get_account(self, request: Request) -> AccountState:
        """The account of the path; a suspended one is still there, emptied."""
        self.is_authorised(request)
        account = self.state.accounts.get(request.path_params["id"])
        if account is None:
            raise PlatformError(404, {"error": "Record not found"})
        return account

    def get_status(self, request: Request) -> Post:
        """The status of the path, or 404 when it is deleted, hidden or was never there."""
        self.is_authorised(request)
        post = self.state.find_post(request.path_params["id"])
        if post is None:
            raise PlatformError(404, {"error": "Record not found"})
        return post

    # -- shapes ---------------------------------------------------------------------------------------------------

    def host_of(self, account: AccountState) -> str:
        """The host an account lives on."""
        return account.account.domain or self.world.brand["mastodon_domain"]

    def account_url(self, account: AccountState) -> str:
        """The profile page on the account's own host."""
        return f"https://{self.host_of(account)}/@{account.account.username}"

    def account_acct(self, account: AccountState) -> str:
        """user for a local account, user@host for a remote one."""
        return f"{account.username}@{account.account.domain}" if account.account.domain else account.username

    def render_account(self, account: AccountState) -> dict[str, Any]:
        """An Account entity."""
        rendered: dict[str, Any] = self.recall(("account", account.account_id), lambda: self.build_account(account))
        return rendered

    def build_account(self, account: AccountState) -> dict[str, Any]:
        """An Account entity, made anew."""
        row, host = account.account, self.host_of(account)
        brand_side = account.account_id == self.brand_id
        followers = self.state.count_marks("follow", account.account_id) if brand_side else row.follower_count
        following = len(self.state.marks_by[("follow", account.account_id)]) if brand_side else row.following_count
        visible = [] if account.is_gone else self.state.list_posts(account.account_id)
        statuses = len(visible) + (0 if brand_side else row.post_count)
        as_text = row.traits.get("counts_as_text", False)
        picture = f"https://{host}/avatars/original/missing.png"
        rendered: dict[str, Any] = {
            "id": row.account_id,
            "username": row.username,
            "acct": self.account_acct(account),
            "display_name": account.display_name,
            "locked": account.is_locked,
            "bot": row.is_bot,
            "discoverable": None if row.domain else True,
            "indexable": False,
            "group": False,
            "created_at": to_datetime(row.created_at).strftime("%Y-%m-%dT00:00:00.000Z"),
            "note": f"<p>{html.escape(row.bio)}</p>" if row.bio else "",
            "url": self.account_url(account),
            "uri": f"https://{host}/users/{row.username}",
            "avatar": picture,
            "avatar_static": picture,
            "header": f"https://{host}/headers/original/missing.png",
            "header_static": f"https://{host}/headers/original/missing.png",
            "followers_count": str(followers) if as_text else followers,
            "following_count": following,
            "statuses_count": str(statuses) if as_text else statuses,
            "last_status_at": to_datetime(visible[-1].created_at).strftime("%Y-%m-%d") if visible else None,
            "hide_collections": row.traits.get("hides_collections"),
            "emojis": [],
            "fields": [],
        }
        if not row.domain:
            rendered |= {"noindex": False, "roles": []}
        if account.is_gone:
            rendered |= {
                "suspended": True,
                "display_name": "",
                "note": "",
                "followers_count": 0,
                "following_count": 0,
                "statuses_count": 0,
                "last_status_at": None,
            }
        return rendered

    def list_inserted(self, post: Post) -> list[str]:
        """The accounts the client puts in front of a reply by itself: the parent's author and whom the parent names."""
        parent = self.state.posts.get(post.parent_id or "")
        if parent is None:
            return []
        named = [parent.author_id, *self.list_inserted(parent), *self.state.list_mentioned(parent)]
        return [account_id for account_id in dict.fromkeys(named) if account_id != post.author_id]

    def list_all_mentions(self, post: Post) -> list[str]:
        """Inserted mentions first, then those by hand, each once."""
        return list(dict.fromkeys(self.list_inserted(post) + self.state.list_mentioned(post)))

    def render_mention(self, account_id: str) -> str:
        """The HTML of a mention."""
        account = self.state.accounts[account_id]
        link = f'<a href="{self.account_url(account)}" class="u-url mention">@<span>{account.username}</span></a>'
        return f'<span class="h-card" translate="no">{link}</span>'

    def render_content(self, post: Post, segments: list[list[str]]) -> str:
        """The HTML of a status."""
        domain = self.world.brand["mastodon_domain"]
        by_hand = {value for kind, value in segments if kind == "m"}
        parts = [self.render_mention(a) + " " for a in self.list_inserted(post) if a not in by_hand]
        for kind, value in segments:
            if kind == "t":
                parts.append(html.escape(value, quote=True).replace("&#x27;", "&#39;").replace("\n\n", "</p><p>").replace("\n", "<br />"))
            elif kind == "m":
                parts.append(self.render_mention(value))
            elif kind == "h":
                parts.append(f'<a href="https://{domain}/tags/{value}" class="mention hashtag" rel="tag">#<span>{value}</span></a>')
            else:
                shown = value.removeprefix("https://")
                parts.append(
                    f'<a href="{html.escape(value)}" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">https://</span>'
                    f'<span class="">{html.escape(shown)}</span><span class="invisible"></span></a>'
                )
        return f"<p>{''.join(parts)}</p>"

    def status_url(self, post: Post) -> tuple[str, str]:
        """(uri, url) of a status on its author's host."""
        author = self.state.accounts[post.author_id]
        return (
            f"https://{self.host_of(author)}/users/{author.account.username}/statuses/{post.post_id}",
            f"{self.account_url(author)}/{post.post_id}",
        )

    def render_status(self, post: Post, is_authorised: bool, depth: int = 0) -> dict[str, Any]:
        """A Status entity."""
        key = ("status", post.post_id, is_authorised, depth)
        rendered: dict[str, Any] = self.recall(key, lambda: self.build_status(post, is_authorised, depth))
        return rendered

    def build_status(self, post: Post, is_authorised: bool, depth: int) -> dict[str, Any]:
        """A Status entity, made anew."""
        author = self.state.accounts[post.author_id]
        is_remote = author.account.domain is not None
        uri, url = self.status_url(post)
        parent = self.state.posts.get(post.parent_id or "")
        quoted: dict[str, Any] | None = None
        if post.quoted_id:
            original = self.state.find_post(post.quoted_id)
            if original is None:
                quoted = {"state": "deleted", "quoted_status": None}
            elif depth:
                quoted = {"state": "accepted", "quoted_status_id": original.post_id}
            else:
                quoted = {"state": "accepted", "quoted_status": self.render_status(original, is_authorised, depth + 1)}
        media = []
        if post.has_media:
            file = f"https://{self.host_of(author)}/media/{post.post_id}.png"
            media = [
                {
                    "id": str(int(post.post_id) + 1),
                    "type": "image",
                    "url": file,
                    "preview_url": file,
                    "remote_url": file if is_remote else None,
                    "text_url": None,
                    "meta": {"original": {"width": 1200, "height": 800, "size": "1200x800", "aspect": 1.5}},
                    "description": None,
                    "blurhash": None,
                }
            ]
        rendered: dict[str, Any] = {
            "id": post.post_id,
            "created_at": format_utc(post.created_at),
            "in_reply_to_id": post.parent_id,
            "in_reply_to_account_id": parent.author_id if parent else None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": "public",
            "language": None if author.account.traits.get("language_unknown") else "en",
            "uri": uri,
            "url": url,
            "replies_count": self.state.count_children(post.post_id),
            "reblogs_count": self.state.count_marks("reshare", post.post_id),
            "favourites_count": self.state.count_marks("like", post.post_id),
            "quotes_count": sum(self.state.find_post(q) is not None for q in self.state.quotes[post.post_id]),
            "edited_at": format_utc(post.edited_at) if post.edited_at else None,
            "content": self.render_content(post, post.segments),
            "reblog": None,
            "application": None if is_remote else {"name": post.client or "Web", "website": None},
            "account": self.render_account(author),
            "media_attachments": media,
            "mentions": [
                {
                    "id": a,
                    "username": self.state.accounts[a].username,
                    "url": self.account_url(self.state.accounts[a]),
                    "acct": self.account_acct(self.state.accounts[a]),
                }
                for a in self.list_all_mentions(post)
            ],
            "tags": [
                {"name": tag.lower(), "url": f"https://{self.world.brand['mastodon_domain']}/tags/{tag.lower()}"}
                for kind, tag in post.segments
                if kind == "h"
            ],
            "emojis": [],
            "quote": quoted,
            "card": None,
            "poll": None,
        }
        if is_authorised:
            rendered |= {"favourited": False, "reblogged": False, "muted": False, "bookmarked": False}
            if post.author_id == self.brand_id:
                rendered["pinned"] = False
        return rendered

    def render_reblog(self, mark: Mark, is_authorised: bool) -> dict[str, Any] | None:
        """The status a boost makes in its author's timeline; None when the boosted one is gone."""
        original = self.state.find_post(mark.object_id)
        if original is None:
            return None
        inner = self.render_status(original, is_authorised)
        actor = self.state.accounts[mark.actor_id]
        uri = f"https://{self.host_of(actor)}/users/{actor.account.username}/statuses/{mark.mark_id}/activity"
        return inner | {
            "id": mark.mark_id,
            "created_at": format_utc(mark.ts),
            "in_reply_to_id": None,
            "in_reply_to_account_id": None,
            "uri": uri,
            "url": uri,
            "edited_at": None,
            "replies_count": 0,
            "reblogs_count": 0,
            "favourites_count": 0,
            "quotes_count": 0,
            "account": self.render_account(actor),
            "application": None,
            "media_attachments": [],
            "mentions": [],
            "tags": [],
            "quote": None,
            "reblog": inner,
        }

    # -- paging ---------------------------------------------------------------------------------------------------

    def cut_page(self, request: Request, rows: Iterable[Row], key: Callable[[Row], int], default: int) -> tuple[list[Row], dict[str, str]]:
        """A page of rows, newest first, by max_id, since_id and min_id, with its Link header; ``limit`` is capped at twice the default."""
        query = request.query_params
        limit = min(abs(read_integer(query.get("limit"), default)) or default, default * 2)
        newest_first = sorted(rows, key=key, reverse=True)
        if "max_id" in query:
            newest_first = [row for row in newest_first if key(row) < read_integer(query["max_id"], 0)]
        if "since_id" in query:
            newest_first = [row for row in newest_first if key(row) > read_integer(query["since_id"], 0)]
        if "min_id" in query:
            newest_first = [row for row in newest_first if key(row) > read_integer(query["min_id"], 0)]
            page = newest_first[-limit:]
        else:
            page = newest_first[:limit]
        if not page:
            return page, {}
        kept = [(k, v) for k, v in query.multi_items() if k not in ("max_id", "since_id", "min_id")]
        address = f"{str(request.base_url).rstrip('/')}{request.url.path}"
        links = []
        if len(page) == limit:
            links.append(f'<{address}?{urlencode([*kept, ("max_id", key(page[-1]))])}>; rel="next"')
        links.append(f'<{address}?{urlencode([*kept, ("min_id", key(page[0]))])}>; rel="prev"')
        return page, {"Link": ", ".join(links)}

    def answer_people(self, request: Request, marks: list[Mark], of_object: bool = False) -> Response:
        """A page of accounts behind marks: cut by the marks' internal ids, then the hidden people drop out of the page."""
        page, headers = self.cut_page(request, marks, lambda mark: int(mark.mark_id), 40)
        people = (self.state.accounts[mark.object_id if of_object else mark.actor_id] for mark in page)
        return JSONAnswer([self.render_account(person) for person in people if not person.is_gone], headers=headers)

    # -- endpoints ------------------------------------------------------------------------------------------------

    def show_instance(self, request: Request) -> Response:
        """The server, version 1."""
        domain = self.world.brand["mastodon_domain"]
        return JSONAnswer(
            {
                "uri": domain,
                "title": "Roast",
                "short_description": "A server for people who drink coffee.",
                "description": "",
                "email": f"admin@{domain}",
                "version": "4.5.2",
                "urls": {"streaming_api": f"wss://{domain}"},
                "stats": {"user_count": 61, "status_count": len(self.state.posts), "domain_count": 5},
                "thumbnail": None,
                "languages": ["en"],
                "registrations": False,
                "approval_required": False,
                "invites_enabled": False,
                "configuration": {"statuses": {"max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23}},
                "contact_account": None,
                "rules": [],
            }
        )

    def show_instance_v2(self, request: Request) -> Response:
        """The server, version 2."""
        domain = self.world.brand["mastodon_domain"]
        return JSONAnswer(
            {
                "domain": domain,
                "title": "Roast",
                "version": "4.5.2",
                "source_url": "https://source.example/mastodon",
                "description": "A server for people who drink coffee.",
                "usage": {"users": {"active_month": 48}},
                "thumbnail": {"url": f"https://{domain}/thumbnail.png"},
                "languages": ["en"],
                "configuration": {
                    "urls": {"streaming": f"wss://{domain}"},
                    "accounts": {"max_featured_tags": 10},
                    "statuses": {"max_characters": 500},
                },
                "registrations": {"enabled": False, "approval_required": False, "message": None},
                "api_versions": {"mastodon": 7},
                "contact": {"email": f"admin@{domain}", "account": None},
                "rules": [],
            }
        )

    def verify_credentials(self, request: Request) -> Response:
        """The account the token belongs to."""
        self.require_token(request)
        own = self.render_account(self.state.accounts[self.brand_id])
        source = {
            "privacy": "public",
            "sensitive": False,
            "language": "en",
            "note": own["note"],
            "fields": [],
            "follow_requests_count": 0,
        }
        return JSONAnswer(own | {"source": source})

    def look_up_account(self, request: Request) -> Response:
        """An account by user or user@host."""
        self.is_authorised(request)
        wanted = request.query_params.get("acct", "").lstrip("@").lower().removesuffix("@" + self.world.brand["mastodon_domain"])
        for account in self.state.accounts.values():
            if self.account_acct(account).lower() == wanted and not account.is_gone:
                return JSONAnswer(self.render_account(account))
        raise PlatformError(404, {"error": "Record not found"})

    def show_account(self, request: Request) -> Response:
        """One account."""
        return JSONAnswer(self.render_account(self.get_account(request)))

    def list_account_statuses(self, request: Request) -> Response:
        """An account's statuses, boosts included unless excluded."""
        account, query = self.get_account(request), request.query_params
        if account.is_gone:
            return JSONAnswer([])
        is_on = {name: query.get(name, "") in ("true", "1") for name in ("exclude_reblogs", "exclude_replies", "only_media", "pinned")}
        if is_on["pinned"]:
            return JSONAnswer([])
        rows: list[tuple[int, Post | Mark]] = []
        for post in self.state.list_posts(account.account_id):
            parent = self.state.posts.get(post.parent_id or "")
            if is_on["exclude_replies"] and post.parent_id and (parent is None or parent.author_id != account.account_id):
                continue
            if is_on["only_media"] and not post.has_media:
                continue
            if query.get("tagged") and query["tagged"].lower() not in [v.lower() for k, v in post.segments if k == "h"]:
                continue
            rows.append((int(post.post_id), post))
        if not (is_on["exclude_reblogs"] or is_on["only_media"] or query.get("tagged")):
            rows += [(int(m.mark_id), m) for m in self.state.marks_by[("reshare", account.account_id)] if self.state.find_post(m.object_id)]
        page, headers = self.cut_page(request, rows, lambda row: row[0], 20)
        authorised = self.is_authorised(request)
        rendered = [self.render_status(r, authorised) if isinstance(r, Post) else self.render_reblog(r, authorised) for _, r in page]
        return JSONAnswer(rendered, headers=headers)

    def list_followers(self, request: Request) -> Response:
        """Who follows an account; empty for one that hides it."""
        account = self.get_account(request)
        if account.is_gone or account.account.traits.get("hides_collections"):
            return JSONAnswer([])
        return self.answer_people(request, self.state.list_marks("follow", account.account_id))

    def list_following(self, request: Request) -> Response:
        """Whom an account follows; empty for one that hides it."""
        account = self.get_account(request)
        if account.is_gone or account.account.traits.get("hides_collections"):
            return JSONAnswer([])
        return self.answer_people(request, self.state.marks_by[("follow", account.account_id)], of_object=True)

    def list_statuses(self, request: Request) -> Response:
        """Up to twenty statuses by id; those that are gone are simply not there."""
        ids = request.query_params.getlist("id[]") or request.query_params.getlist("id")
        if len(ids) > 20:
            raise PlatformError(422, {"error": "Validation failed: too many ids"})
        authorised = self.is_authorised(request)
        return JSONAnswer([self.render_status(post, authorised) for post_id in dict.fromkeys(ids) if (post := self.state.find_post(post_id))])

    def show_status(self, request: Request) -> Response:
        """One status, a boost included."""
        authorised = self.is_authorised(request)
        post = self.state.find_post(request.path_params["id"])
        if post is not None:
            return JSONAnswer(self.render_status(post, authorised))
        for mark in self.state.open_marks.values():
            is_asked = mark.kind == "reshare" and mark.mark_id == request.path_params["id"]
            if is_asked and not self.state.accounts[mark.actor_id].is_gone and (rendered := self.render_reblog(mark, authorised)):
                return JSONAnswer(rendered)
        raise PlatformError(404, {"error": "Record not found"})

    def show_context(self, request: Request) -> Response:
        """Ancestors and descendants; a gone parent ends the chain up, and hides what hangs below it; anonymous readers see less."""
        post, authorised = self.get_status(request), self.is_authorised(request)
        up, down, depth_limit = (4096, 4096, 4096) if authorised else (ANONYMOUS_ANCESTORS, ANONYMOUS_DESCENDANTS, ANONYMOUS_DEPTH)
        ancestors: list[Post] = []
        above = self.state.find_post(post.parent_id)
        while above is not None and len(ancestors) < up:
            ancestors.insert(0, above)
            above = self.state.find_post(above.parent_id)
        descendants: list[Post] = []

        def walk(post_id: str, depth: int) -> None:
            for child_id in self.state.children[post_id]:
                child = self.state.find_post(child_id)
                if child is not None and depth <= depth_limit and len(descendants) < down:
                    descendants.append(child)
                    walk(child_id, depth + 1)

        walk(post.post_id, 1)
        return JSONAnswer(
            {
                "ancestors": [self.render_status(p, authorised) for p in ancestors],
                "descendants": [self.render_status(p, authorised) for p in descendants],
            }
        )

    def show_history(self, request: Request) -> Response:
        """All versions of a status, oldest first."""
        post = self.get_status(request)
        author = self.render_account(self.state.accounts[post.author_id])
        return JSONAnswer(
            [
                {
                    "content": self.render_content(post, segments),
                    "spoiler_text": "",
                    "sensitive": False,
                    "created_at": format_utc(ts),
                    "account": author,
                    "media_attachments": [],
                    "emojis": [],
                }
                for ts, segments in post.versions
            ]
        )

    def show_source(self, request: Request) -> Response:
        """The plain text of one's own status."""
        self.require_token(request)
        post = self.get_status(request)
        if post.author_id != self.brand_id:
            raise PlatformError(403, {"error": "This action is not allowed"})
        text = "".join({"t": v, "h": "#" + v, "u": v}.get(k) or "@" + self.account_acct(self.state.accounts[v]) for k, v in post.segments)
        return JSONAnswer({"id": post.post_id, "text": text, "spoiler_text": ""})

    def list_favourited_by(self, request: Request) -> Response:
        """Who likes a status; no times here."""
        return self.answer_people(request, self.state.list_marks("like", self.get_status(request).post_id))

    def list_reblogged_by(self, request: Request) -> Response:
        """Who boosted a status; no times here."""
        return self.answer_people(request, self.state.list_marks("reshare", self.get_status(request).post_id))

    def list_quotes(self, request: Request) -> Response:
        """The statuses that quote a status."""
        post = self.get_status(request)
        quotes = [q for quote_id in self.state.quotes[post.post_id] if (q := self.state.find_post(quote_id))]
        page, headers = self.cut_page(request, quotes, lambda q: int(q.post_id), 20)
        authorised = self.is_authorised(request)
        return JSONAnswer([self.render_status(q, authorised) for q in page], headers=headers)

    def list_tagged(self, request: Request) -> Response:
        """Public statuses with a hashtag."""
        authorised, wanted = self.is_authorised(request), request.path_params["tag"].lower()
        rows = [
            p for post_id in self.state.posts if (p := self.state.find_post(post_id)) and wanted in [v.lower() for k, v in p.segments if k == "h"]
        ]
        page, headers = self.cut_page(request, rows, lambda p: int(p.post_id), 20)
        return JSONAnswer([self.render_status(p, authorised) for p in page], headers=headers)

    def gather_notifications(self) -> list[tuple[int, tuple[int, str, str, Post | None]]]:
        """Every standing notification of the brand as (id, (time, type, account id, status)); unsorted."""
        brand = self.brand_id
        found: list[tuple[int, str, str, Post | None]] = []
        for post in self.state.posts.values():
            if post.author_id == brand or self.state.find_post(post.post_id) is None:
                continue
            if brand in self.list_all_mentions(post):
                found.append((post.created_at, "mention", post.author_id, post))
            quoted = self.state.find_post(post.quoted_id)
            if quoted is not None and quoted.author_id == brand:
                found.append((post.created_at, "quote", post.author_id, post))
        for mark in self.state.open_marks.values():
            target = self.state.find_post(mark.object_id)
            if self.state.accounts[mark.actor_id].is_gone or mark.actor_id == brand:
                continue
            if mark.kind == "follow" and mark.object_id == brand and mark.ts > self.world.start:
                found.append((mark.ts, "follow", mark.actor_id, None))
            elif mark.kind in ("like", "reshare") and target is not None and target.author_id == brand:
                found.append((mark.ts, "favourite" if mark.kind == "like" else "reblog", mark.actor_id, target))
        return [(number_notification(row[0] - self.world.start, row[1], row[2], row[3].post_id if row[3] else ""), row) for row in found]

    def list_notifications(self, request: Request) -> Response:
        """What happened to the brand's account: mentions, favourites, reblogs, follows, quotes; this is where likes have times."""
        self.require_token(request)
        query = request.query_params
        types, excluded = set(query.getlist("types[]")), set(query.getlist("exclude_types[]"))
        keep: list[tuple[int, tuple[int, str, str, Post | None]]] = self.recall(("notifications",), self.gather_notifications)
        keep = [r for r in keep if (not types or r[1][1] in types) and r[1][1] not in excluded and query.get("account_id") in (None, r[1][2])]
        page, headers = self.cut_page(request, keep, lambda row: row[0], 40)
        rendered = []
        for number, (ts, kind, account_id, status) in page:
            entry: dict[str, Any] = {
                "id": str(number),
                "type": kind,
                "created_at": format_utc(ts),
                "group_key": f"ungrouped-{number}",
                "account": self.render_account(self.state.accounts[account_id]),
            }
            if status is not None:
                entry["status"] = self.render_status(status, True)
            rendered.append(entry)
        return JSONAnswer(rendered, headers=headers)


def number_notification(since_start: int, kind: str, actor_id: str, object_id: str) -> int:
    """An id that grows with time and stays the same whatever else comes or goes."""
    return (1_000_000 + since_start) * 1000 + zlib.crc32(f"{kind}/{actor_id}/{object_id}".encode()) % 1000
