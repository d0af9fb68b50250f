"""Pull against a small real server whose world changes between the windows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fifty.config import Account, Brand, RoleAccount
from fifty.connectors.base import Asked, Connector, Following, Stream
from fifty.connectors.bluesky import unfold_thread
from fifty.connectors.mastodon import unfold_context
from fifty.errors import CredentialError, FatalError, RetryableError, SettingsError
from fifty.http import Throttle, bearer_authorization
from fifty.land import judge_completeness
from fifty.landing import LandedLoad, list_finished_loads, read_lines, read_manifest
from fifty.pull import AccountPull, LoadOutcome, PullOptions, fill_template, run_pull
from fifty.settings import Settings

DAY = datetime(2026, 11, 23, tzinfo=UTC)
SHAPE = {"id": "id!"}


def day(number: float) -> datetime:
    return DAY + timedelta(days=number)


@dataclass
class World:
    """What the platform knows: posts (id → age in days at DAY), likes per post, followers; and how it behaves."""

    posts: dict[str, float] = field(default_factory=lambda: {"new": 0.5, "week": 5.0, "month": 20.0, "old": 200.0})
    likes: dict[str, list[str]] = field(default_factory=lambda: {"new": ["ana", "bob"], "month": ["cai"], "old": ["dee"]})
    followers: list[str] = field(default_factory=lambda: ["ana", "bob", "cai"])
    replies: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Reply → (message answered, author, root)."""
    gone_people: set[str] = field(default_factory=set)
    stated_followers: int | None = None
    recent: list[tuple[str, str]] = field(default_factory=list)
    """(comment, post) of late."""
    fails: dict[str, int] = field(default_factory=dict)
    """Path prefix → status."""
    stop_at: int | None = None
    """The request at which the process is killed."""
    asked: list[str] = field(default_factory=list)

    def describe(self, post_id: str) -> dict[str, Any]:
        created_at = DAY - timedelta(days=self.posts[post_id])
        return {"id": post_id, "at": created_at.isoformat(), "author": "77", "likes": len(self.likes.get(post_id, [])), "quoted": None}

    def answer(self, path: str, query: dict[str, list[str]]) -> Any:
        if path == "/me":
            stated = len(self.followers) if self.stated_followers is None else self.stated_followers
            return {"id": "77", "handle": query["handle"][0], "followers": stated}
        if path == "/feed":
            newest_first = sorted(self.posts, key=lambda one: self.posts[one])
            start = int(query.get("cursor", ["0"])[0])
            more = {"cursor": str(start + 2)} if start + 2 < len(newest_first) else {}
            return {"items": [self.describe(one) for one in newest_first[start : start + 2]], **more}
        if path == "/lookup":
            found = [self.describe(one) for one in query["ids"] if one in self.posts]
            return {"items": [*found, *(self.describe_reply(one) for one in query["ids"] if one in self.replies)]}
        if path == "/people":
            return {"items": [{"id": one} for one in query["ids"] if one not in self.gone_people]}
        if path.startswith("/people/"):
            return {"id": path.split("/")[2]} if path.split("/")[2] not in self.gone_people else None
        if path == "/recent":
            return {"items": [{"id": comment, "post": post} for comment, post in self.recent]}
        if path == "/followers":
            return {"items": [{"id": one} for one in self.followers]}
        post_id = path.split("/")[2]
        if path.endswith("/thread"):
            return {"items": self.list_shown(post_id)}
        return {"items": [{"id": one} for one in self.likes.get(post_id, [])]} if post_id in self.posts else None

    def describe_reply(self, reply_id: str) -> dict[str, Any]:
        parent, author, _ = self.replies[reply_id]
        return {"id": reply_id, "at": DAY.isoformat(), "author": author, "parent": parent}

    def list_shown(self, message: str) -> list[dict[str, Any]]:
        """What hangs below a message; a deleted message hides what answered it."""
        below = [one for one, (parent, _, _) in self.replies.items() if parent == message]
        return [shown for one in below for shown in (self.describe_reply(one), *self.list_shown(one))]


class Killed(BaseException):
    """Stands for a process that ends between two instructions: nothing of ours may catch it."""


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def server(world: World) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            world.asked.append(self.path)
            content = world.answer(parts.path, parse_qs(parts.query))
            status = next((status for prefix, status in world.fails.items() if parts.path.startswith(prefix)), 200 if content is not None else 404)
            body = json.dumps(content if status == 200 else {"error": "no"}).encode()
            tag = f'"{hash(body)}"'
            if status == 200 and self.headers.get("If-None-Match") == tag:
                status, body = 304, b""
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", tag)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


