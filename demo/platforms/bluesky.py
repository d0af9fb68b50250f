"""Bluesky over the demo world: the AppView's reads and the PDS's sessions and notifications.

Data flow: state as of now -> profiles, feeds, threads, people behind likes and reposts, searches, in the shapes of the lexicons.
Odd on purpose, as the real thing: opaque cursors of a different make per endpoint, short pages that still have a cursor, a last page that is
empty, no 404 anywhere, times in four formats, indexedAt before createdAt for a client whose clock runs ahead, facets counted in UTF-8 bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from demo.model import format_utc, parse_instant, to_datetime
from demo.platforms.base import Handler, JSONAnswer, Limit, LimitState, Platform, PlatformError, RateLimiter
from demo.state import AccountState, Mark, Post

Row = TypeVar("Row")
POST = "app.bsky.feed.post"
ACCESS_SECONDS, REFRESH_SECONDS = 7200, 5_184_000


def refuse(error: str, message: str, status: int = 400) -> PlatformError:
    """An XRPC error."""
    return PlatformError(status, {"error": error, "message": message})


class Bluesky(Platform):
    """What AppView and PDS share: the shapes and the reads, which the PDS passes on to its AppView."""

    platform = "bluesky"
    sends_entity_tags = True
    health_path = "/xrpc/_health"

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

    @property
    def brand_did(self) -> str:
        """The brand's DID."""
        return next(row["account_id"] for row in self.world.brand["accounts"] if row["platform"] == "bluesky" and row["role"] == "brand")

    def sign_token(self, scope: str, lifetime: int) -> str:
        """A token in the form of a JWT, signed with the demo's secret."""
        now = int(self.clock())
        claims = {
            "scope": scope,
            "sub": self.brand_did,
            "iat": now,
            "exp": now + lifetime,
            "aud": "did:web:pds.moorhen.example",
        }
        body = ".".join(encode_part(part) for part in ({"typ": "at+jwt", "alg": "HS256"}, claims))
        return f"{body}.{self.sign(body)}"

    def sign(self, body: str) -> str:
        """The signature part of a token."""
        digest = hmac.new(self.make_secret("bluesky-signing").encode(), body.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def check_token(self, request: Request, scope: str) -> None:
        """Let a request with a valid token of that scope pass; 401 without one, 400 for a bad or expired one."""
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise refuse("AuthMissing", "Authentication Required", 401)
        token = header.removeprefix("Bearer ").strip()
        body, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self.sign(body).encode(), signature.encode()):
            raise refuse("InvalidToken", "Token could not be verified")
        payload = body.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["scope"] != scope:
            raise refuse("InvalidToken", "Invalid token scope")
        if claims["exp"] <= self.clock():
            raise refuse("ExpiredToken", "Token has expired")

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

    def find_actor(self, actor: str) -> AccountState | None:
        """An account by DID or current handle, gone ones included."""
        if actor.startswith("did:"):
            return self.state.accounts.get(actor)
        return next((a for a in self.state.accounts.values() if self.handle(a) == actor.lower()), None)

    def get_actor(self, request: Request) -> AccountState:
        """The account asked for, or why not."""
        actor = self.require(request, "actor")
        if not actor.startswith("did:") and "." not in actor:
            raise refuse("InvalidRequest", "Error: actor must be a valid did or a handle")
        account = self.find_actor(actor)
        if account is None:
            raise refuse("InvalidRequest", "Profile not found")
        if account.suspended_at is not None:
            raise refuse("AccountTakedown", "Account has been suspended")
        if account.deactivated_at is not None:
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

    def cut_page(
        self,
        request: Request,
        rows: Sequence[Row],
        key: Callable[[Row], str],
        make: str,
        default: int = 50,
        thin_out: bool = False,
    ) -> tuple[list[Row], str | None]:
        """A page of rows in the order given, and its cursor, which marks the last row's key in a make of its own.

        There is a cursor as long as the page has rows, so the end is an empty page without one; ``thin_out`` gives pages
        shorter than asked that are not the last."""
        limit, cursor = self.read_limit(request, default), request.query_params.get("cursor")
        start = 0
        if cursor is not None:
            mark = open_cursor(cursor, make)
            start = next((number + 1 for number, row in enumerate(rows) if key(row) == mark), None)  # type: ignore[assignment]
            if start is None:  # the row is gone: go on with the first that sorts after it
                start = next((number for number, row in enumerate(rows) if key(row) < mark), len(rows))
        size = limit - 2 if thin_out and limit >= 10 and (start // limit) % 2 == 0 else limit
        page = list(rows[start : start + size])
        return page, seal_cursor(key(page[-1]), make) if page else None

    # -- shapes ---------------------------------------------------------------------------------------------------

    def handle(self, account: AccountState) -> str:
        """The current handle."""
        return f"{account.username}.{account.account.domain}"

    def render_basic(self, account: AccountState) -> dict[str, Any]:
        """profileViewBasic; displayName can be missing or empty."""
        view: dict[str, Any] = {"did": account.account_id, "handle": self.handle(account)}
        if not account.account.traits.get("no_display_name"):
            view["displayName"] = account.display_name
        if len(account.account_id) and ord(account.account_id[-1]) % 4:
            view["avatar"] = f"https://cdn.bsky.example/img/avatar/plain/{account.account_id}/{account.account_id[-8:]}@jpeg"
        return view | {
            "associated": {"activitySubscription": {"allowSubscriptions": "followers"}},
            "labels": [],
            "createdAt": format_utc(account.account.created_at),
        }

    def render_profile(self, account: AccountState) -> dict[str, Any]:
        """profileView, as in lists of people."""
        view: dict[str, Any] = self.recall(("profile", account.account_id), lambda: self.build_profile(account))
        return view

    def build_profile(self, account: AccountState) -> dict[str, Any]:
        """profileView, made anew."""
        view = self.render_basic(account)
        if account.account.bio:
            view["description"] = account.account.bio
        return view | {"indexedAt": format_utc(account.account.created_at + 1200)}

    def render_detailed(self, account: AccountState) -> dict[str, Any]:
        """profileViewDetailed, with counts."""
        is_brand = account.account_id == self.brand_did
        row = account.account
        return self.render_profile(account) | {
            "associated": {"lists": 0, "feedgens": 0, "starterPacks": 0, "labeler": False},
            "followersCount": self.state.count_marks("follow", row.account_id) if is_brand else row.follower_count,
            "followsCount": sum(not self.state.accounts[m.object_id].is_gone for m in self.state.marks_by[("follow", row.account_id)])
            if is_brand
            else row.following_count,
            "postsCount": len(self.state.list_posts(row.account_id)) + (0 if is_brand else row.post_count),
        }

    def format_claimed(self, milliseconds: int, author: AccountState) -> str:
        """createdAt the way the author's client writes it: one of four formats."""
        moment = to_datetime(milliseconds)
        style = author.account.traits.get("time_format")
        if style == "micro":
            return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}417Z"
        if style == "second":
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if style == "offset":
            return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}+00:00"
        return format_utc(milliseconds)

    def format_indexed(self, milliseconds: int, author: AccountState) -> str:
        """indexedAt: a moment later, or before createdAt for a client whose clock is ahead."""
        return format_utc(milliseconds + 640 - author.account.traits.get("clock_ahead_ms", 0))

    def write_text(self, post: Post) -> tuple[str, list[dict[str, Any]]]:
        """The text of a post and its facets, in bytes of UTF-8."""
        text, facets = "", []
        for kind, value in post.segments:
            shown = {"t": value, "h": f"#{value}", "u": value.removeprefix("https://")}.get(kind)
            if kind == "m":
                shown = "@" + self.handle_at(self.state.accounts[value])
            assert shown is not None
            begin = len(text.encode("utf-8"))
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
                        "index": {"byteStart": begin, "byteEnd": len(text.encode("utf-8"))},
                    }
                )
        return text, facets

    def handle_at(self, account: AccountState) -> str:
        """The handle a text names: the first one, for a record does not change when a handle does."""
        return f"{account.account.username}.{account.account.domain}"

    def refer(self, uri: str) -> dict[str, str]:
        """A strong reference; it outlives what it points to."""
        post = self.state.posts[uri]
        return {"cid": post.cid or "", "uri": uri}

    def render_record(self, post: Post) -> dict[str, Any]:
        """The record as its author wrote it."""
        author = self.state.accounts[post.author_id]
        text, facets = self.write_text(post)
        record: dict[str, Any] = {
            "$type": POST,
            "createdAt": self.format_claimed(post.created_at, author),
            "langs": ["en"],
            "text": text,
        }
        if facets:
            record["facets"] = facets
        if post.parent_id:
            record["reply"] = {"parent": self.refer(post.parent_id), "root": self.refer(post.root_id)}
        if post.quoted_id:
            record["embed"] = {"$type": "app.bsky.embed.record", "record": self.refer(post.quoted_id)}
        elif post.has_media:
            blob = {
                "$type": "blob",
                "ref": {"$link": (post.cid or "").replace("bafyrei", "bafkrei")},
                "mimeType": "image/jpeg",
                "size": 204_800,
            }
            record["embed"] = {
                "$type": "app.bsky.embed.images",
                "images": [{"alt": "", "image": blob, "aspectRatio": {"height": 800, "width": 1200}}],
            }
        return record

    def render_post(self, post: Post, depth: int = 0) -> dict[str, Any]:
        """postView."""
        view: dict[str, Any] = self.recall(("post", post.post_id, depth), lambda: self.build_post(post, depth))
        return view

    def build_post(self, post: Post, depth: int) -> dict[str, Any]:
        """postView, made anew."""
        author = self.state.accounts[post.author_id]
        view: dict[str, Any] = {
            "uri": post.post_id,
            "cid": post.cid,
            "author": self.render_basic(author),
            "record": self.render_record(post),
        }
        if post.quoted_id:
            view["embed"] = {"$type": "app.bsky.embed.record#view", "record": self.render_quoted(post.quoted_id, depth)}
        elif post.has_media:
            picture = f"https://cdn.bsky.example/img/feed_fullsize/plain/{post.author_id}/{(post.cid or '')[-12:]}@jpeg"
            view["embed"] = {
                "$type": "app.bsky.embed.images#view",
                "images": [{"thumb": picture, "fullsize": picture, "alt": "", "aspectRatio": {"height": 800, "width": 1200}}],
            }
        return view | {
            "bookmarkCount": 0,
            "replyCount": self.state.count_children(post.post_id),
            "repostCount": self.state.count_marks("reshare", post.post_id),
            "likeCount": self.state.count_marks("like", post.post_id),
            "quoteCount": sum(self.state.find_post(q) is not None for q in self.state.quotes[post.post_id]),
            "indexedAt": self.format_indexed(post.created_at, author),
            "labels": [],
        }

    def render_quoted(self, uri: str, depth: int) -> dict[str, Any]:
        """A quoted post inside an embed."""
        original = self.state.find_post(uri)
        if original is None:
            return {"$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": True}
        full = self.render_post(original, depth + 1) if depth == 0 else {}
        kept = {k: full[k] for k in ("replyCount", "repostCount", "likeCount", "quoteCount") if k in full}
        author = self.state.accounts[original.author_id]
        return {
            "$type": "app.bsky.embed.record#viewRecord",
            "uri": uri,
            "cid": original.cid,
            "author": self.render_basic(author),
            "value": self.render_record(original),
            "labels": [],
            "embeds": [],
            "indexedAt": self.format_indexed(original.created_at, author),
        } | kept

    def is_blocked_pair(self, one: str, other: str) -> bool:
        """Whether either account blocks the other."""
        return other in self.state.accounts[one].blocks or one in self.state.accounts[other].blocks

    def render_node(self, uri: str, depth: int, height: int, seen_from: str | None = None) -> dict[str, Any]:
        """One node of a thread, with ``depth`` generations of replies and ``height`` of parents."""
        post = self.state.find_post(uri)
        if post is None:
            return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}
        if seen_from is not None and self.is_blocked_pair(post.author_id, seen_from):
            return {
                "$type": "app.bsky.feed.defs#blockedPost",
                "uri": uri,
                "blocked": True,
                "author": {"did": post.author_id, "viewer": {"blockedBy": False}},
            }
        node: dict[str, Any] = {"$type": "app.bsky.feed.defs#threadViewPost", "post": self.render_post(post)}
        if post.parent_id and height > 0:
            node["parent"] = self.render_node(post.parent_id, 0, height - 1, post.author_id)
        if depth > 0:
            newest_first = reversed(self.state.children[uri])
            node["replies"] = [self.render_node(child, depth - 1, 0, post.author_id) for child in newest_first if self.state.find_post(child)]
        return node | {"threadContext": {}}

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
        return JSONAnswer(self.render_detailed(self.get_actor(request)))

    def get_profiles(self, request: Request) -> Response:
        """Up to 25 profiles; those that are gone are not there."""
        wanted = request.query_params.getlist("actors")
        if not wanted:
            self.require(request, "actors")
        if len(wanted) > 25:
            raise refuse("InvalidRequest", "Error: actors must not have more than 25 elements")
        found = [a for actor in dict.fromkeys(wanted) if (a := self.find_actor(actor)) and not a.is_gone]
        return JSONAnswer({"profiles": [self.render_detailed(a) for a in found]})

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
        rows: list[tuple[int, Post | Mark]] = []
        for post in self.state.list_posts(account.account_id):
            is_own_thread = post.parent_id is not None and self.state.posts[post.parent_id].author_id == account.account_id
            if (kind == "posts_no_replies" and post.parent_id) or (kind == "posts_and_author_threads" and post.parent_id and not is_own_thread):
                continue
            if (kind == "posts_with_media" and not post.has_media) or kind == "posts_with_video":
                continue
            rows.append((post.created_at, post))
        if kind in ("posts_with_replies", "posts_no_replies", "posts_and_author_threads"):
            rows += [(m.ts, m) for m in self.state.marks_by[("reshare", account.account_id)]]
        rows.sort(key=lambda row: -row[0])
        page, cursor = self.cut_page(request, rows, lambda row: format_utc(row[0]), "time", thin_out=True)
        feed = []
        for _, row in page:
            original = row if isinstance(row, Post) else self.state.find_post(row.object_id)
            if original is None:
                continue  # the reposted post is gone: one item less on the page
            item: dict[str, Any] = {"post": self.render_post(original)}
            if original.parent_id:
                item["reply"] = {
                    "root": self.render_reference(original.root_id),
                    "parent": self.render_reference(original.parent_id),
                }
            if isinstance(row, Mark):
                uri = f"at://{account.account_id}/app.bsky.feed.repost/{row.mark_id}"
                item["reason"] = {
                    "$type": "app.bsky.feed.defs#reasonRepost",
                    "by": self.render_basic(account),
                    "uri": uri,
                    "indexedAt": format_utc(row.ts + 500),
                }
            feed.append(item)
        return JSONAnswer({"feed": feed} | ({"cursor": cursor} if cursor else {}))

    def render_reference(self, uri: str) -> dict[str, Any]:
        """The root or parent beside a feed item."""
        post = self.state.find_post(uri)
        if post is None:
            return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}
        return {"$type": "app.bsky.feed.defs#postView"} | self.render_post(post)

    def get_post_thread(self, request: Request) -> Response:
        """A post with its parents and replies."""
        uri = self.read_uri(request)
        depth, height = self.read_bounded(request, "depth", 6), self.read_bounded(request, "parentHeight", 80)
        if self.state.find_post(uri) is None:
            raise refuse("NotFound", f"Post not found: {uri}")
        return JSONAnswer({"thread": self.render_node(uri, depth, height)})

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
        return JSONAnswer({"posts": [self.render_post(post) for uri in dict.fromkeys(uris) if (post := self.state.find_post(uri))]})

    def list_reactions(self, kind: str, uri: str) -> list[Mark]:
        """The standing marks of a kind on a post, newest first; none when the post is gone."""
        return list(reversed(self.state.list_marks(kind, uri))) if self.state.find_post(uri) else []

    def get_likes(self, request: Request) -> Response:
        """Who likes a post, with times."""
        uri = self.read_uri(request)
        page, cursor = self.cut_page(request, self.list_reactions("like", uri), lambda m: m.mark_id, "key")
        likes = []
        for mark in page:
            actor = self.state.accounts[mark.actor_id]
            if not actor.is_gone:
                likes.append(
                    {
                        "actor": self.render_profile(actor),
                        "createdAt": self.format_claimed(mark.ts, actor),
                        "indexedAt": self.format_indexed(mark.ts, actor),
                    }
                )
        return JSONAnswer({"likes": likes, "uri": uri} | ({"cursor": cursor} if cursor else {}))

    def get_reposted_by(self, request: Request) -> Response:
        """Who reposted a post; no times."""
        uri = self.read_uri(request)
        page, cursor = self.cut_page(request, self.list_reactions("reshare", uri), lambda m: m.mark_id, "key")
        people = [self.render_profile(a) for m in page if not (a := self.state.accounts[m.actor_id]).is_gone]
        return JSONAnswer({"uri": uri, "repostedBy": people} | ({"cursor": cursor} if cursor else {}))

    def get_quotes(self, request: Request) -> Response:
        """The posts that quote a post, newest first."""
        uri = self.read_uri(request)
        quotes = [q for quote in reversed(self.state.quotes[uri]) if (q := self.state.find_post(quote))] if self.state.find_post(uri) else []
        page, cursor = self.cut_page(request, quotes, lambda q: q.post_id.rsplit("/", 1)[1], "key")
        return JSONAnswer({"uri": uri, "posts": [self.render_post(q) for q in page]} | ({"cursor": cursor} if cursor else {}))

    def get_followers(self, request: Request) -> Response:
        """Who follows an account, newest first; no times."""
        account = self.get_actor(request)
        marks = list(reversed(self.state.list_marks("follow", account.account_id)))
        page, cursor = self.cut_page(request, marks, lambda m: m.mark_id, "follow", thin_out=True)
        people = [self.render_profile(a) for m in page if not (a := self.state.accounts[m.actor_id]).is_gone]
        return JSONAnswer({"subject": self.render_profile(account), "followers": people} | ({"cursor": cursor} if cursor else {}))

    def get_follows(self, request: Request) -> Response:
        """Whom an account follows, newest first."""
        account = self.get_actor(request)
        marks = list(reversed(self.state.marks_by[("follow", account.account_id)]))
        page, cursor = self.cut_page(request, marks, lambda m: m.mark_id, "follow")
        people = [self.render_profile(a) for m in page if not (a := self.state.accounts[m.object_id]).is_gone]
        return JSONAnswer({"subject": self.render_profile(account), "follows": people} | ({"cursor": cursor} if cursor else {}))

    def search_posts(self, request: Request) -> Response:
        """Posts with all words of q, and by author, mention, tag, language and time; newest first."""
        query, words = request.query_params, self.require(request, "q").lower().split()
        limit = self.read_limit(request, default=25)
        mentioned = self.find_actor(query["mentions"].lstrip("@")) if "mentions" in query else None
        author = self.find_actor(query["author"].lstrip("@")) if "author" in query else None
        tags = [tag.lower() for tag in query.getlist("tag")]
        try:
            since = parse_instant(query["since"]) if "since" in query else None
            until = parse_instant(query["until"]) if "until" in query else None
        except ValueError as error:
            raise refuse("InvalidRequest", "Error: since and until must be datetimes") from error
        hits: list[Post] = []
        for uri in reversed(self.state.posts):
            post = self.state.find_post(uri)
            if post is None or ("author" in query and (author is None or post.author_id != author.account_id)):
                continue
            if "mentions" in query and (mentioned is None or mentioned.account_id not in self.state.list_mentioned(post)):
                continue
            if (since is not None and post.created_at < since) or (until is not None and post.created_at >= until):
                continue
            if tags and not set(tags) <= {v.lower() for k, v in post.segments if k == "h"}:
                continue
            text = self.write_text(post)[0].lower()
            if all(word in text for word in (w.strip('"') for w in words if w != "*")):
                hits.append(post)
        start = int(query["cursor"]) if query.get("cursor", "").isdigit() else 0
        page = hits[start : start + limit]
        following = {"cursor": str(start + limit)} if start + limit < len(hits) else {}
        return JSONAnswer({"posts": [self.render_post(post) for post in page], "hitsTotal": len(hits)} | following)

    def gather_notifications(self) -> list[tuple[int, str, str, str, str | None, dict[str, Any], str]]:
        """(time, reason, actor, uri, subject, record, cid) of what happened to the brand, newest first."""
        brand, rows = self.brand_did, []
        for post in self.state.posts.values():
            if post.author_id == brand or self.state.find_post(post.post_id) is None:
                continue
            reason, subject = None, None
            parent, root, quoted = (self.state.posts.get(x or "") for x in (post.parent_id, post.root_id, post.quoted_id))
            if parent is not None and brand in (parent.author_id, root.author_id if root else None):
                reason, subject = "reply", parent.post_id
            elif quoted is not None and quoted.author_id == brand:
                reason, subject = "quote", quoted.post_id
            elif brand in self.state.list_mentioned(post):
                reason = "mention"
            if reason:
                rows.append(
                    (
                        post.created_at,
                        reason,
                        post.author_id,
                        post.post_id,
                        subject,
                        self.render_record(post),
                        post.cid or "",
                    )
                )
        for mark in self.state.open_marks.values():
            actor, target = self.state.accounts[mark.actor_id], self.state.find_post(mark.object_id)
            if actor.is_gone or mark.actor_id == brand:
                continue
            created = self.format_claimed(mark.ts, actor)
            if mark.kind == "follow" and mark.object_id == brand and mark.ts > self.world.start:
                record: dict[str, Any] = {"$type": "app.bsky.graph.follow", "subject": brand, "createdAt": created}
                rows.append(
                    (
                        mark.ts,
                        "follow",
                        mark.actor_id,
                        f"at://{mark.actor_id}/app.bsky.graph.follow/{mark.mark_id}",
                        None,
                        record,
                        "",
                    )
                )
            elif target is not None and target.author_id == brand:
                name = "like" if mark.kind == "like" else "repost"
                record = {"$type": f"app.bsky.feed.{name}", "subject": self.refer(target.post_id), "createdAt": created}
                rows.append(
                    (
                        mark.ts,
                        name,
                        mark.actor_id,
                        f"at://{mark.actor_id}/app.bsky.feed.{name}/{mark.mark_id}",
                        target.post_id,
                        record,
                        "",
                    )
                )
        return sorted(rows, key=lambda row: (-row[0], row[3]))

    def list_notifications(self, request: Request) -> Response:
        """What happened to the brand's account; needs a session."""
        self.check_token(request, "com.atproto.access")
        reasons = set(request.query_params.getlist("reasons"))
        rows = [row for row in self.recall(("notifications",), self.gather_notifications) if not reasons or row[1] in reasons]
        page, cursor = self.cut_page(request, rows, lambda row: format_utc(row[0]) + "::" + row[3], "notice")
        notices = []
        for ts, reason, actor_id, uri, subject, record, cid in page:
            actor = self.state.accounts[actor_id]
            notice: dict[str, Any] = {
                "uri": uri,
                "cid": cid or mint_like_cid(uri),
                "author": self.render_profile(actor),
                "reason": reason,
                "record": record,
                "isRead": False,
                "indexedAt": self.format_indexed(ts, actor),
                "labels": [],
            }
            notices.append(notice | ({"reasonSubject": subject} if subject else {}))
        return JSONAnswer(
            {"notifications": notices, "priority": False, "seenAt": format_utc(self.world.start)} | ({"cursor": cursor} if cursor else {})
        )


