"""What is asked: all that the connectors send, and what a careful client may meet.

Ledger + Epilogue (names of what was told) -> Question…

The demo is filled with the same ids, so one list serves both sides. A question's name is a sentence about it; allowances refer to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from string import Formatter
from typing import Any

from fifty.connectors import base
from fifty.connectors.bluesky import CONNECTOR as BLUESKY
from fifty.connectors.wordpress import CONNECTOR as WORDPRESS
from tests.acceptance.contract.answers import TAG_BEFORE, Question, Service
from tests.acceptance.contract.epilogue import BRAND, Epilogue
from tests.acceptance.ledger import Ledger

API = "wp-json/wp/v2"
Parameters = tuple[tuple[str, str], ...]
LOGINS_ALLOWED = 30


def list_questions(ledger: Ledger, epilogue: Epilogue) -> list[Question]:
    """Every question, those that use up a limit last."""
    questions = [
        *_ask_as_connectors(ledger, epilogue),
        *_ask_wordpress(ledger, epilogue),
        *_ask_bluesky(ledger, epilogue),
        *_ask_for_sessions(ledger),
    ]
    names = [question.name for question in questions]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"asked twice: {', '.join(sorted(twice))}")
    return questions


# What the connectors send ------------------------------------------------------------------------------------------


def _ask_as_connectors(ledger: Ledger, epilogue: Epilogue) -> Iterator[Question]:
    """Every stream of both connectors with its own parameters, once whole and once in small pages."""
    messages, today = ledger.messages, ledger.day
    did = str(ledger.accounts[BRAND].account_id)
    window = {"since": f"{today - timedelta(days=30)}T00:00:00.000Z", "until": f"{today + timedelta(days=1)}T00:00:00.000Z"}
    # The network on loopback searches without heeding times: a window that holds everything is answered alike.
    whole = window | {"since": f"{today - timedelta(days=100)}T00:00:00.000Z"}
    bluesky_posts = [messages[key].message_id for key in ("roast", "machine", "harbour", "contest", "sunday", "ana-3")]
    known = [messages[key].message_id for key in ("roast", "brand-quinn-2", "elif-1", "rain")]
    places: dict[str, list[dict[str, Any]]] = {
        "wordpress": [
            window | {"ids": [str(epilogue.posts["tagged"]), str(epilogue.posts["trashed"]), str(epilogue.posts["scheduled"])], "post_id": post}
            for post in (str(epilogue.posts["tagged"]), messages["blog-order"].message_id)
        ],
        "bluesky": [
            whole | {"handle": ledger.accounts[BRAND].handle, "account_id": did, "term": "coffee", "ids": ids, "post_id": post}
            for post in bluesky_posts
            for ids in [known]
        ],
    }
    for connector, services in ((WORDPRESS, ("wordpress", "wordpress")), (BLUESKY, ("appview", "pds"))):
        for stream in connector.streams:
            service: Service = services[stream.server == "auth"]  # type: ignore[assignment]
            seen: set[Parameters] = set()
            for place in places[connector.platform]:
                if stream.asks == "person":
                    place = place | {"ids": [str(ledger.accounts[name].account_id) for name in ("ana", "elif", "omar", "wim", "zeno")]}
                parameters = _fill(stream, place)
                if parameters in seen:
                    continue
                seen.add(parameters)
                yield from _ask_stream(connector.platform, stream, service, parameters, len(seen))


def _ask_stream(platform: str, stream: base.Stream, service: Service, parameters: Parameters, number: int) -> Iterator[Question]:
    size_name = "per_page" if service == "wordpress" else "limit"
    paging = {"page_number": "page", "cursor": "cursor"}.get(stream.paging or "")
    whole = Question(
        service,
        f"stream {platform}.{stream.name} {number}",
        stream.path,
        parameters,
        who="session" if stream.needs_credential else "nobody",
        paging=paging,  # type: ignore[arg-type]
    )
    yield whole
    if stream.credential_params:
        edit = (*parameters, *stream.credential_params.items())
        yield Question(
            service, f"stream {platform}.{stream.name} {number} with a credential", stream.path, edit, who="administrator", paging=whole.paging
        )
    if paging and number == 1:
        small = tuple((name, "7" if name == size_name else value) for name, value in parameters)
        yield Question(service, f"stream {platform}.{stream.name} in small pages", stream.path, small, who=whole.who, paging=whole.paging)


def _fill(stream: base.Stream, place: dict[str, Any]) -> Parameters:
    pairs: list[tuple[str, str]] = []
    for name, template in stream.params.items():
        fields = {field for _, field, _, _ in Formatter().parse(template) if field}
        if fields == {"ids"}:
            pairs += [(name, value) for value in place["ids"]]
        else:
            pairs.append((name, template.format(**place, ids_joined=",".join(place["ids"]))))
    return tuple(pairs)


# WordPress -----------------------------------------------------------------------------------------------------------


def _ask_wordpress(ledger: Ledger, epilogue: Epilogue) -> Iterator[Question]:
    tagged = str(epilogue.posts["tagged"])
    mara = str(ledger.accounts["mara"].account_id)
    vera = str(ledger.accounts["vera"].account_id)
    since = f"{ledger.day - timedelta(days=40)}T00:00:00"

    def ask(name: str, path: str, /, who: str = "nobody", paging: str | None = None, method: str = "GET", **parameters: str) -> Question:
        pairs = tuple((key.rstrip("_"), value) for key, value in parameters.items())
        return Question("wordpress", name, path, pairs, method, who, paging=paging)  # type: ignore[arg-type]

    posts, comments, users, tags = (f"{API}/{name}" for name in ("posts", "comments", "users", "tags"))
    # Whole lists and single things.
    yield ask("posts as they come", posts)
    yield ask("comments as they come", comments, paging="page")
    yield ask("users as they come", users)
    yield ask("tags as they come", tags)
    yield ask("one post", f"{posts}/{tagged}")
    yield ask("one post with all embedded", f"{posts}/{tagged}", _embed="1")
    yield ask("one post in the embed view", f"{posts}/{tagged}", context="embed")
    yield ask("one post with few fields", f"{posts}/{tagged}", _fields="id,title.rendered,_links.self")
    yield ask("an edited post", f"{posts}/{epilogue.posts['edited']}")
    yield ask("one user", f"{users}/{mara}")
    yield ask("one tag", f"{tags}/{next(iter(epilogue.tags.values()))}")
    for name in ("hostile", "below-trashed", "below-deleted"):
        yield ask(f"comment {name}", f"{comments}/{epilogue.comments[name]}")
    yield ask("comment in the embed view", f"{comments}/{epilogue.comments['hostile']}", context="embed")
    yield ask("an edited comment", f"{comments}/{ledger.messages['wanda-2'].message_id}")
    # Page sizes and ends.
    for size in ("1", "100", "101", "0", "-1", "many", ""):
        for path, what in ((posts, "posts"), (comments, "comments")):
            yield ask(f"{what} with per_page={size or 'nothing'}", path, per_page=size)
    for path, what in ((posts, "posts"), (comments, "comments"), (users, "users"), (tags, "tags")):
        yield ask(f"{what}, page past the end", path, page="99")
        yield ask(f"{what}, page zero", path, page="0")
        yield ask(f"{what}, the second page", path, page="2", per_page="2")
    for path, what in ((posts, "posts"), (comments, "comments")):
        yield ask(f"{what}, offset past the end", path, offset="999")
        yield ask(f"{what}, an offset", path, offset="3", per_page="2")
        yield ask(f"{what}, an offset below zero", path, offset="-1")
    # Orders and filters.
    for order in ("date", "modified", "id", "slug", "title", "author", "relevance", "nonsense"):
        # What has the same author is in no order of its own.
        yield ask(f"posts ordered by {order}", posts, orderby=order, _fields="author" if order == "author" else "id")
    for order in ("date", "date_gmt", "id", "post", "parent", "type", "nonsense"):
        yield ask(f"comments ordered by {order}", comments, orderby=order, _fields="id")
    for order in ("id", "name", "slug", "registered_date", "email", "nonsense"):
        yield ask(f"users ordered by {order}", users, orderby=order, _fields="id")
    yield ask("users by registration with rights", users, who="administrator", orderby="registered_date", context="edit", _fields="id")
    yield ask("posts upwards", posts, order="asc", _fields="id")
    yield ask("posts sideways", posts, order="sideways")
    yield ask("posts included, in that order", posts, include=f"{tagged},{ledger.messages['blog-farm'].message_id}", orderby="include", _fields="id")
    yield ask("posts included as a list", posts, **{"include[]": tagged})
    yield ask("posts excluded", posts, exclude=tagged, _fields="id")
    yield ask("posts included that is no number", posts, include="one,two")
    yield ask("posts of an author", posts, author=mara, _fields="id,author")
    yield ask("posts with a tag", posts, tags=str(next(iter(epilogue.tags.values()))), _fields="id")
    yield ask("posts by slug", posts, slug="our-christmas-blend", _fields="id,slug")
    yield ask("posts by status without rights", posts, status="draft")
    yield ask("posts by status with rights", posts, who="administrator", status="future", context="edit", _fields="id,status")
    for name in ("after", "before", "modified_after", "modified_before"):
        yield ask(f"posts {name}", posts, _fields="id", **{name: since})
        yield ask(f"posts {name} in UTC", posts, _fields="id", **{name: f"{since}Z"})
        yield ask(f"posts {name} nonsense", posts, **{name: "yesterday"})
    for name in ("after", "before"):
        yield ask(f"comments {name}", comments, _fields="id", per_page="50", **{name: since})
        yield ask(f"comments {name} in UTC", comments, _fields="id", per_page="50", **{name: f"{since}.000Z"})
        yield ask(f"comments {name} nonsense", comments, **{name: "yesterday"})
    yield ask("posts found", posts, search="grinder", _fields="id")
    yield ask("posts not found", posts, search="submarine")
    yield ask("comments found", comments, search="rice", _fields="id")
    yield ask("comments of a post", comments, post=tagged, paging="page", per_page="3")
    yield ask("comments of several posts", comments, post=f"{tagged},{ledger.messages['blog-order'].message_id}", _fields="id,post")
    yield ask("comments of a post that never was", comments, post="999999")
    yield ask("comments of a trashed post", comments, post=str(epilogue.posts["trashed"]))
    yield ask("comments of a deleted post", comments, post=str(epilogue.posts["deleted"]))
    yield ask("comments of a scheduled post", comments, post=str(epilogue.posts["scheduled"]))
    yield ask("comments below a comment", comments, parent=ledger.messages["anton-1"].message_id, _fields="id,parent")
    yield ask("comments of a registered author", comments, author=vera)
    yield ask("comments of a registered author with rights", comments, who="administrator", author=vera, _fields="id")
    yield ask("comments by e-mail without rights", comments, author_email="wanda@example.test")
    yield ask("comments by e-mail with rights", comments, who="administrator", author_email="wanda@example.test", _fields="id,author_name")
    yield ask("held comments without rights", comments, status="hold")
    yield ask("held comments with rights", comments, who="administrator", status="hold", context="edit")
    yield ask("trashed comments with rights", comments, who="administrator", status="trash", context="edit", _fields="id,status")
    # What is gone, and what never was.
    for name in ("trashed", "deleted", "scheduled"):
        yield ask(f"a {name} post", f"{posts}/{epilogue.posts[name]}")
        yield ask(f"a {name} post with rights", f"{posts}/{epilogue.posts[name]}", who="administrator", _fields="id,status")
    for name in ("trashed-parent", "deleted-parent", "held", "on-trashed", "on-deleted"):
        yield ask(f"comment {name}", f"{comments}/{epilogue.comments[name]}")
    yield ask("comment trashed-parent with rights", f"{comments}/{epilogue.comments['trashed-parent']}", who="administrator", context="edit")
    for path, what in ((posts, "post"), (comments, "comment"), (users, "user"), (tags, "tag")):
        yield ask(f"a {what} that never was", f"{path}/999999")
        yield ask(f"a {what} without a number", f"{path}/first")
    yield ask("a user who writes no posts", f"{users}/{vera}")
    yield ask("a user who writes no posts, with rights", f"{users}/{vera}", who="administrator")
    # Rights.
    for path, what in ((posts, "posts"), (comments, "comments"), (users, "users")):
        yield ask(f"{what} to edit without rights", path, context="edit")
        yield ask(f"{what} with a wrong password", path, who="wrong password")
        yield ask(f"{what} with an unknown user", path, who="unknown user")
        yield ask(f"{what} with a broken credential", path, who="broken credential")
        yield ask(f"{what} in an unknown view", path, context="naked")
    yield ask("one post to edit without rights", f"{posts}/{tagged}", context="edit")
    yield ask("one post to edit", f"{posts}/{tagged}", who="administrator", context="edit")
    yield ask("one comment to edit without rights", f"{comments}/{epilogue.comments['hostile']}", context="edit")
    yield ask("one comment to edit", f"{comments}/{epilogue.comments['hostile']}", who="administrator", context="edit")
    yield ask("one user to edit without rights", f"{users}/{mara}", context="edit")
    yield ask("me without a credential", f"{users}/me")
    yield ask("me with a wrong password", f"{users}/me", who="wrong password")
    yield ask("me", f"{users}/me", who="administrator")
    yield ask("me to edit", f"{users}/me", who="administrator", context="edit")
    # Other methods and routes.
    for path, what in ((posts, "posts"), (f"{posts}/{tagged}", "one post"), (f"{comments}/999999", "a comment that never was")):
        yield ask(f"head of {what}", path, method="HEAD")
    yield ask("an unknown route", f"{API}/likes")
    yield ask("an unknown namespace", "wp-json/wp/v9/posts")
    yield ask("a comment with a method that is none", f"{comments}/1", method="PROPFIND")
    yield Question(
        "wordpress",
        "conditional posts",
        posts,
        (("_fields", "id"),),
        headers={"If-None-Match": '"abc"', "If-Modified-Since": "Wed, 01 Jan 2025 00:00:00 GMT"},
    )


# Bluesky -------------------------------------------------------------------------------------------------------------


def _ask_bluesky(ledger: Ledger, epilogue: Epilogue) -> Iterator[Question]:
    did = str(ledger.accounts[BRAND].account_id)
    handle = ledger.accounts[BRAND].handle
    roast = ledger.messages["roast"].message_id
    told = {name: message.message_id for name, message in epilogue.messages.items()}
    people = {name: str(ledger.accounts[name].account_id) for name in ("ana", "elif", "omar", "pia", "rita", "wim", "zeno", "jule", "kemal")}

    def ask(
        name: str, method: str, /, who: str = "nobody", service: Service = "appview", verb: str = "GET", paging: str | None = None, **parameters: Any
    ) -> Question:
        pairs = tuple((key.rstrip("_"), each) for key, value in parameters.items() for each in (value if isinstance(value, list) else [value]))
        return Question(service, name, f"xrpc/{method}", pairs, verb, who, paging=paging)  # type: ignore[arg-type]

    profile, profiles = "app.bsky.actor.getProfile", "app.bsky.actor.getProfiles"
    feed, thread, posts = "app.bsky.feed.getAuthorFeed", "app.bsky.feed.getPostThread", "app.bsky.feed.getPosts"
    likes, reposts, quotes = "app.bsky.feed.getLikes", "app.bsky.feed.getRepostedBy", "app.bsky.feed.getQuotes"
    followers, follows, search = "app.bsky.graph.getFollowers", "app.bsky.graph.getFollows", "app.bsky.feed.searchPosts"
    notifications, resolve = "app.bsky.notification.listNotifications", "com.atproto.identity.resolveHandle"
    # People, there and gone.
    for name, key in people.items():
        yield ask(f"profile of {name}", profile, actor=key)
    yield ask("profile by handle", profile, actor=handle)
    yield ask("profile by handle in capitals", profile, actor=handle.upper())
    yield ask("profile by a new handle", profile, actor=ledger.accounts["wim"].handle)
    yield ask("profile by an old handle", profile, actor="wim.test")
    yield ask("profile of nobody", profile, actor="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
    yield ask("profile by a handle of nobody", profile, actor="nobody-at-all.test")
    yield ask("profile by nonsense", profile, actor="no handle at all")
    yield ask("profile without an actor", profile)
    yield ask("profiles", profiles, actors=[*people.values(), "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", handle])
    yield ask("profiles without actors", profiles)
    yield ask("too many profiles", profiles, actors=[did] * 26)
    yield ask("resolve a handle", resolve, handle=handle)
    yield ask("resolve a handle of nobody", resolve, handle="nobody-at-all.test")
    yield ask("resolve nothing", resolve)
    # Feeds.
    for name in ("posts_with_replies", "posts_no_replies", "posts_with_media", "posts_and_author_threads", "posts_with_video", "nonsense"):
        yield ask(f"feed with filter {name}", feed, actor=did, filter=name, limit="20")
    for name in ("ana", "elif", "omar", "pia", "rita", "wim", "zeno", "kemal"):
        yield ask(f"feed of {name}", feed, actor=people[name])
    yield ask("feed by handle", feed, actor=handle, limit="2")
    yield ask("feed of nobody", feed, actor="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
    yield ask("feed without an actor", feed)
    # Threads.
    for name in ("roast", "grinder", "harbour", "brand-ana-1", "decaf", "register", "tasting", "sunday", "quinn-2"):
        yield ask(f"thread of {name}", thread, uri=ledger.messages[name].message_id)
    for name in ("picture", "deep-3", "quoting", "quoting-omar", "omar-says", "pia-says", "to-be-quoted", "ahead", "link"):
        yield ask(f"thread of {name}", thread, uri=told[name])
    yield ask("thread of a deleted message", thread, uri=ledger.messages["brand-ivan-1"].message_id)
    yield ask("thread below a deleted message", thread, uri=ledger.messages["ivan-2"].message_id)
    yield ask("thread of somebody who left", thread, uri=ledger.messages["elif-1"].message_id)
    yield ask("thread, nothing below", thread, uri=told["picture"], depth="0")
    yield ask("thread, one below", thread, uri=told["picture"], depth="1")
    yield ask("thread, one above", thread, uri=told["deep-3"], parentHeight="1")
    yield ask("thread, none above", thread, uri=told["deep-3"], parentHeight="0")
    yield ask("thread by handle", thread, uri=roast.replace(did, handle), depth="0")
    yield ask("thread too deep", thread, uri=roast, depth="1001")
    yield ask("thread below zero", thread, uri=roast, depth="-1")
    yield ask("thread of what never was", thread, uri=f"at://{did}/app.bsky.feed.post/3jzfcijpj2z2a")
    yield ask("thread of nonsense", thread, uri="nonsense")
    yield ask("thread of nothing", thread)
    # Posts, and who is behind them.
    shown = ["picture", "link", "micro", "second", "offset", "ahead", "quoting", "quoting-omar", "omar-says", "pia-says", "to-be-quoted"]
    yield ask(
        "posts", posts, uris=[told[name] for name in shown] + [roast, ledger.messages["rosa-quote"].message_id, ledger.messages["cleo-1"].message_id]
    )
    yield ask("posts without addresses", posts)
    yield ask("too many posts", posts, uris=[roast] * 26)
    yield ask("posts by nonsense", posts, uris=["nonsense"])
    for what, method in (("likes", likes), ("reposts", reposts), ("quotes", quotes)):
        yield ask(f"{what} of a deleted message", method, uri=told["to-be-quoted"])
        yield ask(f"{what} of what never was", method, uri=f"at://{did}/app.bsky.feed.post/3jzfcijpj2z2a")
        yield ask(f"{what} of nonsense", method, uri="nonsense")
        yield ask(f"{what} of nothing", method)
        yield ask(f"{what} of somebody who is suspended", method, uri=told["omar-says"])
        yield ask(f"{what} one at a time", method, uri=ledger.messages["harbour"].message_id, limit="1", paging="cursor")
    for what, method in (("followers", followers), ("follows", follows)):
        yield ask(f"{what} of the brand", method, actor=did, paging="cursor", limit="5")
        yield ask(f"{what} of somebody who left", method, actor=people["elif"])
        yield ask(f"{what} of somebody suspended", method, actor=people["omar"])
        yield ask(f"{what} of nobody", method, actor="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
        yield ask(f"{what} of somebody without any", method, actor=people["zeno"])
        yield ask(f"{what} without an actor", method)
    # Limits and cursors.
    for what, method, subject in (
        ("feed", feed, {"actor": did}),
        ("likes", likes, {"uri": roast}),
        ("followers", followers, {"actor": did}),
        ("search", search, {"q": "coffee"}),
    ):
        for limit in ("100", "101", "0", "-1", "many", ""):
            yield ask(f"{what} with limit={limit or 'nothing'}", method, limit=limit, **subject)
        yield ask(f"{what} with a bad cursor", method, cursor="nonsense", **subject)
        yield ask(f"{what} with an empty cursor", method, cursor="", **subject)
    # Searches. The network on loopback looks for the text as it stands, within words and with its capitals; a few small letters it finds as others do.
    yield ask("search", search, q="brand-new nothing")
    yield ask("search for a word", search, q="water")
    yield ask("search newest first", search, q="er", sort="latest", limit="5", paging="cursor")
    yield ask("search without a query", search)
    yield ask("search sorted oddly", search, q="er", sort="oddly")
    # Through the PDS: with a session, without, with a bad one.
    for who in ("nobody", "session", "expired session", "foreign session", "no token at all", "refresh token"):
        yield ask(f"notifications as {who}", notifications, service="pds", who=who, limit="3")
    yield ask("notifications on the AppView", notifications, limit="3")
    yield ask("notifications to the end", notifications, service="pds", who="session", limit="40", paging="cursor")
    yield ask("notifications of two reasons", notifications, service="pds", who="session", reasons=["mention", "follow"])
    yield ask("notifications with limit=101", notifications, service="pds", who="session", limit="101")
    yield ask("notifications with a bad cursor", notifications, service="pds", who="session", cursor="nonsense")
    yield ask("profile through the PDS", profile, service="pds", who="session", actor=people["ana"])
    yield ask("profile through the PDS without a session", profile, service="pds", actor=people["ana"])
    yield ask("likes through the PDS", likes, service="pds", who="session", uri=roast, limit="3")
    yield ask("resolve a handle at the PDS", resolve, service="pds", handle=handle)
    # Other methods and routes.
    for service in ("appview", "pds"):
        yield ask(f"health of the {service}", "_health", service=service)
        yield ask(f"an unknown method at the {service}", "app.bsky.feed.getNonsense", service=service)
        yield ask(f"a write where one reads, at the {service}", profile, service=service, verb="POST")
    yield ask("head of a profile", profile, verb="HEAD", actor=did)
    yield ask("head of an unknown profile", profile, verb="HEAD", actor="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
    yield Question("appview", "conditional profile, changed", f"xrpc/{profile}", (("actor", did),), headers={"If-None-Match": 'W/"abc"'})
    yield Question("appview", "conditional profile, unchanged", f"xrpc/{profile}", (("actor", did),), headers={"If-None-Match": TAG_BEFORE}, times=2)
    yield Question("appview", "an unknown page", "nowhere")


def _ask_for_sessions(ledger: Ledger) -> Iterator[Question]:
    """Logging in and its limit; the failing ones count too, so the last question comes last."""

    def ask(name: str, method: str, body: Any = None, verb: str = "POST", who: str = "nobody", **more: Any) -> Question:
        return Question("pds", name, f"xrpc/com.atproto.server.{method}", method=verb, who=who, body=body, **more)

    handle = ledger.accounts[BRAND].handle
    right = {"identifier": handle, "password": "secret of app password"}
    yield ask("session", "createSession", right)
    yield ask("session by did", "createSession", right | {"identifier": str(ledger.accounts[BRAND].account_id)})
    yield ask("session with a wrong password", "createSession", right | {"password": "abcd-efgh-ijkl-mnop"})
    yield ask("session of nobody", "createSession", {"identifier": "nobody-at-all.test", "password": "abcd-efgh-ijkl-mnop"})
    yield ask("session without a password", "createSession", {"identifier": handle})
    yield ask("session without a body", "createSession")
    yield ask("session with a broken body", "createSession", b'{"identifier": ')
    yield ask("session of another content type", "createSession", b"identifier=a", headers={"Content-Type": "text/plain"})
    yield ask("session with the wrong verb", "createSession", verb="GET")
    yield ask("session seen", "getSession", verb="GET", who="session")
    yield ask("session seen without a token", "getSession", verb="GET")
    yield ask("session renewed", "refreshSession", who="refresh token")
    yield ask("session renewed without a token", "refreshSession")
    yield ask("session renewed with an access token", "refreshSession", who="session")
    yield ask("session renewed with nonsense", "refreshSession", who="no token at all")
    yield ask("server described", "describeServer", verb="GET")
    yield ask("one session too many", "createSession", {"identifier": "limited.test", "password": "abcd-efgh-ijkl-mnop"}, times=LOGINS_ALLOWED + 1)