FOLLOWING = Following(id="id", created_at="at", author="author", counts={"likes": "likes"}, others=("quoted",))
ITEMS: dict[str, Any] = {"items": "items", "shape": SHAPE}
CONNECTOR = Connector(
    platform="toy",
    title="Toy",
    authenticate=bearer_authorization,
    streams=(
        Stream(
            name="profile",
            kind="state",
            path="me",
            params={"handle": "{handle}"},
            asks="role",
            read_kind="lookup",
            shape=SHAPE,
            entity="accounts",
            scope={"handle": "{handle}"},
            profile_counts={"followers": "followers"},
        ),
        Stream(
            name="feed",
            kind="events",
            path="feed",
            paging="cursor",
            newest_first="at",
            lookback=timedelta(days=1),
            read_kind="window",
            entity="posts",
            follows=FOLLOWING,
            **ITEMS,
        ),
        Stream(
            name="known",
            kind="state",
            path="lookup",
            params={"ids": "{ids}"},
            asks="known",
            batch=2,
            read_kind="lookup",
            entity="posts",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            follows=FOLLOWING,
            **ITEMS,
        ),
        Stream(
            name="likes",
            kind="state",
            path="posts/{post_id}/likes",
            asks="post",
            count="likes",
            entity="likes",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            is_conditional=True,
            person="id",
            **ITEMS,
        ),
        Stream(
            name="threads",
            kind="state",
            path="posts/{post_id}/thread",
            asks="post",
            read_kind="window",
            entity="thread",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            member="id",
            person="author",
            **ITEMS,
        ),
        Stream(
            name="vanished",
            kind="state",
            path="lookup",
            params={"ids": "{ids}"},
            asks="vanished",
            batch=2,
            read_kind="lookup",
            entity="posts",
            scope={"post_id": "{post_id}"},
            subject="{post_id}",
            follows=FOLLOWING,
            **ITEMS,
        ),
        Stream(name="followers", kind="state", path="followers", entity="followers", expected="profile:followers", may_be_hidden=True, **ITEMS),
        Stream(name="private", kind="state", path="followers", entity="followers", needs_credential=True, **ITEMS),
        Stream(
            name="people",
            kind="state",
            path="people",
            params={"ids": "{ids}"},
            asks="person",
            batch=25,
            read_kind="lookup",
            entity="accounts",
            scope={"account_id": "{account_id}"},
            subject="{account_id}",
            why="people/{account_id}",
            **ITEMS,
        ),
    ),
)