class BlueskyAppView(Bluesky):
    """The public AppView: no limit headers, a 429 now and then."""

    name = "bluesky"
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(3000, 300), "raised": Limit(60_000, 300, 97)}


class BlueskyPds(Bluesky):
    """The brand's PDS: sessions, and everything the AppView reads, passed on."""

    name = "bluesky_pds"
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(3000, 300), "raised": Limit(60_000, 300, 19)}
    session_limit = Limit(30, 300)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.session_limiter = RateLimiter(self.session_limit, self.clock)

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
            "RateLimit-Policy": f"{limit.limit};w={self.limiter.limit.seconds}",
        }

    def describe_session(self) -> dict[str, Any]:
        """What every session answer says of the account."""
        brand = self.state.accounts[self.brand_did]
        service = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": "https://pds.moorhen.example",
        }
        document = {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": self.brand_did,
            "alsoKnownAs": [f"at://{self.handle(brand)}"],
            "service": [service],
        }
        return {
            "did": self.brand_did,
            "didDoc": document,
            "handle": self.handle(brand),
            "email": "desk@moorhen.example",
            "emailConfirmed": True,
            "emailAuthFactor": False,
            "active": True,
        }

    def issue_session(self) -> Response:
        """Fresh tokens."""
        tokens = {
            "accessJwt": self.sign_token("com.atproto.access", ACCESS_SECONDS),
            "refreshJwt": self.sign_token("com.atproto.refresh", REFRESH_SECONDS),
        }
        return JSONAnswer(self.describe_session() | tokens)

    async def create_session(self, request: Request) -> Response:
        """Log in with an app password; thirty times in five minutes."""
        limit = self.session_limiter.count_request()
        if limit.is_refused:
            return self.answer_refusal(limit)
        try:
            body = json.loads(await request.body())
            identifier, password = str(body["identifier"]), str(body["password"])
        except (ValueError, KeyError, TypeError) as error:
            raise refuse("InvalidRequest", 'Error: Input must have the property "identifier"') from error
        account = self.find_actor(identifier.lower())
        if identifier == "desk@moorhen.example":
            account = self.state.accounts[self.brand_did]
        if account is None or account.account_id != self.brand_did or password != make_app_password(self.make_secret("bluesky-password")):
            raise refuse("AuthenticationRequired", "Invalid identifier or password", 401)
        return self.issue_session()

    def refresh_session(self, request: Request) -> Response:
        """New tokens for a refresh token."""
        self.check_token(request, "com.atproto.refresh")
        return self.issue_session()

    def get_session(self, request: Request) -> Response:
        """Whose session it is."""
        self.check_token(request, "com.atproto.access")
        return JSONAnswer(self.describe_session())

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
    return "bafyrei" + base64.b32encode(hashlib.sha256(uri.encode()).digest()).decode().lower().rstrip("=")


def encode_part(part: dict[str, Any]) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def seal_cursor(mark: str, make: str) -> str:
    """A cursor of its endpoint's make: a time in the open, or something to hand back unread."""
    return mark if make == "time" else base64.urlsafe_b64encode(f"{make}:{mark}".encode()).decode().rstrip("=")


def open_cursor(cursor: str, make: str) -> str:
    """The mark in a cursor. A cursor of another make is an InvalidRequest."""
    if make == "time":
        return cursor
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(make + ":"):
        raise refuse("InvalidRequest", "Malformed cursor")
    return text.removeprefix(make + ":")
