"""Bluesky over the demo world: the AppView's reads and the PDS's sessions and notifications.

Data flow: state as of now -> profiles, feeds, threads, people behind likes and reposts, searches, in the shapes of the lexicons.
Odd on purpose, as the real thing: opaque cursors of a different make per endpoint, short pages that still have a cursor, a last page that is
empty, no 404 anywhere, times in four formats, indexedAt before createdAt for a client whose clock runs ahead, facets counted in UTF-8 bytes.
What is said of an account or a post is rendered once for each moment, as bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from demo.model import format_utc, parse_instant
from demo.platforms.base import Doorkeeper, Handler, JSONAnswer, Limit, LimitState, Platform, PlatformError, compose, dump, join
from demo.state import Account, Index, Message, Numbers

POST = "app.bsky.feed.post"
ACCESS_SECONDS, REFRESH_SECONDS = 7200, 5_184_000
#: hexadecimal digits as letters of base32, in which content ids are written
LETTERS_OF_HEX = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
REASONS = ("reply", "quote", "mention", "like", "repost", "follow")


def refuse(error: str, message: str, status: int = 400) -> PlatformError:
    """An XRPC error."""
    return PlatformError(status, {"error": error, "message": message})


@dataclass(frozen=True)
class Notices:
    """What an account is ever notified of, newest first; ``reactions`` are −1 for posts, ``messages`` −1 for follows."""

    marks: Numbers
    kinds: Numbers
    times: Numbers
    actors: Numbers
    messages: Numbers
    reactions: Numbers

    def take(self, rows: Numbers) -> Notices:
        """Some of them."""
        return Notices(*(getattr(self, name)[rows] for name in ("marks", "kinds", "times", "actors", "messages", "reactions")))


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
        return [(f"/xrpc/{name}", handler, ["GET"]) for name, handler in reads.items()]

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
        """An unknown method is 501."""
        return JSONAnswer({"error": "MethodNotImplemented", "message": "Method Not Implemented"}, 501)

    def sign_token(self, did: str, scope: str, lifetime: int) -> str:
        """A token of an account, in the form of a JWT, signed with the demo's secret."""
        now = int(self.clock())
        claims = {
            "scope": scope,
            "sub": did,
            "iat": now,
            "exp": now + lifetime,
            "aud": "did:web:pds.moorhen.example",
        }
        body = ".".join(encode_part(part) for part in ({"typ": "at+jwt", "alg": "HS256"}, claims))
        return f"{body}.{self.sign(body)}"

    def sign(self, body: str) -> str:
        """The signature part of a token."""
        digest = hmac.new(self.make_secret("", "bluesky-signing").encode(), body.encode(), hashlib.sha256).digest()
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
            raise refuse("InvalidToken", "Invalid token scope")
        if claims["exp"] <= self.clock():
            raise refuse("ExpiredToken", "Token has expired")
        return str(claims["sub"])

    # -- parameters -----------------------------------------------------------------------------------------------

    def read_limit(self, request: Request, default: int = 50, top: int = 100) -> int:
        """The limit parameter; out of range or no integer is an InvalidRequest."""
        text = request.query_params.get("limit")
        if text is None:
            return default
        if not text.lstrip("-").isdigit():
            raise refuse("InvalidRequest", "Error: limit must be an integer")
        value = int(text)
        if value > top:
            raise refuse("InvalidRequest", f"Error: limit can not be greater than {top}")
        if value < 1:
            raise refuse("InvalidRequest", "Error: limit can not be less than 1")
        return value

    def require(self, request: Request, name: str) -> str:
        """A parameter that must be there."""
        value = request.query_params.get(name)
        if value is None:
            raise refuse("InvalidRequest", f'Error: Params must have the property "{name}"')
        return value

    def find_actor(self, actor: str) -> Account | None:
        """An account by DID or current handle, gone ones included."""
        if actor.startswith("did:"):
            return self.state.find_account(actor)
        username, _, domain = actor.partition(".")
        return self.state.find_named(username, domain.lower())

    def get_actor(self, request: Request) -> Account:
        """The account asked for, or why not."""
        actor = self.require(request, "actor")
        if not actor.startswith("did:") and "." not in actor:
            raise refuse("InvalidRequest", "Error: actor must be a valid did or a handle")
        account = self.find_actor(actor)
        if account is None:
            raise refuse("InvalidRequest", "Profile not found")
        if account.is_suspended:
            raise refuse("AccountTakedown", "Account has been suspended")
        if account.is_deactivated:
            raise refuse("AccountDeactivated", "Account is deactivated")
        return account

    def read_uri(self, request: Request) -> str:
        """The post address asked for, its handle resolved to a DID."""
        uri = self.require(request, "uri")
        parts = uri.removeprefix("at://").split("/")
        if not uri.startswith("at://") or not parts[0]:
            raise refuse("InvalidRequest", "Error: uri must be a valid at-uri")
        account = self.find_actor(parts[0])
        return "at://" + "/".join([account.account_id if account else parts[0], *parts[1:]])

    def find_post(self, uri: str) -> int:
        """The number of the post at an address when it stands, else −1."""
        no = self.state.message_numbers.get(uri, -1)
        return no if self.state.stands(no) else -1

    def cut_page(self, request: Request, marks: Numbers, make: str, default: int = 50, thin_out: bool = False) -> tuple[slice, str | None]:
        """A page of rows given by marks that fall from row to row, and its cursor, which is the last row's mark in a make of its own.

        There is a cursor as long as the page has rows, so the end is an empty page without one; ``thin_out`` gives pages
        shorter than asked that are not the last."""
        limit, cursor = self.read_limit(request, default), request.query_params.get("cursor")
        start = int(np.searchsorted(-marks, -open_cursor(cursor, make), side="right")) if cursor is not None else 0
        size = limit - 2 if thin_out and limit >= 10 and (start // limit) % 2 == 0 else limit
        page = self.place_page(request, start, size, len(marks))
        if page.last <= page.first:
            return slice(0, 0), None
        if page.is_cursor_repeated:
            return slice(page.first, page.last), cursor or seal_cursor(int(marks[page.first]) + 1, make)
        return slice(page.first, page.last), seal_cursor(int(marks[max(page.after, 1) - 1]), make)

    # -- shapes ---------------------------------------------------------------------------------------------------

    def handle(self, account: Account) -> str:
        """The current handle."""
        return f"{account.username}.{account.domain}"

    def build_basic(self, account: Account) -> dict[str, Any]:
        """profileViewBasic; displayName can be missing or empty."""
        view: dict[str, Any] = {"did": account.account_id, "handle": self.handle(account)}
        if not account.traits.get("no_display_name"):
            view["displayName"] = account.display_name
        if ord(account.account_id[-1]) % 4:
            view["avatar"] = f"https://cdn.bsky.example/img/avatar/plain/{account.account_id}/{account.account_id[-8:]}@jpeg"
        return view | {
            "associated": {"activitySubscription": {"allowSubscriptions": "followers"}},
            "labels": [],
            "createdAt": format_utc(account.created_at),
        }

    def render_basic(self, no: int) -> bytes:
        """profileViewBasic, as beside a post."""
        view: bytes = self.recall(("basic", no), lambda: dump(self.build_basic(self.state.account(no))))
        return view

    def build_profile(self, account: Account) -> dict[str, Any]:
        """profileView."""
        view = self.build_basic(account)
        if account.bio:
            view["description"] = account.bio
        return view | {"indexedAt": format_utc(account.created_at + 1200)}

    def render_profile(self, no: int) -> bytes:
        """profileView, as in lists of people."""
        view: bytes = self.recall(("profile", no), lambda: dump(self.build_profile(self.state.account(no))))
        return view

    def render_detailed(self, no: int) -> bytes:
        """profileViewDetailed, with counts."""
        account, is_own, state = self.state.account(no), no in self.own_numbers, self.state
        return dump(
            self.build_profile(account)
            | {
                "associated": {"lists": 0, "feedgens": 0, "starterPacks": 0, "labeler": False},
                "followersCount": int(state.follower_counts[no]) if is_own else account.follower_count,
                "followsCount": int(state.following_counts[no]) if is_own else account.following_count,
                "postsCount": int(state.message_counts[no]) + (0 if is_own else account.post_count),
            }
        )

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
                facets.append(
                    {
                        "$type": "app.bsky.richtext.facet",
                        "features": [feature],
                        "index": {"byteStart": begin, "byteEnd": len(text.encode("utf-8", "replace"))},
                    }
                )
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
        """The counts of a post."""
        state = self.state
        return {
            "replyCount": int(state.reply_counts[no]),
            "repostCount": int(state.reshare_counts[no]),
            "likeCount": int(state.like_counts[no]),
            "quoteCount": int(state.quote_counts[no]),
        }

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
            picture = f"https://cdn.bsky.example/img/feed_fullsize/plain/{author}/{content_id[-12:]}@jpeg"
            images = [{"thumb": picture, "fullsize": picture, "alt": "", "aspectRatio": {"height": 800, "width": 1200}}]
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
                blocked = {"$type": "app.bsky.feed.defs#blockedPost", "uri": self.state.messages.post_id[no], "blocked": True}
                pieces.append(dump(blocked | {"author": {"did": self.state.accounts.account_id[author], "viewer": {"blockedBy": False}}}))
                continue
            pieces.append(b'{"$type":"app.bsky.feed.defs#threadViewPost","post":' + self.render_post(no))
            waiting.append(b',"threadContext":{}}')
            if depth > 0:
                replies: list[bytes | tuple[int, int, int, int]] = [
                    (child, depth - 1, 0, author) for child in self.state.list_standing(self.state.children, no).tolist()
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

    # -- endpoints ------------------------------------------------------------------------------------------------

    def show_health(self, request: Request) -> Response:
        """Up and which version."""
        return JSONAnswer({"version": "0.4.201"})

    def resolve_handle(self, request: Request) -> Response:
        """The DID of a handle."""
        account = self.find_actor(self.require(request, "handle"))
        if account is None:
            raise refuse("InvalidRequest", "Unable to resolve handle")
        return JSONAnswer({"did": account.account_id})

    def get_profile(self, request: Request) -> Response:
        """One profile."""
        return JSONAnswer(self.render_detailed(self.get_actor(request).no))

    def lose_parts(self, request: Request, found: list[int]) -> list[int]:
        """Every second one of a batch when its parts fail, else all."""
        return found[::2] if self.has_fault(request, "partial_error") else found

    def get_profiles(self, request: Request) -> Response:
        """Up to 25 profiles; those that are gone are not there."""
        wanted = request.query_params.getlist("actors")
        if not wanted:
            self.require(request, "actors")
        if len(wanted) > 25:
            raise refuse("InvalidRequest", "Error: actors must not have more than 25 elements")
        found = [account.no for actor in dict.fromkeys(wanted) if (account := self.find_actor(actor)) and not account.is_gone]
        return JSONAnswer(compose(("profiles", join(map(self.render_detailed, self.lose_parts(request, found))))))

    def answer_list(self, name: str, items: bytes, cursor: str | None, *before: dict[str, Any] | tuple[str, bytes]) -> Response:
        """A list with its cursor, where there is one."""
        return JSONAnswer(compose(*before, (name, items), *([{"cursor": cursor}] if cursor else [])))

    def get_author_feed(self, request: Request) -> Response:
        """What an account posted and reposted, newest first."""
        account, kind = self.get_actor(request), request.query_params.get("filter", "posts_with_replies")
        known = (
            "posts_with_replies",
            "posts_no_replies",
            "posts_with_media",
            "posts_and_author_threads",
            "posts_with_video",
        )
        if kind not in known:
            raise refuse("InvalidRequest", f"Error: filter must be one of ({'|'.join(known)})")
        state = self.state

        def gather() -> tuple[Numbers, Numbers, Numbers]:
            posts = state.list_standing(state.by_author, account.no)
            parents = state.messages.parent_no[posts]
            if kind == "posts_no_replies":
                posts = posts[parents < 0]
            elif kind == "posts_and_author_threads":
                posts = posts[(parents < 0) | (state.messages.author_no[parents] == account.no)]
            elif kind == "posts_with_media":
                posts = posts[state.messages.has_media[posts]]
            elif kind == "posts_with_video":
                posts = posts[:0]
            reposts = state.list_open(state.reshares_by, account.no)
            if kind in ("posts_with_media", "posts_with_video"):
                reposts = reposts[:0]
            times = np.concatenate(
                [np.minimum(state.messages.created_at[posts], state.messages.visible_at[posts]), state.reactions.visible_at[reposts]]
            )
            order = np.argsort(-times, kind="stable")
            are_reposts = np.repeat([False, True], [len(posts), len(reposts)])
            return make_marks(times[order]), np.concatenate([posts, reposts])[order], are_reposts[order]

        marks, rows, are_reposts = self.recall(("feed", account.no, kind), gather)
        page, cursor = self.cut_page(request, marks, "time", thin_out=True)
        feed = []
        for row, is_repost in zip(rows[page].tolist(), are_reposts[page].tolist(), strict=True):
            no = int(state.reactions.message_no[row]) if is_repost else row
            if not state.stands(no):
                continue  # the reposted post is gone: one item less on the page
            parts: list[dict[str, Any] | tuple[str, bytes]] = [("post", self.render_post(no))]
            if state.messages.parent_no[no] >= 0:
                beside = (("root", state.messages.root_no[no]), ("parent", state.messages.parent_no[no]))
                parts.append(("reply", compose(*((name, self.render_reference(int(other))) for name, other in beside))))
            if is_repost:
                uri = f"at://{account.account_id}/app.bsky.feed.repost/{state.read_reaction_ids(np.array([row]))[0]}"
                reason = compose(
                    {"$type": "app.bsky.feed.defs#reasonRepost"},
                    ("by", self.render_basic(account.no)),
                    {"uri": uri, "indexedAt": format_utc(int(state.reactions.visible_at[row]))},
                )
                parts.append(("reason", reason))
            feed.append(compose(*parts))
        return self.answer_list("feed", join(feed), cursor)

    def render_reference(self, no: int) -> bytes:
        """The root or parent beside a feed item."""
        if not self.state.stands(no):
            return self.render_missing(no)
        return b'{"$type":"app.bsky.feed.defs#postView",' + self.render_post(no)[1:]

    def get_post_thread(self, request: Request) -> Response:
        """A post with its parents and replies."""
        uri = self.read_uri(request)
        depth, height = self.read_bounded(request, "depth", 6), self.read_bounded(request, "parentHeight", 80)
        no = self.find_post(uri)
        if no < 0:
            raise refuse("NotFound", f"Post not found: {uri}")
        return JSONAnswer(compose(("thread", self.render_thread(no, depth, height, self.has_fault(request, "partial_error")))))

    def read_bounded(self, request: Request, name: str, default: int) -> int:
        """An integer between 0 and 1000."""
        text = request.query_params.get(name)
        if text is None:
            return default
        if not text.isdigit():
            raise refuse("InvalidRequest", f"Error: {name} must be an integer")
        if int(text) > 1000:
            raise refuse("InvalidRequest", f"Error: {name} can not be greater than 1000")
        return int(text)

    def get_posts(self, request: Request) -> Response:
        """Up to 25 posts by address; those that are gone are not there."""
        uris = request.query_params.getlist("uris")
        if not uris:
            self.require(request, "uris")
        if len(uris) > 25:
            raise refuse("InvalidRequest", "Error: uris must not have more than 25 elements")
        found = [no for uri in dict.fromkeys(uris) if (no := self.find_post(uri)) >= 0]
        return JSONAnswer(compose(("posts", join(map(self.render_post, self.lose_parts(request, found))))))

    def list_reactions(self, index: Index, uri: str) -> Numbers:
        """The standing reactions on a post, newest first; none when the post is gone."""
        no = self.find_post(uri)
        return self.state.list_open(index, no)[::-1] if no >= 0 else np.zeros(0, dtype=np.int64)

    def get_likes(self, request: Request) -> Response:
        """Who likes a post, with times."""
        uri, reactions = self.read_uri(request), self.state.reactions
        rows = self.list_reactions(self.state.likes, uri)
        page, cursor = self.cut_page(request, rows, "key")
        likes = []
        for actor, ts, seen in zip(
            *(column[rows[page]].tolist() for column in (reactions.actor_no, reactions.ts, reactions.visible_at)), strict=True
        ):
            account = self.state.account(actor)
            if not account.is_gone:
                times = f',"createdAt":"{self.format_claimed(ts, account)}","indexedAt":"{format_utc(seen)}"}}'
                likes.append(b'{"actor":' + self.render_profile(actor) + times.encode())
        return self.answer_list("likes", join(likes), cursor, {"uri": uri})

    def render_people(self, people: Numbers) -> bytes:
        """Those of some accounts that are there."""
        return join(map(self.render_profile, people[self.state.present[people]].tolist()))

    def get_reposted_by(self, request: Request) -> Response:
        """Who reposted a post; no times."""
        uri = self.read_uri(request)
        rows = self.list_reactions(self.state.reshares, uri)
        page, cursor = self.cut_page(request, rows, "key")
        return self.answer_list("repostedBy", self.render_people(self.state.reactions.actor_no[rows[page]]), cursor, {"uri": uri})

    def get_quotes(self, request: Request) -> Response:
        """The posts that quote a post, newest first."""
        uri = self.read_uri(request)
        no = self.find_post(uri)
        rows = self.state.list_standing(self.state.quotes, no)[::-1] if no >= 0 else np.zeros(0, dtype=np.int64)
        page, cursor = self.cut_page(request, rows, "key")
        return self.answer_list("posts", join(map(self.render_post, rows[page].tolist())), cursor, {"uri": uri})

    def get_followers(self, request: Request) -> Response:
        """Who follows an account, newest first; no times."""
        account = self.get_actor(request)
        rows = self.recall(("followers", account.no), lambda: self.state.list_open(self.state.followers, account.no)[::-1])
        page, cursor = self.cut_page(request, rows, "follow", thin_out=True)
        people = self.render_people(self.state.reactions.actor_no[rows[page]])
        return self.answer_list("followers", people, cursor, ("subject", self.render_profile(account.no)))

    def get_follows(self, request: Request) -> Response:
        """Whom an account follows, newest first."""
        account = self.get_actor(request)
        rows = self.recall(("follows", account.no), lambda: self.state.list_open(self.state.following, account.no)[::-1])
        page, cursor = self.cut_page(request, rows, "follow")
        people = self.render_people(self.state.reactions.target_no[rows[page]])
        return self.answer_list("follows", people, cursor, ("subject", self.render_profile(account.no)))

    def search_posts(self, request: Request) -> Response:
        """Posts with all words of q, and by author, mention, tag, language and time; newest first."""
        query, words = request.query_params, self.require(request, "q").lower().split()
        limit = self.read_limit(request, default=25)
        try:
            since = parse_instant(query["since"]) if "since" in query else None
            until = parse_instant(query["until"]) if "until" in query else None
        except ValueError as error:
            raise refuse("InvalidRequest", "Error: since and until must be datetimes") from error

        def gather() -> Numbers:
            state = self.state
            chosen = state.standing.copy()
            for name, column in (("author", None), ("mentions", state.naming)):
                if name in query:
                    account = self.find_actor(query[name].lstrip("@"))
                    if account is None:
                        return np.zeros(0, dtype=np.int64)
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
            rows = np.flatnonzero(chosen)[::-1]
            if not wanted:
                return rows
            return np.array([no for no in rows.tolist() if all(word in self.write_text(no)[0].lower() for word in wanted)], dtype=np.int64)

        hits = self.recall(("search", *sorted((k, v) for k, v in query.multi_items() if k not in ("cursor", "limit"))), gather)
        start = int(query["cursor"]) if query.get("cursor", "").isdigit() else 0
        page = self.place_page(request, start, limit, len(hits))
        following = query.get("cursor", "0") if page.is_cursor_repeated else str(page.after) if page.after < len(hits) else None
        return JSONAnswer(
            compose(
                ("posts", join(map(self.render_post, hits[page.first : page.last].tolist()))),
                {"hitsTotal": len(hits)} | ({"cursor": following} if following else {}),
            )
        )

    # -- notifications --------------------------------------------------------------------------------------------

    def gather_notices(self, account: int) -> Notices:
        """All that an account is ever notified of: replies in its threads, quotes, mentions, likes, reposts, follows."""
        state, messages, reactions = self.state, self.state.messages, self.state.reactions
        is_own = messages.author_no == account
        is_reply = (messages.parent_no >= 0) & ~is_own & (is_own[messages.parent_no] | is_own[messages.root_no])
        is_quote = (messages.quoted_no >= 0) & ~is_own & is_own[messages.quoted_no] & ~is_reply
        is_mention = np.zeros(messages.size, dtype=bool)
        is_mention[state.mentions.message_no[state.naming.of(account)]] = True
        is_mention &= ~is_own & ~is_reply & ~is_quote
        on_own = (reactions.message_no >= 0) & (reactions.actor_no != account)
        on_own[on_own] = is_own[reactions.message_no[on_own]]
        likes, reposts = np.flatnonzero(on_own & reactions.kind.are("like")), np.flatnonzero(on_own & reactions.kind.are("reshare"))
        follows = state.followers.of(account)
        follows = follows[(reactions.ts[follows] > self.head.start) & (reactions.actor_no[follows] != account)]
        parts = []
        for kind, rows in enumerate((*map(np.flatnonzero, (is_reply, is_quote, is_mention)), likes, reposts, follows)):
            source = messages if kind < 3 else reactions
            times, actors = source.visible_at[rows], (messages.author_no if kind < 3 else reactions.actor_no)[rows]
            about = rows if kind < 3 else reactions.message_no[rows]
            marks = (1_000_000 + times - self.head.start) * 8192 + (rows % 1024) * 8 + kind
            parts.append((marks, np.full(len(rows), kind), times, actors, about, rows if kind > 2 else np.full(len(rows), -1)))
        whole = Notices(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        return whole.take(np.argsort(-whole.marks, kind="stable"))

    def list_standing_notices(self, account: int) -> Notices:
        """What an account is notified of at this moment."""
        if account not in self.notices:
            self.notices[account] = self.gather_notices(account)
        notices = self.notices[account]
        shown = (notices.messages < 0) | self.state.standing[notices.messages]
        shown &= (notices.reactions < 0) | self.state.reacting[notices.reactions]
        return notices.take(np.flatnonzero(shown))

    def render_notice(self, kind: int, ts: int, actor: int, message: int, reaction: int, key: str) -> bytes:
        """One notification; ``key`` is the record key of a reaction."""
        state, reason = self.state, REASONS[kind]
        about = message
        if reaction < 0:
            uri, content_id, record = state.messages.post_id[message], state.read_content_id(message), self.render_record(message)
            about = int(state.messages.parent_no[message] if reason == "reply" else state.messages.quoted_no[message] if reason == "quote" else -1)
        else:
            kind_of = "app.bsky.graph.follow" if message < 0 else f"app.bsky.feed.{reason}"
            uri = f"at://{state.accounts.account_id[actor]}/{kind_of}/{key}"
            created = self.format_claimed(int(state.reactions.ts[reaction]), state.account(actor))
            target: Any = self.refer(message) if message >= 0 else state.accounts.account_id[state.reactions.target_no[reaction]]
            content_id, record = mint_like_cid(uri), dump({"$type": kind_of, "subject": target, "createdAt": created})
        tail: dict[str, Any] = {"isRead": False, "indexedAt": format_utc(ts), "labels": []}
        if about >= 0:
            tail["reasonSubject"] = state.messages.post_id[about]
        return b'{"uri":"%s","cid":"%s","author":%s,"reason":"%s","record":%s,%s' % (
            uri.encode(), content_id.encode(), self.render_profile(actor), reason.encode(), record, dump(tail)[1:],
        )  # fmt: skip

    def list_notifications(self, request: Request) -> Response:
        """What happened to the account; needs a session."""
        account = self.state.account_numbers[self.check_token(request, "com.atproto.access")]
        reasons = sorted(set(request.query_params.getlist("reasons")))

        def gather() -> Notices:
            notices = self.list_standing_notices(account)
            chosen = [REASONS.index(reason) for reason in reasons if reason in REASONS]
            return notices.take(np.flatnonzero(np.isin(notices.kinds, chosen))) if reasons else notices

        notices: Notices = self.recall(("notices", account, tuple(reasons)), gather)
        page, cursor = self.cut_page(request, notices.marks, "notice")
        columns = (notices.kinds, notices.times, notices.actors, notices.messages, notices.reactions)
        keys = self.state.read_reaction_ids(np.maximum(notices.reactions[page], 0))
        shown = [self.render_notice(*row) for row in zip(*(column[page].tolist() for column in columns), keys, strict=True)]
        return JSONAnswer(
            compose(
                ("notifications", join(shown)),
                {"priority": False, "seenAt": format_utc(self.head.start)} | ({"cursor": cursor} if cursor else {}),
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
        return [
            *super().routes(),
            ("/xrpc/com.atproto.server.createSession", self.create_session, ["POST"]),
            ("/xrpc/com.atproto.server.refreshSession", self.refresh_session, ["POST"]),
            ("/xrpc/com.atproto.server.getSession", self.get_session, ["GET"]),
            ("/xrpc/com.atproto.server.describeServer", self.describe_server, ["GET"]),
        ]

    def limit_headers(self, limit: LimitState) -> dict[str, str]:
        """RateLimit-*, the reset as epoch seconds."""
        return {
            "RateLimit-Limit": str(limit.limit),
            "RateLimit-Remaining": str(limit.remaining),
            "RateLimit-Reset": str(int(limit.reset) + 1),
            "RateLimit-Policy": f"{limit.limit};w={self.doorkeeper.limit.seconds}",
        }

    def describe_session(self, did: str) -> dict[str, Any]:
        """What every session answer says of the account."""
        handle = self.handle(self.state.account(self.state.account_numbers[did]))
        service = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": "https://pds.moorhen.example",
        }
        document = {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": did,
            "alsoKnownAs": [f"at://{handle}"],
            "service": [service],
        }
        return {
            "did": did,
            "didDoc": document,
            "handle": handle,
            "email": self.email_of(did),
            "emailConfirmed": True,
            "emailAuthFactor": False,
            "active": True,
        }

    def email_of(self, did: str) -> str:
        """The address an account of a brand logs in with, beside its handle."""
        return f"desk@{self.own[did]}.example"

    def issue_session(self, did: str) -> Response:
        """Fresh tokens."""
        tokens = {
            "accessJwt": self.sign_token(did, "com.atproto.access", ACCESS_SECONDS),
            "refreshJwt": self.sign_token(did, "com.atproto.refresh", REFRESH_SECONDS),
        }
        return JSONAnswer(self.describe_session(did) | tokens)

    async def create_session(self, request: Request) -> Response:
        """Log in with an app password; thirty times in five minutes."""
        try:
            body = json.loads(await request.body())
            identifier, password = str(body["identifier"]), str(body["password"])
        except (ValueError, KeyError, TypeError) as error:
            raise refuse("InvalidRequest", 'Error: Input must have the property "identifier"') from error
        limit = self.session_doorkeeper.count_request(identifier.lower())
        if limit.is_refused:
            return self.answer_refusal(limit)
        account = self.find_actor(identifier.lower())
        did = account.account_id if account else next((did for did in self.own if self.email_of(did) == identifier), "")
        if did not in self.own or password != make_app_password(self.make_secret(self.own[did], "bluesky-password")):
            raise refuse("AuthenticationRequired", "Invalid identifier or password", 401)
        return self.issue_session(did)

    def refresh_session(self, request: Request) -> Response:
        """New tokens for a refresh token."""
        return self.issue_session(self.check_token(request, "com.atproto.refresh"))

    def get_session(self, request: Request) -> Response:
        """Whose session it is."""
        return JSONAnswer(self.describe_session(self.check_token(request, "com.atproto.access")))

    def describe_server(self, request: Request) -> Response:
        """What the server is."""
        return JSONAnswer(
            {
                "did": "did:web:pds.moorhen.example",
                "availableUserDomains": [".moorhen.example"],
                "inviteCodeRequired": True,
                "links": {},
                "contact": {},
            }
        )


def make_app_password(secret: str) -> str:
    """An app password in Bluesky's form: four groups of four letters."""
    letters = "".join(chr(ord("a") + int(secret[i : i + 2], 16) % 26) for i in range(0, 32, 2))
    return "-".join(letters[i : i + 4] for i in range(0, 16, 4))


def mint_like_cid(uri: str) -> str:
    """A content id for a record that has none in the world file."""
    return "bafyrei" + hashlib.sha256(uri.encode()).hexdigest()[:52].translate(LETTERS_OF_HEX)


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


def make_marks(times: Numbers) -> Numbers:
    """Marks that fall strictly from row to row, of times that do not rise: what happened in the same millisecond is told apart."""
    steps = np.arange(len(times))
    return np.asarray(np.minimum.accumulate(times + steps) - steps)


def seal_cursor(mark: int, make: str) -> str:
    """A cursor of its endpoint's make: a time in the open, or something to hand back unread."""
    return format_utc(mark) if make == "time" else base64.urlsafe_b64encode(f"{make}:{mark}".encode()).decode().rstrip("=")


def open_cursor(cursor: str, make: str) -> int:
    """The mark in a cursor. A cursor of another make is an InvalidRequest."""
    try:
        if make == "time":
            return parse_instant(cursor)
        kind, _, mark = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        if kind == make:
            return int(mark)
    except (binascii.Error, ValueError):
        pass
    raise refuse("InvalidRequest", "Malformed cursor")