@dataclass
class Puller:
    """Pulls the toy account into a folder."""

    url: str
    data: Path
    world: World
    connector: Connector = CONNECTOR
    staff: list[str] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)

    def pull(self, until: float, **options: Any) -> dict[str, LoadOutcome]:
        account = Account(platform="toy", handle="@brand", base_url=self.url)
        staff = [RoleAccount(platform="toy", handle=handle) for handle in self.staff]
        brand = Brand(name="Brand", accounts=[account], staff=staff, terms=self.terms)
        settings = Settings(data=self.data, http_attempts=2, http_timeout_seconds=2.0)
        chosen = {"since": None, "is_backfill": False, "streams": None, "reread_all": False, **options}
        job = AccountPull(
            "brand", brand, account, self.connector, PullOptions(settings, day(until), sleep=lambda _: None, throttle=Throttle(), **chosen)
        )
        if self.world.stop_at is not None:
            send, left = job.client._send, self.world.stop_at

            def stop(*arguments: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return send(*arguments)

            job.client._send = stop  # type: ignore[method-assign]
        self.world.asked.clear()
        return {outcome.stream: outcome for outcome in job.run()}

    def load(self, stream: str) -> LandedLoad:
        load = read_manifest(list_finished_loads(self.data, "brand", stream=stream)[-1].folder)
        assert load
        return load

    def scopes(self, stream: str) -> dict[str, Any]:
        return {scope.subject_id or "": scope for scope in self.load(stream).manifest.scopes}


@pytest.fixture
def puller(server: str, tmp_path: Path, world: World) -> Puller:
    return Puller(server, tmp_path, world)


def test_a_first_pull_reads_everything_and_a_second_one_asks_nothing(puller: Puller) -> None:
    outcomes = puller.pull(0)
    states = {name: outcome.state for name, outcome in outcomes.items()}
    assert states.pop("private") == "not_reachable"
    assert set(states.values()) == {"pulled"}
    assert outcomes["feed"].item_count == 4
    assert sorted(puller.scopes("likes")) == ["month", "new", "old"]
    again = puller.pull(0)
    assert puller.world.asked == []
    assert {outcome.state for outcome in again.values()} == {"finished_before", "not_reachable"}
    assert again["feed"].load_id == outcomes["feed"].load_id


def test_a_like_taken_back_is_found_by_a_complete_empty_read(puller: Puller) -> None:
    puller.pull(0)
    puller.world.likes["new"] = []
    puller.pull(1)
    scope = puller.scopes("likes")["new"]
    assert (scope.is_complete, scope.item_count, scope.expected_count) == (True, 0, 0)
    puller.pull(2)
    assert "/posts/new/likes" not in puller.world.asked  # 0 before and now


def test_an_old_post_is_asked_about_only_when_its_count_changed_or_its_time_has_come(puller: Puller) -> None:
    puller.pull(0)
    puller.pull(1)
    assert "/posts/old/likes" not in puller.world.asked
    puller.pull(31)
    assert "/posts/old/likes" in puller.world.asked
    puller.world.likes["old"] += ["eve"]
    puller.pull(32)
    assert "/posts/old/likes" not in puller.world.asked  # nobody has looked at its count yet
    puller.pull(62)
    assert "/posts/old/likes" in puller.world.asked
    assert puller.scopes("likes")["old"].item_count == 2


def test_the_account_is_looked_up_at_each_pull_and_its_staff_once_a_month(puller: Puller) -> None:
    puller.staff = ["@ana"]
    for number, expected in ((0, ["brand", "ana"]), (1, ["brand"]), (29, ["brand"]), (30, ["brand", "ana"])):
        puller.pull(number)
        assert [path.removeprefix("/me?handle=") for path in puller.world.asked if path.startswith("/me")] == expected
    puller.staff = ["@ana", "@bob"]
    puller.pull(31)
    assert "/me?handle=bob" in puller.world.asked


def test_whoever_has_two_roles_is_asked_about_once_with_the_id_that_one_of_them_names(tmp_path: Path) -> None:
    account = Account(platform="toy", handle="@brand", base_url="http://127.0.0.1:9")
    roles = [[("@ana", None), ("@bob", "2")], [("ana", "1"), ("@brand", "77"), ("@cai", None)], [("bob", None), (None, "9")]]
    staff, agency, automatons = ([RoleAccount(platform="toy", handle=handle, id=one) for handle, one in role] for role in roles)
    brand = Brand(name="Brand", accounts=[account], staff=staff, agency=agency, automatons=automatons)
    job = AccountPull("brand", brand, account, CONNECTOR, PullOptions(Settings(data=tmp_path), DAY, None, False, None, False, lambda _: None))
    expected = [("brand", "77"), ("ana", "1"), ("bob", "2"), ("cai", None), (None, "9")]
    assert job._list_role_accounts() == expected
    scopes = [ask.scope["handle"] for ask in job._list_asks(CONNECTOR.streams[0], {}, None)]
    assert scopes == ["brand", "ana", "bob", "cai", "9"]


def test_a_term_that_is_configured_twice_is_asked_about_once(puller: Puller) -> None:
    listening = Stream(
        name="mentions", kind="state", path="recent", params={"q": "{term}"}, asks="term", entity="posts", scope={"term": "{term}"}, **ITEMS
    )
    puller.connector = replace(CONNECTOR, streams=(listening,))
    puller.terms = ["Tea", "cake", "Tea"]
    puller.pull(0)
    assert [scope.scope for scope in puller.load("mentions").manifest.scopes] == [{"term": "Tea"}, {"term": "cake"}]


def test_rereading_all_asks_about_every_post(puller: Puller) -> None:
    puller.pull(0)
    puller.pull(1, reread_all=True)
    assert {"/posts/old/likes", "/posts/month/likes"} <= set(puller.world.asked)


def test_a_deleted_post_is_a_complete_lookup_without_items_and_is_not_asked_about_again(puller: Puller) -> None:
    puller.pull(0)
    del puller.world.posts["new"]
    puller.pull(1)
    scope = puller.scopes("known")["new"]
    assert (scope.is_complete, scope.item_count, scope.read_kind) == (True, 0, "lookup")
    assert "/posts/new/likes" not in puller.world.asked
    puller.pull(2)
    assert not any("new" in path for path in puller.world.asked)


def test_a_post_that_returns_is_known_again(puller: Puller) -> None:
    puller.pull(0)
    age = puller.world.posts.pop("new")
    puller.pull(1)
    puller.world.posts["new"] = age
    puller.pull(1.5)
    assert "/posts/new/likes" in puller.world.asked


def test_what_vanishes_from_a_thread_is_looked_up_before_it_counts_as_deleted(puller: Puller) -> None:
    puller.world.replies = {"r1": ("new", "ana", "new"), "r2": ("r1", "bob", "new"), "r3": ("new", "ana", "new")}
    puller.pull(0)
    assert puller.scopes("vanished") == {}
    del puller.world.replies["r1"]  # r2 is not shown any more, but still there
    puller.pull(1)
    assert {name: scope.item_count for name, scope in puller.scopes("vanished").items()} == {"r1": 0, "r2": 1}
    assert puller.load("threads").manifest.scopes[0].read_kind == "window"  # its silence about r2 proves nothing
    puller.pull(1.2)
    assert puller.scopes("vanished") == {}
    del puller.world.replies["r2"]
    puller.pull(1.4)
    assert puller.scopes("known")["r2"].item_count == 0  # what was found hidden stays under observation


def test_who_vanishes_from_a_list_is_looked_up_to_tell_unlikes_from_closed_accounts(puller: Puller) -> None:
    puller.pull(0)
    puller.world.likes["new"] = []  # ana took hers back, bob has left
    puller.world.gone_people = {"bob"}
    puller.pull(1)
    scopes = puller.scopes("people")
    assert {name: (scope.is_complete, scope.item_count, scope.note) for name, scope in scopes.items()} == {
        "ana": (True, 1, None), "bob": (True, 0, "not_found"),
    }  # fmt: skip


def test_a_vanished_person_is_looked_up_also_when_that_failed_the_first_time(puller: Puller) -> None:
    puller.pull(0)
    puller.world.likes["new"] = ["ana"]
    puller.world.fails["/people"] = 500
    assert puller.pull(1)["people"].state == "failed"
    puller.world.fails.clear()
    puller.pull(1.2)
    assert list(puller.scopes("people")) == ["bob"]


def test_what_a_source_finds_only_when_it_is_tried_again_is_taken_up_in_the_next_window(puller: Puller) -> None:
    puller.world.replies = {"r1": ("new", "ana", "new"), "r2": ("new", "ana", "new")}
    puller.pull(0)
    del puller.world.replies["r1"]
    puller.world.likes["new"] = ["ana"]
    puller.world.fails = {"/posts": 500}
    outcomes = puller.pull(1)
    assert [name for name, outcome in outcomes.items() if outcome.state == "failed"] == ["likes", "threads"]
    for name, reason in (("vanished", "threads has not finished"), ("people", "likes has not finished")):
        completeness = judge_completeness(puller.load(name))
        assert completeness["completeness_state"] == "partial" and reason in completeness["reason"]
    puller.world.fails.clear()
    assert [name for name, outcome in puller.pull(1).items() if outcome.state == "pulled"] == ["likes", "threads"]
    puller.pull(1.2)
    assert (list(puller.scopes("vanished")), list(puller.scopes("people"))) == (["r1"], ["bob"])
    assert judge_completeness(puller.load("vanished"))["completeness_state"] == "legitimately_empty"
    puller.pull(1.4)
    assert (puller.scopes("vanished"), puller.scopes("people")) == ({}, {})


def test_comments_of_posts_named_only_by_a_second_attempt_are_read_in_the_next_window(puller: Puller) -> None:
    def stream(name: str, asks: Asked, **facts: Any) -> Stream:
        return Stream(name=name, kind="state", asks=asks, entity=name, **facts, **ITEMS)

    touching = stream("recent", "account", path="recent", key="id", touches="post")
    comments = stream("comments", "post", path="posts/{post_id}/likes", scope={"post_id": "{post_id}"}, subject="{post_id}")
    puller.connector = replace(CONNECTOR, streams=(*CONNECTOR.streams[:3], touching, comments))
    puller.pull(0)
    assert "/posts/old/likes" in puller.world.asked
    puller.world.recent = [("c1", "old")]
    puller.world.fails = {"/recent": 500}
    assert puller.pull(1)["recent"].state == "failed"
    assert "/posts/old/likes" not in puller.world.asked
    assert judge_completeness(puller.load("comments"))["completeness_state"] == "partial"
    puller.world.fails.clear()
    puller.pull(1)
    puller.pull(2)
    assert "/posts/old/likes" in puller.world.asked
    assert judge_completeness(puller.load("comments"))["completeness_state"] == "complete"
    puller.pull(2.2)
    assert "/posts/old/likes" not in puller.world.asked


def test_what_follows_from_a_server_that_is_briefly_unwell_is_tried_again_too(puller: Puller) -> None:
    puller.world.fails = {"/": 500}
    assert {type(outcome.error) for outcome in puller.pull(0).values() if outcome.error} == {RetryableError}
    puller.world.fails = {"/": 401}
    errors = {name: type(outcome.error) for name, outcome in puller.pull(0).items() if outcome.error}
    assert (errors["profile"], errors["feed"]) == (CredentialError, FatalError)


def test_an_incomplete_read_makes_nobody_vanish(puller: Puller) -> None:
    puller.pull(0)
    puller.world.fails["/posts/new/likes"] = 404
    puller.pull(1)
    assert puller.scopes("people") == {}
    puller.world.fails.clear()
    puller.world.likes["new"] = ["ana"]
    puller.pull(1.2)  # compared with the last complete read, not with the one that failed
    assert list(puller.scopes("people")) == ["bob"]


def test_each_load_fails_alone_and_heals_alone(puller: Puller) -> None:
    puller.world.fails["/followers"] = 500
    outcomes = puller.pull(0)
    assert outcomes["followers"].state == "failed"
    assert isinstance(outcomes["followers"].error, RetryableError)
    assert outcomes["followers"].error.where.startswith("brand/toy/brand/followers/")
    assert outcomes["likes"].state == "pulled"
    puller.world.fails.clear()
    assert puller.pull(0)["followers"].state == "pulled"
    assert puller.world.asked == ["/followers"]


def test_a_refused_credential_names_itself(puller: Puller) -> None:
    puller.world.fails["/feed"] = 401
    outcomes = puller.pull(0)
    assert isinstance(outcomes["feed"].error, CredentialError)
    assert "credential" in outcomes["feed"].error.remedy


def test_posts_of_a_failed_window_are_not_lost(puller: Puller) -> None:
    puller.world.fails["/feed"] = 500
    assert puller.pull(0)["likes"].item_count == 0
    puller.world.fails.clear()
    puller.pull(1)
    assert sorted(puller.scopes("likes")) == ["month", "new", "old"]


def test_new_posts_are_asked_about_even_where_the_look_up_of_old_ones_fails(puller: Puller) -> None:
    puller.pull(0)
    puller.world.posts["fresh"], puller.world.likes["fresh"] = -30.5, ["ana"]
    puller.world.fails["/lookup"] = 500
    outcomes = puller.pull(31)
    assert outcomes["known"].state == "failed"
    assert "fresh" in puller.scopes("likes")


def describe_loads(data: Path) -> dict[str, Any]:
    loads = {}
    for load in list_finished_loads(data, "brand"):
        manifest = vars(load.manifest) | {"observed_at": "", "parts": [vars(part) for part in load.manifest.parts]}
        loads[str(load.folder.relative_to(data))] = json.loads(json.dumps(manifest, default=vars))
    return loads


def test_a_pull_killed_at_any_request_and_run_again_equals_an_undisturbed_one(server: str, tmp_path: Path, world: World) -> None:
    plain = Puller(server, tmp_path / "plain", world)
    plain.pull(0)
    total = len(world.asked)
    expected = describe_loads(tmp_path / "plain")
    assert total >= 7
    for stop_at in range(total):
        killed = Puller(server, tmp_path / f"killed-{stop_at}", world)
        world.stop_at = stop_at
        with pytest.raises(Killed):
            killed.pull(0)
        assert len(world.asked) == stop_at
        world.stop_at = None
        killed.pull(0)
        assert describe_loads(killed.data) == expected


def test_a_backfill_lands_exactly_its_window_and_moves_no_mark(puller: Puller) -> None:
    puller.world.posts["just before"] = 30.5
    puller.pull(0, streams=frozenset({"profile", "feed"}))
    before = puller.load("feed").manifest.next_state["watermark"]
    outcomes = puller.pull(-10, since=day(-30), is_backfill=True)
    assert outcomes["feed"].state == "pulled"
    assert [line["item"]["id"] for line in read_lines(puller.load("feed"))] == ["month"]
    assert {outcomes[name].state for name in ("known", "likes", "followers")} == {"not_reachable"}
    assert puller.load("likes").manifest.warnings == ["not_reachable: the platform tells what is now, not what was"]
    puller.pull(0.5, since=day(0.1), is_backfill=True)
    puller.pull(1)
    assert puller.load("feed").manifest.window["start"] == before


def test_reading_stops_where_a_whole_page_is_older_than_the_window(puller: Puller) -> None:
    puller.pull(0)
    puller.pull(1)
    # Pages hold two posts: new and week, of which one is inside the lookback; the page after lies before it.
    assert [path for path in puller.world.asked if path.startswith("/feed")] == ["/feed", "/feed?cursor=2"]


def test_hidden_followers_are_no_evidence_that_all_have_left(puller: Puller) -> None:
    puller.pull(0)
    puller.world.stated_followers, puller.world.followers = 3, []
    outcomes = puller.pull(1)
    scope = puller.load("followers").manifest.scopes[0]
    assert (scope.is_complete, scope.item_count, scope.expected_count) == (False, 0, 3)
    assert "hidden" in (scope.note or "")
    assert outcomes["followers"].incomplete_count == 1


@pytest.mark.parametrize(
    ("stated", "shown", "is_known_to_count_more", "state"),
    [
        (100, 87, True, "complete"),
        (100, 86, True, "partial"),
        (30, 26, True, "complete"),
        (4, 1, True, "complete"),
        (5, 1, True, "partial"),
        (100, 99, False, "partial"),
        (3, 3, True, "complete"),
    ],
)
def test_a_count_may_exceed_its_list_a_little_where_the_platform_is_known_for_it(
    puller: Puller, stated: int, shown: int, is_known_to_count_more: bool, state: str
) -> None:
    streams = [replace(one, counts_unlisted=is_known_to_count_more) if one.name == "followers" else one for one in CONNECTOR.streams]
    puller.connector = replace(CONNECTOR, streams=tuple(streams))
    puller.world.stated_followers, puller.world.followers = stated, [str(number) for number in range(shown)]
    puller.pull(0)
    found = judge_completeness(puller.load("followers"))
    assert (found["completeness_state"], found["expected_count"], found["got_count"]) == (state, stated, shown)
    (scope,) = puller.load("followers").manifest.scopes
    is_said = stated > shown and state == "complete"
    assert scope.note == (f"counted, not listed: {stated - shown}" if is_said else None)
    assert (f"counts {stated - shown} more than it lists" in (found["reason"] or "")) is is_said


def test_a_first_load_leaves_out_what_lists_tell_and_later_ones_do_not(puller: Puller) -> None:
    streams = [replace(one, first_params={"only": "a|b"}) if one.name == "feed" else one for one in CONNECTOR.streams]
    puller.connector = replace(CONNECTOR, streams=tuple(streams))
    for number, expected in ((0, "/feed?only=a&only=b"), (1, "/feed")):
        puller.pull(number)
        assert next(path for path in puller.world.asked if path.startswith("/feed")) == expected
    puller.pull(-100, since=day(-200), is_backfill=True)
    assert "/feed" in puller.world.asked


def test_a_brand_without_followers_is_legitimately_empty(puller: Puller) -> None:
    puller.world.followers = []
    puller.pull(0)
    scope = puller.load("followers").manifest.scopes[0]
    assert (scope.is_complete, scope.item_count, scope.expected_count) == (True, 0, 0)


def test_what_has_not_changed_is_landed_again_without_being_sent_again(puller: Puller) -> None:
    puller.pull(0)
    first = [line for line in read_lines(puller.load("likes")) if line["scope"]["post_id"] == "new"]
    for number in (7, 14):
        puller.pull(number)
        again = [line for line in read_lines(puller.load("likes")) if line["scope"]["post_id"] == "new"]
        assert [line["item"] for line in again] == [line["item"] for line in first]
        assert puller.scopes("likes")["new"].is_complete
    puller.world.likes["new"] = ["ana", "eve"]  # as many as before
    puller.pull(14.1)
    assert "/posts/new/likes" not in puller.world.asked
    puller.pull(21)
    again = [line for line in read_lines(puller.load("likes")) if line["scope"]["post_id"] == "new"]
    assert [line["item"]["id"] for line in again] == ["ana", "eve"]


def test_when_most_scopes_are_gone_the_load_is_refused(puller: Puller) -> None:
    puller.world.posts = {f"p{number}": 1.0 for number in range(30)}
    puller.world.likes = {post_id: ["ana"] for post_id in puller.world.posts}
    puller.world.fails["/posts"] = 404
    outcome = puller.pull(0)["likes"]
    assert isinstance(outcome.error, FatalError)
    assert "30 of 30" in outcome.error.seen


def test_a_scope_that_cannot_be_read_is_incomplete_and_the_load_goes_on(puller: Puller) -> None:
    puller.world.fails["/posts/new"] = 404
    outcome = puller.pull(0)["likes"]
    assert outcome.state == "pulled"
    assert puller.scopes("likes")["new"].is_complete is False
    assert outcome.warnings == ["1 of 3 scopes could not be read; each says why"]


def test_a_window_that_cannot_be_is_refused(tmp_path: Path) -> None:
    brand = Brand(name="Brand", accounts=[Account(platform="mastodon", handle="brand", base_url="http://127.0.0.1:9")])
    settings = Settings(data=tmp_path)
    for arguments in ({"until": DAY, "since": DAY}, {"until": DAY.replace(tzinfo=None)}, {"until": DAY, "is_backfill": True}):
        with pytest.raises(SettingsError):
            run_pull("brand", brand, settings, **arguments)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="no such platform"):
        run_pull("brand", brand, settings, until=DAY, platforms=["myspace"])


