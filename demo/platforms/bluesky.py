"""Bluesky over the demo world: the AppView's reads and the PDS's sessions and notifications.

Data flow: state as of now -> profiles, feeds, threads, people behind likes and reposts, searches, in the shapes of the lexicons.
Odd on purpose, as the real thing: short pages that still have a cursor (who is gone is taken out of a page after it was cut), a bad cursor is a 500,
no 404 anywhere, times in four formats, indexedAt before createdAt for a client whose clock runs ahead, counts that go on counting who is gone,
facets counted in UTF-8 bytes. Held against a real network by the contract test: statuses, headers, shapes, errors.
What is said of an account or a post is rendered once for each moment, as bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from demo.ids import mint_cid, mint_tid
from demo.model import format_utc, parse_instant
from demo.platforms.base import Doorkeeper, Handler, JSONAnswer, Limit, LimitState, Platform, PlatformError, compose, dump, join, make_secret
from demo.platforms.xrpc import METHODS, Refused
from demo.state import NEVER, Account, Index, Message, Numbers

POST = "app.bsky.feed.post"
ACCESS_SECONDS, REFRESH_SECONDS = 7200, 7_776_000
ACCESS, REFRESH = "com.atproto.appPass", "com.atproto.refresh"
PDS_DID = "did:web:pds.moorhen.example"
REASONS = ("reply", "quote", "mention", "like", "repost", "follow")
COLLECTIONS = {"like": "app.bsky.feed.like", "reshare": "app.bsky.feed.repost", "follow": "app.bsky.graph.follow"}
#: how far up a thread a reply is told to those above it
NOTICE_HEIGHT = 4
#: the moderation services whose labels are taken into account
LABELERS = "did:plc:ar7c4by46qjdydhdevvrndac;redact"
#: reads that a PDS handles itself before it asks its AppView, to show at once what its own account has written
HANDLED_READS = frozenset({"app.bsky.actor.getProfile", "app.bsky.actor.getProfiles", "app.bsky.feed.getAuthorFeed", "app.bsky.feed.getPostThread"})


def refuse(error: str, message: str, status: int = 400) -> PlatformError:
    """An XRPC error."""
    return PlatformError(status, {"error": error, "message": message})


@dataclass(frozen=True)
class Notices:
    """What an account is ever notified of, newest first; ``reactions`` are −1 for posts, ``messages`` −1 for follows, ``subjects`` the own posts
    that something is about, −1 for none."""

    kinds: Numbers
    times: Numbers
    actors: Numbers
    messages: Numbers
    reactions: Numbers
    subjects: Numbers

    def take(self, rows: Numbers) -> Notices:
        """Some of them."""
        return Notices(*(getattr(self, name)[rows] for name in ("kinds", "times", "actors", "messages", "reactions", "subjects")))


class Bluesky(Platform):
    """What AppView and PDS share: the shapes and the reads, which the PDS passes on to its AppView."""

    platform = "bluesky"
    metric = "likeCount"
    lacks: ClassVar[frozenset[str]] = frozenset()
    sends_entity_tags = True

    def __init__(self, folder: Path, *arguments: Any, **named: Any) -> None:
        super().__init__(folder, *arguments, **named)
        #: brands by the DID of their account
        self.own = {did: brand for brand, did in self.list_own_accounts().items()}
        self.own_numbers = frozenset(self.state.account_numbers[did] for did in self.own)
        self.texts: dict[int, tuple[str, list[dict[str, Any]]]] = {}
        self.notices: dict[int, Notices] = {}

    def routes(self) -> list[tuple[str, Handler, list[str]]]:
        """The reads."""
        reads: dict[str, Handler] = {
            "app.bsky.actor.getProfile": self.get_profile,
            "app.bsky.actor.getProfiles": self.get_profiles,
            "app.bsky.feed.getAuthorFeed": self.get_author_feed,
            "app.bsky.feed.getPostThread": self.get_post_thread,
            "app.bsky.feed.getPosts": self.get_posts,
            "app.bsky.feed.getLikes": self.get_likes,
            "app.bsky.feed.getRepostedBy": self.get_reposted_by,
            "app.bsky.feed.getQuotes": self.get_quotes,
            "app.bsky.feed.searchPosts": self.search_posts,
            "app.bsky.graph.getFollowers": self.get_followers,
            "app.bsky.graph.getFollows": self.get_follows,
            "app.bsky.notification.listNotifications": self.list_notifications,
            "com.atproto.identity.resolveHandle": self.resolve_handle,
            "_health": self.show_health,
        }
        return [(f"/xrpc/{name}", self.read_first(name, handler, "GET"), ["GET", "POST"]) for name, handler in reads.items()]

    def read_first(self, name: str, handler: Handler, verb: str) -> Handler:
        """A handler that gets its parameters as its lexicon declares them, in ``request.scope["asked"]``."""

        def answer(request: Request) -> Awaitable[Response] | Response:
            if request.method not in (verb, "HEAD"):
                raise refuse("InvalidRequest", f"Incorrect HTTP method ({request.method}) expected {verb}")
            self.admit(name, request)
            if name in METHODS:
                try:
                    request.scope["asked"] = METHODS[name].read(request.query_params)
                except Refused as error:
                    raise refuse("InvalidRequest", str(error)) from error
            return handler(request)

        return answer

    def admit(self, name: str, request: Request) -> None:
        """Let a request for a method in, or raise why not; an AppView lets everybody in."""

    def wrap(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A handler with the headers that come with everything."""
        answer = super().wrap(handler)

        async def finish(request: Request) -> Response:
            return self.add_headers(request, await answer(request))

        return finish

    def add_headers(self, request: Request, response: Response) -> Response:
        """The headers of an answer."""
        response.headers["Access-Control-Allow-Origin"] = "*"
        if response.status_code in (200, 304) and not request.url.path.endswith(("_health", "resolveHandle")):
            response.headers["Atproto-Content-Labelers"] = LABELERS
        if response.status_code != 304:
            response.headers["Vary"] = "Accept-Encoding"
            body = getattr(response, "body", None)
            if "etag" not in response.headers and body is not None:
                response.headers["ETag"] = f'W/"{len(body):x}-{base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()[:27]}"'
        return response

    # -- errors and sessions --------------------------------------------------------------------------------------

    def name_caller(self, request: Request) -> str:
        """Who asks: the account a token is of, else the address. Whether the token is good is seen later."""
        claims = read_claims(request.headers.get("authorization", ""))
        return str(claims.get("sub") or (request.client.host if request.client else ""))

    def answer_refusal(self, limit: LimitState) -> Response:
        """429 in XRPC's error shape, with Retry-After."""
        headers = self.limit_headers(limit) | {"Retry-After": str(max(1, round(limit.reset - self.clock())))}
        return JSONAnswer({"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}, 429, headers)

    def answer_error(self, status: int, message: str) -> Response:
        """An unexpected error in XRPC's shape."""
        return JSONAnswer({"error": "InternalServerError", "message": message}, status)

    def answer_no_route(self, request: Request, error: Exception) -> Response:
        """An unknown method is 501, an unknown page the web framework's own 404."""
        if request.url.path.startswith("/xrpc/"):
            return self.add_headers(request, self.date_answer(self.answer_unknown(request), 0))
        page = (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
            f"<pre>Cannot {request.method} {escape(request.url.path)}</pre>\n</body>\n</html>\n"
        )
        headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
        headers |= {"Access-Control-Allow-Origin": "*"}
        return self.date_answer(Response(page, 404, headers, "text/html"), 0)

    def answer_unknown(self, request: Request) -> Response:
        """The answer to a method that does not exist."""
        return JSONAnswer({"error": "MethodNotImplemented", "message": "Method Not Implemented"}, 501)

    def sign_token(self, did: str, scope: str, lifetime: int) -> str:
        """A token of an account, in the form of a JWT, signed with the demo's secret."""
        now, is_refresh = int(self.clock()), scope == REFRESH
        claims = {"scope": scope, "aud": PDS_DID, "sub": did} | ({"jti": secrets.token_urlsafe(32)} if is_refresh else {})
        claims |= {"iat": now, "exp": now + lifetime}
        body = ".".join(encode_part(part) for part in ({"typ": "refresh+jwt" if is_refresh else "at+jwt", "alg": "HS256"}, claims))
        return f"{body}.{self.sign(body)}"

    def sign(self, body: str) -> str:
        """The signature part of a token."""
        digest = hmac.new(make_signing_key(self.head.seed).encode(), body.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def check_token(self, request: Request, scope: str) -> str:
        """The DID a valid token of that scope is of; 401 without one, 400 for a bad or expired one."""
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise refuse("AuthMissing", "Authentication Required", 401)
        body, _, signature = header.removeprefix("Bearer ").strip().rpartition(".")
        if not hmac.compare_digest(self.sign(body).encode(), signature.encode()):
            raise refuse("InvalidToken", "Token could not be verified")
        claims = read_claims(header)
        if claims["scope"] != scope:
            raise refuse("InvalidToken", "Token could not be verified")
        if claims["exp"] <= self.clock():
            raise refuse("ExpiredToken", "Token has expired")
        return str(claims["sub"])

    # -- parameters -----------------------------------------------------------------------------------------------

    def ask(self, request: Request, name: str) -> Any:
        """The value of a parameter."""
        return request.scope["asked"][name]

    def find_actor(self, actor: str) -> Account | None:
        """An account by DID or current handle, gone ones included."""
        if actor.startswith("did:"):
            return self.state.find_account(actor)
        username, _, domain = actor.partition(".")
        return self.state.find_named(username, domain.lower())

    def find_present(self, actor: str) -> Account | None:
        """An account by DID or current handle, unless it is gone."""
        account = self.find_actor(actor)
        return None if account is None or account.is_gone else account

    def read_uri(self, request: Request) -> str:
        """The post address asked for, its handle resolved to a DID."""
        uri: str = self.ask(request, "uri")
        parts = uri.removeprefix("at://").split("/")
        account = self.find_actor(parts[0])
        return "at://" + "/".join([account.account_id if account else parts[0], *parts[1:]])

    def find_post(self, uri: str) -> int:
        """The number of the post at an address when it stands, else −1."""
        no = self.state.message_numbers.get(uri, -1)
        return no if self.state.stands(no) else -1

    def fill_page(
        self, request: Request, times: Numbers, name_row: Callable[[int], str], is_shown: Callable[[int], bool]
    ) -> tuple[list[int], str | None]:
        """A page of rows whose ``times`` fall, and its cursor: time and content id of the last row looked at, where more rows follow.

        What is not shown is taken out after the page was cut, so that a page can be short and not the last; one that is not half full
        is filled up, as the AppView does. Raises the 500 of a cursor that is none."""
        limit, cursor = self.ask(request, "limit"), self.ask(request, "cursor")
        start = self.find_start(times, name_row, cursor) if cursor else 0
        kept: list[int] = []
        while True:
            page = self.place_page(request, start, limit - len(kept), len(times))
            kept += filter(is_shown, range(page.first, page.last))
            if page.is_cursor_repeated:
                return kept, cursor or (write_cursor(int(times[page.first]) + 1, "bafyrei") if len(times) else None)
            start = page.after
            if start >= len(times):
                return kept, None
            if len(kept) >= -(-limit // 2):
                return kept, write_cursor(int(times[start - 1]), name_row(start - 1))

    def find_start(self, times: Numbers, name_row: Callable[[int], str], cursor: str) -> int:
        """The row after the one a cursor names; where that is gone, the first of its millisecond: rather a row twice than never."""
        time, _, content_id = cursor.partition("__")
        if not time.isdigit() or not content_id or "__" in content_id:
            raise self.refuse_cursor()
        first, last = (int(np.searchsorted(-times, -int(time), side=side)) for side in ("left", "right"))
        return next((row + 1 for row in range(first, last) if name_row(row) == content_id), first)

    def refuse_cursor(self) -> PlatformError:
        """What becomes of a cursor that is none."""
        return refuse("InternalServerError", "Internal Server Error", 500)

    def name_reaction(self, row: int) -> str:
        """The content id of a like, repost or follow."""
        return mint_cid(self.address_reaction(row))

    def address_reaction(self, row: int, key: str | None = None) -> str:
        """The address of a like, repost or follow; ``key`` is its record key where that is known already."""
        reactions, key = self.state.reactions, key or self.state.read_reaction_ids(np.array([row]))[0]
        return f"at://{self.state.accounts.account_id[reactions.actor_no[row]]}/{COLLECTIONS[reactions.kind[row] or '']}/{key}"

    def order_reactions(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Reactions newest first, and the times they are ordered by."""
        times = np.minimum(self.state.reactions.ts[rows], self.state.reactions.visible_at[rows])
        order = np.argsort(-times, kind="stable")
        return rows[order], times[order]

    def time_posts(self, rows: Numbers) -> Numbers:
        """The times posts are ordered by: what their authors claim, but none that is still to come."""
        return np.minimum(self.state.messages.created_at[rows], self.state.messages.visible_at[rows])

    # -- shapes ---------------------------------------------------------------------------------------------------

    def handle(self, account: Account) -> str:
        """The current handle."""
        return f"{account.username}.{account.domain}"

    def build_basic(self, account: Account) -> dict[str, Any]:
        """profileViewBasic; displayName can be missing or empty, and an account may have no profile at all."""
        view: dict[str, Any] = {"did": account.account_id, "handle": self.handle(account)}
        has_profile = not account.traits.get("no_profile")
        if has_profile and not account.traits.get("no_display_name"):
            view["displayName"] = account.display_name
        if account.traits.get("has_avatar", ord(account.account_id[-1]) % 4 != 0):
            picture = mint_cid(f"avatar of {account.account_id}").replace("bafyrei", "bafkrei")
            view["avatar"] = f"https://cdn.bsky.example/img/avatar/plain/{account.account_id}/{picture}"
        view |= {"associated": {"activitySubscription": {"allowSubscriptions": "followers"}}, "labels": self.label(account)}
        return view | ({"createdAt": format_utc(account.created_at)} if has_profile else {})

    def label(self, account: Account) -> list[dict[str, Any]]:
        """The labels an account gives itself: that it is a bot."""
        if not account.is_bot:
            return []
        uri = f"at://{account.account_id}/app.bsky.actor.profile/self"
        return [{"src": account.account_id, "uri": uri, "cid": mint_cid(uri), "val": "bot", "cts": format_utc(account.created_at)}]

    def render_basic(self, no: int) -> bytes:
        """profileViewBasic, as beside a post."""
        view: bytes = self.recall(("basic", no), lambda: dump(self.build_basic(self.state.account(no))))
        return view

    def build_profile(self, account: Account) -> dict[str, Any]:
        """profileView."""
        view = self.build_basic(account)
        if account.bio:
            view["description"] = account.bio
        return view | ({} if account.traits.get("no_profile") else {"indexedAt": format_utc(account.created_at)})

    def build_viewer(self, viewer: int, no: int) -> dict[str, Any]:
        """What somebody who is logged in learns of how an account and the own one stand."""
        view: dict[str, Any] = {"muted": False, "mutedOnlyReposts": False, "mutedOnlyQuoteposts": False}
        view["blockedBy"] = (no, viewer) in self.state.blocks
        for name, actor, target in (("following", viewer, no), ("followedBy", no, viewer)):
            rows = self.state.list_open(self.state.following, actor)
            rows = rows[self.state.reactions.target_no[rows] == target]
            view |= {name: self.address_reaction(int(rows[0]))} if rows.size else {}
        return view

    def render_profile(self, no: int, viewer: int | None = None) -> bytes:
        """profileView, as in lists of people; with how the account and that of ``viewer`` stand."""

        def make() -> bytes:
            return dump(self.build_profile(self.state.account(no)) | ({} if viewer is None else {"viewer": self.build_viewer(viewer, no)}))

        view: bytes = self.recall(("profile", no, viewer), make)
        return view

    def render_detailed(self, no: int, viewer: int | None = None) -> bytes:
        """profileViewDetailed, with counts."""
        account, is_own = self.state.account(no), no in self.own_numbers
        followers, following, posts = (int(counts[no]) for counts in self.count_of_accounts())
        view = self.build_profile(account) | ({} if viewer is None else {"viewer": self.build_viewer(viewer, no)})
        activity = view["associated"]
        view["associated"] = {"lists": 0, "feedgens": 0, "starterPacks": 0, "labeler": False, **activity}
        return dump(
            view
            | {
                "followersCount": followers + (0 if is_own else account.follower_count),
                "followsCount": following + (0 if is_own else account.following_count),
                "postsCount": posts + (0 if is_own else account.post_count),
            }
        )

    def count_of_accounts(self) -> tuple[Numbers, Numbers, Numbers]:
        """Followers, followed and posts of every account, those of accounts that are gone counted too, as the platform does."""

        def count() -> tuple[Numbers, Numbers, Numbers]:
            state, size = self.state, self.state.accounts.size
            chosen = self.are_open() & state.reactions.kind.are("follow")
            return (
                np.bincount(state.reactions.target_no[chosen], minlength=size),
                np.bincount(state.reactions.actor_no[chosen], minlength=size),
                np.bincount(state.messages.author_no[self.are_written()], minlength=size),
            )

        counts: tuple[Numbers, Numbers, Numbers] = self.recall(("counts of accounts",), count)
        return counts

    def are_open(self) -> Any:
        """Of each reaction: whether it has begun and not ended, whoever made it."""
        reactions, now = self.state.reactions, self.state.now
        return self.recall(("open",), lambda: (reactions.visible_at <= now) & (reactions.ended_at > now))

    def are_written(self) -> Any:
        """Of each post: whether it has appeared and is not deleted, whoever wrote it."""
        messages, now = self.state.messages, self.state.now
        return self.recall(("written",), lambda: (messages.visible_at <= now) & (messages.deleted_at > now))

    def format_claimed(self, milliseconds: int, author: Account) -> str:
        """createdAt the way the author's client writes it: by its clock, which may run ahead, in one of four formats."""
        style, text = author.traits.get("time_format"), format_utc(milliseconds + author.traits.get("clock_ahead_ms", 0))
        if style == "micro":
            return text[:-1] + "417Z"
        if style == "second":
            return text[:-5] + "Z"
        return text[:-1] + "+00:00" if style == "offset" else text

    def handle_at(self, account: Account, moment: int) -> str:
        """The handle a text of a moment names: a record does not change when a handle does."""
        return f"{self.state.read_names(account.no, moment).get('username', account.first_username)}.{account.domain}"

    def write_text(self, no: int) -> tuple[str, list[dict[str, Any]]]:
        """The text of a post and its facets, in bytes of UTF-8."""
        if no not in self.texts:
            self.texts[no] = self.build_text(no)
        return self.texts[no]

    def build_text(self, no: int) -> tuple[str, list[dict[str, Any]]]:
        """The text of a post and its facets, made anew."""
        text, facets = "", []
        for kind, value in from_json(self.state.messages.segments[no]):
            shown = {"t": value, "h": f"#{value}", "u": value.removeprefix("https://")}.get(kind)
            if kind == "m":
                account = self.state.account(self.state.account_numbers[value])
                shown = "@" + self.handle_at(account, int(self.state.messages.created_at[no]))
            assert shown is not None
            begin = len(text.encode("utf-8", "replace"))
            text += shown
            if kind != "t":
                feature = {
                    "m": {"$type": "app.bsky.richtext.facet#mention", "did": value},
                    "h": {"$type": "app.bsky.richtext.facet#tag", "tag": value},
                    "u": {"$type": "app.bsky.richtext.facet#link", "uri": value},
                }[kind]
                facets.append({"features": [feature], "index": {"byteStart": begin, "byteEnd": len(text.encode("utf-8", "replace"))}})
        return text, facets

    def refer(self, no: int) -> dict[str, str]:
        """A strong reference; it outlives what it points to."""
        return {"cid": self.state.read_content_id(no), "uri": self.state.messages.post_id[no]}

    def render_record(self, no: int) -> bytes:
        """The record as its author wrote it."""
        record: bytes = self.recall(("record", no), lambda: dump(self.build_record(self.state.message(no))))
        return record

    def build_record(self, message: Message) -> dict[str, Any]:
        """The record as its author wrote it, made anew."""
        text, facets = self.write_text(message.no)
        record: dict[str, Any] = {
            "$type": POST,
            "createdAt": self.format_claimed(message.created_at, self.state.account(message.author_no)),
            "langs": ["en"],
            "text": text,
        }
        if facets:
            record["facets"] = facets
        if message.parent_no >= 0:
            record["reply"] = {"parent": self.refer(message.parent_no), "root": self.refer(message.root_no)}
        if message.quoted_no >= 0:
            record["embed"] = {"$type": "app.bsky.embed.record", "record": self.refer(message.quoted_no)}
        elif message.has_media:
            blob = {
                "$type": "blob",
                "ref": {"$link": self.state.read_content_id(message.no).replace("bafyrei", "bafkrei")},
                "mimeType": "image/jpeg",
                "size": 204_800,
            }
            record["embed"] = {
                "$type": "app.bsky.embed.images",
                "images": [{"alt": "", "image": blob, "aspectRatio": {"height": 800, "width": 1200}}],
            }
        return record

    def render_post(self, no: int) -> bytes:
        """postView."""
        view: bytes = self.recall(("post", no), lambda: self.build_post(self.state.message(no)))
        return view

    def count_all(self, no: int) -> dict[str, int]:
        """The counts of a post: who is gone is counted on."""

        def count() -> dict[str, Numbers]:
            state, written, are_open = self.state, self.are_written(), self.are_open()
            size, kinds, messages = state.messages.size, state.reactions.kind, state.messages
            return {
                "replyCount": np.bincount(messages.parent_no[written & (messages.parent_no >= 0)], minlength=size),
                "repostCount": np.bincount(state.reactions.message_no[are_open & kinds.are("reshare")], minlength=size),
                "likeCount": np.bincount(state.reactions.message_no[are_open & kinds.are("like")], minlength=size),
                "quoteCount": np.bincount(messages.quoted_no[written & (messages.quoted_no >= 0)], minlength=size),
            }

        counts: dict[str, Numbers] = self.recall(("counts of posts",), count)
        return {name: int(column[no]) for name, column in counts.items()}

    def build_post(self, message: Message) -> bytes:
        """postView, made anew."""
        content_id = self.state.read_content_id(message.no)
        parts: list[dict[str, Any] | tuple[str, bytes]] = [
            {"uri": message.post_id, "cid": content_id},
            ("author", self.render_basic(message.author_no)),
            ("record", self.render_record(message.no)),
        ]
        if message.quoted_no >= 0:
            parts.append(("embed", compose({"$type": "app.bsky.embed.record#view"}, ("record", self.render_quoted(message.quoted_no)))))
        elif message.has_media:
            author = self.state.accounts.account_id[message.author_no]
            picture = f"plain/{author}/{content_id.replace('bafyrei', 'bafkrei')}"
            places = {
                name: f"https://cdn.bsky.example/img/feed_{preset}/{picture}" for name, preset in (("thumb", "thumbnail"), ("fullsize", "fullsize"))
            }
            images = [places | {"alt": "", "aspectRatio": {"height": 800, "width": 1200}}]
            parts.append({"embed": {"$type": "app.bsky.embed.images#view", "images": images}})
        parts.append({"bookmarkCount": 0} | self.count_all(message.no) | {"indexedAt": format_utc(message.visible_at), "labels": []})
        return compose(*parts)

    def render_quoted(self, no: int) -> bytes:
        """A quoted post inside an embed."""
        uri = self.state.messages.post_id[no]
        if not self.state.stands(no):
            return dump({"$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": True})
        return compose(
            {"$type": "app.bsky.embed.record#viewRecord", "uri": uri, "cid": self.state.read_content_id(no)},
            ("author", self.render_basic(int(self.state.messages.author_no[no]))),
            ("value", self.render_record(no)),
            {"labels": [], "embeds": [], "indexedAt": format_utc(int(self.state.messages.visible_at[no]))} | self.count_all(no),
        )

    def is_blocked_pair(self, one: int, other: int) -> bool:
        """Whether either account blocks the other."""
        return bool(self.state.blocks) and ((one, other) in self.state.blocks or (other, one) in self.state.blocks)

    def render_missing(self, no: int) -> bytes:
        """What stands for a post that is not there."""
        return dump({"$type": "app.bsky.feed.defs#notFoundPost", "uri": self.state.messages.post_id[no], "notFound": True})

    def render_thread(self, no: int, depth: int, height: int, is_partial: bool = False) -> bytes:
        """A thread from one of its posts, with ``depth`` generations of replies and ``height`` of parents; ``is_partial`` loses a reply."""
        authors, parents = self.state.messages.author_no, self.state.messages.parent_no
        pieces: list[bytes] = []
        # What is still to be written, the next one last: JSON, or a post with what to show below and above it and whose post it is seen from.
        waiting: list[bytes | tuple[int, int, int, int]] = [(no, depth, height, -1)]
        while waiting:
            task = waiting.pop()
            if isinstance(task, bytes):
                pieces.append(task)
                continue
            no, depth, height, seen_from = task
            author = int(authors[no])
            if not self.state.stands(no):
                pieces.append(self.render_missing(no))
                continue
            if seen_from >= 0 and self.is_blocked_pair(author, seen_from):
                pieces.append(dump(self.describe_blocked(no)))
                continue
            pieces.append(b'{"$type":"app.bsky.feed.defs#threadViewPost","post":' + self.render_post(no))
            waiting.append(b',"threadContext":' + self.render_context(no) + b"}")
            if depth > 0:
                replies: list[bytes | tuple[int, int, int, int]] = [
                    (child, depth - 1, 0, author)
                    for child in self.state.list_standing(self.state.children, no).tolist()
                    if not self.is_blocked_pair(author, int(authors[child]))
                ]
                if is_partial and replies:
                    replies[-1] = self.render_missing(replies[-1][0])
                    is_partial = False
                waiting.append(b"]")
                for place, reply in enumerate(replies):  # the newest is written first
                    waiting += [b",", reply] if place else [reply]
                waiting.append(b',"replies":[')
            if parents[no] >= 0 and height > 0:
                waiting.append((int(parents[no]), 0, height - 1, author))
                waiting.append(b',"parent":')
        return b"".join(pieces)

    def render_context(self, no: int) -> bytes:
        """What is said of a post within its thread: whether who began the thread likes it."""
        context: bytes = self.recall(("context", no), lambda: self.build_context(no))
        return context

    def build_context(self, no: int) -> bytes:
        """What is said of a post within its thread, made anew."""
        begun_by = self.state.messages.author_no[self.state.messages.root_no[no]]
        rows = self.state.list_open(self.state.likes, no)
        rows = rows[self.state.reactions.actor_no[rows] == begun_by]
        return dump({"rootAuthorLike": self.address_reaction(int(rows[0]))} if rows.size else {})

    # -- endpoints ------------------------------------------------------------------------------------------------

    def show_health(self, request: Request) -> Response:
        """Up and which version."""
        return JSONAnswer({"version": "0.4.201"})

    def resolve_handle(self, request: Request) -> Response:
        """The DID of a handle."""
        account = self.find_actor(self.ask(request, "handle").lower())
        if account is None:
            raise refuse("InvalidRequest", "Unable to resolve handle")
        return JSONAnswer({"did": account.account_id})

    def find_viewer(self, request: Request) -> int | None:
        """The account whose session a request came with; an AppView that is asked by anybody knows none."""
        return None

    def get_profile(self, request: Request) -> Response:
        """One profile, or why not."""
        account = self.find_actor(self.ask(request, "actor"))
        if account is None:
            raise refuse("InvalidRequest", "Profile not found")
        if account.is_suspended:
            raise refuse("AccountTakedown", "Account has been suspended")
        if account.is_deactivated:
            raise refuse("AccountDeactivated", "Account is deactivated")
        return JSONAnswer(self.render_detailed(account.no, self.find_viewer(request)))

    def lose_parts(self, request: Request, found: list[int]) -> list[int]:
        """Every second one of a batch when its parts fail, else all."""
        return found[::2] if self.has_fault(request, "partial_error") else found

    def get_profiles(self, request: Request) -> Response:
        """Up to 25 profiles; those that are gone are not there."""
        wanted = dict.fromkeys(self.ask(request, "actors"))
        found = [account.no for actor in wanted if (account := self.find_present(actor))]
        viewer = self.find_viewer(request)
        return JSONAnswer(compose(("profiles", join(self.render_detailed(no, viewer) for no in self.lose_parts(request, found)))))

    def answer_list(self, name: str, items: bytes, cursor: str | None, *before: dict[str, Any] | tuple[str, bytes]) -> Response:
        """A list with its cursor, where there is one."""
        return JSONAnswer(compose(*before, (name, items), *([{"cursor": cursor}] if cursor else [])))

    def get_author_feed(self, request: Request) -> Response:
        """What an account posted and reposted, newest first."""
        account, kind = self.find_present(self.ask(request, "actor")), self.ask(request, "filter")
        if account is None:
            raise refuse("InvalidRequest", "Profile not found")
        state = self.state

        def gather() -> tuple[Numbers, Numbers, Numbers]:
            posts = state.list_standing(state.by_author, account.no)
            parents = state.messages.parent_no[posts]
            if kind == "posts_no_replies":
                posts = posts[parents < 0]
            elif kind == "posts_and_author_threads":
                posts = posts[(parents < 0) | (state.messages.author_no[state.messages.root_no[posts]] == account.no)]
            elif kind == "posts_with_media":
                posts = posts[state.messages.has_media[posts]]
            elif kind == "posts_with_video":
                posts = posts[:0]
            reposts = state.list_open(state.reshares_by, account.no)
            # A repost goes with what it passes on; what somebody who is gone wrote is only left out of the page.
            reposts = reposts[state.messages.deleted_at[state.reactions.message_no[reposts]] > state.now]
            if kind in ("posts_with_media", "posts_with_video"):
                reposts = reposts[:0]
            times = np.concatenate([self.time_posts(posts), np.minimum(state.reactions.ts[reposts], state.reactions.visible_at[reposts])])
            order = np.argsort(-times, kind="stable")
            are_reposts = np.repeat([False, True], [len(posts), len(reposts)])
            return times[order], np.concatenate([posts, reposts])[order], are_reposts[order]

        times, rows, are_reposts = self.recall(("feed", account.no, kind), gather)

        def name_row(row: int) -> str:
            return self.name_reaction(int(rows[row])) if are_reposts[row] else state.read_content_id(int(rows[row]))

        def find_post_of(row: int) -> int:
            return int(state.reactions.message_no[rows[row]] if are_reposts[row] else rows[row])

        def is_shown(row: int) -> bool:
            no = find_post_of(row)
            return state.stands(no) and (bool(are_reposts[row]) or kind != "posts_and_author_threads" or self.is_own_thread(no))

        page, cursor = self.fill_page(request, times, name_row, is_shown)
        feed = []
        for place in page:
            row, is_repost, no = int(rows[place]), bool(are_reposts[place]), find_post_of(place)
            parts: list[dict[str, Any] | tuple[str, bytes]] = [("post", self.render_post(no))]
            if state.messages.parent_no[no] >= 0:
                parts.append(("reply", self.render_beside(no)))
            if is_repost:
                uri = self.address_reaction(row)
                reason = compose(
                    {"$type": "app.bsky.feed.defs#reasonRepost"},
                    ("by", self.render_basic(account.no)),
                    {"uri": uri, "cid": mint_cid(uri), "indexedAt": format_utc(int(state.reactions.visible_at[row]))},
                )
                parts.append(("reason", reason))
            feed.append(compose(*parts))
        return self.answer_list("feed", join(feed), cursor)

    def is_own_thread(self, no: int) -> bool:
        """Whether a post begins a thread or goes on with one that its author has had alone so far."""
        messages = self.state.messages
        author, above = messages.author_no[no], int(messages.parent_no[no])
        while above >= 0:
            if messages.author_no[above] != author or not self.state.stands(above):
                return False
            above = int(messages.parent_no[above])
        return True

    def render_beside(self, no: int) -> bytes:
        """The root and the parent beside a reply in a feed, and who wrote what the parent answers."""
        messages = self.state.messages
        root, parent, author = int(messages.root_no[no]), int(messages.parent_no[no]), int(messages.author_no[no])
        parts: list[dict[str, Any] | tuple[str, bytes]] = [
            ("root", self.render_reference(root, author)),
            ("parent", self.render_reference(parent, author)),
        ]
        above, parent_author = int(messages.parent_no[parent]), int(messages.author_no[parent])
        if self.state.stands(parent) and above >= 0 and not self.is_blocked_pair(author, parent_author):
            grandparent = int(messages.author_no[above])
            parts += [("grandparentAuthor", self.render_basic(grandparent))] if self.state.present[grandparent] else []
        return compose(*parts)

    def render_reference(self, no: int, seen_from: int) -> bytes:
        """The root or parent beside a feed item."""
        if not self.state.stands(no):
            return self.render_missing(no)
        author = int(self.state.messages.author_no[no])
        if self.is_blocked_pair(author, seen_from):
            return dump(self.describe_blocked(no))
        return b'{"$type":"app.bsky.feed.defs#postView",' + self.render_post(no)[1:]

    def describe_blocked(self, no: int) -> dict[str, Any]:
        """What stands for a post whose author and the onlooker block each other."""
        author = self.state.accounts.account_id[self.state.messages.author_no[no]]
        return {"$type": "app.bsky.feed.defs#blockedPost", "uri": self.state.messages.post_id[no], "blocked": True, "author": {"did": author}}

    def get_post_thread(self, request: Request) -> Response:
        """A post with its parents and replies."""
        uri = self.read_uri(request)
        depth, height = self.ask(request, "depth"), self.ask(request, "parentHeight")
        no = self.find_post(uri)
        if no < 0:
            raise refuse("NotFound", f"Post not found: {uri}")
        return JSONAnswer(compose(("thread", self.render_thread(no, depth, height, self.has_fault(request, "partial_error")))))

    def get_posts(self, request: Request) -> Response:
        """Up to 25 posts by address; those that are gone are not there."""
        found = [no for uri in dict.fromkeys(self.ask(request, "uris")) if (no := self.find_post(uri)) >= 0]
        return JSONAnswer(compose(("posts", join(map(self.render_post, self.lose_parts(request, found))))))

    def list_reactions(self, index: Index, uri: str) -> tuple[Numbers, Numbers]:
        """The open reactions on a post, newest first, with their times; those on a deleted post too, as long as they are not taken back."""
        no = self.state.message_numbers.get(uri, -1)
        return self.order_reactions(self.state.list_open(index, no) if no >= 0 else np.zeros(0, dtype=np.int64))

    def get_likes(self, request: Request) -> Response:
        """Who likes a post, with times."""
        uri, reactions, viewer = self.read_uri(request), self.state.reactions, self.find_viewer(request)
        rows, times = self.list_reactions(self.state.likes, uri)
        author = self.find_author(uri)
        page, cursor = self.fill_page(request, times, *self.describe_rows(rows, reactions.actor_no, author))
        likes = []
        for place in page:
            actor = int(reactions.actor_no[rows[place]])
            created = self.format_claimed(int(reactions.ts[rows[place]]), self.state.account(actor))
            stated = f',"createdAt":"{created}","indexedAt":"{format_utc(int(times[place]))}"}}'
            likes.append(b'{"actor":' + self.render_profile(actor, viewer) + stated.encode())
        return self.answer_list("likes", join(likes), cursor, {"uri": uri})

    def find_author(self, uri: str) -> int:
        """Who wrote the post at an address, −1 where there never was one."""
        no = self.state.message_numbers.get(uri, -1)
        return int(self.state.messages.author_no[no]) if no >= 0 else -1

    def describe_rows(self, rows: Numbers, column: Numbers, seen_from: int) -> tuple[Callable[[int], str], Callable[[int], bool]]:
        """Of some reactions: their content ids, and whether the accounts of a column are shown, being there and unblocked."""

        def name_row(row: int) -> str:
            return self.name_reaction(int(rows[row]))

        def is_shown(row: int) -> bool:
            account = int(column[rows[row]])
            return bool(self.state.present[account]) and not self.is_blocked_pair(account, seen_from)

        return name_row, is_shown

    def render_people(self, request: Request, people: Numbers) -> bytes:
        """Some accounts."""
        viewer = self.find_viewer(request)
        return join(self.render_profile(no, viewer) for no in people.tolist())

    def get_reposted_by(self, request: Request) -> Response:
        """Who reposted a post; no times."""
        uri = self.read_uri(request)
        rows, times = self.list_reactions(self.state.reshares, uri)
        page, cursor = self.fill_page(request, times, *self.describe_rows(rows, self.state.reactions.actor_no, self.find_author(uri)))
        return self.answer_list("repostedBy", self.render_people(request, self.state.reactions.actor_no[rows[page]]), cursor, {"uri": uri})

    def get_quotes(self, request: Request) -> Response:
        """The posts that quote a post, newest first."""
        uri = self.read_uri(request)
        no = self.state.message_numbers.get(uri, -1)
        is_there = no >= 0 and self.state.messages.deleted_at[no] > self.state.now
        rows = self.state.quotes.of(no) if is_there else np.zeros(0, dtype=np.int64)
        rows = rows[self.are_written()[rows]]
        times = self.time_posts(rows)
        order = np.argsort(-times, kind="stable")
        rows, times = rows[order], times[order]
        author = self.find_author(uri)

        def is_shown(row: int) -> bool:
            return self.state.stands(int(rows[row])) and not self.is_blocked_pair(author, int(self.state.messages.author_no[rows[row]]))

        page, cursor = self.fill_page(request, times, lambda row: self.state.read_content_id(int(rows[row])), is_shown)
        return self.answer_list("posts", join(map(self.render_post, rows[page].tolist())), cursor, {"uri": uri})

    def list_follows(self, request: Request, name: str, index: Index, column: Numbers) -> Response:
        """Followers or followed of an account, newest first; no times."""
        actor = self.ask(request, "actor")
        account = self.find_present(actor)
        if account is None:
            raise refuse("InvalidRequest", f"Actor not found: {actor}")
        rows, times = self.recall((name, account.no), lambda: self.order_reactions(self.state.list_open(index, account.no)))
        page, cursor = self.fill_page(request, times, *self.describe_rows(rows, column, account.no))
        subject = self.render_profile(account.no, self.find_viewer(request))
        return self.answer_list(name, self.render_people(request, column[rows[page]]), cursor, ("subject", subject))

    def get_followers(self, request: Request) -> Response:
        """Who follows an account."""
        return self.list_follows(request, "followers", self.state.followers, self.state.reactions.actor_no)

    def get_follows(self, request: Request) -> Response:
        """Whom an account follows."""
        return self.list_follows(request, "follows", self.state.following, self.state.reactions.target_no)

    def search_posts(self, request: Request) -> Response:
        """Posts with all words of q, and by author, mention, tag, language and time; newest first."""
        query, words = request.query_params, self.ask(request, "q").lower().split()
        try:
            since, until = (parse_instant(query[name]) if name in query else None for name in ("since", "until"))
        except ValueError as error:
            raise refuse("InvalidRequest", "Error: since and until must be datetimes") from error

        def gather() -> tuple[Numbers, Numbers]:
            state = self.state
            chosen = state.standing.copy()
            for name, column in (("author", None), ("mentions", state.naming)):
                if name in query:
                    account = self.find_actor(query[name].lstrip("@"))
                    if account is None:
                        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
                    mask = np.zeros(state.messages.size, dtype=bool)
                    mask[state.by_author.of(account.no) if column is None else state.mentions.message_no[column.of(account.no)]] = True
                    chosen &= mask
            if since is not None:
                chosen &= state.messages.created_at >= since
            if until is not None:
                chosen &= state.messages.created_at < until
            for tag in query.getlist("tag"):
                chosen &= np.isin(np.arange(state.messages.size), state.tagged.get(tag.lower(), []))
            wanted = [word.strip('"') for word in words if word != "*"]
            rows = np.flatnonzero(chosen)
            if wanted:
                rows = np.array([no for no in rows.tolist() if all(word in self.write_text(no)[0].lower() for word in wanted)], dtype=np.int64)
            times = self.time_posts(rows)
            order = np.argsort(-times, kind="stable")
            return rows[order], times[order]

        key = ("search", *sorted((k, v) for k, v in query.multi_items() if k not in ("cursor", "limit")))
        rows, times = self.recall(key, gather)
        page, cursor = self.fill_page(request, times, lambda row: self.state.read_content_id(int(rows[row])), lambda row: True)
        return self.answer_list("posts", join(map(self.render_post, rows[page].tolist())), cursor)

    # -- notifications --------------------------------------------------------------------------------------------

    def find_answered(self, account: int) -> Numbers:
        """Of each post, the account's own post it is an answer to, a few levels up at most, −1 for none."""
        messages = self.state.messages
        is_own = messages.author_no == account
        answered = np.full(messages.size, -1, dtype=np.int64)
        above = messages.parent_no.astype(np.int64)
        for _ in range(NOTICE_HEIGHT):
            is_hit = (answered < 0) & (above >= 0) & is_own[above]
            answered[is_hit] = above[is_hit]
            above = np.where(above >= 0, messages.parent_no[above], -1)
        return answered

    def gather_notices(self, account: int) -> Notices:
        """All that an account is ever notified of; of what mentions, quotes and answers it at once, only the first of these."""
        state, messages, reactions = self.state, self.state.messages, self.state.reactions
        is_own, answered = messages.author_no == account, self.find_answered(account)
        is_mention = np.zeros(messages.size, dtype=bool)
        is_mention[state.mentions.message_no[state.naming.of(account)]] = True
        is_mention &= ~is_own
        is_quote = (messages.quoted_no >= 0) & ~is_own & is_own[messages.quoted_no] & ~is_mention
        is_reply = (answered >= 0) & ~is_own & ~is_quote & ~is_mention
        on_own = (reactions.message_no >= 0) & (reactions.actor_no != account)
        on_own[on_own] = is_own[reactions.message_no[on_own]]
        likes, reposts = np.flatnonzero(on_own & reactions.kind.are("like")), np.flatnonzero(on_own & reactions.kind.are("reshare"))
        follows = state.followers.of(account)
        follows = follows[(reactions.ts[follows] > self.head.start) & (reactions.actor_no[follows] != account)]
        parts = []
        for kind, rows in enumerate((*map(np.flatnonzero, (is_reply, is_quote, is_mention)), likes, reposts, follows)):
            is_post = kind < REASONS.index("like")
            source = messages if is_post else reactions
            times = np.minimum((messages.created_at if is_post else reactions.ts)[rows], source.visible_at[rows])
            actors = (messages.author_no if is_post else reactions.actor_no)[rows]
            about = rows if is_post else reactions.message_no[rows]
            none = np.full(len(rows), -1)
            subjects = {"reply": answered[rows] if is_post else none, "quote": messages.quoted_no[rows] if is_post else none}.get(
                REASONS[kind], none if is_post else about
            )
            parts.append((np.full(len(rows), kind), times, actors, about, none if is_post else rows, subjects))
        whole = Notices(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        return whole.take(np.argsort(-whole.times, kind="stable"))

    def list_standing_notices(self, account: int) -> Notices:
        """What an account is notified of at this moment, those who are gone included; what is about a deleted post goes with it."""
        if account not in self.notices:
            self.notices[account] = self.gather_notices(account)
        notices, state = self.notices[account], self.state
        is_post = notices.reactions < 0
        shown = np.where(is_post, self.are_written()[notices.messages], self.are_open()[notices.reactions])
        shown &= (notices.subjects < 0) | (state.messages.deleted_at[notices.subjects] > state.now)
        return notices.take(np.flatnonzero(shown))

    def render_notice(self, viewer: int, seen_at: int, kind: int, ts: int, actor: int, message: int, reaction: int, subject: int, key: str) -> bytes:
        """One notification; ``key`` is the record key of a reaction."""
        state, reason = self.state, REASONS[kind]
        if reaction < 0:
            uri, content_id, record = state.messages.post_id[message], state.read_content_id(message), self.render_record(message)
        else:
            uri = self.address_reaction(reaction, key)
            created = self.format_claimed(int(state.reactions.ts[reaction]), state.account(actor))
            target: Any = self.refer(message) if message >= 0 else state.accounts.account_id[state.reactions.target_no[reaction]]
            kind_of = COLLECTIONS[state.reactions.kind[reaction] or ""]
            content_id, record = mint_cid(uri), dump({"$type": kind_of, "subject": target, "createdAt": created})
        tail: dict[str, Any] = {"reasonSubject": state.messages.post_id[subject]} if subject >= 0 else {}
        tail |= {"isRead": seen_at > ts, "indexedAt": format_utc(ts), "labels": []}
        return b'{"uri":"%s","cid":"%s","author":%s,"reason":"%s","record":%s,%s' % (
            uri.encode(), content_id.encode(), self.render_profile(actor, viewer), reason.encode(), record, dump(tail)[1:],
        )  # fmt: skip

    def list_notifications(self, request: Request) -> Response:
        """What happened to the account; needs a session."""
        viewer = self.find_viewer(request)
        if viewer is None:
            raise refuse("AuthMissing", "Authentication Required", 401)
        reasons, limit, cursor = self.ask(request, "reasons"), self.ask(request, "limit"), self.ask(request, "cursor")
        notices: Notices = self.recall(("notices", viewer), lambda: self.list_standing_notices(viewer))
        start = 0
        if cursor:
            try:
                start = int(np.searchsorted(-notices.times, -parse_instant(cursor), side="right"))
            except ValueError:
                raise self.refuse_cursor() from None
        chosen = [REASONS.index(reason) for reason in reasons if reason in REASONS]
        kept: list[int] = []
        first_wanted: int | None = None
        # As the AppView does: what is not shown is taken out of a page, and a page that is not half full then is filled up.
        while True:
            page = self.place_page(request, start, limit - len(kept), len(notices.times))
            for row in range(page.first, page.last):
                actor = int(notices.actors[row])
                if reasons and int(notices.kinds[row]) not in chosen:
                    continue
                first_wanted = row if first_wanted is None else first_wanted
                if self.state.present[actor] and not self.is_blocked_pair(actor, viewer):
                    kept.append(row)
            start = page.after
            if start >= len(notices.times) or len(kept) >= -(-limit // 2) or page.is_cursor_repeated:
                break
        following = cursor if page.is_cursor_repeated else format_utc(int(notices.times[start - 1])) if start < len(notices.times) else None
        # Nobody ever looked: then the newest notification is the only one that counts as unread, and only the first page says so.
        seen_at = None if cursor or first_wanted is None else int(notices.times[first_wanted])
        columns = (notices.kinds, notices.times, notices.actors, notices.messages, notices.reactions, notices.subjects)
        keys = self.state.read_reaction_ids(np.maximum(notices.reactions[kept], 0))
        rows = zip(*(column[kept].tolist() for column in columns), keys, strict=True)
        shown = [self.render_notice(viewer, seen_at or NEVER, *row) for row in rows]
        return JSONAnswer(
            compose(
                ("notifications", join(shown)),
                {"priority": False} | ({"cursor": following} if following else {}) | ({} if seen_at is None else {"seenAt": format_utc(seen_at)}),
            )
        )


class BlueskyAppView(Bluesky):
    """The public AppView: no limit headers, a 429 now and then."""

    name = "bluesky"
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(3000, 300), "raised": Limit(400_000, 300)}


class BlueskyPds(Bluesky):
    """The PDS of the brands: sessions, and everything the AppView reads, passed on."""

    name = "bluesky_pds"
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(3000, 300), "raised": Limit(400_000, 300)}
    planned: ClassVar[tuple[int, ...]] = (7, 53, 311)
    session_limit = Limit(30, 300)

    def __init__(self, folder: Path, *arguments: Any, **named: Any) -> None:
        super().__init__(folder, *arguments, **named)
        self.session_doorkeeper = Doorkeeper(self.session_limit, clock=self.clock)

    def routes(self) -> list[tuple[str, Handler, list[str]]]:
        """Sessions beside the reads."""
        own: dict[str, tuple[Handler, str]] = {
            "com.atproto.server.createSession": (self.create_session, "POST"),
            "com.atproto.server.refreshSession": (self.refresh_session, "POST"),
            "com.atproto.server.getSession": (self.get_session, "GET"),
            "com.atproto.server.describeServer": (self.describe_server, "GET"),
        }
        return [
            *super().routes(),
            *((f"/xrpc/{name}", self.read_first(name, handler, verb), ["GET", "POST"]) for name, (handler, verb) in own.items()),
        ]

    def admit(self, name: str, request: Request) -> None:
        """A PDS asks its AppView only for who is logged in; its own methods look after themselves."""
        if name.startswith("app.bsky."):
            self.check_token(request, ACCESS)

    def find_viewer(self, request: Request) -> int | None:
        """The account whose session a request came with."""
        return self.state.account_numbers[self.check_token(request, ACCESS)]

    def refuse_cursor(self) -> PlatformError:
        """The AppView's failure, passed on."""
        return refuse("InternalServerError", "Internal Server Error", 502)

    def answer_unknown(self, request: Request) -> Response:
        """What the PDS does not know it would pass on, for who is logged in."""
        try:
            self.check_token(request, ACCESS)
        except PlatformError as error:
            return self.add_headers(request, JSONAnswer(error.content, error.status))
        return super().answer_unknown(request)

    def limit_headers(self, limit: LimitState) -> dict[str, str]:
        """RateLimit-*, the reset as epoch seconds."""
        return describe_limit(limit, self.doorkeeper.limit.seconds)

    def add_headers(self, request: Request, response: Response) -> Response:
        """The headers of an answer: limits, but for what is refused before they are looked at, and the marks of what only one person may see."""
        response = super().add_headers(request, response)
        name = request.url.path.removeprefix("/xrpc/")
        is_own = name.startswith("com.atproto.") or name == "_health"
        is_refused_early = response.status_code in (400, 401) and (is_own or name in HANDLED_READS)
        is_counted = "sessions left" in request.scope or not (is_refused_early or name == "_health" or (request.method == "POST" and not is_own))
        if "sessions left" in request.scope:
            response.headers.update(request.scope["sessions left"])
        elif is_counted and "ratelimit-limit" not in response.headers:
            response.headers.update(self.limit_headers(self.doorkeeper.count_request(self.name_caller(request))))
        elif not is_counted:
            for header in [header for header in response.headers if header.startswith("ratelimit-")]:
                del response.headers[header]
        if is_counted:
            exposed = "RateLimit-Limit, RateLimit-Reset, RateLimit-Remaining, RateLimit-Policy"
            response.headers["Access-Control-Expose-Headers"] = exposed + (", Retry-After" if response.status_code == 429 else "")
        if is_own or response.status_code != 200:
            del response.headers["Atproto-Content-Labelers"]
        is_wrong_verb = response.status_code == 400 and request.method == "POST" and not is_own
        if not is_wrong_verb and (not is_own or name.endswith(("refreshSession", "getSession"))):
            response.headers["Vary"], response.headers["Cache-Control"] = "Authorization, Accept-Encoding", "private"
            if not is_own and response.status_code == 200:
                del response.headers["ETag"]
        if name in HANDLED_READS and response.status_code == 200:
            response.headers["Atproto-Repo-Rev"] = mint_tid(self.state.now * 1000, 0)
        return response

    def describe_session(self, did: str) -> dict[str, Any]:
        """What every session answer says of the account."""
        handle = self.handle(self.state.account(self.state.account_numbers[did]))
        return {"did": did, "handle": handle, "email": self.email_of(did), "emailConfirmed": False, "active": True}

    def email_of(self, did: str) -> str:
        """The address an account of a brand logs in with, beside its handle."""
        return self.state.account(self.state.account_numbers[did]).email or f"desk@{self.own[did]}.example"

    def issue_session(self, did: str) -> Response:
        """Fresh tokens."""
        tokens = {"accessJwt": self.sign_token(did, ACCESS, ACCESS_SECONDS), "refreshJwt": self.sign_token(did, REFRESH, REFRESH_SECONDS)}
        return JSONAnswer(tokens | self.describe_session(did))

    async def read_login(self, request: Request) -> tuple[str, str]:
        """Name and password of a login. Raises in the server's words what is wrong with the body."""
        content_type = request.headers.get("content-type", "")
        if not content_type:
            raise refuse("InvalidRequest", "Request encoding (Content-Type) required but not provided")
        if content_type.partition(";")[0].strip() != "application/json":
            raise refuse("InvalidRequest", f"Wrong request encoding (Content-Type): {content_type}")
        try:
            body = json.loads(await request.body())
        except ValueError:
            raise refuse("SyntaxError", "Unexpected end of JSON input") from None
        for name in ("identifier", "password"):
            if not isinstance(body, dict) or name not in body:
                raise refuse("InvalidRequest", f'Missing required key "{name}" at $')
        return str(body["identifier"]), str(body["password"])

    async def create_session(self, request: Request) -> Response:
        """Log in with an app password; thirty times in five minutes."""
        identifier, password = await self.read_login(request)
        limit = self.session_doorkeeper.count_request(identifier.lower())
        request.scope["sessions left"] = describe_limit(limit, self.session_limit.seconds)
        if limit.is_refused:
            return self.answer_refusal(limit)
        account = self.find_actor(identifier.lower())
        did = account.account_id if account else next((did for did in self.own if self.email_of(did) == identifier), "")
        if did not in self.own or password != make_app_password(self.make_secret(self.own[did], "bluesky-password")):
            raise refuse("AuthenticationRequired", "Invalid identifier or password", 401)
        return self.issue_session(did)

    def refresh_session(self, request: Request) -> Response:
        """New tokens for a refresh token."""
        return self.issue_session(self.check_token(request, REFRESH))

    def get_session(self, request: Request) -> Response:
        """Whose session it is."""
        return JSONAnswer(self.describe_session(self.check_token(request, ACCESS)))

    def describe_server(self, request: Request) -> Response:
        """What the server is."""
        terms = "https://pds.moorhen.example"
        return JSONAnswer(
            {
                "did": PDS_DID,
                "availableUserDomains": [".moorhen.example", ".skies.example"],
                "inviteCodeRequired": False,
                "blobUploadLimit": 5_242_880,
                "links": {"privacyPolicy": f"{terms}/privacy-policy", "termsOfService": f"{terms}/tos"},
                "contact": {},
            }
        )


def describe_limit(limit: LimitState, seconds: int) -> dict[str, str]:
    """RateLimit-*, the reset as epoch seconds."""
    return {
        "RateLimit-Limit": str(limit.limit),
        "RateLimit-Remaining": str(limit.remaining),
        "RateLimit-Reset": str(int(limit.reset) + 1),
        "RateLimit-Policy": f"{limit.limit};w={seconds}",
    }


def make_signing_key(seed: int) -> str:
    """What the demo's PDS signs its sessions with."""
    return make_secret(seed, "", "bluesky-signing")


def make_app_password(secret: str) -> str:
    """An app password in Bluesky's form: four groups of four letters."""
    letters = "".join(chr(ord("a") + int(secret[i : i + 2], 16) % 26) for i in range(0, 32, 2))
    return "-".join(letters[i : i + 4] for i in range(0, 16, 4))


def encode_part(part: dict[str, Any]) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def read_claims(header: str) -> dict[str, Any]:
    """What a bearer token says of itself, whether signed or not; empty when it says nothing."""
    parts = header.removeprefix("Bearer ").strip().split(".")
    try:
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def write_cursor(time: int, content_id: str) -> str:
    """A cursor: the time by which rows are ordered, and the content id that tells rows of one millisecond apart."""
    return f"{time}__{content_id}"
