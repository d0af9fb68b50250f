"""What the mappings of the platforms make of items: the columns they promise, their decisions, and where a changed type is refused."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fifty import land, shapes, warehouse
from fifty.connectors.base import Connector, Stream, discover_connectors
from fifty.landing import LoadKey, LoadWriter, ScopeRead, Window
from fifty.settings import Settings

CONNECTORS = discover_connectors()
PLATFORMS = [pytest.param(connector, id=connector.platform) for connector in CONNECTORS.values()]

# Columns that some sample must fill, by platform and table. What is not named here the platform does not tell.
PROMISED = {
    "wordpress": {
        "accounts": "account_id handle display_name profile_url",
        "posts": "post_id author_account_id kind parent_post_id root_post_id text url media_type link_urls created_at",
    },
    "bluesky": {
        "accounts": "account_id handle display_name profile_url bio created_at is_automated follower_count following_count post_count attributes",
        "posts": "post_id author_account_id kind parent_post_id root_post_id text language url media_type hashtags link_urls mentioned_account_ids created_at",
        "interactions": "interaction_id kind actor_account_id target_account_id post_id occurred_at",
        "post_metrics": "post_id measured_at like_count reply_count reshare_count quote_count",
        "account_metrics": "account_id measured_at follower_count following_count post_count",
    },
    "mastodon": {
        "accounts": "account_id handle display_name profile_url bio created_at is_automated is_protected follower_count following_count post_count attributes",
        "posts": "post_id author_account_id kind parent_post_id text language url media_type hashtags link_urls mentioned_account_ids created_at attributes",
        "interactions": "interaction_id kind actor_account_id target_account_id post_id occurred_at",
        "post_metrics": "post_id measured_at like_count reply_count reshare_count",
        "account_metrics": "account_id measured_at follower_count following_count post_count",
    },
    "business": {
        "campaigns": "campaign_id campaign_name starts_at ends_at is_incentivised is_promotional hashtags",
        "costs": "cost_id incurred_at channel cost_kind amount currency",
        "conversions": "conversion_id person_ref occurred_at conversion_kind amount currency",
        "referrals": "referral_id referrer_ref prospect_ref referred_at arm is_rewarded",
        "labels": "entity entity_id label value labelled_by labelled_at",
        "person_facts": "person_ref fact value source basis purpose collected_at",
        "outreach": "outreach_id person_ref contacted_by contacted_at channel",
    },
    "config": {"config_accounts": "account_platform handle role answers_for_brand", "config_settings": "name value"},
    "fifty": {
        "published_history": "history subject_id period_date series revision cause stage living_count living_weighted conversing_count engaged_count strength"
        " exchange_day_count is_living said_as_of_date"
    },
}


def find_stream(connector: Connector, name: str) -> Stream:
    return next(stream for stream in connector.streams if stream.name == name)


class Bench:
    """Lands items of real streams in a directory of its own."""

    def __init__(self, data: Path) -> None:
        self.settings = Settings(data=data, _env_file=None)  # type: ignore[call-arg]
        self.paths = warehouse.BrandPaths(data, "brand")
        self.account_id = "77"

    def write(self, platform: str, stream: str, lines: list[tuple[dict[str, Any], Any]]) -> None:
        kind = find_stream(CONNECTORS[platform], stream).kind
        key = LoadKey("brand", platform, self.account_id, stream, Window(None, datetime(2026, 11, 23, tzinfo=UTC)))
        with LoadWriter(self.settings.data, key, kind=kind) as writer:
            for scope, item in lines:
                writer.write(scope, 1, [item])
            writer.finish(scopes=[ScopeRead({}, "listing", "x", None, True, len(lines))], next_state={})

    def land(self) -> land.LandResult:
        result = land.run_land(self.paths, self.settings, run_id="run")
        assert result.failures == []
        return result

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.paths.warehouse), read_only=True) as reader:
            return reader.execute(sql).fetchall()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def read_samples(connector: Connector, stream: Stream) -> list[tuple[dict[str, Any], Any]]:
    text = (connector.folder / "samples" / f"{stream.name}.jsonl").read_text(encoding="utf-8")
    return [(line["scope"], line["item"]) for line in map(json.loads, text.splitlines())]


@pytest.mark.parametrize("connector", PLATFORMS)
def test_samples_fill_every_promised_column(connector: Connector, bench: Bench) -> None:
    for stream in connector.streams:
        bench.write(connector.platform, stream.name, read_samples(connector, stream))
    assert bench.land().quarantined_count == 0
    empty = []
    for table, columns in PROMISED[connector.platform].items():
        for column in columns.split():
            [(filled,)] = bench.read(f'select count("{column}") from staging.{table}')
            if not filled:
                empty.append(f"{table}.{column}")
    assert empty == []


def list_broken(plan: land.StreamPlan, items: list[Any]) -> Iterator[tuple[str, Any]]:
    """(path, item) for each leaf the mapping reads that some sample has: an object or a number in its place."""
    for path, leaf in shapes.list_leaves(plan.node):
        if leaf.word == "json":
            continue
        for item in items:
            broken = copy.deepcopy(item)
            if (place := break_leaf(broken, path)) is not None:
                yield place, broken
                break


def break_leaf(item: Any, path: tuple[str, ...]) -> str | None:
    holder, place = item, ""
    for position, name in enumerate(path):
        key: Any = 0 if name == "[]" else name
        if not isinstance(holder, list if name == "[]" else dict) or (len(holder) == 0 if name == "[]" else name not in holder):
            return None
        place += "[0]" if name == "[]" else (f".{name}" if place else name)
        if position == len(path) - 1:
            if holder[key] is None:
                return None
            holder[key] = {"changed": True}
            return place
        holder = holder[key]
    return None


@pytest.mark.slow
@pytest.mark.parametrize("connector", PLATFORMS)
def test_a_changed_type_is_refused_at_its_path(connector: Connector, bench: Bench) -> None:
    expected = []
    for names, plan in land.make_plans(connector).items():
        samples = [line for name in names for line in read_samples(connector, find_stream(connector, name))]
        broken = list(list_broken(plan, [item for _, item in samples]))
        assert broken
        bench.write(connector.platform, names[0], [(samples[0][0], item) for _, item in broken])
        expected += [(names[0], seq, path) for seq, (path, _) in enumerate(broken, start=1)]
    bench.land()
    assert bench.read("select stream, seq, path from ops.quarantine where reason = 'wrong_type' order by all") == sorted(expected)
    assert bench.read("select sum(accepted_count) from ops.loads") == [(0,)]


# ------------------------------------------------------------------------------------------------------------------------ Mastodon


def status(**changes: Any) -> dict[str, Any]:
    account = {"id": "9", "username": "zoe", "acct": "zoe@far.example", "display_name": " ", "url": "https://far.example/@zoe", "note": "<p>Hi</p>"}
    return {
        "id": "100", "created_at": "2026-05-01T10:00:00.000Z", "in_reply_to_id": None, "visibility": "public", "content": "<p>Hello</p>",
        "account": account, "media_attachments": [], "mentions": [], "tags": [], "favourites_count": "3", "replies_count": 0, "reblogs_count": 1,
        "uri": "https://far.example/100", "url": None, **changes,
    }  # fmt: skip


def mention(number: int, name: str) -> dict[str, str]:
    return {"id": str(number), "username": name, "acct": f"{name}@x.example", "url": f"https://x.example/@{name}"}


def test_mentions_that_open_a_reply_are_inserted_and_others_are_by_hand(bench: Bench) -> None:
    link = '<span class="h-card"><a href="https://x.example/@{0}" class="u-url mention">@<span>{0}</span></a></span>'
    ann, ben = link.format("ann"), link.format("ben.b")
    mentions = [mention(1, "ann"), mention(2, "ben.b")]
    bench.write(
        "mastodon",
        "statuses",
        [
            ({}, status(id="1", in_reply_to_id="50", content=f"<p>{ann} {ben} thanks</p>", mentions=mentions)),
            ({}, status(id="2", in_reply_to_id="50", content=f"<p>{ann} ask {ben}.</p>", mentions=mentions)),
            ({}, status(id="3", content=f"<p>{ann} {ben} hello</p>", mentions=mentions)),
            ({}, status(id="4", in_reply_to_id="50", content=f"<p>{ann} and again {ann}</p>", mentions=mentions[:1])),
        ],
    )
    bench.land()
    rows = bench.read("select post_id, kind, mentioned_account_ids from staging.posts order by 1")
    assert rows == [("1", "reply", []), ("2", "reply", ["2"]), ("3", "post", ["1", "2"]), ("4", "reply", ["1"])]


def test_a_boost_is_an_interaction_and_the_boosted_status_a_post(bench: Bench) -> None:
    boosted = status(id="200", account={"id": "8", "acct": "yan", "username": "yan"})
    bench.write("mastodon", "statuses", [({}, status(id="300", content="", reblog=boosted))])
    bench.land()
    assert bench.read("select post_id, author_account_id from staging.posts") == [("200", "8")]
    rows = bench.read("select interaction_id, kind, actor_account_id, target_account_id, post_id, occurred_at from staging.interactions")
    assert rows == [("reshare|9|200", "reshare", "9", "8", "200", datetime(2026, 5, 1, 10))]
    assert bench.read("select account_id, display_name, handle, bio from staging.accounts order by 1") == [
        ("8", None, "yan", None),
        ("9", None, "zoe@far.example", "Hi"),
    ]


def test_a_profile_tells_its_picture_its_words_and_its_last_post(bench: Bench) -> None:
    default = "https://far.example/avatars/original/missing.png"
    told = {"avatar": default, "note": "<p> </p>", "last_status_at": "2026-05-01"}
    shown = {"avatar": "https://far.example/system/accounts/avatars/1/original/2.png", "note": "<p>Hi</p>", "last_status_at": None}
    bench.write(
        "mastodon",
        "people",
        [({"account_id": "1"}, {"id": "1", **told}), ({"account_id": "2"}, {"id": "2", **shown}), ({"account_id": "3"}, {"id": "3"})],
    )
    bench.land()
    facts = "attributes->>'has_default_picture', attributes->>'has_bio', attributes->>'last_post_date'"
    assert bench.read(f"select account_id, {facts} from staging.accounts order by 1") == [
        ("1", "true", "false", "2026-05-01"),
        ("2", "false", "true", None),
        ("3", None, None, None),
    ]


def test_of_a_direct_message_only_the_circumstances_are_kept(bench: Bench) -> None:
    bench.write(
        "mastodon", "statuses", [({}, status(visibility="direct", content="<p>secret</p>", spoiler_text="secret", tags=[{"name": "secret"}]))]
    )
    bench.land()
    [row] = bench.read("select * from staging.posts")
    assert "message" in row
    assert "secret" not in repr(row)


def test_html_becomes_text_and_links_leave_mentions_and_hashtags_out(bench: Bench) -> None:
    content = (
        '<p>Tea &amp; <a href="https://shop.example/?a=1&amp;b=2">cake</a><br>at 5 &lt; 6</p><p>'
        '<a href="https://s.example/tags/tea" class="mention hashtag" rel="tag">#<span>Tea</span></a></p>'
    )
    bench.write("mastodon", "statuses", [({}, status(content=content, tags=[{"name": "Tea"}], poll={"id": "1"}))])
    bench.land()
    rows = bench.read("select text, link_urls, hashtags, media_type from staging.posts")
    assert rows == [("Tea & cake\nat 5 < 6\n\n#Tea", ["https://shop.example/?a=1&b=2"], ["tea"], "poll")]


def test_hidden_counts_are_unknown_not_minus_one(bench: Bench) -> None:
    person = {"id": "5", "acct": "x", "followers_count": -1, "following_count": 0, "statuses_count": "12"}
    bench.write("mastodon", "profile", [({"handle": "x"}, person)])
    bench.land()
    assert bench.read("select follower_count, following_count, post_count from staging.account_metrics") == [(None, 0, 12)]


# ------------------------------------------------------------------------------------------------------------------------- Bluesky


def post(record: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    author = {"did": "did:plc:zoe", "handle": "handle.invalid", "displayName": ""}
    return {
        "uri": "at://did:plc:zoe/app.bsky.feed.post/1", "author": author, "indexedAt": "2026-05-01T10:00:00.000Z", "likeCount": 0,
        "record": {"$type": "app.bsky.feed.post", "text": "Hi", "createdAt": "2026-05-01T09:00:00Z", **(record or {})}, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-05-01T09:00:00Z", datetime(2026, 5, 1, 9)),
        ("2026-05-01T09:00:00.123456+00:00", datetime(2026, 5, 1, 9, 0, 0, 123456)),
        ("2026-05-01T11:00:00+02:00", datetime(2026, 5, 1, 9)),
        ("2026-05-01T09:00:00", datetime(2026, 5, 1, 9)),
        ("2031-01-01T00:00:00Z", datetime(2026, 5, 1, 10)),
        ("1970-01-01T00:00:00Z", datetime(2026, 5, 1, 10)),
        ("yesterday", datetime(2026, 5, 1, 10)),
        ("", datetime(2026, 5, 1, 10)),
    ],
)
def test_the_time_a_program_wrote_counts_unless_it_cannot_be(bench: Bench, written: str, kept: datetime) -> None:
    bench.write("bluesky", "mentions", [({"mentions": "did:plc:brand"}, post({"createdAt": written}))])
    bench.land()
    assert bench.read("select created_at, quarantined_count from staging.posts, ops.loads") == [(kept, 0)]


def test_facets_give_mentions_links_and_hashtags(bench: Bench) -> None:
    def facet(**feature: str) -> dict[str, Any]:
        return {"index": {"byteStart": 0, "byteEnd": 4}, "features": [feature]}

    facets = [facet(did="did:plc:ann"), facet(did="did:plc:ann"), facet(tag="Tea"), facet(uri="https://a.example/")]
    record = {
        "facets": facets,
        "tags": ["#tea", "Cake"],
        "embed": {"$type": "app.bsky.embed.external", "external": {"uri": "https://b.example/"}},
        "langs": ["de"],
    }
    bench.write("bluesky", "mentions", [({"mentions": "x"}, post(record))])
    bench.land()
    rows = bench.read("select mentioned_account_ids, hashtags, link_urls, media_type, language from staging.posts")
    assert rows == [(["did:plc:ann"], ["tea", "cake"], ["https://a.example/", "https://b.example/"], "link", "de")]


def test_quotes_replies_and_lists_are_told_apart(bench: Bench) -> None:
    other = "at://did:plc:ann/app.bsky.feed.post/9"
    quote = {"embed": {"$type": "app.bsky.embed.record", "record": {"uri": other, "cid": "c"}}}
    with_media = {
        "embed": {
            "$type": "app.bsky.embed.recordWithMedia",
            "record": {"record": {"uri": other, "cid": "c"}},
            "media": {"$type": "app.bsky.embed.images"},
        }
    }
    a_list = {"embed": {"$type": "app.bsky.embed.record", "record": {"uri": "at://did:plc:ann/app.bsky.graph.list/9", "cid": "c"}}}
    reply = {"reply": {"root": {"uri": "at://r", "cid": "c"}, "parent": {"uri": "at://p", "cid": "c"}}, **quote}
    records = [quote, with_media, a_list, reply]
    bench.write(
        "bluesky", "mentions", [({"mentions": "x"}, post(record, uri=f"at://did:plc:zoe/app.bsky.feed.post/{n}")) for n, record in enumerate(records)]
    )
    bench.land()
    rows = bench.read("select kind, subject_post_id, parent_post_id, root_post_id, media_type from staging.posts order by post_id")
    assert rows == [
        ("quote", other, None, None, "none"),
        ("quote", other, None, None, "image"),
        ("post", None, None, None, "none"),
        ("reply", other, "at://p", "at://r", "none"),
    ]


def test_a_node_that_is_gone_is_evidence_and_a_blocked_one_is_not(bench: Bench) -> None:
    nodes = [{"uri": "at://gone", "notFound": True}, {"uri": "at://blocked", "blocked": True}, {"post": post()}]
    bench.write("bluesky", "threads", [({"post_id": "at://root"}, node) for node in nodes])
    bench.land()
    assert bench.read("select entity, entity_id, reason from staging.deletions") == [("post", "at://gone", "not_found")]
    assert bench.read("select count(*) from staging.posts") == [(1,)]


def test_a_list_of_people_tells_their_pictures_and_the_author_of_a_post_says_nothing_of_it(bench: Bench) -> None:
    people = [{"did": "did:plc:ann", "avatar": "https://cdn.example/a@jpeg", "description": "Tea."}, {"did": "did:plc:bob", "description": " "}]
    bench.write("bluesky", "followers", [({"account_id": "did:plc:brand"}, person) for person in people])
    bench.write("bluesky", "mentions", [({"mentions": "x"}, post())])
    bench.land()
    facts = "attributes->>'has_default_picture', attributes->>'has_bio'"
    assert bench.read(f"select account_id, {facts} from staging.accounts order by 1") == [
        ("did:plc:ann", "false", "true"),
        ("did:plc:bob", "true", "false"),
        ("did:plc:zoe", None, None),
    ]


def test_a_like_names_the_same_interaction_in_a_listing_and_in_a_notification(bench: Bench) -> None:
    uri = "at://did:plc:brand/app.bsky.feed.post/1"
    actor = {"did": "did:plc:ann", "handle": "ann.example", "labels": [{"val": "Bot"}]}
    bench.write("bluesky", "likes", [({"post_id": uri}, {"actor": actor, "createdAt": "2026-05-01T09:00:00Z", "indexedAt": "2026-05-01T09:00:01Z"})])
    told = {
        "uri": "at://did:plc:ann/app.bsky.feed.like/1",
        "author": actor,
        "reason": "like",
        "reasonSubject": uri,
        "indexedAt": "2026-05-01T09:00:01Z",
    }
    told["record"] = {
        "$type": "app.bsky.feed.like",
        "createdAt": "2026-05-01T09:00:00Z",
        "via": {"uri": "at://x", "cid": "c"},
        "subject": {"uri": uri},
    }
    bench.write("bluesky", "notifications", [({"account_id": "did:plc:brand"}, told)])
    assert bench.land().quarantined_count == 0
    rows = bench.read("select distinct interaction_id, target_account_id, occurred_at from staging.interactions")
    assert rows == [(f"like|did:plc:ann|{uri}", "did:plc:brand", datetime(2026, 5, 1, 9))]
    assert bench.read("select count(*) from staging.posts") == [(0,)]
    assert bench.read("select distinct is_automated from staging.accounts") == [(True,)]


# ----------------------------------------------------------------------------------------------------------------------- WordPress


def comment(**changes: Any) -> dict[str, Any]:
    return {
        "id": 34, "post": 12, "parent": 0, "author": 0, "author_name": "Ann &amp; Ben", "author_url": "", "date_gmt": "2026-05-01T10:00:00",
        "content": {"rendered": "<p>Hello</p>\n"}, "link": "https://blog.example/#comment-34", "status": "approved", "type": "comment",
        "author_avatar_urls": {"96": "https://secure.gravatar.com/avatar/" + "ab" * 16 + "?s=96"}, **changes,
    }  # fmt: skip


def test_posts_and_comments_have_ids_of_their_own_and_hang_together(bench: Bench) -> None:
    bench.write("wordpress", "comments", [({"post_id": "12"}, comment()), ({"post_id": "12"}, comment(id=35, parent=34, author=7))])
    blog_post = {"id": 34, "date_gmt": "2026-04-01T10:00:00", "modified_gmt": "2026-04-02T10:00:00", "author": 1, "link": "https://blog.example/x",
                 "title": {"rendered": "Tea &#8217;n cake"}, "content": {"rendered": "<p>One.</p>\n<p>Two.</p>\n"}, "status": "publish"}  # fmt: skip
    bench.write("wordpress", "posts", [({}, blog_post)])
    bench.land()
    rows = bench.read("select post_id, kind, parent_post_id, root_post_id, author_account_id, text from staging.posts order by 1")
    assert rows[1] == ("35", "reply", "34", "post:12", "7", "Hello")
    assert rows[0][:4] == ("34", "comment", "post:12", "post:12")
    assert rows[2] == ("post:34", "post", None, None, "1", "Tea ’n cake\n\nOne.\n\nTwo.")
    assert bench.read("select edited_at from staging.posts where kind = 'post'") == [(datetime(2026, 4, 2, 10),)]


def test_guests_are_known_by_a_keyed_hash_or_not_at_all(bench: Bench) -> None:
    no_address = {"96": "https://secure.gravatar.com/avatar/?s=96&d=mm"}
    empty_address = {"96": f"https://secure.gravatar.com/avatar/{hashlib.md5(b'', usedforsecurity=False).hexdigest()}?s=96"}
    items = [
        comment(id=1, author_email=" Ann@Mail.example "), comment(id=2, author_email="ann@mail.example", author_name="Another name"), comment(id=3),
        comment(id=4, author_avatar_urls=no_address, author_email=""), comment(id=5, author_avatar_urls=empty_address),
    ]  # fmt: skip
    bench.write("wordpress", "comments", [({"post_id": "12"}, item) for item in items])
    bench.land()
    authors = [row[0] for row in bench.read("select author_account_id from staging.posts order by post_id")]
    key = warehouse.read_brand_keys(bench.paths)["guest_key"]
    assert authors[0] == authors[1] == "guest:" + hashlib.sha256(f"{key}ann@mail.example".encode()).hexdigest()
    assert authors[2].startswith("guest:") and authors[2] != authors[0]
    assert authors[3:] == [None, None]
    everything = repr([bench.read(f"select * from {name}") for name in warehouse.read_tables() if name.startswith("staging.")])
    assert "mail.example" not in everything.lower()
    assert bench.read("select count(*) from staging.accounts where display_name = 'Ann & Ben'") == [(1,)]


def test_pingbacks_spam_and_trash_are_no_messages(bench: Bench) -> None:
    items = [
        comment(id=1, type="pingback"),
        comment(id=2, status="spam"),
        comment(id=3, status="hold"),
        comment(id=4, status="trash"),
        comment(id=5, type=""),
    ]
    bench.write("wordpress", "comments", [({"post_id": "12"}, item) for item in items])
    assert bench.land().quarantined_count == 0
    assert bench.read("select post_id from staging.posts") == [("5",)]
    assert bench.read("select entity_id, reason from staging.deletions order by 1") == [("2", "trashed"), ("4", "trashed")]


# ------------------------------------------------------------------------------------------------------------------ business files


def test_cells_become_lists_booleans_and_instants(bench: Bench) -> None:
    row = {
        "campaign_id": "c1", "starts_at": "2026-05-01T00:00:00+02:00", "ends_at": "2026-05-09", "is_incentivised": "Yes", "is_promotional": "0",
        "hashtags": "#Tea | cake|", "post_ids": "mastodon:1|wordpress:post:2", "_file": "campaigns.csv", "_row": 1,
    }  # fmt: skip
    bench.write("business", "campaigns", [({}, row)])
    bench.land()
    assert bench.read("select starts_at, ends_at, is_incentivised, is_promotional, hashtags, post_ids, link_patterns from staging.campaigns") == [
        (datetime(2026, 4, 30, 22), datetime(2026, 5, 9), True, False, ["tea", "cake"], ["mastodon:1", "wordpress:post:2"], None)
    ]


def test_a_row_without_its_id_is_quarantined_with_file_and_row(bench: Bench) -> None:
    rows = [{"amount": "12.5", "_file": "costs.csv", "_row": 3}, {"cost_id": "k", "amount": "a lot", "_file": "costs.csv", "_row": 4}]
    bench.write("business", "costs", [({}, row) for row in rows])
    assert bench.land().quarantined_count == 2
    [first, second] = bench.read("select path, reason, original from ops.quarantine order by seq")
    assert first[:2] == ("cost_id", "missing_key") and '"_file":"costs.csv","_row":3' in first[2]
    assert second[:2] == ("amount", "wrong_type")