def test_the_configuration_is_landed_once_and_again_only_when_it_changes(tmp_path: Path) -> None:
    account = Account(platform="mastodon", handle="@brand", base_url="http://127.0.0.1:9")
    brand = Brand(name="Brand", accounts=[account], terms=["one", "two"], holidays=[DAY.date()], timezone="Europe/Berlin")
    settings = Settings(data=tmp_path)
    first = run_pull("brand", brand, settings, until=DAY, platforms=["config"])
    assert [load.state for load in first.loads] == ["pulled", "pulled"]
    assert [load.state for load in run_pull("brand", brand, settings, until=DAY, platforms=["config"]).loads] == ["finished_before"] * 2
    assert [load.state for load in run_pull("brand", brand, settings, until=day(1), platforms=["config"]).loads] == ["unchanged"] * 2
    changed = brand.model_copy(update={"terms": ["one"]})
    assert [load.state for load in run_pull("brand", changed, settings, until=day(2), platforms=["config"]).loads] == ["unchanged", "pulled"]
    landed = {line["item"]["name"]: line["item"]["value"] for line in read_lines(list_finished_loads(tmp_path, "brand", stream="settings")[0])}
    assert landed["holidays"] == "2026-11-23"
    assert landed["term.2"] == "two"
    assert landed["working_days"] == "monday|tuesday|wednesday|thursday|friday"


