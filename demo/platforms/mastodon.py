"""Mastodon's client API over the demo world.

Data flow: state as of now -> accounts, statuses, contexts, people behind likes and boosts, notifications, in Mastodon's shapes.
Odd on purpose, as the real thing: Link cursors of people lists are internal ids, pages lose hidden people but keep their cursor,
remote accounts live under their own host, and the 429 comes with an ISO reset time, not always with Retry-After.
What is said of an account or a status is rendered once for each moment, as bytes.
"""

from __future__ import annotations

import functools
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from demo.model import format_utc, to_datetime
from demo.platforms.base import Handler, JSONAnswer, LimitState, Platform, PlatformError, compose, dump, join, read_integer
from demo.state import Account, Index, Message, Numbers

ANONYMOUS_ANCESTORS, ANONYMOUS_DESCENDANTS, ANONYMOUS_DEPTH = 40, 60, 20
#: one in so many accounts never chose a picture
PICTURELESS = 7
NOTICES = ("mention", "quote", "favourite", "reblog", "follow")
WRONG_TOKEN = {"WWW-Authenticate": 'Bearer realm="Doorkeeper", error="invalid_token"'}


@dataclass(frozen=True)
class Notices:
    """What an account is ever notified of, in the order of the ids; ``reactions`` are −1 for messages, ``messages`` −1 for follows."""

    ids: Numbers
    kinds: Numbers
    times: Numbers
    actors: Numbers
    messages: Numbers
    reactions: Numbers

    def take(self, rows: Numbers) -> Notices:
        """Some of them."""
        return Notices(*(getattr(self, name)[rows] for name in ("ids", "kinds", "times", "actors", "messages", "reactions")))


def not_found() -> PlatformError:
    """The 404 of anything that is not there, or not for this reader."""
    return PlatformError(404, {"error": "Record not found"})