def test_a_configuration_that_is_corrected_is_landed_for_the_same_window_too(tmp_path: Path) -> None:
    account = Account(platform="mastodon", handle="@brand", base_url="http://127.0.0.1:9")
    settings = Settings(data=tmp_path)

    def pull(until: float, terms: list[str]) -> LoadOutcome:
        brand = Brand(name="Brand", accounts=[account], terms=terms)
        return run_pull("brand", brand, settings, until=day(until), platforms=["config"], streams=["settings"]).loads[0]

    def read_newest() -> list[str]:
        lines = read_lines(list_finished_loads(tmp_path, "brand", stream="settings")[-1])
        return [line["item"]["value"] for line in lines if line["item"]["name"].startswith("term.")]

    loads = []
    # Corrected, taken back and corrected again; and each time a retry finds it done.
    for terms in (["wrong"], ["right"], ["wrong"], ["right"]):
        loads.append(pull(0, terms))
        assert (loads[-1].state, read_newest()) == ("pulled", terms)
        assert (pull(0, terms).state, pull(0, terms).load_id) == ("finished_before", loads[-1].load_id)
    assert len({load.load_id for load in loads}) == 4
    assert len({str(load.load_id).rsplit("-", 1)[0] for load in loads}) == 1
    # The next window goes on from the last correction, whatever the loads are called.
    assert pull(1, ["right"]).state == "unchanged"
    assert pull(2, ["wrong"]).state == "pulled"


def test_a_business_file_that_is_corrected_is_landed_for_the_same_window_too(tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    file = tmp_path / "drop" / "costs.csv"
    file.write_text(CSV, encoding="utf-8")
    assert pull_business(tmp_path, 0)["costs"].item_count == 2
    file.write_text(CSV.replace("12.50", "13.50"), encoding="utf-8")
    assert pull_business(tmp_path, 0)["costs"].state == "pulled"
    assert pull_business(tmp_path, 0)["costs"].state == "finished_before"
    newest = list_finished_loads(tmp_path / "data", "brand", stream="costs")[-1]
    assert next(read_lines(newest))["item"]["amount"] == "13.50"
    file.unlink()
    assert pull_business(tmp_path, 0)["costs"].load_id == newest.manifest.load_id
    assert pull_business(tmp_path, 1)["costs"].state == "unchanged"


CSV = "cost_id,incurred_at,amount\r\nc1,2026-11-01,12.50\r\n\r\nc2,2026-11-02,\r\n"


def pull_business(tmp_path: Path, until: float) -> dict[str, LoadOutcome]:
    account = Account(platform="mastodon", handle="@brand", base_url="http://127.0.0.1:9")
    brand = Brand(name="Brand", accounts=[account], business_files=tmp_path / "drop")
    result = run_pull("brand", brand, Settings(data=tmp_path / "data"), until=day(until), platforms=["business"])
    return {load.stream: load for load in result.loads}


def test_business_files_become_items_of_text_with_their_origin(tmp_path: Path) -> None:
    assert {load.state for load in pull_business(tmp_path, 0).values()} == {"unchanged"}  # no folder yet
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "costs-2026.csv").write_bytes(b"\xef\xbb\xbf" + CSV.encode())
    assert pull_business(tmp_path, 0)["costs"].item_count == 2
    lines = list(read_lines(list_finished_loads(tmp_path / "data", "brand", stream="costs")[0]))
    assert [line["item"] for line in lines] == [
        {"cost_id": "c1", "incurred_at": "2026-11-01", "amount": "12.50", "_file": "costs-2026.csv", "_row": 1},
        {"cost_id": "c2", "incurred_at": "2026-11-02", "_file": "costs-2026.csv", "_row": 2},
    ]
    assert pull_business(tmp_path, 1)["costs"].state == "unchanged"
    (tmp_path / "drop" / "costs.csv").write_text("cost_id,colour\nc3,red\n", encoding="utf-8")
    outcome = pull_business(tmp_path, 2)["costs"]
    assert (outcome.state, outcome.item_count) == ("pulled", 3)
    assert "colour" in outcome.warnings[0]


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", "an empty file"),
        (b"amount\n3\n", "the columns amount"),
        (b"cost_id,cost_id\n1,2\n", "cost_id, cost_id"),
        (b"cost_id,amount\nc1,1,2\n", "line 2 has 3 cells"),
        (b"cost_id\n\xe4\n", "no UTF-8"),
        (b'cost_id\n"c1\n', "line 2"),
    ],
)
def test_a_broken_business_file_says_where_and_what(tmp_path: Path, content: bytes, seen: str) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "costs.csv").write_bytes(content)
    outcome = pull_business(tmp_path, 0)["costs"]
    assert outcome.state == "failed"
    assert isinstance(outcome.error, FatalError)
    assert outcome.error.where.endswith("costs.csv")
    assert seen in outcome.error.seen