class Mastodon(Platform):
    """One Mastodon server on which the brands are at home."""

    name = platform = "mastodon"
    metric = "favourites_count"
    sends_entity_tags = True

    def __init__(self, folder: Path, *arguments: Any, **named: Any) -> None:
        super().__init__(folder, *arguments, **named)
        own = self.list_own_accounts()
        self.tokens = {f"Bearer {self.make_secret(brand, 'mastodon-token')}": self.state.account_numbers[own[brand]] for brand in own}
        self.domain = next((brand["mastodon_domain"] for brand in self.brands.values() if "mastodon_domain" in brand), "mastodon.example")
        self.post_ids = self.state.messages.post_id.to_integers()
        self.is_public = self.state.messages.visibility.are("public", "unlisted")
        self.inserted: dict[int, list[int]] = {}
        self.notices: dict[int, Notices] = {}

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

    def find_asker(self, request: Request) -> int:
        """The account whose token came along, −1 for an anonymous reader. Raises a 401 for a wrong token."""
        header = request.headers.get("authorization")
        if header is None:
            return -1
        asker = self.tokens.get(header)
        if asker is None:
            raise PlatformError(401, {"error": "The access token is invalid"}, WRONG_TOKEN)
        return asker

    def require_asker(self, request: Request) -> int:
        """The account whose token came along. Raises the 401 of endpoints that are never anonymous."""
        asker = self.find_asker(request)
        if asker < 0:
            raise PlatformError(401, {"error": "The access token is invalid"}, WRONG_TOKEN)
        return asker

    def get_account(self, request: Request) -> Account:
        """The account of the path; a suspended one is still there, emptied."""
        self.find_asker(request)
        account = self.state.find_account(request.path_params["id"])
        if account is None:
            raise not_found()
        return account

    def get_status(self, request: Request) -> Message:
        """The status of the path, or 404 when it is deleted, hidden, was never there, or is not for this reader."""
        asker = self.find_asker(request)
        message = self.state.find_message(request.path_params["id"])
        if message is None or not self.may_see(message.no, asker):
            raise not_found()
        return message

    def may_see(self, no: int, asker: int) -> bool:
        """Whether a status is for this reader: a public one is, another one only for its author and those it names."""
        return bool(self.is_public[no]) or (asker >= 0 and (self.state.messages.author_no[no] == asker or asker in self.list_mentioned(no)))

    # -- shapes ---------------------------------------------------------------------------------------------------

    def host_of(self, account: Account) -> str:
        """The host an account lives on."""
        return account.domain or self.domain

    def account_url(self, account: Account) -> str:
        """The profile page on the account's own host."""
        return f"https://{self.host_of(account)}/@{account.first_username}"

    def account_acct(self, account: Account) -> str:
        """user for a local account, user@host for a remote one."""
        return f"{account.username}@{account.domain}" if account.domain else account.username

    def render_account(self, no: int) -> bytes:
        """An Account entity."""
        rendered: bytes = self.recall(("account", no), lambda: dump(self.build_account(no)))
        return rendered

    @functools.cached_property
    def own_numbers(self) -> frozenset[int]:
        """The brands' accounts: all they do is in the world, so that their counts are counted."""
        return frozenset(self.tokens.values())

    def build_account(self, no: int) -> dict[str, Any]:
        """An Account entity, made anew."""
        account, state = self.state.account(no), self.state
        host, is_own = self.host_of(account), no in self.own_numbers
        followers = int(state.follower_counts[no]) if is_own else account.follower_count
        following = int(state.following_counts[no]) if is_own else account.following_count
        statuses = int(state.message_counts[no]) + (0 if is_own else account.post_count)
        last = int(state.last_message_at[no])
        as_text = account.traits.get("counts_as_text", False)
        picture = f"https://{host}/avatars/original/missing.png"
        if int(account.account_id) % PICTURELESS:
            picture = f"https://{host}/system/accounts/avatars/{account.account_id}/original/{account.account_id[-8:]}.png"
        rendered: dict[str, Any] = {
            "id": account.account_id,
            "username": account.first_username,
            "acct": self.account_acct(account),
            "display_name": account.display_name,
            "locked": account.is_locked,
            "bot": account.is_bot,
            "discoverable": None if account.domain else True,
            "indexable": False,
            "group": False,
            "created_at": to_datetime(account.created_at).strftime("%Y-%m-%dT00:00:00.000Z"),
            "note": f"<p>{html.escape(account.bio)}</p>" if account.bio else "",
            "url": self.account_url(account),
            "uri": f"https://{host}/users/{account.first_username}",
            "avatar": picture,
            "avatar_static": picture,
            "header": f"https://{host}/headers/original/missing.png",
            "header_static": f"https://{host}/headers/original/missing.png",
            "followers_count": str(followers) if as_text else followers,
            "following_count": following,
            "statuses_count": str(statuses) if as_text else statuses,
            "last_status_at": to_datetime(last).strftime("%Y-%m-%d") if last >= 0 else None,
            "hide_collections": account.traits.get("hides_collections"),
            "emojis": [],
            "fields": [],
        }
        if not account.domain:
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

    def list_inserted(self, no: int) -> list[int]:
        """The accounts the client puts in front of a reply by itself: the parent's author and whom the parent names, in turn up the thread."""
        chain, parents, authors = [], self.state.messages.parent_no, self.state.messages.author_no
        while no not in self.inserted:
            chain.append(no)
            if parents[no] < 0:
                break
            no = int(parents[no])
        for message in reversed(chain):
            parent, author = int(parents[message]), int(authors[message])
            named = [int(authors[parent]), *self.inserted[parent], *self.state.list_named(parent)] if parent >= 0 else []
            self.inserted[message] = [account for account in dict.fromkeys(named) if account != author]
        return self.inserted[chain[0] if chain else no]

    def list_mentioned(self, no: int) -> list[int]:
        """Inserted mentions first, then those by hand, each once."""
        by_hand = [self.state.account_numbers[value] for kind, value in self.state.message(no).segments if kind == "m"]
        return list(dict.fromkeys(self.list_inserted(no) + by_hand))

    def render_mention(self, no: int) -> str:
        """The HTML of a mention."""
        account = self.state.account(no)
        link = f'<a href="{self.account_url(account)}" class="u-url mention">@<span>{account.username}</span></a>'
        return f'<span class="h-card" translate="no">{link}</span>'

    def render_content(self, message: Message, segments: list[list[str]]) -> str:
        """The HTML of a status."""
        by_hand = {self.state.account_numbers[value] for kind, value in segments if kind == "m"}
        parts = [self.render_mention(account) + " " for account in self.list_inserted(message.no) if account not in by_hand]
        for kind, value in segments:
            if kind == "t":
                parts.append(html.escape(value, quote=True).replace("&#x27;", "&#39;").replace("\n\n", "</p><p>").replace("\n", "<br />"))
            elif kind == "m":
                parts.append(self.render_mention(self.state.account_numbers[value]))
            elif kind == "h":
                parts.append(f'<a href="https://{self.domain}/tags/{value}" class="mention hashtag" rel="tag">#<span>{value}</span></a>')
            else:
                shown = value.removeprefix("https://")
                parts.append(
                    f'<a href="{html.escape(value)}" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">https://</span>'
                    f'<span class="">{html.escape(shown)}</span><span class="invisible"></span></a>'
                )
        return f"<p>{''.join(parts)}</p>"

    def status_url(self, message: Message) -> tuple[str, str]:
        """(uri, url) of a status on its author's host."""
        author = self.state.account(message.author_no)
        return (
            f"https://{self.host_of(author)}/users/{author.first_username}/statuses/{message.post_id}",
            f"{self.account_url(author)}/{message.post_id}",
        )

    def render_status(self, no: int, asker: int = -1) -> bytes:
        """A Status entity, as a reader sees it."""
        key = ("status", no, 0 if asker < 0 else 2 if self.state.messages.author_no[no] == asker else 1)
        rendered: bytes = self.recall(key, lambda: self.build_status(no, asker))
        return rendered

    def render_quote(self, message: Message, asker: int, is_inner: bool) -> bytes:
        """The quote of a status; inside another quote it is an id only."""
        if message.quoted_no < 0:
            return b"null"
        if not self.state.stands(message.quoted_no):
            return dump({"state": "deleted", "quoted_status": None})
        if is_inner:
            return dump({"state": "accepted", "quoted_status_id": self.state.messages.post_id[message.quoted_no]})
        return compose({"state": "accepted"}, ("quoted_status", self.build_status(message.quoted_no, asker, is_inner=True)))

    def build_status(self, no: int, asker: int, is_inner: bool = False) -> bytes:
        """A Status entity, made anew."""
        state, message = self.state, self.state.message(no)
        author = state.account(message.author_no)
        is_remote = author.domain is not None
        uri, url = self.status_url(message)
        parent = message.parent_no
        media = []
        if message.has_media:
            file = f"https://{self.host_of(author)}/media/{message.post_id}.png"
            media = [
                {
                    "id": str(int(message.post_id) + 1),
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
        mentioned = [state.account(account) for account in self.list_mentioned(no)]
        head = {
            "id": message.post_id,
            "created_at": format_utc(message.created_at),
            "in_reply_to_id": state.messages.post_id[parent] if parent >= 0 else None,
            "in_reply_to_account_id": state.accounts.account_id[state.messages.author_no[parent]] if parent >= 0 else None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": message.visibility,
            "language": None if author.traits.get("language_unknown") else "en",
            "uri": uri,
            "url": url,
            "replies_count": int(state.reply_counts[no]),
            "reblogs_count": int(state.reshare_counts[no]),
            "favourites_count": int(state.like_counts[no]),
            "quotes_count": int(state.quote_counts[no]),
            "edited_at": format_utc(message.edited_at) if message.edited_at else None,
            "content": self.render_content(message, message.segments),
            "reblog": None,
            "application": None if is_remote else {"name": message.client or "Web", "website": None},
        }
        beside = {
            "media_attachments": media,
            "mentions": [
                {"id": one.account_id, "username": one.username, "url": self.account_url(one), "acct": self.account_acct(one)} for one in mentioned
            ],
            "tags": [{"name": tag.lower(), "url": f"https://{self.domain}/tags/{tag.lower()}"} for kind, tag in message.segments if kind == "h"],
            "emojis": [],
        }
        tail: dict[str, Any] = {"card": None, "poll": None}
        if asker >= 0:
            tail |= {"favourited": False, "reblogged": False, "muted": False, "bookmarked": False}
            if message.author_no == asker:
                tail["pinned"] = False
        return compose(
            head, ("account", self.render_account(message.author_no)), beside, ("quote", self.render_quote(message, asker, is_inner)), tail
        )

    def render_boost(self, row: int, asker: int) -> bytes:
        """The status a boost makes in its author's timeline; the boosted one must stand."""
        state, actor = self.state, self.state.account(int(self.state.reactions.actor_no[row]))
        message_no = int(state.reactions.message_no[row])
        message, number = state.message(message_no), int(self.state.number_boosts(np.array([row]))[0])
        author = state.account(message.author_no)
        uri = f"https://{self.host_of(actor)}/users/{actor.first_username}/statuses/{number}/activity"
        head = {
            "id": str(number),
            "created_at": format_utc(int(state.reactions.ts[row])),
            "in_reply_to_id": None,
            "in_reply_to_account_id": None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": message.visibility,
            "language": None if author.traits.get("language_unknown") else "en",
            "uri": uri,
            "url": uri,
            "replies_count": 0,
            "reblogs_count": 0,
            "favourites_count": 0,
            "quotes_count": 0,
            "edited_at": None,
            "content": self.render_content(message, message.segments),
        }
        tail: dict[str, Any] = {"media_attachments": [], "mentions": [], "tags": [], "emojis": [], "quote": None, "card": None, "poll": None}
        if asker >= 0:
            tail |= {"favourited": False, "reblogged": False, "muted": False, "bookmarked": False}
        inner = ("reblog", self.render_status(message_no, asker))
        return compose(head, inner, {"application": None}, ("account", self.render_account(actor.no)), tail)

    # -- paging ---------------------------------------------------------------------------------------------------

    def cut_page(self, request: Request, ids: Numbers, default: int) -> tuple[Numbers, dict[str, str]]:
        """A page of rows, given their ids in ascending order: which of them, newest first, by max_id, since_id and min_id, and the Link header;
        ``limit`` is capped at twice the default."""
        query, count = request.query_params, len(ids)
        limit = min(abs(read_integer(query.get("limit"), default)) or default, default * 2)
        oldest = max((read_integer(query[name], 0) for name in ("since_id", "min_id") if name in query), default=None)
        total = count - (int(np.searchsorted(ids, oldest, side="right")) if oldest is not None else 0)
        start = count - int(np.searchsorted(ids, read_integer(query["max_id"], 0), side="left")) if "max_id" in query else 0
        if "min_id" in query:
            start = max(start, total - limit)
        page = self.place_page(request, start, limit, total)
        if page.last <= page.first:
            return ids[:0], {}
        rows = count - 1 - np.arange(page.first, page.last)
        kept = [(k, v) for k, v in query.multi_items() if k not in ("max_id", "since_id", "min_id")]
        address = f"{str(request.base_url).rstrip('/')}{request.url.path}"
        links = []
        if page.is_cursor_repeated:
            links.append(f'<{address}?{urlencode([*kept, ("max_id", query.get("max_id", ids[rows[0]] + 1))])}>; rel="next"')
        elif page.after - start >= limit or page.after < total:
            links.append(f'<{address}?{urlencode([*kept, ("max_id", ids[count - page.after])])}>; rel="next"')
        links.append(f'<{address}?{urlencode([*kept, ("min_id", ids[rows[0]])])}>; rel="prev"')
        return rows, {"Link": ", ".join(links)}

    def answer_people(self, request: Request, people: Numbers, ids: Numbers) -> Response:
        """A page of accounts behind reactions: cut by the reactions' internal ids, then the hidden people drop out of the page."""
        rows, headers = self.cut_page(request, ids, 40)
        page = people[rows]
        return JSONAnswer(join(map(self.render_account, page[self.state.present[page]].tolist())), headers=headers)

    def answer_statuses(self, request: Request, messages: Numbers, asker: int) -> Response:
        """A page of statuses, given in the order of their ids."""
        rows, headers = self.cut_page(request, self.post_ids[messages], 20)
        return JSONAnswer(join(self.render_status(no, asker) for no in messages[rows].tolist()), headers=headers)

    def sort_messages(self, messages: Numbers, asker: int) -> Numbers:
        """Those of some messages that stand and are for this reader, in the order of their ids."""
        shown = messages[self.state.standing[messages] & (self.is_public[messages] | (self.state.messages.author_no[messages] == asker))]
        return shown[np.argsort(self.post_ids[shown], kind="stable")]

    # -- endpoints ------------------------------------------------------------------------------------------------

    def show_instance(self, request: Request) -> Response:
        """The server, version 1."""
        return JSONAnswer(
            {
                "uri": self.domain,
                "title": "Roast",
                "short_description": "A server for people who drink coffee.",
                "description": "",
                "email": f"admin@{self.domain}",
                "version": "4.5.2",
                "urls": {"streaming_api": f"wss://{self.domain}"},
                "stats": {"user_count": 61, "status_count": self.state.begun, "domain_count": 5},
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
        return JSONAnswer(
            {
                "domain": self.domain,
                "title": "Roast",
                "version": "4.5.2",
                "source_url": "https://source.example/mastodon",
                "description": "A server for people who drink coffee.",
                "usage": {"users": {"active_month": 48}},
                "thumbnail": {"url": f"https://{self.domain}/thumbnail.png"},
                "languages": ["en"],
                "configuration": {
                    "urls": {"streaming": f"wss://{self.domain}"},
                    "accounts": {"max_featured_tags": 10},
                    "statuses": {"max_characters": 500},
                },
                "registrations": {"enabled": False, "approval_required": False, "message": None},
                "api_versions": {"mastodon": 7},
                "contact": {"email": f"admin@{self.domain}", "account": None},
                "rules": [],
            }
        )

    def verify_credentials(self, request: Request) -> Response:
        """The account the token belongs to."""
        own = self.build_account(self.require_asker(request))
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
        self.find_asker(request)
        username, _, host = request.query_params.get("acct", "").lstrip("@").lower().partition("@")
        account = self.state.find_named(username, host if host and host != self.domain else None)
        if account is None or account.is_gone:
            raise not_found()
        return JSONAnswer(self.render_account(account.no))

    def show_account(self, request: Request) -> Response:
        """One account."""
        return JSONAnswer(self.render_account(self.get_account(request).no))

    def list_account_statuses(self, request: Request) -> Response:
        """An account's statuses, boosts included unless excluded."""
        account, query = self.get_account(request), request.query_params
        asker, state = self.find_asker(request), self.state
        is_on = {name: query.get(name, "") in ("true", "1") for name in ("exclude_reblogs", "exclude_replies", "only_media", "pinned")}
        if account.is_gone or is_on["pinned"]:
            return JSONAnswer(b"[]")
        key = ("timeline", account.no, account.no == asker, *is_on.values(), query.get("tagged", "").lower())

        def gather() -> tuple[Numbers, Numbers, Numbers]:
            messages = self.sort_messages(state.by_author.of(account.no), asker)
            if is_on["exclude_replies"]:
                parents = state.messages.parent_no[messages]
                messages = messages[(parents < 0) | (state.messages.author_no[parents] == account.no)]
            if is_on["only_media"]:
                messages = messages[state.messages.has_media[messages]]
            boosts = state.list_open(state.reshares_by, account.no)[:0]
            if query.get("tagged"):
                messages = messages[np.isin(messages, state.tagged.get(query["tagged"].lower(), messages[:0]))]
            elif not (is_on["exclude_reblogs"] or is_on["only_media"]):
                boosts = state.list_open(state.reshares_by, account.no)
                boosts = boosts[state.standing[state.reactions.message_no[boosts]]]
            ids = np.concatenate([self.post_ids[messages], state.number_boosts(boosts)])
            order = np.argsort(ids, kind="stable")
            is_boost = np.repeat([False, True], [len(messages), len(boosts)])
            return ids[order], np.concatenate([messages, boosts])[order], is_boost[order]

        ids, rows, are_boosts = self.recall(key, gather)
        page, headers = self.cut_page(request, ids, 20)
        shown = zip(rows[page].tolist(), are_boosts[page].tolist(), strict=True)
        return JSONAnswer(join(self.render_boost(row, asker) if boost else self.render_status(row, asker) for row, boost in shown), headers=headers)

    def answer_follows(self, request: Request, index: Index, people: Numbers) -> Response:
        """A page of whom an account follows, or who follows it; empty for one that hides it."""
        account = self.get_account(request)
        if account.is_gone or account.traits.get("hides_collections"):
            return JSONAnswer(b"[]")
        rows = self.recall(("follows", account.no, index is self.state.followers), lambda: self.state.list_open(index, account.no))
        return self.answer_people(request, people[rows], self.state.number_reactions(rows))

    def list_followers(self, request: Request) -> Response:
        """Who follows an account; empty for one that hides it."""
        return self.answer_follows(request, self.state.followers, self.state.reactions.actor_no)

    def list_following(self, request: Request) -> Response:
        """Whom an account follows; empty for one that hides it."""
        return self.answer_follows(request, self.state.following, self.state.reactions.target_no)

    def list_statuses(self, request: Request) -> Response:
        """Up to twenty statuses by id; those that are gone are simply not there."""
        ids = request.query_params.getlist("id[]") or request.query_params.getlist("id")
        if len(ids) > 20:
            raise PlatformError(422, {"error": "Validation failed: too many ids"})
        asker = self.find_asker(request)
        numbers = [self.state.message_numbers.get(post_id, -1) for post_id in dict.fromkeys(ids)]
        return JSONAnswer(join(self.render_status(no, asker) for no in numbers if self.state.stands(no) and self.may_see(no, asker)))

    @functools.cached_property
    def boosts(self) -> tuple[Numbers, Numbers]:
        """(ids in ascending order, rows) of all boosts there ever were."""
        rows = np.flatnonzero(self.state.reactions.kind.are("reshare"))
        ids = self.state.number_boosts(rows)
        order = np.argsort(ids, kind="stable")
        return ids[order], rows[order]

    def show_status(self, request: Request) -> Response:
        """One status, a boost included."""
        asker, wanted = self.find_asker(request), request.path_params["id"]
        message = self.state.find_message(wanted)
        if message is not None and self.may_see(message.no, asker):
            return JSONAnswer(self.render_status(message.no, asker))
        ids, rows = self.boosts
        place = int(np.searchsorted(ids, read_integer(wanted, -1)))
        if place < len(ids) and str(ids[place]) == wanted:
            row = int(rows[place])
            if self.state.reacting[row] and self.state.stands(int(self.state.reactions.message_no[row])):
                return JSONAnswer(self.render_boost(row, asker))
        raise not_found()

    def show_context(self, request: Request) -> Response:
        """Ancestors and descendants; a gone parent ends the chain up, and hides what hangs below it; anonymous readers see less."""
        message, asker, state = self.get_status(request), self.find_asker(request), self.state
        up, down, deepest = (4096, 4096, 4096) if asker >= 0 else (ANONYMOUS_ANCESTORS, ANONYMOUS_DESCENDANTS, ANONYMOUS_DEPTH)
        ancestors: list[int] = []
        above = message.parent_no
        while state.stands(above) and self.may_see(above, asker) and len(ancestors) < up:
            ancestors.append(above)
            above = int(state.messages.parent_no[above])
        descendants: list[int] = []
        waiting = [(no, 1) for no in reversed(state.list_standing(state.children, message.no).tolist())]
        while waiting and len(descendants) < down:
            no, depth = waiting.pop()
            if not self.may_see(no, asker):
                continue
            descendants.append(no)
            if depth < deepest:
                waiting += [(child, depth + 1) for child in reversed(state.list_standing(state.children, no).tolist())]
        return JSONAnswer(
            compose(
                ("ancestors", join(self.render_status(no, asker) for no in reversed(ancestors))),
                ("descendants", join(self.render_status(no, asker) for no in descendants)),
            )
        )

    def show_history(self, request: Request) -> Response:
        """All versions of a status, oldest first."""
        message = self.get_status(request)
        account = ("account", self.render_account(message.author_no))
        beside: dict[str, Any] = {"media_attachments": [], "emojis": []}
        return JSONAnswer(
            join(
                compose(
                    {
                        "content": self.render_content(message, segments),
                        "spoiler_text": "",
                        "sensitive": False,
                        "created_at": format_utc(ts),
                    },
                    account,
                    beside,
                )
                for ts, segments in message.versions
            )
        )

    def show_source(self, request: Request) -> Response:
        """The plain text of one's own status."""
        asker, message = self.require_asker(request), self.get_status(request)
        if message.author_no != asker:
            raise PlatformError(403, {"error": "This action is not allowed"})
        names = {value: self.account_acct(self.state.account(self.state.account_numbers[value])) for kind, value in message.segments if kind == "m"}
        text = "".join({"t": value, "h": "#" + value, "u": value}.get(kind) or "@" + names[value] for kind, value in message.segments)
        return JSONAnswer({"id": message.post_id, "text": text, "spoiler_text": ""})

    def list_favourited_by(self, request: Request) -> Response:
        """Who likes a status; no times here."""
        rows = self.state.list_open(self.state.likes, self.get_status(request).no)
        return self.answer_people(request, self.state.reactions.actor_no[rows], self.state.number_reactions(rows))

    def list_reblogged_by(self, request: Request) -> Response:
        """Who boosted a status; no times here."""
        rows = self.state.list_open(self.state.reshares, self.get_status(request).no)
        ids = self.state.number_boosts(rows)
        order = np.argsort(ids, kind="stable")
        return self.answer_people(request, self.state.reactions.actor_no[rows][order], ids[order])

    def list_quotes(self, request: Request) -> Response:
        """The statuses that quote a status."""
        asker = self.find_asker(request)
        return self.answer_statuses(request, self.sort_messages(self.state.quotes.of(self.get_status(request).no), asker), asker)

    def list_tagged(self, request: Request) -> Response:
        """Public statuses with a hashtag."""
        asker, wanted = self.find_asker(request), request.path_params["tag"].lower()

        def gather() -> Numbers:
            messages = self.state.tagged.get(wanted, np.zeros(0, dtype=np.int64))
            return self.sort_messages(messages[self.state.messages.visibility.are("public")[messages]], -1)

        return self.answer_statuses(request, self.recall(("tag", wanted), gather), asker)

    # -- notifications --------------------------------------------------------------------------------------------

    def gather_notices(self, account: int) -> Notices:
        """All that an account is ever notified of: who mentions it (an inserted mention is one), quotes, favourites, boosts, follows it."""
        state, messages, reactions = self.state, self.state.messages, self.state.reactions
        others = messages.author_no != account
        is_named = np.zeros(messages.size, dtype=bool)
        is_named[state.mentions.message_no[state.naming.of(account)]] = True
        # Who wrote or was named anywhere above is inserted: halve the way up to the first message until all is seen.
        involved, above = is_named | ~others, messages.parent_no.copy()
        is_inserted = np.zeros(messages.size, dtype=bool)
        while (below := np.flatnonzero(above >= 0)).size:
            is_inserted[below] |= involved[above[below]]
            involved = involved | is_inserted
            above[below] = above[above[below]]
        mentions = np.flatnonzero((is_named | is_inserted) & others)
        quotes = np.flatnonzero((messages.quoted_no >= 0) & others)
        quotes = quotes[messages.author_no[messages.quoted_no[quotes]] == account]
        on_own = (reactions.message_no >= 0) & (reactions.actor_no != account)
        on_own[on_own] = messages.author_no[reactions.message_no[on_own]] == account
        likes, boosts = np.flatnonzero(on_own & reactions.kind.are("like")), np.flatnonzero(on_own & reactions.kind.are("reshare"))
        follows = state.followers.of(account)
        follows = follows[(reactions.ts[follows] > self.head.start) & (reactions.actor_no[follows] != account)]
        parts = []
        for kind, rows in enumerate((mentions, quotes, likes, boosts, follows)):
            source = messages if kind < 2 else reactions
            times, actors = source.visible_at[rows], (messages.author_no if kind < 2 else reactions.actor_no)[rows]
            about = rows if kind < 2 else reactions.message_no[rows]
            # Grows with time, and is the same whatever else comes or goes.
            ids = (1_000_000 + times - self.head.start) * 8192 + (rows % 1024) * 8 + kind
            parts.append((ids, np.full(len(rows), kind), times, actors, about, rows if kind > 1 else np.full(len(rows), -1)))
        whole = Notices(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        return whole.take(np.argsort(whole.ids, kind="stable"))

    def list_standing_notices(self, account: int) -> Notices:
        """What an account is notified of at this moment."""
        if account not in self.notices:
            self.notices[account] = self.gather_notices(account)
        notices, state = self.notices[account], self.state
        shown = (notices.messages < 0) | state.standing[notices.messages]
        shown &= (notices.reactions < 0) | state.reacting[notices.reactions]
        quoted = state.messages.quoted_no[notices.messages]
        shown &= (notices.kinds != NOTICES.index("quote")) | state.standing[quoted]
        return notices.take(np.flatnonzero(shown))

    def list_notifications(self, request: Request) -> Response:
        """What happened to the account: mentions, favourites, reblogs, follows, quotes; this is where likes have times."""
        asker, query = self.require_asker(request), request.query_params
        types, excluded = query.getlist("types[]"), query.getlist("exclude_types[]")
        wanted = [name for name in NOTICES if (not types or name in types) and name not in excluded]

        def gather() -> Notices:
            notices = self.list_standing_notices(asker)
            chosen = np.isin(notices.kinds, [NOTICES.index(name) for name in wanted])
            if "account_id" in query:
                chosen &= notices.actors == self.state.account_numbers.get(query["account_id"], -1)
            return notices.take(np.flatnonzero(chosen))

        notices: Notices = self.recall(("notices", asker, tuple(wanted), query.get("account_id")), gather)
        rows, headers = self.cut_page(request, notices.ids, 40)
        rendered = []
        for number, kind, ts, actor, message in zip(
            *(column[rows].tolist() for column in (notices.ids, notices.kinds, notices.times, notices.actors, notices.messages)), strict=True
        ):
            head = b'{"id":"%d","type":"%s","created_at":"%s","group_key":"ungrouped-%d","account":%s' % (
                number, NOTICES[kind].encode(), format_utc(ts).encode(), number, self.render_account(actor),
            )  # fmt: skip
            rendered.append(head + (b',"status":%s}' % self.render_status(message, asker) if message >= 0 else b"}"))
        return JSONAnswer(join(rendered), headers=headers)