def test_a_thread_is_taken_apart_and_its_cut_branches_are_named() -> None:
    def node(name: str, count: int, **rest: Any) -> dict[str, Any]:
        return {"$type": "threadViewPost", "post": {"uri": name, "replyCount": count}, **rest}

    gone = {"$type": "notFoundPost", "uri": "gone", "notFound": True}
    tree = node("root", 2, parent=gone, replies=[node("a", 1, replies=[node("b", 3)]), node("c", 0, replies=[])])
    unfolded = unfold_thread({"thread": tree}, True)
    assert {item.get("uri") or item["post"]["uri"] for item in unfolded.items} == {"root", "gone", "a", "b", "c"}
    assert not any("replies" in item or "parent" in item for item in unfolded.items)
    assert unfolded.again == ("b",)


def test_a_thread_of_ten_thousand_levels_does_not_exhaust_the_stack() -> None:
    tree: dict[str, Any] = {"post": {"uri": "leaf", "replyCount": 0}, "replies": []}
    for number in range(10_000):
        tree = {"post": {"uri": f"n{number}", "replyCount": 1}, "replies": [tree]}
    assert len(unfold_thread({"thread": tree}, True).items) == 10_001


def test_a_context_cut_for_anonymous_readers_is_incomplete() -> None:
    flat = [{"id": f"d{number}", "in_reply_to_id": "root"} for number in range(60)]
    deep = [{"id": f"d{number}", "in_reply_to_id": f"d{number - 1}"} for number in range(20)]
    assert unfold_context({"ancestors": [], "descendants": flat}, True).cut
    assert unfold_context({"ancestors": [], "descendants": deep}, True).cut
    assert unfold_context({"ancestors": [], "descendants": flat[:59]}, True).cut is None
    assert unfold_context({"ancestors": [], "descendants": flat}, False).cut is None


def test_templates_take_values_as_they_are() -> None:
    assert fill_template("{post_id}", {"post_id": "{handle}"}) == "{handle}"
    assert fill_template("post:{post_id}", {"post_id": 4}) == "post:4"
    assert fill_template("{since}", {"since": None}) is None
    assert fill_template("{ids}", {"ids": ["a", "b"]}) == ["a", "b"]
